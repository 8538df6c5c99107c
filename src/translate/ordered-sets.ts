// Aggregates over a sorted set: percentile_cont and percentile_disc, on the sorted list of the
// values, by Postgres's own formulas. Source: orderedsetaggs.c.
// Must never interpolate otherwise than lo + p × (hi − lo): DuckDB's own has other last digits.

import { OID } from '../types/oids.ts'
import type { Call } from './aggregate-rules.ts'
import { doubleOf } from './coerce.ts'
import type { Expr } from './expr.ts'
import { decimalExpr, fallible, guard, keepsScale, relay, typed } from './expr.ts'
import { FLOATS, INTEGERS, isFloat, TEXTS } from './families.ts'

type Make = (call: Call, key: Expr, fraction: Expr | undefined) => Expr

/** The values that are not NULL, in the order that was asked for. */
const sorted = (call: Call, value: string): string =>
  `list_filter(list(${value}${call.order})${call.suffix}, lambda v: v IS NOT NULL)`

/** A constant from 0 to 1. */
function fractionOf(fraction: Expr | undefined): number {
  const value = Number(fraction?.literal ?? Number.NaN)
  return value >= 0 && value <= 1 ? value : relay('a percentile that is not a plain constant')
}

const double = (value: number): string => `CAST('${value}' AS DOUBLE)`

const continuous: Make = (call, key, fraction) => {
  const at = `(${double(fractionOf(fraction))} * CAST(len(l) - 1 AS DOUBLE))`
  const item = (round: string): string => `l[CAST(${round}(${at}) AS BIGINT) + 1]`
  const [low, high] = [item('floor'), item('ceil')]
  const between = `${low} + (${at} - floor(${at})) * (${high} - ${low})`
  const value = `CASE WHEN floor(${at}) = ceil(${at}) THEN ${low} ELSE ${between} END`
  const list = `[${sorted(call, doubleOf(key).sql)}]`
  const result = `list_transform(${list}, lambda l: ${value})[1]`
  return fallible(typed(`(${onZeros(result, call, key)})`, OID.float8, call.facts))
}

/** −0 and 0 are equal, and which of them comes first is open. */
function onZeros(result: string, call: Call, key: Expr): string {
  if (!isFloat(key.type.oid)) return result
  const any = `bool_or(${key.sql} = 0 AND signbit(${key.sql}))${call.suffix}`
  return guard(`${result} = 0 AND ${any}`, result, 'a negative zero')
}

const discrete: Make = (call, key, fraction) => {
  const at = `CAST(ceil(${double(fractionOf(fraction))} * CAST(len(l) AS DOUBLE)) AS BIGINT)`
  const list = `[${sorted(call, key.sql)}]`
  const result = `list_transform(${list}, lambda l: l[greatest(1, ${at})])[1]`
  return ofKey(`(${onZeros(result, call, key)})`, call, key)
}

function ofKey(sql: string, call: Call, key: Expr): Expr {
  if (key.type.oid !== OID.numeric)
    return fallible(typed(sql, key.type.oid, { ...call.facts, bytewise: key.bytewise }))
  const { decimal } = key
  if (!decimal || !keepsScale(key)) return relay('a percentile of unconstrained numerics')
  return fallible(decimalExpr({ ...decimal, sql }, true, call.facts))
}

const NUMBERS = [...INTEGERS, ...FLOATS]
const VALUES = [...NUMBERS, ...TEXTS, OID.numeric, OID.date, OID.timestamp, OID.timestamptz]

interface OrderedSetRule {
  readonly name: string
  readonly takes: readonly number[]
  readonly make: Make
}

export const ORDERED_SETS: readonly OrderedSetRule[] = [
  { name: 'percentile_cont', takes: [...NUMBERS, OID.numeric], make: continuous },
  { name: 'percentile_disc', takes: VALUES, make: discrete }
]

const NAMES = new Set(ORDERED_SETS.map((rule) => rule.name))

export const isOrderedSet = (name: string): boolean => NAMES.has(name)

export function applyOrderedSet(name: string, args: readonly Expr[], call: Call): Expr {
  const [key, ...more] = call.keys
  if (!key || more.length > 0 || args.length > 1) return relay(`${name} of another form`)
  const rule = ORDERED_SETS.find((one) => one.name === name && one.takes.includes(key.type.oid))
  return rule?.make(call, key, args[0]) ?? relay(`${name} of this type is not known to be equal`)
}
