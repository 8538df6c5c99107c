// The cheap look at a text before anything is parsed: could it concern us at all? Both tests may
// say yes too often, never no too often; neither allocates for the texts they turn away.

import { IDENTIFIER_BYTES_MAX } from './tokens.ts'

/** Names that fold to themselves and need no quotes: found word by word. */
const PLAIN_NAME = /^[a-z_][a-z0-9_]*$/i

const SIEVE_MASK = 0xfff
const NINE = 57
const AMPERSAND = 38
const LETTER_U = 117
const QUOTE = 34
/** Set in the code of a lower-case letter. */
const LOWER = 32
const LETTER = {
  a: 97,
  c: 99,
  d: 100,
  e: 101,
  g: 103,
  h: 104,
  l: 108,
  r: 114,
  s: 115,
  x: 120
} as const

/** ASCII code → its lower case where it is part of an identifier, 0 elsewhere. */
const FOLDED = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code).toLowerCase()
  return /[a-z0-9_]/.test(character) ? character.charCodeAt(0) : 0
})

/**
 * Tells whether a text may name one of a set of relations, however quoted, cased or qualified.
 * Text inside strings and comments counts too.
 */
export class NameScan {
  /** hash of the folded name → the folded names that have it */
  readonly #plain = new Map<number, string[]>()
  /** 1 at the low bits of every hash in #plain: turns most words away without a look-up. */
  readonly #sieve = new Uint8Array(SIEVE_MASK + 1)
  /** Folded spellings that must be searched for anywhere in the text. */
  readonly #odd: string[] = []

  /** @param names the relations' names as the catalog has them: unquoted, in their own case */
  constructor(names: Iterable<string>) {
    for (const name of names) {
      if (PLAIN_NAME.test(name) && !mayBeCut(name)) this.#addPlain(name.toLowerCase())
      else if (name !== '') this.#odd.push(fold(name.replaceAll('"', '""')))
    }
  }

  mentions(text: string): boolean {
    if (this.#plain.size === 0 && this.#odd.length === 0) return false
    return this.#mentionsPlain(text) || this.#mentionsOdd(text)
  }

  #addPlain(name: string): void {
    let hash = 0
    for (let i = 0; i < name.length; i++) hash = hashed(hash, name.charCodeAt(i))
    this.#sieve[hash & SIEVE_MASK] = 1
    const same = this.#plain.get(hash)
    if (same) same.push(name)
    else this.#plain.set(hash, [name])
  }

