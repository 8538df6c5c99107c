// interval: months, days and microseconds, kept apart. Prints in IntervalStyle postgres only; how
// text is read is interval-parse.ts's. Source: EncodeInterval (datetime.c), timestamp.c.

import { datetimeFieldOverflow } from '../errors.ts'
import { fixedWidth } from './bytes.ts'
import { fractionText, MICROS_PER_SECOND, twoDigits } from './calendar.ts'
import type { Codec } from './codec.ts'
import { parseInterval } from './interval-parse.ts'
import { OID } from './oids.ts'
import type { ColumnType, Interval } from './value.ts'

const INT4_MAX = 2_147_483_647
const INT4_MIN = -2_147_483_648
const INT8_MAX = 2n ** 63n - 1n
const INT8_MIN = -(2n ** 63n)

const HOUR = 3_600_000_000n
const MINUTE = 60_000_000n

function toText(value: Interval): string {
  const { months, days, micros } = value
  const infinite = infinityText(value)
  if (infinite !== undefined) return infinite
  const parts: string[] = []
  let afterNegative = false
  const add = (count: number, unit: string): void => {
    if (count === 0) return
    const plus = afterNegative && count > 0 ? '+' : ''
    parts.push(`${plus}${count} ${unit}${count === 1 ? '' : 's'}`)
    // A sign counts for the next part only.
    afterNegative = count < 0
  }
  add(Math.trunc(months / 12), 'year')
  add(months % 12, 'mon')
  add(days, 'day')
  if (parts.length === 0 || micros !== 0n) parts.push(clock(micros, afterNegative))
  return parts.join(' ')
}

function clock(micros: bigint, afterNegative: boolean): string {
  const size = micros < 0n ? -micros : micros
  const sign = micros < 0n ? '-' : afterNegative ? '+' : ''
  const rest = Number(size % MINUTE)
  const hours = String(size / HOUR).padStart(2, '0')
  const minutes = twoDigits(Number((size % HOUR) / MINUTE))
  const seconds = twoDigits(Math.floor(rest / MICROS_PER_SECOND))
  return `${sign}${hours}:${minutes}:${seconds}${fractionText(rest % MICROS_PER_SECOND)}`
}

/** Since Postgres 17 the extreme of all three parts is an infinity. */
function infinityText({ months, days, micros }: Interval): string | undefined {
  if (months === INT4_MAX && days === INT4_MAX && micros === INT8_MAX) return 'infinity'
  if (months === INT4_MIN && days === INT4_MIN && micros === INT8_MIN) return '-infinity'
  return undefined
}

function toBinary({ months, days, micros }: Interval): Uint8Array {
  const bytes = Buffer.allocUnsafe(16)
  bytes.writeBigInt64BE(micros, 0)
  bytes.writeInt32BE(days, 8)
  bytes.writeInt32BE(months, 12)
  return bytes
}

// The fields an interval may be declared with, as bits of the typmod's range (INTERVAL_MASK).
const YEAR = 1 << 2
const MONTH = 1 << 1
const DAY = 1 << 3
const HOURS = 1 << 10
const MINUTES = 1 << 11
const SECONDS = 1 << 12
const FULL_RANGE = 0x7fff
const FULL_PRECISION = 0xffff

/** As `interval(p)` or `interval hour to minute` keeps it (AdjustIntervalForTypmod). */
function adjusted(value: Interval, { typmod }: ColumnType): Interval {
  if (typmod < 0) return value
  const range = (typmod >> 16) & FULL_RANGE
  const precision = typmod & FULL_PRECISION
  const { months, days, micros } = withinRange(value, range)
  return { months, days, micros: roundedMicros(micros, precision) }
}

function withinRange(value: Interval, range: number): Interval {
  if (range === FULL_RANGE || (range & SECONDS) !== 0) return value
  const { months, days, micros } = value
  if (range === YEAR) return { months: months - (months % 12), days: 0, micros: 0n }
  if ((range & MONTH) !== 0) return { months, days: 0, micros: 0n }
  if (range === DAY) return { months, days, micros: 0n }
  if ((range & MINUTES) !== 0) return { months, days, micros: micros - (micros % MINUTE) }
  if ((range & HOURS) !== 0) return { months, days, micros: micros - (micros % HOUR) }
  return value
}

function roundedMicros(micros: bigint, precision: number): bigint {
  if (precision >= 6) return micros
  const unit = 10n ** BigInt(6 - precision)
  const half = micros >= 0n ? unit / 2n : -(unit / 2n)
  const rounded = ((micros + half) / unit) * unit
  if (rounded >= INT8_MIN && rounded <= INT8_MAX) return rounded
  throw datetimeFieldOverflow('interval out of range')
}

function fromBinary(bytes: Uint8Array, type: ColumnType): Interval {
  const view = fixedWidth(bytes, 16)
  const value = { months: view.getInt32(12), days: view.getInt32(8), micros: view.getBigInt64(0) }
  return adjusted(value, type)
}

export const interval: Codec = {
  oid: OID.interval,
  typlen: 16,
  toText: (value) => toText(value as Interval),
  toBinary: (value) => toBinary(value as Interval),
  fromText: (text, type) => adjusted(parseInterval(text), type),
  fromBinary
}
