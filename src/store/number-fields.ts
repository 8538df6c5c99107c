// Vectors of numbers and booleans → fields, as Postgres prints them and in binary. Each loop stands on
// its own: one that called a function for each field would take twice as long.

import { putInteger } from '../types/digits.ts'
import { float8Text } from '../types/float-text.ts'
import { viewOf } from '../wire/field-column.ts'
import { vectorView } from './duck-memory.ts'
import type { Open } from './field-writers.ts'

const WORD = 0x100000000
const [MINUS, POINT, ZERO] = [0x2d, 0x2e, 0x30]
/** The longest of each, and a few. */
const [INTEGER_BYTES, LONG_BYTES, DOUBLE_BYTES] = [12, 20, 28]

export const integers =
  (kind: Int16ArrayConstructor | Int32ArrayConstructor): Open =>
  (vector, count) => {
    const fields = vectorView<Int16Array | Int32Array>(vector, kind, count)
    return (from, to, column) => {
      column.open(to - from, (to - from) * INTEGER_BYTES)
      const { starts, lengths, view } = column
      for (let row = from, end = INTEGER_BYTES; row < to; row++, end += INTEGER_BYTES) {
        const start = putInteger(view, end, fields[row] as number)
        starts[row - from] = start
        lengths[row - from] = end - start
      }
    }
  }

/** Each field as its upper (signed) and lower (unsigned) word. */
export const longs: Open = (vector, count) => {
  const highs = vectorView(vector, Int32Array, count * 2)
  const lows = vectorView(vector, Uint32Array, count * 2)
  return (from, to, column) => {
    column.open(to - from, (to - from) * LONG_BYTES)
    const { starts, lengths, view } = column
    for (let row = from, end = LONG_BYTES; row < to; row++, end += LONG_BYTES) {
      const high = highs[row * 2 + 1] as number
      const low = lows[row * 2] as number
      const value = high * WORD + low
      const start = Number.isSafeInteger(value)
        ? putInteger(view, end, value)
        : putAscii(view, end, String((BigInt(high) << 32n) + BigInt(low)))
      starts[row - from] = start
      lengths[row - from] = end - start
    }
  }
}

export const doubles: Open = (vector, count) => {
  const fields = vectorView(vector, Float64Array, count)
  return (from, to, column) => {
    column.open(to - from, (to - from) * DOUBLE_BYTES)
    const { starts, lengths, view } = column
    for (let row = from, end = DOUBLE_BYTES; row < to; row++, end += DOUBLE_BYTES) {
      const start = putDouble(view, end, fields[row] as number)
      starts[row - from] = start
      lengths[row - from] = end - start
    }
  }
}

const PARTS = 10_000
const PART_DIGITS = 4
/** Fourteen digits, and far from where Postgres begins to print exponents. */
const SCALED_MAX = 99_999_999_999_999

/**
 * A decimal of few digits that reads back as the number is its shortest one: no other of at most 15
 * digits is as near. Amounts and coordinates are such numbers, and quick to print.
 */
function putDouble(view: DataView, end: number, value: number): number {
  const scaled = Math.round(value * PARTS)
  const size = Math.abs(scaled)
  if (scaled / PARTS !== value || size === 0 || size > SCALED_MAX) {
    return putAscii(view, end, float8Text(value))
  }
  const whole = Math.floor(size / PARTS)
  let at = putParts(view, end, (size - whole * PARTS) | 0)
  at = putInteger(view, at, whole)
  if (value < 0) view.setUint8(--at, MINUS)
  return at
}

/** What follows the point, and the point, if anything does. */
function putParts(view: DataView, end: number, parts: number): number {
  if (parts === 0) return end
  let rest = parts
  let digits = PART_DIGITS
  for (; rest % 10 === 0; digits--) rest = (rest / 10) | 0
  let at = end
  for (; digits > 0; digits--) {
    view.setUint8(--at, ZERO + (rest % 10))
    rest = (rest / 10) | 0
  }
  view.setUint8(--at, POINT)
  return at
}

function putAscii(view: DataView, end: number, text: string): number {
  const start = end - text.length
  for (let i = 0; i < text.length; i++) view.setUint8(start + i, text.charCodeAt(i))
  return start
}

/** The two texts of one byte, and the two bytes themselves. */
const NAMES = Buffer.from('ft')
const BITS = Buffer.from([0, 1])

const twoValued = (bytes: Buffer): Open => {
  const view = viewOf(bytes)
  return (vector, count) => {
    const fields = vectorView(vector, Uint8Array, count)
    return (from, to, column) => {
      column.lie(to - from, bytes, view)
      const { starts } = column
      for (let row = from; row < to; row++) starts[row - from] = fields[row] === 0 ? 0 : 1
      column.lengths.fill(1, 0, to - from)
    }
  }
}

export const booleans = twoValued(NAMES)
export const binaryBooleans = twoValued(BITS)

export const binaryInt16: Open = (vector, count) => {
  const fields = vectorView(vector, Int16Array, count)
  return (from, to, column) => {
    const view = column.fixed(to - from, 2)
    for (let row = from, at = 0; row < to; row++, at += 2) view.setInt16(at, fields[row] as number)
  }
}

/** Of real, too. */
export const binaryInt32: Open = (vector, count) => {
  const fields = vectorView(vector, Int32Array, count)
  return (from, to, column) => {
    const view = column.fixed(to - from, 4)
    for (let row = from, at = 0; row < to; row++, at += 4) view.setInt32(at, fields[row] as number)
  }
}

/** Of double precision, too. */
export const binaryInt64: Open = (vector, count) => {
  const words = vectorView(vector, Int32Array, count * 2)
  return (from, to, column) => {
    const view = column.fixed(to - from, 8)
    for (let row = from, at = 0; row < to; row++, at += 8) {
      view.setInt32(at, words[row * 2 + 1] as number)
      view.setInt32(at + 4, words[row * 2] as number)
    }
  }
}
