// What the back channel can still do in the store when a whole statement cannot be translated: which
// rows may be left out beforehand, and which columns are needed at all.
// Must never leave out a row that Postgres could want, nor fail where Postgres would not: a conjunct
// that may raise is left to Postgres.

import { storeColumn } from '../types/store-names.ts'
import type { ColumnType, RelationSchema } from '../types/value.ts'
import * as ast from './ast.ts'
import { Context, type TranslateScope } from './context.ts'
import { type Expr, Relay, relay } from './expr.ts'
import { walkBoolean } from './expressions.ts'
import { translateFrom } from './from.ts'
import type { FromItem } from './scope.ts'

/** The rows of one relation that a statement needs, as a query on the store. */
export interface Pushdown {
  readonly relation: RelationSchema
  /** The alias the statement gives the relation, else the name it uses. */
  readonly alias: string
  /** attnums of the columns that occur anywhere in the statement, ascending. */
  readonly attnums: readonly number[]
  /** DuckDB: those columns, in that order, of the rows that the translated conjuncts keep. */
  readonly sql: string
  /** For DuckDB's $1, $2 …: which Postgres parameter (1-based) each is. */
  readonly parameters: readonly number[]
  readonly parameterTypes: readonly number[]
  /** The types of the columns. */
  readonly columns: readonly ColumnType[]
  /** Whether every conjunct of WHERE is in `sql`. */
  readonly complete: boolean
}

/** For a SELECT of one ingested relation; `relay` says why another statement has no such query. */
export function splitPushdown(
  select: unknown,
  scope: TranslateScope
): Pushdown | { readonly relay: string } {
  try {
    const node = ast.nodeOf(select)
    return pushdown('SelectStmt' in node ? ast.nodeOf(node['SelectStmt']) : node, scope)
  } catch (error) {
    if (error instanceof Relay) return { relay: error.message }
    throw error
  }
}

function pushdown(select: ast.Node, scope: TranslateScope): Pushdown {
  const { relation, alias } = onlyRelation(select, scope)
  const attnums = neededColumns(select, relation, alias)
  const conjuncts = flatten(select['whereClause'])
  const kept = conjuncts.filter((conjunct) => isUseful(conjunct, select, scope))
  // Once more, so that only the parameters of what is kept are numbered.
  const context = new Context(scope)
  const from = source(select, context)
  const tests = kept.map((conjunct) => test(conjunct, context, from).sql)
  const needed = relation.columns.filter((column) => attnums.includes(column.attnum))
  const list = needed.map((column) => `t1.${storeColumn(column.attnum)}`)
  const where = tests.length === 0 ? '' : ` WHERE ${tests.join(' AND ')}`
  return {
    relation,
    alias,
    attnums,
    sql: `SELECT ${list.length === 0 ? 'NULL' : list.join(', ')} FROM ${from.sql}${where}`,
    parameters: [...context.used],
    parameterTypes: context.usedTypes(),
    columns: needed.map((column) => column.type),
    complete: kept.length === conjuncts.length
  }
}

function onlyRelation(
  select: ast.Node,
  scope: TranslateScope
): { relation: RelationSchema; alias: string } {
  const [item, ...others] = ast.list(select, 'fromClause')
  const { kind, body } = ast.open(item)
  if (kind !== 'RangeVar' || others.length > 0) return relay('not a SELECT of one relation')
  if (!ast.flag(body, 'inh') || ast.has(body, 'catalogname'))
    return relay('FROM ONLY or a name of three parts')
  const alias = ast.child(body, 'alias')
  if (ast.has(alias, 'colnames')) return relay('column aliases')
  const name = ast.str(body, 'relname')
  const schema = ast.has(body, 'schemaname') ? ast.str(body, 'schemaname') : undefined
  const relation = scope.relation(schema, name) ?? relay(`"${name}" is not an ingested relation`)
  return { relation, alias: ast.has(alias, 'aliasname') ? ast.str(alias, 'aliasname') : name }
}

/** Parts in which a name could mean something else than the relation's column. */
const OTHER_NAMES = new Set([
  'SubLink',
  'RangeSubselect',
  'RangeFunction',
  'CommonTableExpr',
  'larg',
  'lockingClause'
])

function neededColumns(
  select: ast.Node,
  relation: RelationSchema,
  alias: string
): readonly number[] {
  const names = new Set<string>()
  let all = false
  const visit = (value: unknown, depth: number): void => {
    if (depth > 400) relay('nested too deeply')
    if (Array.isArray(value)) return value.forEach((item) => visit(item, depth + 1))
    for (const [key, inner] of Object.entries(ast.nodeOf(value))) {
      if (OTHER_NAMES.has(key)) relay(`${key} is not pushed down`)
      if (key !== 'ColumnRef') visit(inner, depth + 1)
      else if (!addColumn(ast.nodeOf(inner), relation, alias, names)) all = true
    }
  }
  visit(select, 0)
  // A bare output name in ORDER BY looks like a column of that name; one column too many is harmless.
  return relation.columns.filter(({ name }) => all || names.has(name)).map(({ attnum }) => attnum)
}

const SYSTEM_COLUMNS = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid'])

/** False when the reference is to all columns: `*`, `t.*` or the whole row. */
function addColumn(
  ref: ast.Node,
  relation: RelationSchema,
  alias: string,
  names: Set<string>
): boolean {
  const parts = ast.names(ast.list(ref, 'fields'))
  const name = parts?.at(-1)
  if (name === undefined) return false
  const isColumn = relation.columns.some((column) => column.name === name)
  if (!isColumn && name === alias) return false
  if (!isColumn && SYSTEM_COLUMNS.has(name)) relay('a system column')
  names.add(name)
  return true
}

function flatten(node: unknown): readonly unknown[] {
  const { kind, body } = ast.open(node)
  if (kind === '') return []
  const isAnd = kind === 'BoolExpr' && ast.str(body, 'boolop') === 'AND_EXPR'
  return isAnd ? ast.list(body, 'args').flatMap(flatten) : [node]
}

function source(select: ast.Node, context: Context): FromItem {
  const run = (): never => relay('not a SELECT of one relation')
  const around = { context, ctes: new Map(), names: context.scope, outer: [], run }
  return translateFrom(ast.list(select, 'fromClause'), around)
}

const test = (conjunct: unknown, context: Context, from: FromItem): Expr =>
  walkBoolean(conjunct, { context, from, outer: [], aggregates: false })

function isUseful(conjunct: unknown, select: ast.Node, scope: TranslateScope): boolean {
  try {
    const context = new Context(scope)
    return !test(conjunct, context, source(select, context)).fallible
  } catch (error) {
    if (error instanceof Relay) return false
    throw error
  }
}
