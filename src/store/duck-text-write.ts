// Strings → text vectors. Owns the writing side of duckdb_string_t's layout (duck-text.ts has the
// picture); must never let a vector point at memory that isn't its own.
//
// A call into DuckDB for each text would be a tenth of what ingesting a row costs: short ones are
// written where they lie in the vector, and long ones are given to it together.

import type { DuckDBVector } from '@duckdb/node-api'
import { bytesInVector, flushTextFields, vectorView } from './duck-memory.ts'
import { text } from './duck-types.ts'

const FIELD_BYTES = 16
const FIELD_WORDS = 4
const INLINE_BYTES_MAX = 12
/** Of a longer one, in its field. */
const PREFIX_BYTES = 4
/** Enough to make the calls few. */
const RUN_CHARS = 65_536

/** Writes values[indexes[i]] into field i, for every i. @throws StoreError for a zero byte */
export function fillText(
  vector: DuckDBVector,
  values: readonly unknown[],
  indexes: Int32Array
): void {
  const fields = new TextFields(vector, indexes.length)
  for (let i = 0; i < indexes.length; i++) {
    const value = values[indexes[i] as number] as string | null
    fields.clear(i)
    if (value === null) vector.setItem(i, null)
    else if (!fields.writeShort(i, value)) fields.writeLong(i, text(value))
  }
  fields.flush()
}

class TextFields {
  readonly #vector: DuckDBVector
  readonly #count: number
  readonly #bytes: Uint8Array
  readonly #words: Uint32Array
  /** Texts that wait to be given to DuckDB, and their fields. */
  #texts: string[] = []
  #places: number[] = []
  #chars = 0

  constructor(vector: DuckDBVector, count: number) {
    this.#vector = vector
    this.#count = count
    this.#bytes = vectorView(vector, Uint8Array, count * FIELD_BYTES)
    this.#words = vectorView(vector, Uint32Array, count * FIELD_WORDS)
  }

  /** To the empty text. */
  clear(i: number): void {
    const words = this.#words
    const word = i * FIELD_WORDS
    words[word] = words[word + 1] = words[word + 2] = words[word + 3] = 0
  }

  /** False: it is too long, or not in ASCII, or has a zero byte. */
  writeShort(i: number, value: string): boolean {
    const { length } = value
    if (length > INLINE_BYTES_MAX) return false
    const start = i * FIELD_BYTES + 4
    for (let n = 0; n < length; n++) {
      const code = value.charCodeAt(n)
      if (code === 0 || code > 0x7f) return false
      this.#bytes[start + n] = code
    }
    this.#words[i * FIELD_WORDS] = length
    return true
  }

  writeLong(i: number, value: string): void {
    this.#texts.push(value)
    this.#places.push(i)
    this.#chars += value.length
    if (this.#chars >= RUN_CHARS) this.#writeRun()
  }

  flush(): void {
    this.#writeRun()
    flushTextFields(this.#vector, this.#count)
  }

  #writeRun(): void {
    if (this.#places.length === 0) return
    const { bytes, lengths } = encoded(this.#texts)
    const isAnyLong = lengths.some((length) => length > INLINE_BYTES_MAX)
    const first = this.#places[0] as number
    const address = isAnyLong ? bytesInVector(this.#vector, first, this.#count, bytes) : 0
    let start = 0
    for (let n = 0; n < lengths.length; n++) {
      const length = lengths[n] as number
      const place = this.#places[n] as number
      const isInline = length <= INLINE_BYTES_MAX
      this.#copy(place, bytes, start, isInline ? length : PREFIX_BYTES)
      if (!isInline) this.#point(place, address + start)
      this.#words[place * FIELD_WORDS] = length
      start += length
    }
    this.#texts = []
    this.#places = []
    this.#chars = 0
  }

  #point(i: number, address: number): void {
    this.#words[i * FIELD_WORDS + 2] = address % 0x100000000
    this.#words[i * FIELD_WORDS + 3] = Math.floor(address / 0x100000000)
  }

  #copy(i: number, from: Uint8Array, start: number, count: number): void {
    const to = i * FIELD_BYTES + 4
    for (let n = 0; n < count; n++) this.#bytes[to + n] = from[start + n] as number
  }
}

/** All texts in UTF-8, one behind the other, and how long each is. */
function encoded(texts: readonly string[]): { bytes: Buffer; lengths: number[] } {
  const joined = texts.join('')
  const bytes = Buffer.from(joined)
  if (bytes.length === joined.length) return { bytes, lengths: texts.map(({ length }) => length) }
  // Each by itself: what one ends with and the next begins with must not become one character.
  const each = texts.map((value) => Buffer.from(value))
  return { bytes: Buffer.concat(each), lengths: each.map(({ length }) => length) }
}
