// The table of aggregates: name × argument type → DuckDB text. What is absent is relayed.
// Sums and averages of doubles depend on the order of the rows, in Postgres as well: they are local
// where the session takes any of those answers. string_agg and array_agg need an ORDER BY.
// Must never leak HUGEINT, nor an average that Postgres would print with other digits.

import { ARRAY_OID, OID } from '../types/oids.ts'
import { type AggregateRule, type Call, invoke, type Make, mostDigits } from './aggregate-rules.ts'
import { decimalOf, doubleOf } from './coerce.ts'
import { DEVIATIONS } from './deviations.ts'
import { quotient, type Unscaled, unscaled } from './division.ts'
import type { Expr, Facts } from './expr.ts'
import {
  decimalExpr,
  factsOf,
  fallible,
  guard,
  keepsScale,
  relay,
  shownDigits,
  typed,
  unproven
} from './expr.ts'
import { FLOATS, INTEGERS, TEXTS } from './families.ts'

/** More rows than a store will have would overflow. */
const sumToBigint: Make = (a, call) =>
  unproven(typed(`CAST(${invoke('sum', a.sql, call)} AS BIGINT)`, OID.int8, call.facts))

const sumOfBigint: Make = (a, call) => {
  const sql = `CAST(${invoke('sum', a.sql, call)} AS DECIMAL(29,0))`
  return unproven(decimalExpr({ sql, precision: 29, scale: 0 }, true, call.facts))
}

/** Ten digits of room: more rows than a store will have. More raises. */
const sumOfNumeric: Make = (a, call) => {
  const { sql, precision, scale } = decimalOf(a)
  const digits = Math.min(precision + 10, 38)
  const total = `CAST(${invoke('sum', sql, call)} AS DECIMAL(${digits},${scale}))`
  return unproven(
    decimalExpr({ sql: total, precision: digits, scale }, mostDigits(a, call), call.facts)
  )
}

const extreme =
  (name: string): Make =>
  (a, call) =>
    typed(invoke(name, a.sql, { ...call, distinct: false }), a.type.oid, call.facts)

/**
 * −0 and 0 are equal, and which of them is the extreme depends on the order of the rows: left to
 * Postgres. NaN is the greatest float on both sides.
 */
const extremeFloat =
  (name: string): Make =>
  (a, call) => {
    const extreme = invoke(name, a.sql, { ...call, distinct: false })
    const negativeZero = `${a.sql} = 0 AND signbit(${a.sql})`
    const any = invoke('bool_or', negativeZero, { ...call, distinct: false })
    const sql = guard(`${extreme} = 0 AND ${any}`, extreme, 'a negative zero')
    return typed(`(${sql})`, a.type.oid, call.facts)
  }

const extremeText =
  (name: string): Make =>
  (a, call) => {
    if (!a.bytewise) return relay('texts are ordered without COLLATE "C"')
    const sql = invoke(name, a.sql, { ...call, distinct: false })
    return typed(sql, OID.text, { ...call.facts, bytewise: true })
  }

const extremeNumeric =
  (name: string): Make =>
  (a, call) => {
    const { sql, ...size } = decimalOf(a)
    const extremeSql = invoke(name, sql, { ...call, distinct: false })
    return decimalExpr({ sql: extremeSql, ...size }, keepsScale(a), call.facts)
  }

/**
 * The sum of doubles, in DuckDB's order. Fails where Postgres raises, or could in some order.
 * The sum of nothing but −0 is −0 there: a sum is 0 and all its values have the sign only then.
 */
const sumOfDoubles: Make = (a, call) => {
  if (!call.floats || call.distinct)
    return relay('a sum of floats depends on the order of the rows')
  const sum = invoke('sum', a.sql, call)
  const allFinite = invoke('bool_and', `isfinite(${a.sql})`, call)
  const allSigned = invoke('bool_and', `signbit(${a.sql})`, call)
  const overflow = `NOT isfinite(${sum}) AND ${allFinite}`
  const value = `CASE WHEN ${sum} = 0 AND ${allSigned} THEN CAST('-0' AS DOUBLE) ELSE ${sum} END`
  const sql = `(${guard(overflow, value, 'float out of range')})`
  return fallible(typed(sql, OID.float8, call.facts))
}

/** Beyond these the squares that Postgres adds up beside the values overflow, and it raises. */
const AVERAGED_MAX = '1e140'

const averageOfFloats: Make = (a, call) => {
  if (!call.floats || call.distinct)
    return relay('an average of floats depends on the order of the rows')
  const { sql } = doubleOf(a)
  const isLarge = `abs(${sql}) > CAST('${AVERAGED_MAX}' AS DOUBLE) AND isfinite(${sql})`
  const large = invoke('bool_or', isLarge, call)
  const mean = `${invoke('sum', sql, call)} / nullif(${invoke('count', sql, call)}, 0)`
  const average = `(${guard(large, mean, 'float out of range')})`
  return fallible(typed(average, OID.float8, call.facts))
}

/** In the order that is asked for; DISTINCT is by the values themselves there. */
function ordered(name: string, argument: string, call: Call): string {
  if (call.order === '') return relay(`${name} without ORDER BY`)
  const distinct = call.distinct ? 'DISTINCT ' : ''
  return `${name}(${distinct}${argument}${call.order})${call.suffix}`
}

