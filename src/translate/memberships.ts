// IN, ANY, ALL and BETWEEN: one expression against several.
// Postgres makes one array of a list and brings it to one type, where here each item is compared by
// itself: must never let in a list of which an item would so become another value.
// Source: parse_expr.c, transformAExprIn and transformArrayExpr.

import { ARRAY_OID, OID } from '../types/oids.ts'
import { elementType } from '../types/store-type.ts'
import type { ColumnType } from '../types/value.ts'
import { commonTypeOf, isUnknown, type Parameters, settle } from './coerce.ts'
import { comparison } from './comparisons.ts'
import type { Expr } from './expr.ts'
import { boolean, formOf, isText, relay } from './expr.ts'
import { EXACT, FLOATS, INTEGERS, isInteger, PLAIN, TEXTS } from './families.ts'
import { arrayElements, literal, nullOf } from './literals.ts'

/** `a IN (…)`, or NOT IN where `op` is `<>`. */
export function inList(op: string, a: Expr, items: readonly Expr[], parameters: Parameters): Expr {
  // An item alone is compared like any other expression.
  if (items.length > 1 && !isAlike([a, ...items]) && !isOfDoubles(a, items))
    relay('IN of items of several types')
  return among(op, a, items, itemType(a), parameters)
}

/** `items`: untyped ones are of the type `oid`. */
function among(
  op: string,
  a: Expr,
  items: readonly Expr[],
  oid: number,
  parameters: Parameters
): Expr {
  if (isUnknown(a)) return relay('IN on an untyped literal')
  const settled = items.map((item) => settle(item, oid, parameters))
  // Postgres rounds the items to real, or the real's side to double.
  const real = [a, ...settled].some((one) => one.type.oid === OID.float4)
  if (real && settled.some((item) => item.type.oid !== a.type.oid)) relay('a list of mixed floats')
  const tests = settled.map((item) => equals(a, item, parameters))
  const sql = settled.every((item) => isDirect(a, item))
    ? `(${a.sql} IN (${settled.map((item) => item.sql).join(', ')}))`
    : `(${tests.map((test) => test.sql).join(' OR ')})`
  return boolean(op === '<>' ? `(NOT ${sql})` : sql, [a, ...settled])
}

const typesOf = (exprs: readonly Expr[]): readonly number[] =>
  exprs.filter((expr) => !isUnknown(expr)).map((expr) => expr.type.oid)

/** Brought to one type, each is still the same value, and equal to the same ones. */
function isAlike(exprs: readonly Expr[]): boolean {
  const [first, ...others] = typesOf(exprs)
  const isOneType = others.every((oid) => oid === first)
  return (
    isOneType || [EXACT, TEXTS].some((types) => typesOf(exprs).every((oid) => types.includes(oid)))
  )
}

/** Numbers become doubles beside one anyway. */
const isOfDoubles = (a: Expr, items: readonly Expr[]): boolean =>
  a.type.oid === OID.float8 &&
  typesOf(items).every((oid) => oid === OID.float8 || EXACT.includes(oid))

const itemType = (a: Expr): number => (a.type.oid === OID.varchar ? OID.text : a.type.oid)

const equals = (a: Expr, b: Expr, parameters: Parameters): Expr =>
  comparison('=', a, b, parameters) ?? relay('= of these types')

/** DuckDB compares the two as they stand. */
const isDirect = (a: Expr, b: Expr): boolean =>
  (a.form === b.form && a.type.oid !== OID.numeric) ||
  (isInteger(a.type.oid) && isInteger(b.type.oid))

/** `a = ANY (…)` and `a <> ALL (…)`, over items or over one array. */
export function anyOf(
  op: string,
  kind: string,
  a: Expr,
  operand: readonly Expr[] | Expr,
  parameters: Parameters
): Expr {
  const negated = kind === 'AEXPR_OP_ALL' && op === '<>'
  if (!negated && !(kind === 'AEXPR_OP_ANY' && op === '=')) return relay(`${op} ANY or ALL`)
  if (Array.isArray(operand)) return ofItems(op, a, operand as readonly Expr[], parameters)
  const items = literalItems(operand as Expr, a)
  if (items === undefined) return arrayMember(negated, a, operand as Expr, parameters)
  if (items.length === 0) return boolean(negated ? 'TRUE' : 'FALSE', [a])
  return among(op, a, items, itemType(a), parameters)
}

