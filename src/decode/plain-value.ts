// Values of the commonest types straight from a payload's bytes, where they are spelled as programs
// spell them; any other spelling is read from its text, by coerce.ts, to the same value. Must never
// take what that would refuse.

import { CHAR } from '../types/json-scan.ts'
import { daysFromCivil, daysInMonth, MICROS_PER_DAY, MICROS_PER_SECOND } from '../types/calendar.ts'
import { OID } from '../types/oids.ts'
import type { ColumnType, Value } from '../types/value.ts'

/** The value at [start, end), a JSON value other than null; undefined: it is to be read from its text. */
export type ReadPlain = (bytes: Uint8Array, start: number, end: number) => Value | undefined

/** Undefined for a type that is always read from text. */
export function plainReader(type: ColumnType): ReadPlain | undefined {
  switch (type.oid) {
    case OID.bool:
      return readBoolean
    case OID.int2:
      return readInteger(32_767)
    case OID.int4:
      return readInteger(2_147_483_647)
    case OID.int8:
      return readBigint
    case OID.float8:
      return readDouble
    case OID.timestamp:
    case OID.timestamptz:
      return type.typmod < 0 ? readInstant : undefined
    default:
      return undefined
  }
}

/** A number holds every integer of so many digits. */
const EXACT_DIGITS = 15
/** A double holds each of these exactly. */
const POWERS = Array.from({ length: EXACT_DIGITS + 1 }, (_, i) => 10 ** i)

function readBoolean(bytes: Uint8Array, start: number): Value | undefined {
  if (bytes[start] === CHAR.t) return true
  return bytes[start] === CHAR.f ? false : undefined
}

/** The digits at [start, end); NaN: there is something else, nothing, or too many. */
function digitsAt(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || end - start > EXACT_DIGITS) return NaN
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - CHAR.zero
    if (digit < 0 || digit > 9) return NaN
    value = value * 10 + digit
  }
  return value
}

/** NaN: it is not written as digits, with a minus or without. */
function integerAt(bytes: Uint8Array, start: number, end: number): number {
  // Nothing less than nothing: no integer type has a -0.
  return bytes[start] === CHAR.minus
    ? 0 - digitsAt(bytes, start + 1, end)
    : digitsAt(bytes, start, end)
}

/** The lowest value of its type is left to the text. */
const readInteger =
  (max: number): ReadPlain =>
  (bytes, start, end) => {
    const value = integerAt(bytes, start, end)
    return value >= -max && value <= max ? value : undefined
  }

function readBigint(bytes: Uint8Array, start: number, end: number): Value | undefined {
  const value = integerAt(bytes, start, end)
  return Number.isNaN(value) ? undefined : BigInt(value)
}

/** Both numbers of the division are exact, so its result is the double nearest to the decimal. */
function readDouble(bytes: Uint8Array, start: number, end: number): Value | undefined {
  const isNegative = bytes[start] === CHAR.minus
  const from = isNegative ? start + 1 : start
  if (end - from > EXACT_DIGITS) return undefined
  let value = 0
  let dot = end - 1
  for (let i = from; i < end; i++) {
    const code = bytes[i] as number
    const digit = code - CHAR.zero
    if (digit >= 0 && digit <= 9) value = value * 10 + digit
    else if (code === CHAR.dot) dot = i
    else return undefined
  }
  const size = value / (POWERS[end - 1 - dot] as number)
  return isNegative ? -size : size
}

const SECONDS_END = 'YYYY-MM-DDThh:mm:ss'.length

/** "YYYY-MM-DDThh:mm:ss[.fraction]Z": microseconds since 1970. */
function readInstant(bytes: Uint8Array, start: number, end: number): Value | undefined {
  if (bytes[start] !== CHAR.quote) return undefined
  const at = start + 1
  const last = end - 2
  if (last < at + SECONDS_END || bytes[last] !== 0x5a || !hasMarks(bytes, at)) return undefined
  const days = daysAt(bytes, at)
  const seconds = secondsAt(bytes, at)
  const part = last === at + SECONDS_END ? 0 : fractionAt(bytes, at + SECONDS_END, last)
  const micros = days * MICROS_PER_DAY + seconds * MICROS_PER_SECOND + part
  return Number.isSafeInteger(micros) ? BigInt(micros) : undefined
}

const hasMarks = (bytes: Uint8Array, at: number): boolean =>
  bytes[at + 4] === CHAR.minus &&
  bytes[at + 7] === CHAR.minus &&
  bytes[at + 10] === 0x54 &&
  bytes[at + 13] === CHAR.colon &&
  bytes[at + 16] === CHAR.colon

/** Two digits as a number; what is none is in no bounds. */
function pairAt(bytes: Uint8Array, at: number): number {
  const ten = (bytes[at] as number) - CHAR.zero
  const one = (bytes[at + 1] as number) - CHAR.zero
  return ten >= 0 && ten <= 9 && one >= 0 && one <= 9 ? ten * 10 + one : NaN
}

function daysAt(bytes: Uint8Array, at: number): number {
  const year = pairAt(bytes, at) * 100 + pairAt(bytes, at + 2)
  const month = pairAt(bytes, at + 5)
  const day = pairAt(bytes, at + 8)
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) return NaN
  return day <= daysInMonth(year, month) ? daysFromCivil(year, month, day) : NaN
}

/** Of the day. */
function secondsAt(bytes: Uint8Array, at: number): number {
  const hour = pairAt(bytes, at + 11)
  const minute = pairAt(bytes, at + 14)
  const second = pairAt(bytes, at + 17)
  return hour < 24 && minute < 60 && second < 60 ? hour * 3600 + minute * 60 + second : NaN
}

/** Microseconds of up to six digits behind the point at `at`. */
function fractionAt(bytes: Uint8Array, at: number, end: number): number {
  const digits = end - at - 1
  if (bytes[at] !== CHAR.dot || digits > 6) return NaN
  return digitsAt(bytes, at + 1, end) * (POWERS[6 - digits] as number)
}
