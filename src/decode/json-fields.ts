// Where the fields that columns want lie in one JSON payload. Looks in its bytes; where those are not
// plainly a JSON object, in its text, which tells why. Must never read a value.

import { isUtf8 } from 'node:buffer'

import {
  blanksEnd,
  NO_JSON,
  plainEnd,
  stringEnd,
  valueEnd,
  valueStart
} from '../types/json-bytes.ts'
import { CHAR, skipBlanks, skipValue, walkObject } from '../types/json-scan.ts'
import type { Column } from '../types/value.ts'
import { fieldText, kindAt } from './field.ts'
import type { Kind } from './field.ts'
import { FieldNames } from './field-names.ts'
import type { Known, Match } from './field-names.ts'

export class JsonFields {
  readonly #columns: number
  readonly #names: FieldNames
  /** -1 when the column's field has not been seen. */
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  /** 1: in between, each byte is a character that stands for itself. */
  readonly #plain: Uint8Array
  /** The name it was found under. */
  readonly #spelled: string[] = []
  /** The text that was looked into; of bytes, a character for each. */
  #text = ''
  /** Undefined while it is text that was looked into. */
  #bytes: Uint8Array | undefined
  #isAllPlain = true

  constructor(columns: readonly Column[]) {
    this.#columns = columns.length
    this.#names = new FieldNames(columns)
    this.#starts = new Int32Array(columns.length)
    this.#ends = new Int32Array(columns.length)
    this.#plain = new Uint8Array(columns.length)
  }

  /** -1 when there is none. */
  start(index: number): number {
    return this.#starts[index] as number
  }

  end(index: number): number {
    return this.#ends[index] as number
  }

  kind(index: number): Kind | 'null' {
    return kindAt(this.#text.charCodeAt(this.#starts[index] as number))
  }

  /** As fieldText. @throws PgError as stringAt */
  text(index: number, kind: Kind, verbatim: boolean): string {
    const start = this.#starts[index] as number
    const end = this.#ends[index] as number
    if (this.#plain[index] === 1) {
      const isQuoted = kind === 'string' && !verbatim
      return isQuoted ? this.#text.slice(start + 1, end - 1) : this.#text.slice(start, end)
    }
    if (!this.#bytes) return fieldText(this.#text, start, end, kind, verbatim)
    const source = asBuffer(this.#bytes).toString('utf8', start, end)
    return fieldText(source, 0, source.length, kind, verbatim)
  }

  /** False: it is no JSON object in UTF-8, or nested too deeply. */
  lookIntoBytes(payload: Uint8Array): boolean {
    this.#begin()
    const start = blanksEnd(payload, 0)
    if (payload[start] !== CHAR.openBrace) return false
    const end = this.#members(payload, blanksEnd(payload, start + 1))
    if (end === NO_JSON || blanksEnd(payload, end) !== payload.length) return false
    this.#bytes = payload
    this.#text = asBuffer(payload).toString('latin1')
    return this.#isAllPlain || isUtf8(payload)
  }

  /** What is wrong with it. @throws JsonSyntaxError */
  lookIntoText(text: string): string | undefined {
    this.#begin()
    this.#bytes = undefined
    this.#text = text
    const start = skipBlanks(text, 0)
    if (start === text.length) return 'payload is empty'
    const isObject = text.charCodeAt(start) === CHAR.openBrace
    const end = isObject ? walkObject(text, start, 0, this.#onMember) : skipValue(text, start)
    const rest = skipBlanks(text, end)
    if (rest < text.length) return `invalid JSON: unexpected character at offset ${rest}`
    return isObject || this.#columns === 0 ? undefined : 'payload is not a JSON object'
  }

  #begin(): void {
    this.#starts.fill(-1)
    this.#names.rewind()
    this.#isAllPlain = true
  }

  /** From the first name, or the closing brace, to past that. */
  #members(bytes: Uint8Array, first: number): number {
    if (bytes[first] === CHAR.closeBrace) return first + 1
    for (let at = first; ; at++) {
      at = blanksEnd(bytes, at)
      if (bytes[at] !== CHAR.quote) return NO_JSON
      const end = this.#member(bytes, at)
      if (end === NO_JSON) return NO_JSON
      at = blanksEnd(bytes, end)
      if (bytes[at] === CHAR.closeBrace) return at + 1
      if (bytes[at] !== CHAR.comma) return NO_JSON
    }
  }

  #member(bytes: Uint8Array, at: number): number {
    const expected = this.#names.expected(bytes, at)
    const nameEnd = expected ? at + expected.bytes.length : this.#nameEnd(bytes, at)
    const start = nameEnd === NO_JSON ? NO_JSON : valueStart(bytes, nameEnd)
    if (start === NO_JSON) return NO_JSON
    const known = expected ?? this.#names.learn(utf8(bytes, at + 1, nameEnd - 1))
    const isString = bytes[start] === CHAR.quote
    const plain = isString ? plainEnd(bytes, start + 1) : start
    const isPlain = isString ? bytes[plain] === CHAR.quote : isWordOrNumber(bytes[start] as number)
    const end = isString ? stringEnd(bytes, plain) : valueEnd(bytes, start, 1)
    if (!isPlain || !known.isPlain) this.#isAllPlain = false
    this.#found(known, start, end, isPlain)
    return end
  }

  #nameEnd(bytes: Uint8Array, at: number): number {
    return stringEnd(bytes, plainEnd(bytes, at + 1))
  }

  #found({ spelled, matches }: Known, start: number, end: number, isPlain: boolean): void {
    for (let i = 0; i < matches.length; i++) {
      const { index, exact } = matches[i] as Match
      // The last of equal names counts, but of names that differ in case the first.
      const seen = this.#starts[index] !== -1
      if (seen && !exact && this.#spelled[index] !== spelled) continue
      this.#starts[index] = start
      this.#ends[index] = end
      this.#plain[index] = isPlain ? 1 : 0
      this.#spelled[index] = spelled
    }
  }

  readonly #onMember = (
    text: string,
    keyStart: number,
    keyEnd: number,
    valueAt: number,
    depth: number
  ): number => {
    const end = skipValue(text, valueAt, depth)
    this.#found(this.#names.known(text, keyStart + 1, keyEnd - 1), valueAt, end, false)
    return end
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

const utf8 = (bytes: Uint8Array, start: number, end: number): string =>
  asBuffer(bytes).toString('utf8', start, end)

const isWordOrNumber = (code: number): boolean =>
  code !== CHAR.openBrace && code !== CHAR.openBracket
