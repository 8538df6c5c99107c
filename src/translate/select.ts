// One SELECT: FROM, WHERE, GROUP BY, targets, DISTINCT and the clauses after it; VALUES; what is
// sorted and limited behind a set operation.
// A query's columns stay in their raw forms; output.ts turns those of the outermost one into exactly
// the types that the client was told.

import { OID } from '../types/oids.ts'
import * as ast from './ast.ts'
import { groupClause, havingCondition, limitClause, sortClause, sortedExpr } from './clauses.ts'
import { settle, unify } from './coerce.ts'
import { columnName } from './column-names.ts'
import { requireCountable, rowKey } from './comparisons.ts'
import type { Context } from './context.ts'
import {
  behind,
  type Derived,
  derived,
  flat,
  hasTwoForms,
  type Queries,
  type Query,
  subqueryOf
} from './derived.ts'
import { type Expr, relay, reworded } from './expr.ts'
import { type Env, walk, walkBoolean } from './expressions.ts'
import { translateFrom } from './from.ts'
import { newestRows } from './newest-rows.ts'
import { findRange, type FromItem, type NamedExpr, NOTHING } from './scope.ts'
import { setOperation } from './set-operations.ts'
import { namedWindows } from './windows.ts'
import { withQueries } from './with.ts'

const REFUSED: Readonly<Record<string, string>> = {
  lockingClause: 'FOR UPDATE or FOR SHARE',
  intoClause: 'SELECT INTO'
}

/** The outermost SELECT. */
export const translateQuery = (select: ast.Node, context: Context): Query =>
  run(select, { context, ctes: new Map(), names: context.scope, outer: [], run })

function run(select: ast.Node, around: Queries): Query {
  for (const [clause, reason] of Object.entries(REFUSED)) {
    if (ast.has(select, clause)) relay(`${reason} is not translated`)
  }
  const queries = withQueries(select, around)
  if ((ast.str(select, 'op') || 'SETOP_NONE') !== 'SETOP_NONE')
    return overRows(setOperation(select, queries), select, queries)
  if (ast.has(select, 'valuesLists')) return values(select, queries)
  if (!ast.has(select, 'distinctClause')) return plainQuery(select, queries)
  const [first] = ast.list(select, 'distinctClause')
  return ast.open(first).kind === '' ? distinctQuery(select, queries) : plainQuery(select, queries)
}

function plainQuery(select: ast.Node, queries: Queries): Query {
  const { context, outer } = queries
  const from = translateFrom(ast.list(select, 'fromClause'), queries)
  const env: Env = { context, from, outer, aggregates: false, subquery: subqueryOf(queries, from) }
  const where = ast.has(select, 'whereClause')
    ? ` WHERE ${walkBoolean(select['whereClause'], env).sql}`
    : ''
  const output = { ...env, aggregates: true, windows: namedWindows(select) }
  const targets = ast.list(select, 'targetList').flatMap((node) => target(node, output))
  if (targets.length === 0 && outer.length === 0) return relay('a SELECT of no column')
  const groups = groupClause(select, targets, env)
  const condition = ast.has(select, 'havingClause')
    ? [havingCondition(select['havingClause'], groups.text, targets, output)]
    : []
  const tests = [...condition, ...groups.tests]
  const having = tests.length === 0 ? '' : ` HAVING ${groups.shown(tests.join(' AND '))}`
  const source = from.sql === '' ? '' : ` FROM ${from.sql}`
  const counted = groups.text + having === '' ? countedAlone(select, targets, outer) : undefined
  if (counted !== undefined) {
    const rows = `${source}${where}`
    return { ...countedGroups(targets, counted, rows, context), tail: limitClause(select, env) }
  }
  const sorted = groups.shown(sortClause(select, targets, output))
  const newest = newestRows(select, targets, output)
  return {
    targets: targets.map(({ name, expr }) => ({ name, expr: reworded(expr, groups.shown) })),
    distinct: groups.shown(distinctOn(select, targets, output)),
    body: `${source}${where}${groups.text}${having}`,
    tail: sorted + limitClause(select, env),
    ...(newest !== undefined && { newest: { tail: sorted, rows: newest } })
  }
}

/** What count(DISTINCT …) counts, where the SELECT asks for nothing else. */
function countedAlone(
  select: ast.Node,
  targets: readonly NamedExpr[],
  outer: Env['outer']
): string | undefined {
  const [only, ...others] = targets
  const isAlone = others.length === 0 && outer.length === 0 && !ast.has(select, 'sortClause')
  const of = isAlone ? only?.expr.distinctOf : undefined
  return only?.expr.sql === `count(DISTINCT ${of})` ? of : undefined
}

/**
 * Groups are counted in the place of distinct values, because whole numbers within few bits are grouped
 * by an array (store-options.ts), of which DISTINCT makes no use: 10,000 of 5 M rows take less than half
 * the time, others the same.
 */
