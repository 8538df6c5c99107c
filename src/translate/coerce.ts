// Giving an untyped literal or parameter its type, and bringing several expressions to one type as
// Postgres does for CASE, COALESCE, IN and UNION. Source: parse_coerce.c, select_common_type.
// Only combinations whose values stay exactly the same are here; must never lose a digit.

import { OID } from '../types/oids.ts'
import { findZone } from '../types/timezone.ts'
import type { Decimal, Expr, Facts } from './expr.ts'
import {
  decimalExpr,
  factsOf,
  fallibleMoment,
  keepsScale,
  printedNumeric,
  relay,
  shownDigits,
  typed,
  unproven
} from './expr.ts'
import { isFloat, isInteger, TEXTS, wider } from './families.ts'
import { UTC, type ZoneName } from './instants.ts'
import { literal, nullOf } from './literals.ts'

/** What the coercions ask of the statement: the text of parameter n once its type is known. */
export interface Parameters {
  parameter(number: number, oid: number): Expr
  /** The session's time zone, where both sides read it alike. */
  readonly zone: ZoneName
}

/** Digits an integer type may have. */
const DIGITS: Readonly<Record<number, number>> = { [OID.int2]: 5, [OID.int4]: 10, [OID.int8]: 19 }

export const isUnknown = (expr: Expr): boolean => expr.type.oid === OID.unknown

/** An untyped literal or parameter as `oid`; any other expression as it is. */
export function settle(expr: Expr, oid: number, parameters: Parameters): Expr {
  if (!isUnknown(expr)) return expr
  if (expr.parameter !== undefined) return parameters.parameter(expr.parameter, oid)
  if (expr.literal === undefined || expr.literal === null) return nullOf(oid)
  const text = oid === OID.timestamptz ? withOffset(expr.literal, parameters.zone) : expr.literal
  return { ...literal(text, { oid, typmod: -1 }), literal: expr.literal }
}

/** A timestamp without an offset, and a day, are in the session's zone. */
export function withOffset(text: string, zone: ZoneName): string {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(\.\d{1,6})?)?)?$/.exec(text)
  if (!match || zone === undefined) return text
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = ''] = match
  if (zone === UTC) return `${year}-${month}-${day} ${hour}:${minute}:${second}${fraction}Z`
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second)
  )
  // What is no day of the calendar, and years that zones are not used in, are left to Postgres.
  const isReal = new Date(local)
    .toISOString()
    .startsWith(`${year}-${month}-${day}T${hour}:${minute}`)
  const found = findZone(zone)
  if (!isReal || !found || Number(year) < 2000 || Number(year) > 2036) return text
  const instant = new Date(local - found.offsetOfLocal(local / 1000) * 1000).toISOString()
  return `${instant.slice(0, 10)} ${instant.slice(11, 19)}${fraction}Z`
}

/** The DECIMAL of a numeric or integer; relays when the number has none. */
export function decimalOf(expr: Expr): Decimal {
  if (expr.decimal) return expr.decimal
  const digits = DIGITS[expr.type.oid]
  if (digits === undefined) return relay('an unconstrained numeric is only passed through')
  // A constant is given the digits it has, so that less room is needed beside it.
  const precision = expr.literal?.replace('-', '').length ?? digits
  return { sql: `CAST(${expr.sql} AS DECIMAL(${precision},0))`, precision, scale: 0 }
}

/** A DECIMAL with room for all. `isTight`: 38 digits may not hold them, a cast may raise. */
export function commonDecimal(all: readonly Decimal[]): {
  precision: number
  scale: number
  isTight: boolean
} {
  const scale = Math.max(...all.map((one) => one.scale))
  const whole = Math.max(...all.map((one) => one.precision - one.scale))
  const precision = Math.max(whole + scale, 1)
  return { precision: Math.min(precision, 38), scale, isTight: precision > 38 }
}

export function widenDecimal(from: Decimal, to: { precision: number; scale: number }): string {
  if (from.precision === to.precision && from.scale === to.scale) return from.sql
  return `CAST(${from.sql} AS DECIMAL(${to.precision},${to.scale}))`
}

/** The double that Postgres makes of a number: of a numeric by its text, rounded once, as DuckDB does. */
export function doubleOf(expr: Expr): Expr {
  if (expr.type.oid === OID.float8) return expr
  if (expr.type.oid === OID.numeric) {
    if (typeof expr.literal === 'string')
      return literal(expr.literal, { oid: OID.float8, typmod: -1 })
    const { sql } = decimalOf(expr)
    const text = expr.form === 'VARCHAR' ? expr.sql : `CAST(${sql} AS VARCHAR)`
    return typed(`CAST(${text} AS DOUBLE)`, OID.float8, factsOf([expr]))
  }
  return typed(`CAST(${expr.sql} AS DOUBLE)`, OID.float8, factsOf([expr]))
}

