// Comparing two expressions of which either may still be untyped, and which types may be grouped,
// told apart and ordered.
// Must never treat floats as groups: −0 and 0 are equal, and either side may show the other one.

import { OID } from '../types/oids.ts'
import * as ast from './ast.ts'
import { type Parameters, settle } from './coerce.ts'
import type { Expr } from './expr.ts'
import { keepsScale, relay } from './expr.ts'
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

/** One equality on both sides; which of several equal values is shown does not matter here. */
export const requireCountable = (expr: Expr): Expr =>
  FLOATS.includes(expr.type.oid) ? expr : requireGroupable(expr)

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
  // DuckDB puts out the key that it sorted by, in which −0 has become 0.
  if (FLOATS.includes(oid))
    return `CASE WHEN ${expr.sql} = 0 THEN CAST(0 AS ${expr.form}) ELSE ${expr.sql} END`
  const text = [...TEXTS, OID.bpchar].includes(oid)
  return text && expr.bytewise ? expr.sql : relay('an order of this type is not known to be equal')
}
