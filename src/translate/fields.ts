// extract() and date_part(): the fields of a day, of a clock reading and of the time between two.
// extract gives numeric with as many digits as the field has, date_part gives double precision.
// Source: timestamp.c, timestamp_part_common, interval_part_common.

import { OID } from '../types/oids.ts'
import type { Expr } from './expr.ts'
import { decimalExpr, factsOf, guard, relay, typed, unproven } from './expr.ts'
import { word } from './function-rules.ts'
import { epochMicros, outsideCommonEra } from './instants.ts'

/** A field as a whole number of units of 10^-scale. */
interface Field {
  readonly sql: string
  readonly scale: number
  readonly digits: number
}

const DATE_FIELDS = [
  'year',
  'quarter',
  'month',
  'week',
  'day',
  'doy',
  'dow',
  'isodow',
  'isoyear',
  'decade',
  'century',
  'millennium'
]
const TIME_FIELDS = ['hour', 'minute']
const MICROS_PER_DAY = 86_400_000_000n

/** Microseconds within the minute, also before 1970. */
const withinMinute = (micros: string): string => `((${micros} % 60000000 + 60000000) % 60000000)`

/** `local`: the day or the clock reading; `when`: the value itself, for what does not depend on a clock. */
function fieldOf(arg: Expr | undefined, local: Expr, when: Expr): Field {
  const isDate = when.type.oid === OID.date
  const clock = isDate ? [] : [...TIME_FIELDS, 'second', 'milliseconds', 'microseconds']
  const name = word(arg, [...DATE_FIELDS, ...clock, 'epoch'])
  const micros = epochMicros(when)
  if (name === 'epoch' && isDate) return { sql: `(${micros} // 1000000)`, scale: 0, digits: 12 }
  if (name === 'epoch') return { sql: micros, scale: 6, digits: 18 }
  if (name === 'second') return { sql: withinMinute(micros), scale: 6, digits: 8 }
  if (name === 'milliseconds') return { sql: withinMinute(micros), scale: 3, digits: 8 }
  if (name === 'microseconds') return { sql: withinMinute(micros), scale: 0, digits: 8 }
  return { sql: `extract(${name} FROM ${local.sql})`, scale: 0, digits: 5 }
}

const guarded = (sql: string, when: Expr): string =>
  `(${guard(outsideCommonEra(when.sql, when.type.oid), sql, 'date out of range')})`

/** Units of 10^-scale as a DECIMAL; digit for digit. */
function asDecimal(units: string, scale: number, digits: number, parts: readonly Expr[]): Expr {
  if (scale === 0) {
    const sql = `CAST(${units} AS DECIMAL(${digits},0))`
    return unproven(decimalExpr({ sql, precision: digits, scale }, true, factsOf(parts)))
  }
  const unit = `CAST('0.${'0'.repeat(scale - 1)}1' AS DECIMAL(${scale + 1},${scale}))`
  const sql = `CAST(CAST(${units} AS DECIMAL(${digits},0)) * ${unit} AS DECIMAL(${digits},${scale}))`
  const expr = decimalExpr({ sql, precision: digits, scale }, true, factsOf(parts))
  return { ...unproven(expr), units }
}

export function extract(arg: Expr | undefined, local: Expr, when: Expr): Expr {
  const { sql, scale, digits } = fieldOf(arg, local, when)
  return asDecimal(guarded(sql, when), scale, digits, [local])
}

/** Rounded to a double as Postgres computes it there. */
export function part(arg: Expr | undefined, local: Expr, when: Expr): Expr {
  const { sql, scale } = fieldOf(arg, local, when)
  const units = guarded(sql, when)
  const name = arg?.literal?.toLowerCase()
  const double =
    name === 'second'
      ? `(CAST(${units} // 1000000 AS DOUBLE) + CAST(${units} % 1000000 AS DOUBLE) / 1000000.0)`
      : name === 'milliseconds'
        ? relay('date_part of milliseconds')
        : scale === 6
          ? `(CAST(${units} AS DOUBLE) / 1000000.0)`
          : `CAST(${units} AS DOUBLE)`
  const text = double.replaceAll('1000000.0', 'CAST(1000000 AS DOUBLE)')
  return unproven(typed(text, OID.float8, factsOf([local])))
}

/** Of the time between two moments, which has days and less. */
export function extractElapsed(arg: Expr | undefined, span: Expr): Expr {
  const micros = span.elapsed ?? relay('a field of an interval')
  const name = word(arg, ['epoch', 'day', 'hour', 'minute', 'second'])
  const rest = `(${micros} % ${MICROS_PER_DAY})`
  if (name === 'epoch') return asDecimal(micros, 6, 18, [span])
  if (name === 'second') return asDecimal(`(${rest} % 60000000)`, 6, 8, [span])
  const whole =
    name === 'day'
      ? `(${micros} // ${MICROS_PER_DAY})`
      : name === 'hour'
        ? `(${rest} // 3600000000)`
        : `(${rest} % 3600000000 // 60000000)`
  return asDecimal(whole, 0, 10, [span])
}