/** Expressions of a CASE, COALESCE … brought to one type; all are of the same form afterwards. */
export function unify(exprs: readonly Expr[], parameters: Parameters): readonly Expr[] {
  const oid = commonTypeOf(exprs)
  return level(
    exprs.map((expr) => settle(expr, oid, parameters)),
    oid
  )
}

/** The type that they are brought to; text where all are untyped. */
export function commonTypeOf(exprs: readonly Expr[]): number {
  const oids = new Set(exprs.filter((expr) => !isUnknown(expr)).map((expr) => expr.type.oid))
  if (oids.size === 0) oids.add(OID.text)
  return commonType([...oids])
}

function commonType(oids: readonly number[]): number {
  const [first = OID.text] = oids
  if (oids.length === 1) return first
  if (oids.every(isInteger)) return oids.reduce(wider)
  // Neither text nor varchar yields to the other: the first one stays.
  if (oids.every((oid) => TEXTS.includes(oid))) return first
  if (oids.every((oid) => isInteger(oid) || oid === OID.numeric)) return OID.numeric
  const isNumber = (oid: number): boolean => isInteger(oid) || isFloat(oid) || oid === OID.numeric
  if (oids.includes(OID.float8) && oids.every(isNumber)) return OID.float8
  if (oids.every((oid) => oid === OID.date || oid === OID.timestamp)) return OID.timestamp
  return relay('a mixture of types is not known to be equal')
}

function level(exprs: readonly Expr[], oid: number): readonly Expr[] {
  if (oid === OID.bpchar) return relay('char(n) is only compared and passed through')
  if (oid === OID.float8) return exprs.map(doubleOf)
  if (oid === OID.timestamp) return exprs.map(midnightOf)
  if (oid === OID.numeric) return levelNumeric(exprs)
  return exprs.map((expr) => convert(expr, oid))
}

/** A day as the moment it begins. */
const midnightOf = (expr: Expr): Expr =>
  expr.type.oid === OID.date
    ? fallibleMoment(typed(`CAST(${expr.sql} AS TIMESTAMP)`, OID.timestamp, expr))
    : convert(expr, OID.timestamp)

function convert(expr: Expr, oid: number): Expr {
  if (expr.type.oid === oid) return { ...expr, type: { oid, typmod: -1 }, column: false }
  if (!isInteger(oid)) return typed(expr.sql, oid, expr)
  return typed(`CAST(${expr.sql} AS ${oid === OID.int8 ? 'BIGINT' : 'INTEGER'})`, oid, expr)
}

function levelNumeric(exprs: readonly Expr[]): readonly Expr[] {
  const decimals = exprs.map(decimalOf)
  const common = commonDecimal(decimals)
  const isAlike = exprs.every(
    (expr, i) => isNullLiteral(expr) || (keepsScale(expr) && decimals[i]?.scale === common.scale)
  )
  const shown = exprs.map((expr, i) =>
    isNullLiteral(expr) ? '0' : shownDigits(expr, decimals[i]?.scale ?? 0)
  )
  const isKnown = shown.every((digits) => digits !== undefined)
  return exprs.map((expr, i) => {
    const from = decimals[i] ?? relay('a number has no digits')
    const digits = isAlike || (isKnown && (shown[i] ?? false))
    const leveled = decimalExpr(
      { sql: widenDecimal(from, common), ...common },
      digits,
      factsOf([expr])
    )
    return common.isTight ? unproven(leveled) : leveled
  })
}

const isNullLiteral = (expr: Expr): boolean => expr.sql.startsWith('CAST(NULL AS ')

/** Widest DECIMAL that a numeric parameter is compared by: 19 digits on either side of the point. */
const PARAMETER_SCALE = 19

/** A numeric parameter: its text, and a DECIMAL where that holds it exactly. */
export function numericParameter(sql: string, facts: Facts): Expr {
  const plain = `regexp_full_match(${sql}, '-?[0-9]{1,19}([.][0-9]{1,${PARAMETER_SCALE}})?')`
  const decimal = {
    sql:
      `CASE WHEN NOT ${plain} THEN error('a number of too many digits') ` +
      `ELSE CAST(${sql} AS DECIMAL(38,${PARAMETER_SCALE})) END`,
    precision: 38,
    scale: PARAMETER_SCALE
  }
  return unproven(printedNumeric(sql, decimal, facts))
}
