// Instants and local times: going from one to the other in the session's zone, and what is added to
// them. Every zone but UTC is used only where all tz databases agree and both sides apply the same
// rules; elsewhere the local execution fails, and the statement is relayed.
// Must never depend on DuckDB's own TimeZone.

import { limits } from '../limits.ts'
import { OID } from '../types/oids.ts'
import { findZone, type ZoneOffset } from '../types/timezone.ts'
import type { Interval } from '../types/value.ts'
import type { Expr } from './expr.ts'
import {
  factsOf,
  fallible,
  fallibleMoment,
  formOf,
  guard,
  quote,
  relay,
  stable,
  typed
} from './expr.ts'

/** A zone's name as it is written to DuckDB. */
export type ZoneName = string | undefined

export const UTC = 'UTC'

/** Days and instants that both sides surely have; infinity is outside. */
export const outsideCommonEra = (sql: string, oid: number): string => {
  const moment = (day: string): string =>
    oid === OID.timestamptz
      ? `CAST('${day} 00:00:00+00' AS ${formOf(oid)})`
      : `CAST('${day}' AS ${formOf(oid)})`
  return `${sql} < ${moment('0001-01-01')} OR ${sql} >= ${moment('9999-12-31')}`
}

/** Guarded so that what is outside of the common era fails. */
export const inCommonEra = (sql: string, oid: number, parts: readonly Expr[]): Expr =>
  fallibleMoment(
    typed(`(${guard(outsideCommonEra(sql, oid), sql, 'date out of range')})`, oid, factsOf(parts))
  )

const zoned = (zone: ZoneName): string => zone ?? relay('the time zone is not known')

/**
 * The years in which zones other than UTC are used: before, tz databases differ in what they keep of
 * the past, later in how far they foresee.
 */
export const outsideZones = (sql: string, oid: number): string => {
  const form = formOf(oid)
  const offset = oid === OID.timestamptz ? '+00' : ''
  const moment = (day: string): string => `CAST('${day} 00:00:00${offset}' AS ${form})`
  return `${sql} < ${moment('2000-01-02')} OR ${sql} >= ${moment('2037-01-01')}`
}

/** A day more on either side, for the readings of zones. */
const [ZONES_FROM, ZONES_TO] = [Date.UTC(2000, 0, 1) / 1000, Date.UTC(2037, 0, 2) / 1000]

const offsetsOf = new Map<string, readonly ZoneOffset[]>()

/** In those years; looked for once. */
function zoneOffsets(name: string): readonly ZoneOffset[] {
  const known = offsetsOf.get(name)
  if (known) return known
  const found = findZone(name)?.offsetsWithin(ZONES_FROM, ZONES_TO) ?? relay('an unknown zone')
  if (offsetsOf.size >= limits.zonesKept) offsetsOf.clear()
  offsetsOf.set(name, found)
  return found
}

/** Units of so many seconds begin there when they do in UTC. */
export const isWholeIn = (zone: ZoneName, seconds: number): boolean =>
  zone !== undefined && zoneOffsets(zone).every((offset) => offset.seconds % seconds === 0)

/**
 * DuckDB's timezone() asks a calendar for each part of a moment: 70 to 140 ns. In UTC an instant and
 * its reading are the same number of microseconds, but for the infinite ones, of which epoch_us()
 * makes NULL. What is long is not written twice.
 */
const sameMicros = (make: 'make_timestamp' | 'make_timestamptz', sql: string): string => {
  const byCalendar = `timezone('UTC', ${sql})`
  return sql.length > WRITTEN_TWICE_MAX
    ? byCalendar
    : `COALESCE(${make}(epoch_us(${sql})), ${byCalendar})`
}

const WRITTEN_TWICE_MAX = 200

/** DuckDB's own conversion, or by the offset in zones that have had only one since 2000. */
function converted(make: 'make_timestamp' | 'make_timestamptz', sql: string, name: string): string {
  const [only, ...others] = zoneOffsets(name)
  if (!only || others.length > 0) return `timezone(${quote(name)}, ${sql})`
  const micros = (make === 'make_timestamp' ? 1 : -1) * only.seconds * 1_000_000
  return `${make}(epoch_us(${sql}) + CAST(${micros} AS BIGINT))`
}

