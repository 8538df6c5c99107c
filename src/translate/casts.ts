// The table of casts: from × to → DuckDB text. What is absent is relayed.
// An entry is here only when both sides agree for every value, or DuckDB raises where they do not.
// Must never hold a cast whose result depends on a setting of the session, but its zone, and DateStyle,
// which is ISO wherever this is asked.

import { OID } from '../types/oids.ts'
import { numericTypmod } from '../types/store-type.ts'
import type { ColumnType } from '../types/value.ts'
import { decimalOf, doubleOf } from './coerce.ts'
import type { Decimal, Expr } from './expr.ts'
import {
  decimalExpr,
  factsOf,
  fallible,
  fallibleMoment,
  formOf,
  guard,
  opaque,
  relay,
  stable,
  typed,
  unproven
} from './expr.ts'
import { EXACT, FLOATS, INTEGERS, TEXTS } from './families.ts'
import { instantOf, localTime, outsideCommonEra, UTC, type ZoneName } from './instants.ts'
import { literal, wholeOf } from './literals.ts'

type Make = (a: Expr, to: number, zone: ZoneName) => Expr

interface CastRule {
  readonly from: readonly number[]
  readonly to: readonly number[]
  readonly make: Make
  /** Only where the session's time zone is known. */
  readonly zoned?: true
}

/** DuckDB's own cast: out of range raises on both sides, a half rounds to even on both. */
const plain: Make = (a, to) => {
  const expr = typed(`CAST(${a.sql} AS ${formOf(to)})`, to, factsOf([a]))
  return wholeOf(expr, a.whole) ?? expr
}

/** As above, and the optimizer must not lose the error: it drops a cast that it can invert. */
const toInteger: Make = (a, to) => {
  const sql = opaque(`CAST(${decimalIfNumeric(a)} AS ${formOf(to)})`, to)
  const expr = typed(sql, to, factsOf([a]))
  const whole = wholeOf(expr, a.whole)
  if (whole) return whole
  const size = { precision: SURE_DIGITS[to] ?? 0, scale: 0 }
  return a.type.oid === OID.numeric && fits(decimalOf(a), size) ? unproven(expr) : fallible(expr)
}

/** So many digits each integer type has room for. */
const SURE_DIGITS: Readonly<Record<number, number>> = {
  [OID.int2]: 4,
  [OID.int4]: 9,
  [OID.int8]: 18
}

/** A numeric's half rounds away from zero on both sides, a float's to even. */
const decimalIfNumeric = (a: Expr): string =>
  a.type.oid === OID.numeric ? decimalOf(a).sql : a.sql

/** The same bytes under another name. */
const relabel: Make = (a, to) => typed(a.sql, to, factsOf([a]))

const toNumeric: Make = (a) => decimalExpr(decimalOf(a), true, factsOf([a]))

/** DuckDB makes an ordinary day of an infinite instant. */
const dateOfTimestamp: Make = (a, to) => {
  const infinite = (text: string): string =>
    `WHEN ${a.sql} = CAST('${text}' AS TIMESTAMP) THEN CAST('${text}' AS DATE)`
  const cases = `${infinite('infinity')} ${infinite('-infinity')}`
  return typed(`(CASE ${cases} ELSE CAST(${a.sql} AS DATE) END)`, to, factsOf([a]))
}

/** An instant as the session's clock has it, and back. */
const localOfInstant: Make = (a, to, zone) => {
  const local = stable(localTime(a, zone))
  return to === OID.date ? dateOfTimestamp(local, to, zone) : local
}

const instantOfLocal: Make = (a, _to, zone) => stable(instantOf(a, zone))

const numericText: Make = (a, to) =>
  a.printed === undefined
    ? relay('the scale of a numeric is not known')
    : typed(a.printed, to, factsOf([a]))

/** As DateStyle ISO has it, which the local route is for; both print years 1 to 9999 and infinity alike. */
const momentText: Make = (a, to, zone) => {
  const isZoned = a.type.oid === OID.timestamptz
  if (isZoned && zone !== UTC) return relay('the text of an instant in this zone')
  const fault = `(${outsideCommonEra(a.sql, a.type.oid)}) AND NOT isinf(${a.sql})`
  const local = isZoned ? localTime(a, UTC).sql : a.sql
  const offset = isZoned ? ` || CASE WHEN isinf(${a.sql}) THEN '' ELSE '+00' END` : ''
  const sql = guard(fault, `(CAST(${local} AS VARCHAR)${offset})`, 'date out of range')
  return unproven(typed(`(${sql})`, to, factsOf([a])))
}

