// date_trunc(): the start of the unit of time that a moment is in. Units that are always of one length
// are counted in microseconds from 0001-01-01, which was a Monday; months and more go by the calendar.
// Source: timestamp.c, timestamp_trunc and timestamptz_trunc_internal.
// Must never go beyond the years that both sides surely have: what is outside fails, and is relayed.

import { OID } from '../types/oids.ts'
import type { Expr, GroupKey } from './expr.ts'
import { factsOf, fallibleMoment, guard, stable, typed, unproven } from './expr.ts'
import { given, type Session, word } from './function-rules.ts'
import {
  epochMicros,
  inCommonEra,
  instantOf,
  isWholeIn,
  localTime,
  outsideCommonEra,
  outsideZones,
  UTC
} from './instants.ts'

const SECOND = 1_000_000
const DAY = 86_400 * SECOND

/** In microseconds. */
const LENGTHS: Readonly<Record<string, number>> = {
  second: SECOND,
  minute: 60 * SECOND,
  hour: 3_600 * SECOND,
  day: DAY,
  week: 7 * DAY
}

/** Of the clock's reading, where shorter ones keep the offset of the instant. */
const CLOCK_UNITS = ['day', 'week', 'month', 'quarter', 'year']
const UNITS = ['second', 'minute', 'hour', ...CLOCK_UNITS]

/** From 0001-01-01 to 1970. */
const ERA_MICROS = 62_135_596_800 * SECOND

/** The microseconds since 1970 at which the unit began. Not before the common era. */
const startOf = (length: number, micros: string): string =>
  `${micros} - (${micros} + ${ERA_MICROS}) % ${length}`

/** Postgres's calendar begins with a day, in 4714 BC, but with no week, month or year. */
const NEVER_TOO_EARLY = ['second', 'minute', 'hour', 'day']

function failing(unit: string, fault: string, sql: string, when: Expr): Expr {
  const { oid } = when.type
  const expr = typed(`(${guard(fault, sql, 'date out of range')})`, oid, factsOf([when]))
  return NEVER_TOO_EARLY.includes(unit) ? unproven(expr) : fallibleMoment(expr)
}

/** Which instants are truncated by their microseconds; in those since 1970, the end not included. */
interface Range {
  readonly from: number
  readonly to: number
}

const COMMON_ERA: Range = { from: -ERA_MICROS, to: Date.UTC(9999, 11, 31) * 1_000 }
const ZONES: Range = { from: Date.UTC(2000, 0, 2) * 1_000, to: Date.UTC(2037, 0, 1) * 1_000 }

/** Postgres's earliest instant is a little less before the common era. */
const EARLIER = 150_000_000_000n * BigInt(SECOND)

/**
 * Groups by the number of the unit, and looks at each group, where it would look at each row: whether it
 * begins within the range, and whether its NULL is not that of infinite instants, of which epoch_us()
 * makes NULL too. Counted from where no number is negative, since division truncates.
 */
function unitNumber(when: Expr, length: number, { from, to }: Range, of: string): GroupKey {
  const unit = BigInt(length)
  const before = EARLIER / unit + 1n
  const origin = before * unit + BigInt(ERA_MICROS)
  const first = (BigInt(from) + origin + unit - 1n) / unit
  const end = (BigInt(to) + origin + unit - 1n) / unit
  const key = `((${epochMicros(when)} + ${origin}) // ${unit})`
  const isInfinite = `${key} IS NULL AND count(${when.sql}) > 0`
  return {
    of,
    key,
    shown: `make_timestamptz(${key} * ${unit} - ${origin})`,
    fault: `${isInfinite} OR ${key} < ${first} OR ${key} >= ${end}`
  }
}

/** An expression is not written so many times. */
const byUnit = (result: Expr, when: Expr, length: number | undefined, range: Range): Expr =>
  length === undefined || !when.column
    ? result
    : { ...result, groupKey: unitNumber(when, length, range, result.sql) }

/** Of a clock's reading. */
export function truncated(unit: string, local: Expr): Expr {
  const length = LENGTHS[unit]
  const sql =
    length === undefined
      ? `CAST(date_trunc('${unit}', ${local.sql}) AS TIMESTAMP)`
      : `make_timestamp(${startOf(length, epochMicros(local))})`
  return failing(unit, outsideCommonEra(local.sql, OID.timestamp), sql, local)
}

/** In UTC, without going through a clock's reading and back. */
function truncatedInUtc(unit: string, when: Expr): Expr {
  const length = LENGTHS[unit]
  const micros = epochMicros(when)
  const start =
    length === undefined
      ? `epoch_us(CAST(date_trunc('${unit}', make_timestamp(${micros})) AS TIMESTAMP))`
      : startOf(length, micros)
  const fault = outsideCommonEra(when.sql, OID.timestamptz)
  const result = failing(unit, fault, `make_timestamptz(${start})`, when)
  return byUnit(result, when, length, COMMON_ERA)
}

/** In a zone: of an instant, what is shorter than a day leaves its offset alone. */
function truncatedInZone(unit: string, when: Expr, zone: Session['zone']): Expr {
  const length = LENGTHS[unit]
  if (length !== undefined && isWholeIn(zone, length / SECOND)) {
    const fault = outsideZones(when.sql, OID.timestamptz)
    const sql = `make_timestamptz(${startOf(length, epochMicros(when))})`
    const result = failing(unit, fault, sql, when)
    // The last week would reach beyond.
    return unit === 'week' ? result : byUnit(result, when, length, ZONES)
  }
  const local = localTime(when, zone)
  const result = truncated(unit, local)
  return CLOCK_UNITS.includes(unit)
    ? instantOf(result, zone)
    : inCommonEra(`(${when.sql} - (${local.sql} - ${result.sql}))`, OID.timestamptz, [result])
}

type Truncate = (session: Session, unit: Expr | undefined, when: Expr | undefined) => Expr

export const truncate: Truncate = (_session, unit, when) =>
  truncated(word(unit, UNITS), given(when))

/** date_trunc of an instant is one again; a date counts as the instant of its midnight. */
export const truncateInstant: Truncate = ({ zone }, unit, value) => {
  const name = word(unit, UNITS)
  const when = given(value)
  if (when.type.oid === OID.date) {
    const midnight = typed(`CAST(${when.sql} AS TIMESTAMP)`, OID.timestamp, factsOf([when]))
    return stable(instantOf(truncated(name, midnight), zone))
  }
  return stable(zone === UTC ? truncatedInUtc(name, when) : truncatedInZone(name, when, zone))
}
