// A JSON payload to a row. The text is walked once; nothing is built for fields that no column
// wants, and numbers stay text until their column's type reads them, so none loses a digit.
// Must never throw: whatever a payload holds, the answer is a row or the reason for none.

import { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Decoded, JsonEncoding } from '../types/connector.ts'
import { CHAR, JsonSyntaxError, skipBlanks, skipValue, walkObject } from '../types/json-scan.ts'
import type { Column, RelationSchema, Value } from '../types/value.ts'
import { coercerFor } from './coerce.ts'
import type { Coercer } from './coerce.ts'
import type { PayloadDecoder } from './decoder.ts'
import { fieldText, kindAt } from './field.ts'
import { requirementOf } from './required.ts'

interface Target {
  readonly name: string
  readonly coercer: Coercer
  /** Set for key and not-null columns: without a value for them there is no row. */
  readonly required: string | undefined
}

/** A column that a field name may fill, and whether by its exact name. */
interface Match {
  readonly index: number
  readonly exact: boolean
}

const NO_MATCH: readonly Match[] = []

/**
 * Fields are found by exact name first, then by name without regard to ASCII case. A field that is
 * missing or does not fit gives NULL; for a key or not-null column it gives no row.
 * @throws PgError 0A000 for a column type that JSON cannot fill
 */
export function compileJsonDecoder(schema: RelationSchema, encoding: JsonEncoding): PayloadDecoder {
  const decoder = new JsonDecoder(schema, encoding)
  return (payload) => decoder.decode(payload)
}

class JsonDecoder {
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  readonly #targets: readonly Target[]
  readonly #names: FieldNames
  /** Where each column's field lies in the text at hand; -1 when it has not been seen. */
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  /** The name it was found under. */
  readonly #spelled: string[] = []

  constructor(schema: RelationSchema, encoding: JsonEncoding) {
    this.#targets = schema.columns.map((column) => target(column, schema, encoding))
    this.#names = new FieldNames(schema.columns)
    this.#starts = new Int32Array(schema.columns.length)
    this.#ends = new Int32Array(schema.columns.length)
  }

  decode(payload: Uint8Array): Decoded {
    if (payload.length === 0) return failed('payload is empty')
    let text: string
    try {
      text = this.#utf8.decode(payload)
    } catch {
      return failed('payload is not valid UTF-8')
    }
    try {
      const problem = this.#locate(text)
      return problem === undefined ? this.#row(text) : failed(problem)
    } catch (error) {
      return failed(error instanceof JsonSyntaxError ? error.message : `payload: ${said(error)}`)
    }
  }

  /** Checks the whole text and notes where the columns' fields lie. @throws JsonSyntaxError */
  #locate(text: string): string | undefined {
    this.#starts.fill(-1)
    this.#names.rewind()
    const start = skipBlanks(text, 0)
    if (start === text.length) return 'payload is empty'
    const isObject = text.charCodeAt(start) === CHAR.openBrace
    const end = isObject ? walkObject(text, start, 0, this.#onMember) : skipValue(text, start)
    const rest = skipBlanks(text, end)
    if (rest < text.length) return `invalid JSON: unexpected character at offset ${rest}`
    return isObject || this.#targets.length === 0 ? undefined : 'payload is not a JSON object'
  }

  readonly #onMember = (
    text: string,
    keyStart: number,
    keyEnd: number,
    valueAt: number,
    depth: number
  ): number => {
    const end = skipValue(text, valueAt, depth)
    const { spelled, matches } = this.#names.known(text, keyStart + 1, keyEnd - 1)
    for (let i = 0; i < matches.length; i++) {
      const { index, exact } = matches[i] as Match
      // The last of equal names counts, but of names that differ in case the first.
      const seen = this.#starts[index] !== -1
      if (seen && !exact && this.#spelled[index] !== spelled) continue
      this.#starts[index] = valueAt
      this.#ends[index] = end
      this.#spelled[index] = spelled
    }
    return end
  }

  #row(text: string): Decoded {
    const row: Value[] = []
    for (let i = 0; i < this.#targets.length; i++) {
      const wanted = this.#targets[i] as Target
      const value = this.#field(text, i, wanted)
      if (value instanceof Problem) {
        if (wanted.required !== undefined) return failed(`${wanted.required} ${value.reason}`)
        row.push(null)
      } else row.push(value)
    }
    return { ok: true, row }
  }

  #field(text: string, index: number, { coercer }: Target): Value | Problem {
    const start = this.#starts[index] as number
    if (start === -1) return MISSING
    const kind = kindAt(text.charCodeAt(start))
    if (kind === 'null') return NULL
    try {
      const own = fieldText(text, start, this.#ends[index] as number, kind, coercer.verbatim)
      const value = coercer.coerce(kind, own)
      return value === undefined ? new Problem(`does not take this JSON ${kind}`) : value
    } catch (error) {
      if (error instanceof PgError) return new Problem(`does not take its value: ${error.message}`)
      throw error
    }
  }
}

class Problem {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

const MISSING = new Problem('is missing')
const NULL = new Problem('is null')

const failed = (error: string): Decoded => ({ ok: false, error })

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function target(column: Column, schema: RelationSchema, encoding: JsonEncoding): Target {
  const { name } = column
  const coercer = coercerFor(column.type, encoding.timestamptzHandling)
  return { name, coercer, required: requirementOf(column, schema) }
}

interface Known {
  /** The name as payloads spell it, between its quotes. */
  readonly spelled: string
  readonly matches: readonly Match[]
}

/**
 * Which columns a field name fills. Deliveries repeat their names, mostly in one order: the name
 * that came n-th last time is tried before anything is looked up.
 */
class FieldNames {
  readonly #columns: readonly Column[]
  readonly #known = new Map<string, Known>()
  readonly #order: Known[] = []
  #next = 0

  constructor(columns: readonly Column[]) {
    this.#columns = columns
  }

  /** Begins a payload. */
  rewind(): void {
    this.#next = 0
  }

  /** What is known of the name text.slice(start, end). */
  known(text: string, start: number, end: number): Known {
    const nth = this.#next++
    const expected = this.#order[nth]
    if (expected?.spelled.length === end - start && text.startsWith(expected.spelled, start)) {
      return expected
    }
    const known = this.#lookUp(text.slice(start, end))
    if (nth < limits.fieldNamesKept) this.#order[nth] = known
    return known
  }

  #lookUp(name: string): Known {
    const known = this.#known.get(name)
    if (known) return known
    // A copy: a slice would keep its whole payload in memory.
    const spelled = Buffer.from(name).toString()
    const found = { spelled, matches: this.#find(spelled) }
    if (this.#known.size < limits.fieldNamesKept) this.#known.set(spelled, found)
    return found
  }

  #find(spelled: string): readonly Match[] {
    const name = spelled.includes('\\') ? (JSON.parse(`"${spelled}"`) as string) : spelled
    const lower = asciiLower(name)
    const found = this.#columns.flatMap((column, index): Match[] =>
      asciiLower(column.name) === lower ? [{ index, exact: column.name === name }] : []
    )
    return found.length === 0 ? NO_MATCH : found
  }
}

const asciiLower = (text: string): string =>
  text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
