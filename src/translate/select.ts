// One SELECT: FROM, WHERE, GROUP BY, targets, DISTINCT and the clauses after it; UNION ALL of such.
// A query's columns stay in their raw forms; output.ts turns those of the outermost one into exactly
// the types that the client was told.
// Must never write out a query of WITH twice where it could give other rows the second time.

import { OID } from '../types/oids.ts'
import * as ast from './ast.ts'
import { groupClause, havingCondition, limitClause, sortClause } from './clauses.ts'
import { settle } from './coerce.ts'
import { columnName } from './column-names.ts'
import { requireGroupable } from './comparisons.ts'
import type { Context } from './context.ts'
import { type Expr, relay } from './expr.ts'
import { type Env, type Subquery, walk, walkBoolean } from './expressions.ts'
import { type Derived, type Queries, translateFrom } from './from.ts'
import { findRange, type FromItem, type NamedExpr, NOTHING } from './scope.ts'

/** A SELECT in its parts; the targets are still in their raw forms. */
export interface Query {
  readonly targets: readonly NamedExpr[]
  /** From `FROM` to `HAVING`. */
  readonly body: string
  /** ` ORDER BY … LIMIT … OFFSET …`, or ''. */
  readonly tail: string
}

type Ctes = ReadonlyMap<string, () => Derived>

const REFUSED: Readonly<Record<string, string>> = {
  lockingClause: 'FOR UPDATE or FOR SHARE',
  windowClause: 'WINDOW',
  intoClause: 'SELECT INTO',
  valuesLists: 'VALUES'
}

export function translateQuery(select: ast.Node, context: Context, outer: Ctes = new Map()): Query {
  for (const [clause, reason] of Object.entries(REFUSED)) {
    if (ast.has(select, clause)) relay(`${reason} is not translated`)
  }
  const queries = queriesOf(select, context, outer)
  const op = ast.str(select, 'op') || 'SETOP_NONE'
  if (op !== 'SETOP_NONE') return setOperation(select, queries, op)
  return ast.has(select, 'distinctClause')
    ? distinctQuery(select, queries)
    : plainQuery(select, queries)
}

function queriesOf(select: ast.Node, context: Context, outer: Ctes): Queries {
  const ctes = new Map(outer)
  const derive = (within: Ctes) => (inner: ast.Node) =>
    context.deeper(() => derived(translateQuery(inner, context, within)))
  const clause = ast.child(select, 'withClause')
  if (ast.flag(clause, 'recursive')) relay('WITH RECURSIVE')
  for (const node of ast.list(clause, 'ctes')) {
    const { body } = ast.open(node)
    if (ast.has(body, 'aliascolnames')) relay('WITH and column names')
    const inner = ast.open(body['ctequery'])
    if (inner.kind !== 'SelectStmt') relay('WITH of something that is no SELECT')
    ctes.set(ast.str(body, 'ctename'), once(inner.body, derive(new Map(ctes))))
  }
  return { context, ctes, derive: derive(ctes) }
}

/** A query of WITH is written out where it is named; twice only if both times give the same rows. */
function once(body: ast.Node, derive: (inner: ast.Node) => Derived): () => Derived {
  let uses = 0
  return () => {
    uses += 1
    if (uses > 1 && (ast.has(body, 'limitCount') || ast.has(body, 'limitOffset'))) {
      relay('WITH of a limited query named twice')
    }
    return derive(body)
  }
}

/** A query as an item of FROM: raw columns named a1, a2, …; a numeric's text travels beside it. */
function derived(query: Query): Derived {
  const items = query.targets.flatMap(({ expr }, i) =>
    hasTwoForms(expr)
      ? [`${expr.sql} AS a${i + 1}`, `${expr.decimal?.sql ?? 'NULL'} AS d${i + 1}`]
      : [`${expr.sql} AS a${i + 1}`]
  )
  return {
    sql: `SELECT ${items.join(', ')}${query.body}${query.tail}`,
    fallible: query.targets.some(({ expr }) => expr.fallible),
    columns: (range) =>
      query.targets.map(({ name, expr }, i) => ({ name, expr: behind(expr, range, i + 1) }))
  }
}

const hasTwoForms = (expr: Expr): boolean => expr.form === 'VARCHAR' && expr.decimal !== undefined

/** The expression as it is seen from outside of its subquery. */
function behind(expr: Expr, range: string, number: number): Expr {
  const { literal: _literal, printed, decimal, ...rest } = expr
  const sql = `${range}.a${number}`
  const outside = { ...rest, sql, constant: false, aggregate: false, fallible: false }
  if (expr.type.oid !== OID.numeric) return outside
  const text = expr.form === 'VARCHAR' ? sql : `CAST(${sql} AS VARCHAR)`
  const held = decimal && { ...decimal, sql: hasTwoForms(expr) ? `${range}.d${number}` : sql }
  return {
    ...outside,
    ...(held ? { decimal: held } : {}),
    ...(printed === undefined ? {} : { printed: text })
  }
}