/** The clock reading of an instant. */
export function localTime(when: Expr, zone: ZoneName): Expr {
  const name = zoned(zone)
  if (name === UTC)
    return typed(sameMicros('make_timestamp', when.sql), OID.timestamp, factsOf([when]))
  const local = converted('make_timestamp', when.sql, name)
  const sql = guard(outsideZones(when.sql, OID.timestamptz), local, 'zone out of range')
  return fallibleMoment(typed(`(${sql})`, OID.timestamp, factsOf([when])))
}

/** The instant of a clock reading, a day being its midnight. */
export function instantOf(local: Expr, zone: ZoneName): Expr {
  const name = zoned(zone)
  const reading = local.type.oid === OID.date ? `CAST(${local.sql} AS TIMESTAMP)` : local.sql
  const inZone = (): string => {
    const instant = converted('make_timestamptz', reading, name)
    return `(${guard(outsideZones(reading, OID.timestamp), instant, 'zone out of range')})`
  }
  const sql = name === UTC ? sameMicros('make_timestamptz', reading) : inZone()
  return fallibleMoment(typed(sql, OID.timestamptz, factsOf([local])))
}

/** The parts of an interval as DuckDB text; each is added after the one before. */
export function spanSql({ months, days, micros }: Interval): string {
  const parts = [
    months === 0 ? '' : `to_months(${months})`,
    days === 0 ? '' : `to_days(${days})`,
    micros === 0n ? '' : `to_microseconds(${micros})`
  ].filter((part) => part !== '')
  return parts.length === 0
    ? 'to_days(0)'
    : parts.length === 1
      ? `${parts[0]}`
      : `(${parts.join(' + ')})`
}

/** A span of at most a century: moments that are written have room for many of them. */
export const isShort = ({ months, days, micros }: Interval): boolean =>
  [months, days, Number(micros / MICROS_PER_DAY)].every((part) => Math.abs(part) <= CENTURY_DAYS) &&
  Math.abs(months) <= CENTURY_MONTHS

const MICROS_PER_DAY = 86_400_000_000n
const CENTURY_DAYS = 36_525
const CENTURY_MONTHS = 1_200

const MONTHS = (months: number): Interval => ({ months, days: 0, micros: 0n })
const DAYS = (days: number): Interval => ({ months: 0, days, micros: 0n })
const MICROS = (micros: bigint): Interval => ({ months: 0, days: 0, micros })

/**
 * An instant and an interval: months and days are those of the session's clock, one after the
 * other. Source: timestamp.c, timestamptz_pl_interval.
 */
export function addToInstant(op: string, when: Expr, span: Interval, zone: ZoneName): Expr {
  const byClock = (instant: Expr, part: Interval): Expr => {
    const local = localTime(instant, zone)
    return instantOf({ ...local, sql: `(${local.sql} ${op} ${spanSql(part)})` }, zone)
  }
  let at = when
  if (span.months !== 0) at = byClock(at, MONTHS(span.months))
  if (span.days !== 0) at = byClock(at, DAYS(span.days))
  if (span.micros !== 0n) at = { ...at, sql: `(${at.sql} ${op} ${spanSql(MICROS(span.micros))})` }
  const sum = inCommonEra(at.sql, OID.timestamptz, [at])
  return stable(isShort(span) ? sum : fallible(sum))
}

/** Microseconds since 1970 of a timestamp, an instant or a day; NULL of infinity. */
export const epochMicros = (when: Expr): string =>
  when.type.oid === OID.date ? `epoch_us(CAST(${when.sql} AS TIMESTAMP))` : `epoch_us(${when.sql})`

/** The time between: whole days and the rest, of one sign. Source: timestamp.c, timestamp_mi. */
export function timeBetween(a: Expr, b: Expr): Expr {
  const fault = `isinf(${a.sql}) OR isinf(${b.sql})`
  const [to, from] = [a, b].map((one) => `make_timestamp(${epochMicros(one)})`)
  const sql = `(${guard(fault, `${to} - ${from}`, 'date out of range')})`
  const elapsed = `(${epochMicros(a)} - ${epochMicros(b)})`
  return { ...fallible(typed(sql, OID.interval, factsOf([a, b]))), elapsed }
}
