// Division of numerics, and averages, digit for digit as Postgres prints them.
// Source: numeric.c, select_div_scale: at least 16 significant digits, counted in groups of four.
// Must never give a quotient whose digits exceed DuckDB's 128-bit integers: there it raises.

import type { Decimal, Expr, Facts } from './expr.ts'
import { fallible, guard, printedNumeric } from './expr.ts'

/** A number as DuckDB text of a HUGEINT counting units of 10^-scale. */
export interface Unscaled {
  readonly sql: string
  readonly scale: number
}

/** Digits after the point that a quotient shows at most where it can still be compared. */
const COMPARED_SCALE = 24

/** A DECIMAL in its units; the text is the only way that cannot overflow. */
export const unscaled = ({ sql, scale }: Decimal): Unscaled => ({
  sql: `CAST(replace(CAST(${sql} AS VARCHAR), '.', '') AS HUGEINT)`,
  scale
})

/**
 * The position of a number's first group of four digits and that group's value, of `x[name]`: the
 * absolute number of units. Groups are counted from the point, so the fraction is filled up to whole
 * groups; zero counts as group 0.
 */
function leadingGroup(name: string, scale: number): { weight: string; first: string } {
  const fraction = Math.ceil(scale / 4)
  const filled = `CAST(x['${name}'] AS VARCHAR) || '${'0'.repeat(fraction * 4 - scale)}'`
  const digits = `length(${filled})`
  const weight = `CASE WHEN x['${name}'] = 0 THEN 0 ELSE (${digits} - 1) // 4 - ${fraction} END`
  const first = `CAST(left(${filled}, (${digits} - 1) % 4 + 1) AS INTEGER)`
  return { weight: `(${weight})`, first }
}

/**
 * a / b. Steps over one struct, so that no operand is written twice: `a`, `b` the absolute units,
 * `m` whether the quotient is negative, `r` the digits it shows after the point, `q` its units.
 */
export function quotient(a: Unscaled, b: Unscaled, facts: Facts, digits?: string): Expr {
  const [first, second] = [leadingGroup('a', a.scale), leadingGroup('b', b.scale)]
  const borrow = `CASE WHEN ${first.first} <= ${second.first} THEN 1 ELSE 0 END`
  const least = digits ?? String(Math.max(a.scale, b.scale))
  const weight = `${first.weight} - ${second.weight} - ${borrow}`
  const shift = b.scale - a.scale
  const power = (digits: string): string =>
    `CAST('1' || repeat('0', greatest(0, ${digits})) AS HUGEINT)`
  const exponent = `x['r'] + ${shift}`
  // Fewer digits than the dividend has are shown only where its own say so.
  const under = digits === undefined ? `x['b']` : `x['b'] * ${power(`-(${exponent})`)}`
  const keep = (...names: string[]): string =>
    names.map((name) => `${name}: x['${name}']`).join(', ')
  const steps = [
    `{a: abs(x['a']), b: abs(x['b']), ${keep('l')}, m: x['a'] <> 0 AND (x['a'] < 0) <> (x['b'] < 0)}`,
    `{${keep('a', 'b', 'm')}, r: greatest(x['l'], 16 - 4 * (${weight}))}`,
    `{${keep('m', 'r')}, q: CAST((2 * x['a'] * ${power(exponent)} ` +
      `+ ${under}) // (2 * ${under}) AS VARCHAR)}`,
    `{${keep('m', 'r')}, q: repeat('0', greatest(0, x['r'] + 1 - length(x['q']))) || x['q']}`,
    `CASE WHEN x['m'] THEN '-' ELSE '' END || left(x['q'], length(x['q']) - x['r']) || ` +
      `CASE WHEN x['r'] > 0 THEN '.' || right(x['q'], x['r']) ELSE '' END`
  ]
  const start = `[{a: ${a.sql}, b: ${b.sql}, l: ${least}}]`
  const chain = steps.reduce((from, step) => `list_transform(${from}, lambda x: ${step})`, start)
  const text = `(${chain})[1]`
  return fallible(printedNumeric(text, compared(text), facts))
}

/** Fails where the quotient shows more digits than the DECIMAL holds. */
function compared(text: string): Decimal {
  const digits = `length(${text}) - strpos(${text} || '.', '.')`
  const value = `CAST(${text} AS DECIMAL(38,${COMPARED_SCALE}))`
  const sql = `(${guard(`${digits} > ${COMPARED_SCALE}`, value, 'a quotient of many digits')})`
  return { sql, precision: 38, scale: COMPARED_SCALE }
}
