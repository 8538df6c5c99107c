// Text vectors → strings and fields: nearly all that reading costs is here. Owns duckdb_string_t's layout;
// must never read memory that isn't mapped, nor keep any of it.
//
//   duckdb_string_t, 16 bytes:  length u32 │ up to 12 bytes of text
//                               length u32 │ 4 bytes of prefix │ address u64     (longer texts)
//
// Turning bytes into a string costs a call, however few they are, so neighbours share one.

import type { DuckDBVector } from '@duckdb/node-api'
import type { Value } from '../types/value.ts'
import type { FieldColumn } from '../wire/field-column.ts'
import { foreignBytes, vectorValidity, vectorView } from './duck-memory.ts'

const INLINE_BYTES_MAX = 12
const HIGH_BITS = 0x80808080
/** Texts nearer than a memory page have no unmapped page between them. */
const GAP_BYTES_MAX = 4095
/** Enough to make the calls few, small enough that a kept substring doesn't keep much. */
const RUN_BYTES_MAX = 65_536

/** Reads the first `count` fields of a text vector. */
export function readText(vector: DuckDBVector, count: number): Value[] {
  const words = vectorView(vector, Uint32Array, count * 4)
  const validity = vectorValidity(vector)
  const values: Value[] = []
  values.length = count
  const inline = new InlineTexts(words)
  const run = new Run((rows, starts, lengths, bytes) => {
    const all = bytes.toString('utf8')
    // As many characters as bytes: plain ASCII, so places are the same in both.
    const isAscii = all.length === bytes.length
    for (let n = 0; n < rows.length; n++) {
      const from = starts[n] as number
      const to = from + (lengths[n] as number)
      values[rows[n] as number] = isAscii ? all.slice(from, to) : bytes.toString('utf8', from, to)
    }
  })
  for (let i = 0; i < count; i++) {
    if (validity && ((validity[i >> 3] as number) & (1 << (i & 7))) === 0) values[i] = null
    else if ((words[i * 4] as number) <= INLINE_BYTES_MAX) values[i] = inline.read(i)
    else run.add(i, words)
  }
  run.flush()
  return values
}

/** Text vectors → fields that lie where DuckDB has them, or in one copy. */
export function textFields(vector: DuckDBVector, count: number) {
  const words = vectorView(vector, Uint32Array, count * 4)
  const own = Buffer.from(words.buffer, words.byteOffset, words.byteLength)
  const ownView = vectorView(vector, DataView, count * 16)
  const validity = vectorValidity(vector)
  return (from: number, to: number, column: FieldColumn): void => {
    column.lie(to - from, own, ownView)
    const { starts, lengths } = column
    let longest = 0
    for (let row = from; row < to; row++) {
      // Of NULL nothing is true.
      const isNull = validity && ((validity[row >> 3] as number) & (1 << (row & 7))) === 0
      const length = isNull ? 0 : (words[row * 4] as number)
      starts[row - from] = row * 16 + 4
      lengths[row - from] = length
      if (length > longest) longest = length
    }
    if (longest > INLINE_BYTES_MAX) copyLong(words, own, from, to, column)
  }
}

/** Puts the long texts behind a copy of the short ones, so that all lie in one buffer. */
function copyLong(
  words: Uint32Array,
  own: Buffer,
  from: number,
  to: number,
  column: FieldColumn
): void {
  column.open(to - from, 0)
  column.append(own.subarray(from * 16, to * 16))
  const { starts, lengths } = column
  const run = new Run((rows, places, _lengths, bytes) => {
    const at = column.append(bytes)
    for (let n = 0; n < rows.length; n++) {
      starts[(rows[n] as number) - from] = at + (places[n] as number)
    }
  })
  for (let row = from; row < to; row++) {
    starts[row - from] = (row - from) * 16 + 4
    if ((lengths[row - from] as number) > INLINE_BYTES_MAX) run.add(row, words)
  }
  run.flush()
}

/** Texts kept in the vector itself. */
class InlineTexts {
  readonly #words: Uint32Array
  readonly #bytes: Buffer
  /** The whole vector, one character a byte; made when first needed. */
  #latin1: string | undefined

  constructor(words: Uint32Array) {
    this.#words = words
    this.#bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength)
  }

  read(i: number): string {
    const words = this.#words
    const at = i * 4
    const start = i * 16 + 4
    const end = start + (words[at] as number)
    const bits = (words[at + 1] as number) | (words[at + 2] as number) | (words[at + 3] as number)
    if ((bits & HIGH_BITS) !== 0) return this.#bytes.toString('utf8', start, end)
    this.#latin1 ??= this.#bytes.toString('latin1')
    return this.#latin1.slice(start, end)
  }
}

/** What is done with a run: its rows, where each text begins, how long it is, and the bytes. */
type TakeRun = (
  rows: readonly number[],
  starts: readonly number[],
  lengths: readonly number[],
  bytes: Buffer
) => void

/** Long texts that lie near each other, in whatever order. */
class Run {
  readonly #take: TakeRun
  readonly #rows: number[] = []
  readonly #addresses: number[] = []
  readonly #lengths: number[] = []
  /** Where the run begins and ends; addresses have 48 bits, so numbers hold them. */
  #start = 0
  #end = 0

  constructor(take: TakeRun) {
    this.#take = take
  }

  add(i: number, words: Uint32Array): void {
    const length = words[i * 4] as number
    const address = (words[i * 4 + 3] as number) * 0x100000000 + (words[i * 4 + 2] as number)
    if (this.#rows.length > 0 && !this.#reaches(address, length)) this.flush()
    const isFirst = this.#rows.length === 0
    this.#start = isFirst ? address : Math.min(this.#start, address)
    this.#end = isFirst ? address + length : Math.max(this.#end, address + length)
    this.#rows.push(i)
    this.#addresses.push(address)
    this.#lengths.push(length)
  }

  #reaches(address: number, length: number): boolean {
    const start = Math.min(this.#start, address)
    const end = Math.max(this.#end, address + length)
    if (end - start > RUN_BYTES_MAX) return false
    return address - this.#end <= GAP_BYTES_MAX && this.#start - address - length <= GAP_BYTES_MAX
  }

  flush(): void {
    if (this.#rows.length === 0) return
    const bytes = foreignBytes(this.#start, this.#end - this.#start)
    const starts = this.#addresses.map((address) => address - this.#start)
    this.#take(this.#rows, starts, this.#lengths, bytes)
    this.#rows.length = this.#addresses.length = this.#lengths.length = 0
  }
}
