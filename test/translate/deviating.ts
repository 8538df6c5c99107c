// Random groups of numbers for variance() and stddev(): equal ones, close ones far from zero, the
// extremes of each type, groups of none, of NULL and of one.

import type { Random } from '../support/random.ts'

const NAMES = ['variance', 'var_samp', 'var_pop', 'stddev', 'stddev_samp', 'stddev_pop']

const EXTREMES: Readonly<Record<string, readonly string[]>> = {
  int2: ['-32768', '32767'],
  int4: ['-2147483648', '2147483647'],
  int8: ['-9223372036854775808', '9223372036854775807']
}

const digits = (r: Random, count: number): string =>
  Array.from({ length: count }, () => r.int(0, 9)).join('')

function number(r: Random, whole: number, scale: number): string {
  const fraction = scale > 0 ? `.${digits(r, scale)}` : ''
  return `${r.bool(0.3) ? '-' : ''}${r.int(1, 9)}${digits(r, r.int(0, whole - 1))}${fraction}`
}

/** A group's values: of their own, or all near one. */
function group(r: Random, type: string, whole: number, scale: number): readonly string[] {
  const count = r.pick([1, 1, 2, 2, 3, 4, 7, 20])
  const kind = r.next()
  const base = number(r, whole, scale)
  if (kind < 0.1) return Array.from({ length: count }, () => base)
  if (kind < 0.2 && EXTREMES[type]) return Array.from({ length: count }, () => r.pick(EXTREMES[type] ?? []))
  if (kind < 0.5) {
    // The last digits differ only.
    const cut = Math.max(base.length - r.int(1, 3), base.search(/\d/) + 1)
    return Array.from(
      { length: count },
      () => base.slice(0, cut) + base.slice(cut).replaceAll(/\d/g, () => digits(r, 1))
    )
  }
  return Array.from({ length: count }, () => (r.bool(0.1) ? 'NULL' : number(r, whole, scale)))
}

/** A statement over twelve such groups, and over all of them. */
export function deviationStatement(r: Random): string {
  const scale = r.bool(0.4) ? 0 : r.int(0, 8)
  const whole = r.int(1, 12 - Math.ceil(scale / 2))
  const type = r.pick(['int2', 'int4', 'int8', 'numeric', 'numeric', 'numeric'])
  const isNumeric = type === 'numeric'
  const size = isNumeric ? `numeric(${whole + scale},${scale})` : type
  const most = { int2: 4, int4: 9, int8: 12 }[type] ?? whole
  const rows = Array.from({ length: 12 }, (_, key) =>
    group(r, type, Math.min(whole, most), isNumeric ? scale : 0).map(
      (value) => `(${key}, ${value === 'NULL' ? value : `'${value}'`}::${size})`
    )
  )
  const calls = r.shuffle(NAMES).slice(0, 2).map((name) => `${name}(x)`).join(', ')
  const by = r.bool(0.8) ? 'GROUP BY g' : r.pick(['GROUP BY ROLLUP (g)', 'GROUP BY g % 3', ''])
  const key = by === 'GROUP BY g % 3' ? 'g % 3' : 'min(g)'
  return `SELECT ${key}, ${calls} FROM (VALUES ${rows.flat().join(', ')}) v(g, x) ${by}`
}
