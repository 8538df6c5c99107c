// GROUP BY, HAVING, ORDER BY and LIMIT of one SELECT, with Postgres's rules for what a bare name and
// a number mean there. Must never leave an order or a NULL placement to DuckDB's defaults.

import { OID } from '../types/oids.ts'
import * as ast from './ast.ts'
import { isUnknown, settle } from './coerce.ts'
import { requireGroupable, sortDirection, sortable } from './comparisons.ts'
import { type Expr, guard, relay } from './expr.ts'
import { type Env, walk, walkBoolean } from './expressions.ts'
import { isFloat, isInteger } from './families.ts'
import { findColumn, type NamedExpr, NOTHING } from './scope.ts'

const isAggregating = (targets: readonly NamedExpr[]): boolean =>
  targets.some(({ expr }) => expr.aggregate)

export interface Groups {
  /** ` GROUP BY …`, or ''. */
  readonly text: string
  /** What must hold of each group; where it cannot, it fails. */
  readonly tests: readonly string[]
  /** A text of the SELECT, by what the groups are made by. */
  readonly shown: (sql: string) => string
}

/** What the items of GROUP BY have around them, and what they have to be tested for. */
interface Grouping {
  readonly targets: readonly NamedExpr[]
  readonly env: Env
  readonly tests: Set<string>
  /** What stands for a value in the rest of the SELECT; undefined where a NULL may be a total's. */
  readonly shown: Map<string, string> | undefined
}

/** A name is an input column first, then an output column. Source: findTargetlistEntrySQL92. */
export function groupClause(select: ast.Node, targets: readonly NamedExpr[], env: Env): Groups {
  if (ast.flag(select, 'groupDistinct') || ast.flag(select, 'groupByAll'))
    relay('GROUP BY DISTINCT or ALL')
  const items = ast.list(select, 'groupClause')
  const hasTotals = items.some((node) => ast.open(node).kind === 'GroupingSet')
  const shown = new Map<string, string>()
  const grouping = { targets, env, tests: new Set<string>(), shown: hasTotals ? undefined : shown }
  const groups = items.map((node) => groupItem(node, grouping)).filter((sql) => sql !== '')
  // Groups of a constant alone would be one, or none without rows.
  if (items.length > 0 && groups.length === 0) relay('GROUP BY of a constant')
  const text = groups.length === 0 ? '' : ` GROUP BY ${groups.join(', ')}`
  const show = (sql: string): string =>
    [...shown].reduce((text, [value, by]) => text.replaceAll(value, by), sql)
  return { text, tests: [...grouping.tests], shown: show }
}

function groupItem(node: unknown, grouping: Grouping): string {
  const { targets, env, tests, shown } = grouping
  const { kind, body } = ast.open(node)
  if (kind === 'GroupingSet') return groupingSet(body, grouping)
  // (a, b) in GROUP BY is a list, not a row.
  if (kind === 'RowExpr' && ast.str(body, 'row_format') === 'COERCE_IMPLICIT_CAST')
    return `(${grouped(ast.list(body, 'args'), grouping)})`
  const name = bareName(node)
  const input = name === undefined ? undefined : findColumn(env.from, name)
  const output = input ?? outputColumn(node, name, targets)
  const expr = output ?? walk(node, env)
  if (expr.aggregate) relay('GROUP BY of an aggregate')
  // Beside other groups a constant makes none of its own.
  if (expr.constant || isUnknown(expr)) return ''
  const { groupKey } = expr
  if (shown && groupKey?.of === expr.sql) {
    tests.add(`(${guard(groupKey.fault, 'TRUE', 'a group out of range')})`)
    shown.set(expr.sql, groupKey.shown)
    return groupKey.key
  }
  if (!isFloat(expr.type.oid)) return requireGroupable(expr).sql
  tests.add(hasOneZero(expr.sql))
  return expr.sql
}

/** −0 and 0 are one group, and which of them it shows depends on the order of the rows. */
function hasOneZero(sql: string): string {
  const any = `bool_or(${sql} = 0 AND signbit(${sql}))`
  return `(${guard(any, 'TRUE', 'a negative zero')})`
}

const SETS: Readonly<Record<string, string>> = {
  GROUPING_SET_ROLLUP: 'ROLLUP ',
  GROUPING_SET_CUBE: 'CUBE ',
  GROUPING_SET_SETS: 'GROUPING SETS '
}

function groupingSet(body: ast.Node, grouping: Grouping): string {
  const kind = ast.str(body, 'kind')
  if (kind === 'GROUPING_SET_EMPTY') return '()'
  const word = SETS[kind] ?? relay('a grouping set of another kind')
  return `${word}(${grouped(ast.list(body, 'content'), grouping)})`
}

function grouped(nodes: readonly unknown[], grouping: Grouping): string {
  const items = nodes.map((node) => groupItem(node, grouping))
  return items.includes('') ? relay('a grouping set of a constant') : items.join(', ')
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
  const others = evaluatedForAll(select, targets).filter(
    (sql) => !items.some((item) => item.startsWith(`${sql} `))
  )
  return ` ORDER BY ${[...items, ...others].join(', ')}`
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
  return `${sortable(sortedExpr(body['node'], targets, env))} ${sortDirection(body)}`
}

/** What ORDER BY and DISTINCT ON mean by a node. Source: findTargetlistEntrySQL92. */
export function sortedExpr(node: unknown, targets: readonly NamedExpr[], env: Env): Expr {
  const expr = outputColumn(node, bareName(node), targets) ?? walk(node, env)
  return expr.constant || isUnknown(expr) ? relay('ORDER BY of a constant') : expr
}

export function limitClause(select: ast.Node, { context, outer }: Env): string {
  const env: Env = { context, outer, from: NOTHING, aggregates: false }
  const option = ast.str(select, 'limitOption')
  if (option === 'LIMIT_OPTION_WITH_TIES') relay('FETCH … WITH TIES')
  const count = limitValue('LIMIT', select, 'limitCount', env)
  return count + limitValue('OFFSET', select, 'limitOffset', env)
}

/** NULL is no limit on both sides, a negative number raises on both. */
function limitValue(word: string, select: ast.Node, key: string, env: Env): string {
  if (!ast.has(select, key)) return ''
  const walked = walk(select[key], env)
  if (walked.literal === null) return ''
  const expr = settle(walked, OID.int8, env.context)
  if (!isInteger(expr.type.oid)) relay(`${word} of this type`)
  return ` ${word} ${expr.sql}`
}
