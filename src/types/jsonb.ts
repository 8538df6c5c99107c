// The text Postgres prints for a JSON text cast to jsonb: keys by byte length and then bytes, the
// last of equal keys, numbers as numeric, strings re-escaped. Pure; builds text from text.
// Source: lengthCompareJsonbStringValue, JsonbToCString and escape_json of Postgres.

import {
  invalidTextRepresentation,
  programLimitExceeded,
  untranslatableCharacter
} from '../errors.ts'
import type { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import {
  CHAR,
  JsonSyntaxError,
  skipBlanks,
  skipNumber,
  skipString,
  skipWord,
  syntaxErrorAt,
  walkArray,
  walkObject
} from './json-scan.ts'
import { canonicalNumeric } from './numeric.ts'

const PLAIN_INTEGER = /^(?:0|-?[1-9]\d*)$/

interface Member {
  readonly key: string
  readonly value: string
}

/**
 * @throws PgError 22P02 for what is no JSON, 22P05 for \u0000, 22003 for a number beyond numeric,
 * 54000 for nesting or size beyond the limits
 */
export function toJsonb(text: string): string {
  try {
    return new Printer(text).print()
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    if (error.tooDeep) throw programLimitExceeded(error.message, { cause: error })
    throw invalidTextRepresentation('invalid input syntax for type json', { cause: error })
  }
}

const tooLong = (): PgError =>
  programLimitExceeded(`jsonb value is longer than ${limits.fieldCharsMax} characters`)

class Printer {
  readonly #text: string
  /** What the walker's callbacks hand back beside the offset: the last value printed. */
  #printed = ''
  #chars = 0

  constructor(text: string) {
    this.#text = text
  }

  print(): string {
    const end = skipBlanks(this.#text, this.#value(skipBlanks(this.#text, 0), 0))
    if (end !== this.#text.length) throw syntaxErrorAt(this.#text, end)
    return this.#printed
  }

  #value(at: number, depth: number): number {
    const text = this.#text
    switch (text.charCodeAt(at)) {
      case CHAR.quote:
        return this.#leaf(at, skipString(text, at), jsonbString)
      case CHAR.openBrace:
        return this.#object(at, depth)
      case CHAR.openBracket:
        return this.#array(at, depth)
      case CHAR.t:
        return this.#leaf(at, skipWord(text, at, 'true'))
      case CHAR.f:
        return this.#leaf(at, skipWord(text, at, 'false'))
      case CHAR.n:
        return this.#leaf(at, skipWord(text, at, 'null'))
      default:
        return this.#leaf(at, skipNumber(text, at), jsonbNumber)
    }
  }

  #leaf(at: number, end: number, normalise?: (source: string) => string): number {
    const source = this.#text.slice(at, end)
    this.#printed = normalise ? normalise(source) : source
    this.#chars += this.#printed.length
    if (this.#chars > limits.fieldCharsMax) throw tooLong()
    return end
  }

  #array(at: number, depth: number): number {
    const items: string[] = []
    const end = walkArray(this.#text, at, depth, (_text, from, inner) => {
      const to = this.#value(from, inner)
      items.push(this.#printed)
      return to
    })
    this.#printed = `[${items.join(', ')}]`
    return end
  }

  #object(at: number, depth: number): number {
    // A Map, so that "__proto__" is a key like any other.
    const members = new Map<string, string>()
    const end = walkObject(this.#text, at, depth, (text, keyStart, keyEnd, from, inner) => {
      const key = jsonbString(text.slice(keyStart, keyEnd))
      const to = this.#value(from, inner)
      members.set(key, this.#printed)
      return to
    })
    this.#printed = printMembers(members)
    return end
  }
}

function printMembers(members: ReadonlyMap<string, string>): string {
  const sorted = sortMembers(Array.from(members, ([key, value]) => ({ key, value })))
  return `{${sorted.map(({ key, value }) => `${key}: ${value}`).join(', ')}}`
}

/** By the UTF-8 bytes of the unescaped key: first how many, then which. */
function sortMembers(members: readonly Member[]): readonly Member[] {
  if (members.length < 2) return members
  const keyed = members.map((member) => ({
    member,
    bytes: Buffer.from(JSON.parse(member.key) as string, 'utf8')
  }))
  keyed.sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes))
  return keyed.map(({ member }) => member)
}

const jsonbNumber = (source: string): string =>
  PLAIN_INTEGER.test(source) && source.length < 1000 ? source : canonicalNumeric(source, -1)

/** A JSON string, quotes included, with only the escapes that Postgres writes. */
function jsonbString(source: string): string {
  return source.includes('\\') ? JSON.stringify(unescapeJson(source)) : source
}

/**
 * The characters of a JSON string given with its quotes.
 * @throws PgError 22P05 for \u0000, 22P02 for half a surrogate pair: no Postgres text can hold them
 */
export function unescapeJson(source: string): string {
  const text = JSON.parse(source) as string
  if (!source.includes('\\u')) return text
  if (text.includes('\0')) {
    throw untranslatableCharacter('unsupported Unicode escape sequence', {
      detail: '\\u0000 cannot be converted to text.'
    })
  }
  if (/\p{Surrogate}/u.test(text)) {
    throw invalidTextRepresentation('invalid input syntax for type json', {
      detail: 'Unicode surrogates must come in pairs, high before low.'
    })
  }
  return text
}
