// variance() and stddev() of integers and numerics, digit for digit as Postgres prints them: from the
// exact count, sum and sum of squares, by numeric division and a square root of whole numbers.
// Source: numeric.c, numeric_stddev_internal and sqrt_var (Postgres 14 on rounds its exact root).
// Must never take a float: there Postgres's digits depend on the order of the rows. A total beyond
// DuckDB's 128-bit integers raises.

import { OID } from '../types/oids.ts'
import { type AggregateRule, invoke, type Make, mostDigits } from './aggregate-rules.ts'
import { decimalOf } from './coerce.ts'
import { dividing, keep, power, stepped, unscaled } from './division.ts'
import type { Expr } from './expr.ts'
import { guard, relay } from './expr.ts'
import { EXACT } from './families.ts'

/** Digits that the root is taken of at once; their root has half as many. */
const ROOTED_DIGITS = 36

/** A square has no more digits after the point than a DECIMAL can have. */
const SCALE_MAX = 19

/**
 * The square root of `q` units of 10^-r, in such units, a half rounded up: of the whole number
 * q × 10^r. `h` are its leading digits and 2e zeros follow; `s` is the root of `h` (by floats, made
 * exact by one step of Newton's and a look at its square), `d` what `e` more digits add to it (a
 * step of long division), and `w` what remains.
 */
const ROOTING: readonly string[] = [
  `{${keep('r', 'q')}, e: greatest(0, ` +
    `(length(CAST(x['q'] AS VARCHAR)) + x['r'] - ${ROOTED_DIGITS - 1}) // 2)}`,
  `{${keep('r', 'e')}, h: ` +
    `${guard(`x['r'] < 2 * x['e']`, `x['q'] * ${power(`x['r'] - 2 * x['e']`)}`, 'a root of many digits')}}`,
  `{${keep('r', 'e', 'h')}, s: greatest(1, CAST(floor(sqrt(CAST(x['h'] AS DOUBLE))) AS HUGEINT))}`,
  `{${keep('r', 'e', 'h')}, s: (x['s'] + x['h'] // x['s']) // 2}`,
  `{${keep('r', 'e', 'h')}, s: x['s'] - CASE WHEN x['s'] * x['s'] > x['h'] THEN 1 ELSE 0 END}`,
  `{${keep('r')}, s: x['s'] * ${power(`x['e']`)}, ` +
    `w: (x['h'] - x['s'] * x['s']) * ${power(`2 * x['e']`)}}`,
  `{${keep('r', 's', 'w')}, d: x['w'] // greatest(1, 2 * x['s'])}`,
  `{${keep('r', 's', 'w')}, d: x['d'] - ` +
    `CASE WHEN x['d'] * (2 * x['s'] + x['d']) > x['w'] THEN 1 ELSE 0 END}`,
  `{${keep('r')}, s: x['s'] + x['d'], w: x['w'] - x['d'] * (2 * x['s'] + x['d'])}`,
  `{m: FALSE, ${keep('r')}, q: x['s'] + CASE WHEN x['w'] > x['s'] THEN 1 ELSE 0 END}`
]

/** Where nothing deviates it is 0, without digits after the point. */
const WITHOUT_DIGITS = `{${keep('m', 'q')}, r: CASE WHEN x['q'] = 0 THEN 0 ELSE x['r'] END}`

/** The number in a form that holds its square. */
function squarable(a: Expr): string {
  if (a.type.oid === OID.int2 || a.type.oid === OID.int4) return `CAST(${a.sql} AS BIGINT)`
  const { sql, precision, scale } = decimalOf(a)
  return precision <= INT64_ROOT_DIGITS ? sql : `CAST(${sql} AS DECIMAL(38,${scale}))`
}

/** Squares of so many digits are 64-bit integers in DuckDB. */
const INT64_ROOT_DIGITS = 9

const deviation =
  (divisor: string, last: readonly string[]): Make =>
  (a, call) => {
    if (call.distinct) return relay('a variance of DISTINCT values')
    const { sql, scale } = decimalOf(a)
    if (scale > SCALE_MAX) return relay('a variance of so many digits')
    const shown = mostDigits(a, call)
    const digits = shown === true ? String(scale) : shown
    if (digits === false) return relay('the scale of a numeric is not known')
    const term = squarable(a)
    const [sum, squares] = [term, `${term} * ${term}`].map(
      (added, i) =>
        unscaled({ sql: invoke('sum', added, call), precision: 38, scale: scale * (i + 1) }).sql
    )
    const count = `CAST(${invoke('count', sql, call)} AS HUGEINT)`
    const start = `{n: ${count}, s: ${sum}, q: ${squares}, l: 2 * ${digits}}`
    const terms = `{a: x['n'] * x['q'] - x['s'] * x['s'], b: nullif(${divisor}, 0), ${keep('l')}}`
    const steps = [terms, ...dividing(2 * scale, 0, shown !== true), ...last, WITHOUT_DIGITS]
    return stepped(start, steps, call.facts)
  }

const OF_ALL = `x['n'] * x['n']`
const OF_A_SAMPLE = `x['n'] * (x['n'] - 1)`

const rule = (name: string, divisor: string, last: readonly string[]): AggregateRule => ({
  name,
  takes: EXACT,
  make: deviation(divisor, last)
})

export const DEVIATIONS: readonly AggregateRule[] = [
  rule('variance', OF_A_SAMPLE, []),
  rule('var_samp', OF_A_SAMPLE, []),
  rule('var_pop', OF_ALL, []),
  rule('stddev', OF_A_SAMPLE, ROOTING),
  rule('stddev_samp', OF_A_SAMPLE, ROOTING),
  rule('stddev_pop', OF_ALL, ROOTING)
]
