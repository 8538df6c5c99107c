// Division of numerics, and averages, digit for digit as Postgres prints them.
// Source: numeric.c, select_div_scale: at least 16 significant digits, counted in groups of four.
// Must never give a quotient whose digits exceed DuckDB's 128-bit integers: there it raises.

import type { Decimal, Expr, Facts } from './expr.ts'
import { guard, once, printedNumeric, unproven } from './expr.ts'

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

/** 10 to the power of so many, 1 for fewer than none. */
export const power = (digits: string): string =>
  `CAST('1' || repeat('0', greatest(0, ${digits})) AS HUGEINT)`

/** Fields of `x` that a step passes on. */
export const keep = (...names: string[]): string =>
  names.map((name) => `${name}: x['${name}']`).join(', ')

/** What the steps make of a struct, one after the other; each reads the one before as `x`. */
export const chain = (start: string, steps: readonly string[]): string =>
  `(${steps.reduce((from, step) => `list_transform(${from}, lambda x: ${step})`, `[${start}]`)})[1]`

/**
 * From `a` and `b`, units of a scale each, and `l`, the digits to show at least: `m` whether the
 * quotient is negative, `r` the digits it shows after the point, `q` its units. `mayShowFewer`: than
 * the dividend has.
 */
export function dividing(aScale: number, bScale: number, mayShowFewer: boolean): readonly string[] {
  const [first, second] = [leadingGroup('a', aScale), leadingGroup('b', bScale)]
  const borrow = `CASE WHEN ${first.first} <= ${second.first} THEN 1 ELSE 0 END`
  const weight = `${first.weight} - ${second.weight} - ${borrow}`
  const exponent = `x['r'] + ${bScale - aScale}`
  const under = mayShowFewer ? `x['b'] * ${power(`-(${exponent})`)}` : `x['b']`
  return [
    `{a: abs(x['a']), b: abs(x['b']), ${keep('l')}, m: x['a'] <> 0 AND (x['a'] < 0) <> (x['b'] < 0)}`,
    `{${keep('a', 'b', 'm')}, r: greatest(x['l'], 16 - 4 * (${weight}))}`,
    `{${keep('m', 'r')}, q: (2 * x['a'] * ${power(exponent)} + ${under}) // (2 * ${under})}`
  ]
}

/** The text of what dividing() gives. */
const PRINTING: readonly string[] = [
  `{${keep('m', 'r')}, q: CAST(x['q'] AS VARCHAR)}`,
  `{${keep('m', 'r')}, q: repeat('0', greatest(0, x['r'] + 1 - length(x['q']))) || x['q']}`,
  `CASE WHEN x['m'] THEN '-' ELSE '' END || left(x['q'], length(x['q']) - x['r']) || ` +
    `CASE WHEN x['r'] > 0 THEN '.' || right(x['q'], x['r']) ELSE '' END`
]

/** The numeric that the steps, which end as dividing() does, make of a struct. */
export function stepped(start: string, steps: readonly string[], facts: Facts): Expr {
  const text = chain(start, [...steps, ...PRINTING])
  return unproven(printedNumeric(text, compared(text), facts))
}

/** a / b, over one struct, so that no operand is written twice. */
export function quotient(a: Unscaled, b: Unscaled, facts: Facts, digits?: string): Expr {
  const least = digits ?? String(Math.max(a.scale, b.scale))
  const start = `{a: ${a.sql}, b: ${b.sql}, l: ${least}}`
  // Fewer digits than the dividend has are shown only where its own say so.
  return stepped(start, dividing(a.scale, b.scale, digits !== undefined), facts)
}

/** Fails where the quotient shows more digits than the DECIMAL holds. */
function compared(text: string): Decimal {
  const sql = once(text, (v) => {
    const digits = `length(${v}) - strpos(${v} || '.', '.')`
    const value = `CAST(${v} AS DECIMAL(38,${COMPARED_SCALE}))`
    return guard(`${digits} > ${COMPARED_SCALE}`, value, 'a quotient of many digits')
  })
  return { sql: `(${sql})`, precision: 38, scale: COMPARED_SCALE }
}