  #mentionsPlain(text: string): boolean {
    const end = text.length
    for (let i = 0; i < end;) {
      const start = i
      let hash = 0
      for (; i < end; i++) {
        const unit = text.charCodeAt(i)
        const part = unit < 128 ? FOLDED[unit]! : unit
        // A digit begins no word: in `1from t` the lexer of older servers sees two tokens.
        if (part === 0 || (i === start && part <= NINE)) break
        hash = hashed(hash, part)
      }
      const length = i - start
      if (length === 0) i++
      else if (this.#sieve[hash & SIEVE_MASK] === 1 && this.#isPlainName(hash, text, start, i)) {
        return true
      } else if (length === 1 && hash === LETTER_U && text.charCodeAt(i) === AMPERSAND) {
        // An escape may spell any name; the U of U&"…" is the word just read.
        return true
      }
    }
    return false
  }

  #isPlainName(hash: number, text: string, start: number, end: number): boolean {
    const same = this.#plain.get(hash)
    return same !== undefined && same.includes(text.slice(start, end).toLowerCase())
  }

  #mentionsOdd(text: string): boolean {
    if (this.#odd.length === 0) return false
    if (/u&["']/i.test(text)) return true
    const folded = fold(text)
    return this.#odd.some((name) => folded.includes(name))
  }
}

/** A longer spelling is cut to the same name, so its words can't be compared whole. */
const mayBeCut = (name: string): boolean => Buffer.byteLength(name) > IDENTIFIER_BYTES_MAX - 4

/** Both sigmas are one letter here: lower-casing picks one by what follows it. */
const fold = (text: string): string => text.toLowerCase().replaceAll('ς', 'σ')

const hashed = (hash: number, unit: number): number => (Math.imul(hash, 31) + unit) | 0

/**
 * Tells whether a statement of `text` may be one of jetgres's own: CREATE TABLE or SOURCE with a
 * connector, CREATE INDEX, DROP or ALTER of either, GRANT ON SOURCE, the SHOW forms, DESCRIBE, EXPLAIN.
 */
export function startsIntercepted(text: string): boolean {
  for (let at = 0; at !== -1; at = nextStatement(text, at)) {
    const start = skipBlank(text, at)
    const word = mayBeIntercepted(text, start) ? wordAt(text, start) : undefined
    if (word !== undefined && isIntercepted(word.text, text, word.end)) return true
  }
  return false
}

/** Begins with CREATE, DROP, DESCRIBE, ALTER, SHOW, GRANT, REVOKE or EXPLAIN, or it is quoted: two letters tell. */
function mayBeIntercepted(text: string, at: number): boolean {
  const second = text.charCodeAt(at + 1) | LOWER
  switch (text.charCodeAt(at) | LOWER) {
    case LETTER.c:
      return second === LETTER.r
    case LETTER.d:
      return second === LETTER.r || second === LETTER.e
    case LETTER.a:
      return second === LETTER.l
    case LETTER.s:
      return second === LETTER.h
    case LETTER.g:
      return second === LETTER.r
    case LETTER.r:
      return second === LETTER.e
    case LETTER.e:
      return second === LETTER.x
    default:
      return text.charCodeAt(at) === QUOTE
  }
}

/** Behind the next semicolon, be it inside a string or not; -1 when there is none. */
function nextStatement(text: string, from: number): number {
  const semicolon = text.indexOf(';', from)
  return semicolon === -1 ? -1 : semicolon + 1
}

function isIntercepted(first: string, text: string, at: number): boolean {
  switch (first) {
    case 'describe':
    case 'desc':
    case 'explain':
      return true
    case 'create':
      return createsOurs(text, at)
    case 'grant':
    case 'revoke':
      return ON_SOURCE.test(text)
    case 'drop':
    case 'alter':
      return /^(?:table|source|secret)$/.test(nextWord(text, at))
    case 'show':
      return /^(?:sources|tables|create|columns|secrets|jetgres)$/.test(nextWord(text, at))
    default:
      return false
  }
}

/** A connector's key may be written with escapes, hence the U&. */
const CONNECTOR = /connector|u&"/i

/** A table may have the name; the grammar tells. */
const ON_SOURCE = /\bsources?\b/i

const BEFORE_RELATION = /^(?:or|replace|temp|temporary|local|global|unlogged|materialized|unique)$/

function createsOurs(text: string, from: number): boolean {
  let at = from
  for (let words = 0; words < 6; words++) {
    const word = wordAt(text, skipBlank(text, at))
    if (/^(?:source|secret|index)$/.test(word?.text ?? '')) return true
    if (word?.text === 'table') return CONNECTOR.test(text)
    if (!word || !BEFORE_RELATION.test(word.text)) return false
    at = word.end
  }
  return false
}

const nextWord = (text: string, at: number): string => wordAt(text, skipBlank(text, at))?.text ?? ''

/** The keyword or name at `at`, folded; quotes around it are seen through. */
function wordAt(text: string, at: number): { text: string; end: number } | undefined {
  const word = /"?([a-z_]\w*)"?/iy
  word.lastIndex = at
  const found = word.exec(text)
  return found ? { text: found[1]!.toLowerCase(), end: word.lastIndex } : undefined
}

/** Past white space and comments; block comments nest. */
function skipBlank(text: string, from: number): number {
  let at = from
  for (;;) {
    const unit = text.charCodeAt(at)
    if (unit === 32 || (unit >= 9 && unit <= 13)) at++
    else if (unit === 45 && text.charCodeAt(at + 1) === 45) at = lineEnd(text, at)
    else if (unit === 47 && text.charCodeAt(at + 1) === 42) at = blockEnd(text, at)
    else return at
  }
}

function lineEnd(text: string, at: number): number {
  const end = /[\r\n]|$/g
  end.lastIndex = at
  return end.exec(text)?.index ?? text.length
}

function blockEnd(text: string, at: number): number {
  const edge = /\/\*|\*\//g
  edge.lastIndex = at
  let depth = 0
  for (let found = edge.exec(text); found; found = edge.exec(text)) {
    depth += found[0] === '/*' ? 1 : -1
    if (depth === 0) return edge.lastIndex
  }
  return text.length
}
