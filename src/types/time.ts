// time without time zone: microseconds since midnight, 24:00:00 included; never a zone.
// Source: date.c of Postgres.

import { datetimeFieldOverflow } from '../errors.ts'
import { fixedWidth } from './bytes.ts'
import { clockText, MICROS_PER_DAY } from './calendar.ts'
import type { Codec } from './codec.ts'
import { parseClock } from './datetime-parse.ts'
import { OID } from './oids.ts'

const PRECISION_MAX = 6

/** Microseconds rounded to time(p)'s digits (AdjustTimeForTypmod); the day may then be full. */
function rounded(micros: number, typmod: number): number {
  if (typmod < 0 || typmod >= PRECISION_MAX) return micros
  const unit = 10 ** (PRECISION_MAX - typmod)
  return Math.floor((micros + unit / 2) / unit) * unit
}

/** A time of day as a column of this typmod holds it. @throws PgError 22008 */
export function toTime(micros: number, typmod: number): bigint {
  const value = rounded(micros, typmod)
  if (value >= 0 && value <= MICROS_PER_DAY) return BigInt(value)
  throw datetimeFieldOverflow('time out of range')
}

export const time: Codec = {
  oid: OID.time,
  typlen: 8,
  toText: (value) => clockText(Number(value as bigint)),
  toBinary(value) {
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeBigInt64BE(value as bigint)
    return bytes
  },
  fromText: (text, type) => toTime(parseClock(text), type.typmod),
  fromBinary: (bytes, type) => toTime(Number(fixedWidth(bytes, 8).getBigInt64(0)), type.typmod)
}
