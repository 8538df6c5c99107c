// GROUP BY, HAVING, ORDER BY and LIMIT of one SELECT, with Postgres's rules for what a bare name and
// a number mean there. Must never leave an order or a NULL placement to DuckDB's defaults.

import { OID } from '../types/oids.ts'
import * as ast from './ast.ts'
import { isUnknown, settle } from './coerce.ts'
import { requireGroupable, sortable } from './comparisons.ts'
import type { Context } from './context.ts'
import { type Expr, relay } from './expr.ts'
import { type Env, walk, walkBoolean } from './expressions.ts'
import { isInteger } from './families.ts'
import { findColumn, type NamedExpr, NOTHING } from './scope.ts'

const isAggregating = (targets: readonly NamedExpr[]): boolean =>
  targets.some(({ expr }) => expr.aggregate)

/** A name is an input column first, then an output column. Source: findTargetlistEntrySQL92. */
export function groupClause(select: ast.Node, targets: readonly NamedExpr[], env: Env): string {
  if (ast.flag(select, 'groupDistinct') || ast.flag(select, 'groupByAll'))
    relay('GROUP BY DISTINCT or ALL')
  const groups = ast.list(select, 'groupClause').map((node) => groupItem(node, targets, env))
  return groups.length === 0 ? '' : ` GROUP BY ${groups.join(', ')}`
}

function groupItem(node: unknown, targets: readonly NamedExpr[], env: Env): string {
  const name = bareName(node)
  const input = name === undefined ? undefined : findColumn(env.from, name)
  const output = input ?? outputColumn(node, name, targets)
  const expr = output ?? walk(node, env)
  if (expr.aggregate || expr.constant || isUnknown(expr)) relay('GROUP BY of a constant')
  return requireGroupable(expr).sql
}

function bareName(node: unknown): string | undefined {
  const { kind, body } = ast.open(node)
  const fields = kind === 'ColumnRef' ? ast.names(ast.list(body, 'fields')) : undefined
  return fields?.length === 1 ? fields[0] : undefined
}

/** The target that an ordinal or a bare name means; undefined: none. */
function outputColumn(
  node: unknown,
  name: string | undefined,
  targets: readonly NamedExpr[]
): Expr | undefined {
  const ordinal = ast.integerConstant(node)
  if (ordinal !== undefined) return targets[ordinal - 1]?.expr ?? relay('no such column number')
  if (ast.open(node).kind === 'A_Const') return relay('a constant to sort or group by')
  if (name === undefined) return undefined
  const matches = targets.filter((one) => one.name === name)
  const [match] = matches
  if (matches.some(({ expr }) => expr.sql !== match?.expr.sql)) relay(`"${name}" is ambiguous`)
  return match?.expr
}

export function havingCondition(
  node: unknown,
  groups: string,
  targets: readonly NamedExpr[],
  env: Env
): string {
  const condition = walkBoolean(node, env)
  if (groups === '' && !condition.aggregate && !isAggregating(targets))
    relay('HAVING without groups')
  return condition.sql
}

/** A name is an output column first, then an input column. NULLs are the greatest unless said. */
export function sortClause(select: ast.Node, targets: readonly NamedExpr[], env: Env): string {
  const items = ast.list(select, 'sortClause').map((node) => sortItem(node, targets, env))
  if (items.length === 0) return ''
  return ` ORDER BY ${[...items, ...evaluatedForAll(select, targets)].join(', ')}`
}

/**
 * Postgres evaluates the targets of all rows before it sorts, DuckDB those of the rows within LIMIT
 * only: as last sort keys they are evaluated, and may raise, for all.
 */
function evaluatedForAll(select: ast.Node, targets: readonly NamedExpr[]): readonly string[] {
  if (!ast.has(select, 'limitCount') && !ast.has(select, 'limitOffset')) return []
  return targets.filter(({ expr }) => expr.fallible).map(({ expr }) => expr.sql)
}

function sortItem(node: unknown, targets: readonly NamedExpr[], env: Env): string {
  const { body } = ast.open(node)
  const direction = ast.str(body, 'sortby_dir')
  if (direction === 'SORTBY_USING') relay('ORDER BY … USING')
  const expr =
    outputColumn(body['node'], bareName(body['node']), targets) ?? walk(body['node'], env)
  if (expr.constant || isUnknown(expr)) relay('ORDER BY of a constant')
  const descending = direction === 'SORTBY_DESC'
  const nulls = ast.str(body, 'sortby_nulls')
  const first = nulls === 'SORTBY_NULLS_FIRST' || (nulls !== 'SORTBY_NULLS_LAST' && descending)
  const order = `${descending ? 'DESC' : 'ASC'} NULLS ${first ? 'FIRST' : 'LAST'}`
  return `${sortable(expr)} ${order}`
}

export function limitClause(select: ast.Node, context: Context): string {
  const option = ast.str(select, 'limitOption')
  if (option === 'LIMIT_OPTION_WITH_TIES') relay('FETCH … WITH TIES')
  const count = limitValue('LIMIT', select, 'limitCount', context)
  return count + limitValue('OFFSET', select, 'limitOffset', context)
}

/** NULL is no limit on both sides, a negative number raises on both. */
function limitValue(word: string, select: ast.Node, key: string, context: Context): string {
  if (!ast.has(select, key)) return ''
  const walked = walk(select[key], { context, from: NOTHING, aggregates: false })
  if (walked.literal === null) return ''
  const expr = settle(walked, OID.int8, context)
  if (!isInteger(expr.type.oid)) relay(`${word} of this type`)
  return ` ${word} ${expr.sql}`
}