const joinTexts: Make = (a, call, separator) => {
  if (typeof separator?.literal !== 'string')
    return relay('a separator that is not a plain constant')
  const sql = ordered('string_agg', `${a.sql}, ${separator.sql}`, call)
  return typed(sql, OID.text, { ...call.facts, bytewise: a.bytewise })
}

const collect: Make = (a, call) => {
  const array = ARRAY_OID[a.type.oid] ?? relay('an array of this type')
  return typed(ordered('list', a.sql, call), array, call.facts)
}

const bitwise =
  (name: string): Make =>
  (a, call) =>
    typed(invoke(name, a.sql, { ...call, distinct: false }), a.type.oid, call.facts)

const logical =
  (name: string): Make =>
  (a, call) =>
    typed(invoke(name, a.sql, { ...call, distinct: false }), OID.bool, call.facts)

/** sum / count as numeric division gives it; NULL without rows. */
function averageOf(total: Unscaled, argument: string, call: Call, digits?: string): Expr {
  const count = `CAST(nullif(${invoke('count', argument, call)}, 0) AS HUGEINT)`
  return quotient(total, { sql: count, scale: 0 }, call.facts, digits)
}

const average: Make = (a, call) =>
  averageOf({ sql: `CAST(${invoke('sum', a.sql, call)} AS HUGEINT)`, scale: 0 }, a.sql, call)

const averageOfNumeric: Make = (a, call) => {
  const total = sumOfNumeric(a, call, undefined)
  const decimal = total.decimal ?? relay('an average of so many digits')
  const digits = shownDigits(total, decimal.scale) ?? relay('the scale of a numeric is not known')
  return averageOf(unscaled(decimal), decimalOf(a).sql, call, digits)
}

const ORDERED = [...INTEGERS, OID.date, OID.time, OID.timestamp, OID.timestamptz]

/** First match wins. */
export const AGGREGATES: readonly AggregateRule[] = [
  { name: 'sum', takes: [OID.int2, OID.int4], make: sumToBigint },
  { name: 'sum', takes: [OID.int8], make: sumOfBigint },
  { name: 'sum', takes: [OID.numeric], make: sumOfNumeric },
  { name: 'avg', takes: INTEGERS, make: average },
  { name: 'avg', takes: [OID.numeric], make: averageOfNumeric },
  { name: 'min', takes: ORDERED, make: extreme('min') },
  { name: 'max', takes: ORDERED, make: extreme('max') },
  { name: 'min', takes: FLOATS, make: extremeFloat('min') },
  { name: 'max', takes: FLOATS, make: extremeFloat('max') },
  { name: 'min', takes: [OID.numeric], make: extremeNumeric('min') },
  { name: 'max', takes: [OID.numeric], make: extremeNumeric('max') },
  { name: 'min', takes: TEXTS, make: extremeText('min') },
  { name: 'max', takes: TEXTS, make: extremeText('max') },
  { name: 'sum', takes: [OID.float8], make: sumOfDoubles },
  { name: 'avg', takes: FLOATS, make: averageOfFloats },
  ...DEVIATIONS,
  { name: 'string_agg', takes: TEXTS, make: joinTexts, isPair: true },
  { name: 'array_agg', takes: [...ORDERED, ...TEXTS, OID.bool], make: collect },
  { name: 'bit_and', takes: INTEGERS, make: bitwise('bit_and') },
  { name: 'bit_or', takes: INTEGERS, make: bitwise('bit_or') },
  { name: 'bool_and', takes: [OID.bool], make: logical('bool_and') },
  { name: 'every', takes: [OID.bool], make: logical('bool_and') },
  { name: 'bool_or', takes: [OID.bool], make: logical('bool_or') }
]

const NAMES = new Set(['count', ...AGGREGATES.map((rule) => rule.name)])

export const isAggregate = (name: string): boolean => NAMES.has(name)

/** count(*), or count(x) of a type with one equality on both sides. */
export function count(a: Expr | undefined, call: Call): Expr {
  const argument = a === undefined ? '*' : a.sql
  const all = typed(invoke('count', argument, call), OID.int8, call.facts)
  const isSimple = call.distinct && call.suffix === '' && a?.constant === false
  return isSimple && INTEGERS.includes(a.type.oid) ? { ...all, distinctOf: a.sql } : all
}

export function applyAggregate(name: string, args: readonly Expr[], call: Call): Expr {
  const [a, separator, ...more] = args
  const rule = AGGREGATES.find(
    (one) =>
      one.name === name &&
      one.takes.includes(a?.type.oid ?? 0) &&
      more.length === 0 &&
      (one.isPair === true) === (separator !== undefined)
  )
  if (!rule || !a) return relay(`aggregate ${name} of this type is not known to be equal`)
  return rule.make(a, call, separator)
}

/** The facts of a call, from its argument and its FILTER; a window's call is no aggregate itself. */
export function callFacts(parts: readonly Expr[], isWindow: boolean): Facts {
  const facts = factsOf(parts)
  return { ...facts, constant: false, aggregate: !isWindow || facts.aggregate }
}