function countedGroups(
  targets: readonly NamedExpr[],
  of: string,
  rows: string,
  context: Context
): Omit<Query, 'tail'> {
  const range = context.rangeName()
  const sql = `count(${range}.a1)`
  return {
    targets: targets.map(({ name, expr }) => ({ name, expr: { ...expr, sql } })),
    body: ` FROM (SELECT ${of} AS a1${rows} GROUP BY ${of}) AS ${range}`
  }
}

/** Of the rows that are alike in these, the first in the order of ORDER BY. */
function distinctOn(select: ast.Node, targets: readonly NamedExpr[], env: Env): string {
  const items = ast.list(select, 'distinctClause')
  if (items.length === 0) return ''
  // DuckDB puts out a real as the key that it would sort by, in which −0 has become 0.
  if (targets.some(({ expr }) => expr.type.oid === OID.float4)) relay('DISTINCT ON with a real')
  const keys = items.map((node) => requireCountable(sortedExpr(node, targets, env)).sql)
  return `DISTINCT ON (${keys.join(', ')}) `
}

/** DISTINCT is a query of its own, whose rows are then sorted and put out. */
function distinctQuery(select: ast.Node, queries: Queries): Query {
  const { distinctClause: _d, sortClause: _s, limitCount: _c, limitOffset: _o, ...rest } = select
  const all = plainQuery(rest, queries)
  const targets = all.targets.map(({ name, expr }) => ({
    name,
    expr: rowKey(settle(expr, OID.text, queries.context))
  }))
  const inner = derived({ ...all, targets, distinct: 'DISTINCT ' }, queries.context)
  return overRows(inner, select, queries)
}

/** The rows as the only item of FROM; what the statement sorts by must be among their columns. */
function overRows(rows: Derived, select: ast.Node, { context, outer }: Queries): Query {
  const range = context.rangeName()
  const targets = rows.columns(range)
  const env: Env = { context, from: NOTHING, outer, aggregates: false }
  return {
    targets,
    body: ` FROM (${rows.sql}) AS ${range}`,
    tail: sortClause(select, targets, env) + limitClause(select, env)
  }
}

function values(select: ast.Node, queries: Queries): Query {
  const { context, outer } = queries
  const env: Env = { context, from: NOTHING, outer, aggregates: false }
  const columns = valuesColumns(select, env)
  const range = context.rangeName()
  const lines = ast.list(select, 'valuesLists').map((_, row) => {
    const forms = columns.flatMap((column) => formsOf(column[row] ?? relay('VALUES of nothing')))
    return `(${forms.join(', ')})`
  })
  const heads = columns.map((column) => column[0] ?? relay('VALUES of nothing'))
  const names = heads.flatMap((head, i) =>
    hasTwoForms(head) ? [`a${i + 1}`, `d${i + 1}`] : [`a${i + 1}`]
  )
  const targets = heads.map((head, i) => ({
    name: `column${i + 1}`,
    expr: behind(head, range, i + 1)
  }))
  return {
    targets,
    body: ` FROM (VALUES ${lines.join(', ')}) AS ${range}(${names.join(', ')})`,
    tail: sortClause(select, targets, env) + limitClause(select, env)
  }
}

/** One type a column, as CASE has it; a numeric whose digits differ by row is its text. */
function valuesColumns(select: ast.Node, env: Env): readonly (readonly Expr[])[] {
  const rows = ast
    .list(select, 'valuesLists')
    .map((row) => ast.list(ast.open(row).body, 'items').map((item) => walk(item, env)))
  const width = rows[0]?.length ?? 0
  if (rows.some((row) => row.length !== width)) return relay('VALUES of different lengths')
  return Array.from({ length: width }, (_, i) =>
    unify(
      rows.map((row) => row[i] ?? relay('VALUES of different lengths')),
      env.context
    ).map(flat)
  )
}

const formsOf = (expr: Expr): readonly string[] =>
  hasTwoForms(expr) && expr.decimal ? [expr.sql, expr.decimal.sql] : [expr.sql]

function target(node: unknown, env: Env): readonly NamedExpr[] {
  const { body } = ast.open(node)
  const { kind, body: value } = ast.open(body['val'])
  const fields = kind === 'ColumnRef' ? ast.list(value, 'fields') : []
  if (ast.open(fields.at(-1)).kind === 'A_Star') return star(fields.slice(0, -1), env.from)
  if (ast.has(body, 'indirection')) relay('a target with indirection')
  return [{ name: columnName(body), expr: walk(body['val'], env) }]
}

function star(fields: readonly unknown[], from: FromItem): readonly NamedExpr[] {
  if (fields.length === 0) return from.visible
  return findRange(from, ast.names(fields) ?? relay('a star of something else')).columns
}
