// Comparing two expressions of which either may still be untyped, and which types may be grouped,
// told apart and ordered.
// Must never take a float for a group by itself: −0 and 0 are equal, and either side may show the
// other one.

import { OID } from '../types/oids.ts'
import * as ast from './ast.ts'
import { type Parameters, settle } from './coerce.ts'
import type { Expr } from './expr.ts'
import { fallible, guard, keepsScale, relay } from './expr.ts'
import { FLOATS, INTEGERS, PLAIN, TEXTS } from './families.ts'
import { applyOperator } from './operators.ts'

const COMPARISONS = new Set([
  '=',
  '<>',
  '<',
  '<=',
  '>',
  '>=',
  'IS DISTINCT FROM',
  'IS NOT DISTINCT FROM'
])

/** `a op b` for a comparison operator; undefined for any other operator. */
export function comparison(op: string, a: Expr, b: Expr, parameters: Parameters): Expr | undefined {
  const name = op === '!=' ? '<>' : op
  if (!COMPARISONS.has(name)) return undefined
  return applyOperator(
    name,
    settle(a, otherType(b), parameters),
    settle(b, otherType(a), parameters),
    parameters.zone
  )
}

/** The type an untyped literal takes beside an expression; there is no comparison of varchar. */
function otherType(other: Expr): number {
  const { oid } = other.type
  return oid === OID.unknown || oid === OID.varchar ? OID.text : oid
}

/** One equality on both sides, and equal values print alike. */
export function requireGroupable(expr: Expr): Expr {
  const { oid } = expr.type
  if (oid === OID.numeric && keepsScale(expr)) return expr
  if ([...INTEGERS, ...PLAIN, ...TEXTS].includes(oid)) return expr
  if (oid === OID.bpchar && expr.column) return expr
  return relay('groups of this type are not known to be equal')
}

/** The same for what tells rows apart: floats too, which fail where one of them is −0. */
export function rowKey(expr: Expr): Expr {
  if (!FLOATS.includes(expr.type.oid)) return requireGroupable(expr)
  const isNegativeZero = `${expr.sql} = 0 AND signbit(${expr.sql})`
  const sql = `(${guard(isNegativeZero, expr.sql, 'a negative zero')})`
  return fallible({ ...expr, sql, column: false })
}

/** One equality on both sides; which of several equal values is shown does not matter here. */
export const requireCountable = (expr: Expr): Expr =>
  FLOATS.includes(expr.type.oid) ? expr : requireGroupable(expr)

/** DuckDB puts out the key that it sorted or parted by, in which −0 has become 0: never a column. */
const withOneZero = (expr: Expr): string =>
  `CASE WHEN ${expr.sql} = 0 THEN CAST(0 AS ${expr.form}) ELSE ${expr.sql} END`

/** The DuckDB text that parts the rows by it. */
export const partitionKey = (expr: Expr): string =>
  FLOATS.includes(expr.type.oid) ? withOneZero(expr) : requireGroupable(expr).sql

/** `ASC NULLS LAST` and the like, of a SortBy node: NULLs are the greatest unless it says otherwise. */
export function sortDirection(item: ast.Node): string {
  const direction = ast.str(item, 'sortby_dir')
  if (direction === 'SORTBY_USING') relay('ORDER BY … USING')
  const descending = direction === 'SORTBY_DESC'
  const nulls = ast.str(item, 'sortby_nulls')
  const first = nulls === 'SORTBY_NULLS_FIRST' || (nulls !== 'SORTBY_NULLS_LAST' && descending)
  return `${descending ? 'DESC' : 'ASC'} NULLS ${first ? 'FIRST' : 'LAST'}`
}

/** One order on both sides: the DuckDB text to sort by. */
export function sortable(expr: Expr): string {
  const { oid } = expr.type
  if (oid === OID.numeric) return expr.decimal?.sql ?? relay('an order by unconstrained numeric')
  if ([...INTEGERS, ...PLAIN].includes(oid)) return expr.sql
  if (FLOATS.includes(oid)) return withOneZero(expr)
  const text = [...TEXTS, OID.bpchar].includes(oid)
  return text && expr.bytewise ? expr.sql : relay('an order of this type is not known to be equal')
}