/** ARRAY[…] has its type from its items, whatever stands on the left. */
function ofItems(op: string, a: Expr, items: readonly Expr[], parameters: Parameters): Expr {
  if (!isAlike(items)) return relay('an array of items of several types')
  return among(op, a, items, commonTypeOf(items), parameters)
}

/** The items of `'{…}'` or `'{…}'::type[]`; undefined when the operand is no literal. */
function literalItems(operand: Expr, a: Expr): readonly Expr[] | undefined {
  if (typeof operand.literal !== 'string') return undefined
  const element = elementType(operand.type) ?? { oid: itemType(a), typmod: -1 }
  const texts = arrayElements(operand.literal) ?? relay('an array literal is not in a plain form')
  return texts.map((text) =>
    literal(text ?? relay('NULL in an array depends on array_nulls'), element)
  )
}

/** `operand::type` of an array type: its elements stay as they are. */
export function arrayAs(operand: Expr, type: ColumnType): Expr {
  if (type.typmod !== -1) return relay('an array with a type modifier')
  const oids = [operand.type, type].map((one) => elementType(one)?.oid ?? OID.unknown)
  const isKept =
    isUnknown(operand) || operand.type.oid === type.oid || oids.every((oid) => TEXTS.includes(oid))
  return isKept ? { ...operand, type } : relay('a cast of an array')
}

/** Elements of exactly the type of `a`; the whole is NULL where the array is. */
function arrayMember(negated: boolean, of: Expr, operand: Expr, parameters: Parameters): Expr {
  const array = typedArray(operand, of, parameters)
  const element = elementType(array.type)?.oid ?? relay('ANY of something that is no array')
  const a = settle(of, element === OID.varchar ? OID.text : element, parameters)
  const alike = element === a.type.oid || (isText(element) && isText(a.type.oid))
  const unlike: readonly number[] = [OID.numeric, OID.bpchar, OID.interval]
  const known = !unlike.includes(element) && a.type.oid !== OID.bpchar
  if (!alike || !known) return relay('ANY of another type')
  // For its checks only: some types have no = that is known to be equal.
  equals(a, nullOf(element), parameters)
  const member = `(${a.sql} = ANY(${array.sql}))`
  const sql = `(CASE WHEN ${array.sql} IS NULL THEN NULL ELSE ${member} END)`
  return boolean(negated ? `(NOT ${sql})` : sql, [a, array])
}

function typedArray(operand: Expr, a: Expr, parameters: Parameters): Expr {
  if (operand.parameter === undefined) return operand
  const array = elementType(operand.type) ? operand.type.oid : arrayTypeOf(itemType(a))
  return parameters.parameter(operand.parameter, array)
}

function arrayTypeOf(element: number): number {
  const array = ARRAY_OID[element]
  return array !== undefined && formOf(array) !== '' ? array : relay('an array of this type')
}

/** `a IN (SELECT …)` where both sides are compared as they stand. */
export function memberOf(a: Expr, column: Expr, sql: string): Expr {
  const direct = isInteger(a.type.oid) && isInteger(column.type.oid)
  const alike =
    a.type.oid === column.type.oid ||
    (TEXTS.includes(a.type.oid) && TEXTS.includes(column.type.oid))
  const known = [...INTEGERS, ...FLOATS, ...PLAIN, ...TEXTS].includes(a.type.oid)
  if (!(direct || (alike && known))) return relay('IN (SELECT …) of this type')
  return boolean(`(${a.sql} IN (${sql}))`, [a])
}

/** `a BETWEEN x AND y` and its three relatives; each side is compared on its own. */
export function between(
  kind: string,
  a: Expr,
  bounds: readonly Expr[],
  parameters: Parameters
): Expr {
  const [low, high] = bounds
  if (!low || !high) return relay('BETWEEN without bounds')
  const inside = (from: Expr, to: Expr): string => {
    const above = comparison('>=', a, from, parameters)?.sql ?? relay('BETWEEN')
    return `(${above} AND ${comparison('<=', a, to, parameters)?.sql ?? relay('BETWEEN')})`
  }
  const symmetric = kind.endsWith('_SYM')
  const sql = symmetric ? `(${inside(low, high)} OR ${inside(high, low)})` : inside(low, high)
  return boolean(kind.startsWith('AEXPR_NOT') ? `(NOT ${sql})` : sql, [a, low, high])
}
