// The table of functions over days, clock readings and instants. What is absent is relayed.
// An instant is looked at by the session's clock. Must never go beyond the years that both sides
// surely have: what is outside fails, and is relayed.

import { OID } from '../types/oids.ts'
import { withOffset } from './coerce.ts'
import { zoneOf } from './context.ts'
import type { Expr } from './expr.ts'
import { factsOf, fallible, guard, relay, typed, unproven } from './expr.ts'
import { TEXTS } from './families.ts'
import { extract, extractElapsed, part } from './fields.ts'
import type { FunctionRule, Session } from './function-rules.ts'
import { given, word } from './function-rules.ts'
import { epochMicros, instantOf, localTime, outsideCommonEra } from './instants.ts'
import { literal } from './literals.ts'
import { toChar } from './to-char.ts'
import { truncate, truncateInstant } from './truncation.ts'

type Within = (session: Session, ...args: readonly Expr[]) => Expr

const localDate = (when: Expr, { zone }: Session): Expr =>
  when.type.oid === OID.timestamptz ? localTime(when, zone) : when

const extractField: Within = (session, field, when) => {
  const value = given(when)
  return value.type.oid === OID.interval
    ? extractElapsed(field, value)
    : extract(field, localDate(value, session), value)
}

const datePart: Within = (session, field, when) => {
  const value = given(when)
  if (value.type.oid === OID.interval) return relay('date_part of an interval')
  return part(field, localDate(value, session), value)
}

/** Seconds since 1970 as an instant: whole ones only, a fraction rounds by the machine's doubles. */
const toTimestamp: Within = (_session, seconds) => {
  const value = given(seconds)
  const isWhole = value.type.oid !== OID.numeric || value.decimal?.scale === 0
  if (!isWhole || value.form === 'VARCHAR') return relay('to_timestamp of a fraction')
  const whole = `CAST(${value.decimal?.sql ?? value.sql} AS BIGINT)`
  const fault = `${whole} < -62135596800 OR ${whole} >= 253402214400`
  const instant = `make_timestamptz(${whole} * 1000000)`
  const sql = `(${guard(fault, instant, 'date out of range')})`
  const expr = typed(sql, OID.timestamptz, factsOf([value]))
  const { whole: known = 0n } = value
  return known > 0n && known < 253_402_214_400n ? unproven(expr) : fallible(expr)
}

/** The start of the stride that `when` is in, strides being counted from `origin`. */
const bin: Within = (_session, stride, when, origin) => {
  const { span } = given(stride)
  const [value, start] = [given(when), given(origin)]
  if (!span || span.months !== 0) return relay('date_bin of another stride')
  const width = BigInt(span.days) * 86_400_000_000n + span.micros
  if (width <= 0n) return relay('date_bin of another stride')
  const [at, from] = [epochMicros(value), epochMicros(start)]
  const offset = `((${at} - ${from}) % ${width} + ${width}) % ${width}`
  const { oid } = value.type
  const make = oid === OID.timestamptz ? 'make_timestamptz' : 'make_timestamp'
  const sql = `${make}(${at} - ${offset})`
  const fault = [value, start].map((one) => outsideCommonEra(one.sql, oid)).join(' OR ')
  return fallible(
    typed(`(${guard(fault, sql, 'date out of range')})`, oid, factsOf([value, start]))
  )
}

/** `x AT TIME ZONE 'UTC'`, or of a place: what has no slash may be an abbreviation of another zone. */
const atZone: Within = (_session, zone, when) => {
  const isPlace = zone?.literal?.includes('/') === true
  const name = isPlace ? zone.literal : word(zone, ['utc', 'gmt', 'zulu'])
  const found = zoneOf(name ?? '')
  const value = given(when)
  return value.type.oid === OID.timestamptz ? localTime(value, found) : instantOf(value, found)
}

/** The constants that tools write: a day and a time of all its digits. */
const READ_FORMS: Readonly<Record<string, RegExp>> = {
  'YYYY-MM-DD HH24:MI:SS.US': /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/,
  'YYYY-MM-DD HH24:MI:SS': /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/,
  'YYYY-MM-DD': /^\d{4}-\d\d-\d\d$/
}

function readByForm(text: Expr | undefined, form: Expr | undefined): string {
  const value = text?.literal ?? ''
  return READ_FORMS[form?.literal ?? '']?.test(value) ? value : relay('a text read by a format')
}

const readInstant: Within = ({ zone }, text, form) =>
  literal(withOffset(readByForm(text, form), zone), { oid: OID.timestamptz, typmod: -1 })

const readDay: Within = (_session, text, form) => {
  const value = readByForm(text, form)
  return literal(value.slice(0, 10), { oid: OID.date, typmod: -1 })
}

const format: Within = (session, when, pattern) => {
  const value = given(when)
  // A date is taken for the instant of its midnight, whose clock reading is that midnight.
  const local =
    value.type.oid === OID.date
      ? typed(`CAST(${value.sql} AS TIMESTAMP)`, OID.timestamp, factsOf([value]))
      : localDate(value, session)
  return toChar(local, pattern?.literal)
}

const isFinite: Within = (_session, when) => {
  const value = given(when)
  return typed(`(NOT isinf(${value.sql}))`, OID.bool, factsOf([value]))
}

const MOMENTS = [OID.date, OID.timestamp, OID.timestamptz]
const now: FunctionRule['make'] = { within: (session) => session.now() }

export const TIME_FUNCTIONS: readonly FunctionRule[] = [
  { name: 'now', takes: [], make: now },
  { name: 'transaction_timestamp', takes: [], make: now },
  { name: 'date_trunc', takes: [TEXTS, [OID.timestamp]], make: { within: truncate } },
  {
    name: 'date_trunc',
    takes: [TEXTS, [OID.timestamptz, OID.date]],
    make: { within: truncateInstant }
  },
  { name: 'extract', takes: [TEXTS, MOMENTS], make: { within: extractField } },
  { name: 'extract', takes: [TEXTS, [OID.interval]], make: { within: extractField } },
  { name: 'date_part', takes: [TEXTS, MOMENTS], make: { within: datePart } },
  {
    name: 'to_timestamp',
    takes: [[OID.int2, OID.int4, OID.int8, OID.numeric]],
    make: { within: toTimestamp }
  },
  {
    name: 'date_bin',
    takes: [[OID.interval], [OID.timestamp], [OID.timestamp]],
    make: { within: bin }
  },
  {
    name: 'date_bin',
    takes: [[OID.interval], [OID.timestamptz], [OID.timestamptz]],
    make: { within: bin }
  },
  { name: 'timezone', takes: [TEXTS, [OID.timestamp, OID.timestamptz]], make: { within: atZone } },
  { name: 'to_timestamp', takes: [TEXTS, TEXTS], make: { within: readInstant } },
  { name: 'to_date', takes: [TEXTS, TEXTS], make: { within: readDay } },
  { name: 'to_char', takes: [MOMENTS, TEXTS], make: { within: format } },
  { name: 'isfinite', takes: [MOMENTS], make: { within: isFinite } }
]