function plainQuery(select: ast.Node, queries: Queries): Query {
  const from = translateFrom(ast.list(select, 'fromClause'), queries)
  const subquery = (inner: ast.Node): Subquery => plainSubquery(queries.derive(inner))
  const env: Env = { context: queries.context, from, aggregates: false, subquery }
  const where = ast.has(select, 'whereClause')
    ? ` WHERE ${walkBoolean(select['whereClause'], env).sql}`
    : ''
  const output = { ...env, aggregates: true }
  const targets = ast.list(select, 'targetList').flatMap((node) => target(node, output))
  if (targets.length === 0) return relay('a SELECT of no column')
  const groups = groupClause(select, targets, env)
  const having = ast.has(select, 'havingClause')
    ? ` HAVING ${havingCondition(select['havingClause'], groups, targets, output)}`
    : ''
  return {
    targets,
    body: ` FROM ${from.sql}${where}${groups}${having}`,
    tail: sortClause(select, targets, output) + limitClause(select, queries.context)
  }
}

/** Postgres may be spared an error inside of it, or meet one that DuckDB is spared. */
function plainSubquery({ sql, columns, fallible }: Derived): Subquery {
  if (fallible) return relay('a subquery that may raise')
  return { sql, columns: columns('').map(({ expr }) => expr) }
}

/** DISTINCT is a query of its own, whose rows are then sorted and put out. */
function distinctQuery(select: ast.Node, queries: Queries): Query {
  const [first, ...more] = ast.list(select, 'distinctClause')
  if (more.length > 0 || ast.open(first).kind !== '') relay('DISTINCT ON')
  const { distinctClause: _d, sortClause: _s, limitCount: _c, limitOffset: _o, ...rest } = select
  const inner = plainQuery(rest, queries)
  for (const { expr } of inner.targets) requireGroupable(expr)
  const { sql, columns } = derived(inner)
  return overRows(`SELECT DISTINCT${sql.slice('SELECT'.length)}`, columns, select, queries.context)
}

/** `rows` as the only item of FROM; what the statement sorts by must be among its columns. */
function overRows(
  rows: string,
  columns: Derived['columns'],
  select: ast.Node,
  context: Context
): Query {
  const range = context.rangeName()
  const targets = columns(range)
  const env: Env = { context, from: NOTHING, aggregates: false }
  return {
    targets,
    body: ` FROM (${rows}) AS ${range}`,
    tail: sortClause(select, targets, env) + limitClause(select, context)
  }
}

/** UNION ALL of queries whose columns have the same types; the others need groups of rows. */
function setOperation(select: ast.Node, queries: Queries, op: string): Query {
  if (op !== 'SETOP_UNION' || !ast.flag(select, 'all')) return relay('only UNION ALL is translated')
  const left = queries.derive(ast.child(select, 'larg'))
  const right = queries.derive(ast.child(select, 'rarg'))
  const [ours, theirs] = [left.columns(''), right.columns('')]
  if (ours.length !== theirs.length) return relay('UNION of different columns')
  ours.forEach(({ expr }, i) => requireSame(expr, theirs[i]?.expr))
  return overRows(`(${left.sql}) UNION ALL (${right.sql})`, left.columns, select, queries.context)
}

function requireSame(a: Expr, b: Expr | undefined): void {
  const alike = a.type.oid === b?.type.oid && a.type.typmod === b.type.typmod && a.form === b.form
  if (!alike || a.column !== b.column) relay('UNION of different types')
  if (a.bytewise !== b.bytewise || (a.printed === undefined) !== (b.printed === undefined)) {
    relay('UNION of different types')
  }
  if (hasTwoForms(a)) relay('UNION of unconstrained numerics')
}

function target(node: unknown, env: Env): readonly NamedExpr[] {
  const { body } = ast.open(node)
  const { kind, body: value } = ast.open(body['val'])
  const fields = kind === 'ColumnRef' ? ast.list(value, 'fields') : []
  if (ast.open(fields.at(-1)).kind === 'A_Star') return star(fields.slice(0, -1), env.from)
  if (ast.has(body, 'indirection')) relay('a target with indirection')
  const expr = settle(walk(body['val'], env), OID.text, env.context)
  return [{ name: columnName(body), expr }]
}

function star(fields: readonly unknown[], from: FromItem): readonly NamedExpr[] {
  if (fields.length === 0) return from.visible
  return findRange(from, ast.names(fields) ?? relay('a star of something else')).columns
}
