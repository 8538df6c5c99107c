// The table of functions over numbers. What is absent is relayed.
// An entry is here only when both sides agree for every value, or DuckDB raises where they do not:
// the library functions (ln, exp, power, sin …) are not, their last digits are the machine's.

import { OID } from '../types/oids.ts'
import { decimalOf } from './coerce.ts'
import type { Expr, Ratio } from './expr.ts'
import {
  decimalExpr,
  digitsOf,
  factsOf,
  fallible,
  formOf,
  guard,
  relay,
  typed,
  unproven
} from './expr.ts'
import { EXACT, INTEGERS, wider } from './families.ts'
import { type FunctionRule, type Make, same, wholeFrom } from './function-rules.ts'

const absolute: Make = (a) => {
  const { sql, precision, scale } = decimalOf(a)
  return decimalExpr({ sql: `abs(${sql})`, precision, scale }, digitsOf(a), factsOf([a]))
}

/** round(numeric, n) shows exactly n digits after the point; a half rounds away from zero. */
const roundTo: Make = (a, digits) => {
  const from = decimalOf(a)
  const scale = digits === undefined ? 0 : wholeFrom(0, digits)
  const precision = from.precision - from.scale + scale + (scale < from.scale ? 1 : 0)
  const sql = `CAST(${from.sql} AS DECIMAL(${precision},${scale}))`
  return unproven(decimalExpr({ sql, precision, scale }, true, factsOf([a])))
}

/** Cut, not rounded: what is cut off is taken away first. */
const truncateTo: Make = (a, digits) => {
  const from = decimalOf(a)
  const scale = digits === undefined ? 0 : wholeFrom(0, digits)
  if (scale >= from.scale) return roundTo(a, ...(digits ? [digits] : []))
  const precision = from.precision - from.scale + scale
  const one = scale === 0 ? '1' : `0.${'0'.repeat(scale - 1)}1`
  const unit = `CAST('${one}' AS DECIMAL(${scale + 1},${scale}))`
  const sql = `CAST((${from.sql} - ${from.sql} % ${unit}) AS DECIMAL(${Math.max(precision, 1)},${scale}))`
  return unproven(
    decimalExpr({ sql, precision: Math.max(precision, 1), scale }, true, factsOf([a]))
  )
}

/** floor() and ceil() of a numeric show no digit after the point. */
const toWhole =
  (name: 'floor' | 'ceil'): Make =>
  (a) => {
    if (name === 'floor' && a.ratio) return floorOf(a.ratio, a)
    const { sql, precision, scale } = decimalOf(a)
    const digits = precision - scale + 1
    const whole = `CAST(${name}(${sql}) AS DECIMAL(${digits},0))`
    return unproven(decimalExpr({ sql: whole, precision: digits, scale: 0 }, true, factsOf([a])))
  }

/** Seconds below 10^10 only: there the quotient's digits cannot round it up to the next whole one. */
function floorOf({ units, by }: Ratio, a: Expr): Expr {
  const fault = `abs(${units}) >= 10000000000000000`
  const whole = `(${units} - ((${units} % ${by}) + ${by}) % ${by}) // ${by}`
  const sql = `CAST((${guard(fault, whole, 'date out of range')}) AS DECIMAL(18,0))`
  return unproven(decimalExpr({ sql, precision: 18, scale: 0 }, true, factsOf([a])))
}

const modulo: Make = (a, b) => {
  if (!b) return relay('mod of one argument')
  const oid = wider(a.type.oid, b.type.oid)
  const sql = guard(`${b.sql} = 0`, `${a.sql} % ${b.sql}`, 'division by zero')
  return fallible(typed(`CAST((${sql}) AS ${formOf(oid)})`, oid, factsOf([a, b])))
}

const squareRoot: Make = (a) => {
  const sql = guard(`${a.sql} < 0`, `sqrt(${a.sql})`, 'a negative number')
  return fallible(typed(`(${sql})`, OID.float8, factsOf([a])))
}

const double =
  (name: string): Make =>
  (a) =>
    unproven(typed(name.replace('x', a.sql), OID.float8, factsOf([a])))

const sign: Make = (a) => {
  const sql = `CASE WHEN ${a.sql} > 0 THEN 1 WHEN ${a.sql} < 0 THEN -1 WHEN ${a.sql} = 0 THEN 0 END`
  const checked = guard(`isnan(${a.sql})`, `CAST(${sql} AS DOUBLE)`, 'not a number')
  return unproven(typed(`(${checked})`, OID.float8, factsOf([a])))
}

const WHOLE = [OID.int4]
const DOUBLE = [[OID.float8]]
const NUMERIC = [[OID.numeric]]
const WIDE = [OID.int4, OID.int8]

export const NUMBER_FUNCTIONS: readonly FunctionRule[] = [
  { name: 'abs', takes: [INTEGERS], make: same('abs') },
  { name: 'abs', takes: [[OID.float4, OID.float8]], make: same('abs') },
  { name: 'abs', takes: NUMERIC, make: absolute },
  { name: 'round', takes: NUMERIC, make: roundTo },
  { name: 'round', takes: [EXACT, WHOLE], make: roundTo },
  { name: 'round', takes: DOUBLE, make: double('round_even(x, 0)') },
  { name: 'trunc', takes: NUMERIC, make: truncateTo },
  { name: 'trunc', takes: [EXACT, WHOLE], make: truncateTo },
  { name: 'trunc', takes: DOUBLE, make: double('trunc(x)') },
  { name: 'floor', takes: DOUBLE, make: double('floor(x)') },
  { name: 'floor', takes: NUMERIC, make: toWhole('floor') },
  { name: 'ceil', takes: DOUBLE, make: double('ceil(x)') },
  { name: 'ceil', takes: NUMERIC, make: toWhole('ceil') },
  { name: 'ceiling', takes: DOUBLE, make: double('ceil(x)') },
  { name: 'ceiling', takes: NUMERIC, make: toWhole('ceil') },
  { name: 'sqrt', takes: DOUBLE, make: squareRoot },
  { name: 'sign', takes: DOUBLE, make: sign },
  { name: 'mod', takes: [WIDE, WIDE], make: modulo }
]