/** Of a constant only: what a text means as an interval DuckDB does not know. */
const spanOfText: Make = (a, to) =>
  typeof a.literal === 'string'
    ? literal(a.literal, { oid: to, typmod: -1 })
    : relay('an interval from a text that is not a constant')

/** First match wins; a type to itself is no cast at all. */
export const CASTS: readonly CastRule[] = [
  { from: [OID.int2], to: INTEGERS, make: plain },
  { from: [OID.int4], to: [OID.int8], make: plain },
  { from: [...EXACT, ...FLOATS], to: INTEGERS, make: toInteger },
  { from: INTEGERS, to: FLOATS, make: plain },
  { from: [OID.float4], to: [OID.float8], make: plain },
  { from: INTEGERS, to: [OID.numeric], make: toNumeric },
  { from: [OID.numeric], to: [OID.float8], make: doubleOf },
  { from: [OID.numeric], to: TEXTS, make: numericText },
  { from: INTEGERS, to: TEXTS, make: plain },
  { from: [OID.bool, OID.uuid], to: TEXTS, make: plain },
  { from: [OID.date, OID.timestamp, OID.timestamptz], to: TEXTS, make: momentText },
  { from: [OID.bool], to: [OID.int4], make: plain },
  { from: [OID.int4], to: [OID.bool], make: plain },
  { from: TEXTS, to: TEXTS, make: relabel },
  { from: TEXTS, to: [OID.interval], make: spanOfText },
  // Kept without its trailing blanks, as the cast to text leaves it.
  { from: [OID.bpchar], to: TEXTS, make: relabel },
  {
    from: [OID.date],
    to: [OID.timestamp],
    make: (a, to) => fallibleMoment(plain(a, to, undefined))
  },
  { from: [OID.timestamp], to: [OID.date], make: dateOfTimestamp },
  { from: [OID.timestamptz], to: [OID.timestamp, OID.date], make: localOfInstant, zoned: true },
  { from: [OID.timestamp, OID.date], to: [OID.timestamptz], make: instantOfLocal, zoned: true }
]

const isFor = (rule: CastRule, from: number, to: number, zone: ZoneName): boolean =>
  rule.from.includes(from) && rule.to.includes(to) && (zone !== undefined || !rule.zoned)

/** `a::type`, a typed already. */
export function applyCast(a: Expr, type: ColumnType, zone: ZoneName): Expr {
  const from = a.type.oid
  if (from !== type.oid) {
    const rule = CASTS.find((one) => isFor(one, from, type.oid, zone))
    if (!rule) return relay(`a cast from type ${from} to ${type.oid} is not known to be equal`)
    return withModifier(rule.make(a, type.oid, zone), type)
  }
  return type.typmod === -1 ? withoutModifier(a) : withModifier(a, type)
}

/** `x::numeric` of a numeric(10,2) keeps the value and its digits; char(n) keeps its blanks. */
function withoutModifier(a: Expr): Expr {
  if (a.type.oid === OID.bpchar) return relay('char(n) is only compared and passed through')
  return { ...a, type: { oid: a.type.oid, typmod: -1 }, column: false }
}

function withModifier(a: Expr, type: ColumnType): Expr {
  if (type.typmod === -1) return a
  const cut = MODIFIERS[type.oid]
  return cut ? { ...cut(a, type.typmod), type } : relay('a type modifier is not known')
}

/** Whether all that one holds is within the other, where what is rounded may need a digit more. */
const fits = (from: Decimal, to: { readonly precision: number; readonly scale: number }): boolean =>
  from.precision - from.scale + (from.scale > to.scale ? 1 : 0) <= to.precision - to.scale

/** An explicit cast to varchar(n) cuts; one to numeric(p,s) rounds half away from zero. */
const MODIFIERS: Readonly<Record<number, (a: Expr, typmod: number) => Expr>> = {
  [OID.varchar]: (a, typmod) =>
    typed(`substring(${a.sql}, 1, ${typmod - 4})`, OID.varchar, factsOf([a])),
  [OID.numeric]: (a, typmod) => {
    const size = numericTypmod(typmod)
    if (!size) return relay('a numeric without digits')
    if (a.type.oid === OID.numeric && !a.decimal) return relay('rounding an unconstrained numeric')
    const from = decimalOf(a)
    const sql = `CAST(${from.sql} AS DECIMAL(${size.precision},${size.scale}))`
    const expr = decimalExpr({ sql, ...size }, true, factsOf([a]))
    return fits(from, size) ? expr : fallible(expr)
  }
}
