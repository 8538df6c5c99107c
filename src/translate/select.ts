// One SELECT: FROM, WHERE, GROUP BY, HAVING, targets, DISTINCT, ORDER BY, LIMIT, and UNION ALL of such.
// A query is first derived in its raw forms; output() turns the raw forms of the outermost one into
// exactly the types that the client was told.
// Must never leave an order or a NULL placement to DuckDB's defaults.

import { OID } from '../types/oids.ts'
import { storeType } from '../types/store-type.ts'
import type { ColumnType } from '../types/value.ts'
import * as ast from './ast.ts'
import { columnName } from './column-names.ts'
import { isUnknown, settle } from './coerce.ts'
import { requireGroupable, sortable } from './comparisons.ts'
import type { Context } from './context.ts'
import { type Expr, relay } from './expr.ts'
import { type Env, walk, walkBoolean } from './expressions.ts'
import { type Derived, type Queries, translateFrom } from './from.ts'
import { findColumn, findRange, type FromItem, type NamedExpr } from './scope.ts'

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
  return ast.has(select, 'distinctClause') ? distinctQuery(select, queries) : plainQuery(select, queries)
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
  const env: Env = { context: queries.context, from, aggregates: false }
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
  const from: FromItem = { sql: '', ranges: [], visible: [] }
  const env: Env = { context, from, aggregates: false }
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
  if (a.bytewise !== b.bytewise || a.printed === undefined !== (b.printed === undefined)) {
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

const isAggregating = (targets: readonly NamedExpr[]): boolean =>
  targets.some(({ expr }) => expr.aggregate)

/** A name is an input column first, then an output column. Source: findTargetlistEntrySQL92. */
function groupClause(select: ast.Node, targets: readonly NamedExpr[], env: Env): string {
  if (ast.flag(select, 'groupDistinct') || ast.flag(select, 'groupByAll')) relay('GROUP BY DISTINCT or ALL')
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

function havingCondition(
  node: unknown,
  groups: string,
  targets: readonly NamedExpr[],
  env: Env
): string {
  const condition = walkBoolean(node, env)
  if (groups === '' && !condition.aggregate && !isAggregating(targets)) relay('HAVING without groups')
  return condition.sql
}

/** A name is an output column first, then an input column. NULLs are the greatest unless said. */
function sortClause(select: ast.Node, targets: readonly NamedExpr[], env: Env): string {
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
  const expr = outputColumn(body['node'], bareName(body['node']), targets) ?? walk(body['node'], env)
  if (expr.constant || isUnknown(expr)) relay('ORDER BY of a constant')
  const descending = direction === 'SORTBY_DESC'
  const nulls = ast.str(body, 'sortby_nulls')
  const first = nulls === 'SORTBY_NULLS_FIRST' || (nulls !== 'SORTBY_NULLS_LAST' && descending)
  const order = `${descending ? 'DESC' : 'ASC'} NULLS ${first ? 'FIRST' : 'LAST'}`
  return `${sortable(expr)} ${order}`
}

function limitClause(select: ast.Node, context: Context): string {
  const option = ast.str(select, 'limitOption')
  if (option === 'LIMIT_OPTION_WITH_TIES') relay('FETCH … WITH TIES')
  const count = limitValue('LIMIT', select, 'limitCount', context)
  return count + limitValue('OFFSET', select, 'limitOffset', context)
}

/** NULL is no limit on both sides, a negative number raises on both. */
function limitValue(word: string, select: ast.Node, key: string, context: Context): string {
  if (!ast.has(select, key)) return ''
  const from: FromItem = { sql: '', ranges: [], visible: [] }
  const walked = walk(select[key], { context, from, aggregates: false })
  if (walked.literal === null) return ''
  const expr = settle(walked, OID.int8, context)
  if (![OID.int2, OID.int4, OID.int8].some((oid) => oid === expr.type.oid)) relay(`${word} of this type`)
  return ` ${word} ${expr.sql}`
}

/** A target as the client was told: exactly the DuckDB type that holds the Postgres type. */
export function output(expr: Expr, described: ColumnType | undefined): { sql: string; type: ColumnType } {
  const type = described ?? expr.type
  if (type.oid !== expr.type.oid) {
    return relay(`a column of type ${type.oid} would be of type ${expr.type.oid}`)
  }
  if (type.oid === OID.bpchar && !expr.column) relay('char(n) is only compared and passed through')
  const form = storeType(type) ?? relay(`type ${type.oid} is not known`)
  if (type.oid === OID.numeric) return { sql: numericOutput(expr, form), type }
  if (form !== expr.form) relay(`a column of type ${type.oid} would be of another form`)
  // DuckDB forgets the type of what it folds to NULL.
  return { sql: expr.column ? expr.sql : `CAST(${expr.sql} AS ${form})`, type }
}

function numericOutput(expr: Expr, form: string): string {
  if (expr.printed === undefined) return relay('the scale of a numeric is not known')
  if (form === 'VARCHAR') return `CAST(${expr.printed} AS VARCHAR)`
  const scale = Number(/,(\d+)\)$/.exec(form)?.[1])
  if (expr.form === 'VARCHAR' || expr.decimal?.scale !== scale) return relay('a numeric of another scale')
  return expr.column && expr.form === form ? expr.sql : `CAST(${expr.sql} AS ${form})`
}
