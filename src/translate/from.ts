// The FROM clause: ingested relations, joins and subqueries. Every range gets a name of ours, every
// column is written with it, so no alias of the statement ever meets DuckDB's name rules.
// Must never let in a relation that is not ingested, FROM ONLY or TABLESAMPLE.

import { OID } from '../types/oids.ts'
import { storeColumn, storeTable } from '../types/store-names.ts'
import * as ast from './ast.ts'
import { comparison } from './comparisons.ts'
import type { Context } from './context.ts'
import { type Derived, derive, type Queries, subqueryOf } from './derived.ts'
import { columnExpr, type Expr, factsOf, keepsScale, relay } from './expr.ts'
import { walkBoolean } from './expressions.ts'
import { type FromItem, lookUp, type NamedExpr, NOTHING, type Range } from './scope.ts'
import { seriesOf } from './series.ts'
import { viewRows } from './views.ts'

export function translateFrom(items: readonly unknown[], queries: Queries): FromItem {
  return items.reduce<FromItem>((left, node) => {
    const right = fromItem(node, queries, left)
    return left === NOTHING ? right : beside(left, right, `${left.sql}, ${right.sql}`)
  }, NOTHING)
}

function beside(left: FromItem, right: FromItem, sql: string): FromItem {
  const taken = new Set(left.ranges.map((range) => range.alias))
  if (right.ranges.some((range) => taken.has(range.alias))) relay('two items of FROM have one name')
  return {
    sql,
    ranges: [...left.ranges, ...right.ranges],
    visible: [...left.visible, ...right.visible]
  }
}

/** `left`: what LATERAL may use. */
function fromItem(item: unknown, queries: Queries, left: FromItem): FromItem {
  const { kind, body } = ast.open(item)
  if (kind === 'RangeVar') return rangeVar(body, queries)
  if (kind === 'JoinExpr') return queries.context.deeper(() => join(body, queries, left))
  if (kind === 'RangeFunction') return rangeFunction(body, queries, left)
  if (kind !== 'RangeSubselect') return relay(`${kind} in FROM is not translated`)
  const select = ast.open(body['subquery']).body
  const isLateral = ast.flag(body, 'lateral')
  const alias = ast.child(body, 'alias')
  const name = ast.str(alias, 'aliasname')
  if (name === '') relay('a subquery without an alias')
  const derived = derive(queries, select, isLateral ? left : undefined)
  return named(derived, name, alias, queries, isLateral ? { lateral: 'LATERAL ' } : {})
}

/** A function that gives rows; it may use what stands left of it. */
function rangeFunction(body: ast.Node, queries: Queries, left: FromItem): FromItem {
  const { context, outer } = queries
  const env = { context, from: left, outer, aggregates: false }
  const alias = ast.child(body, 'alias')
  const shown = ast.str(alias, 'aliasname')
  const { sql, name, expr } = seriesOf(body, env)
  const own = context.rangeName()
  const title = shown === '' ? name : shown
  const column = { name: title, expr: { ...expr, sql: `${own}.a1` } }
  const item = `LATERAL (SELECT ${sql} AS a1) AS ${own}`
  return single(item, title, undefined, renamed([column], alias))
}

function rangeVar(body: ast.Node, queries: Queries): FromItem {
  const name = ast.str(body, 'relname')
  const schema = ast.has(body, 'schemaname') ? ast.str(body, 'schemaname') : undefined
  if (ast.has(body, 'catalogname')) relay('a name of three parts')
  const alias = ast.child(body, 'alias')
  const shown = ast.has(alias, 'aliasname') ? ast.str(alias, 'aliasname') : name
  const cte = schema === undefined ? queries.ctes.get(name) : undefined
  if (cte) return named(cte(), shown, alias, queries)
  if (!ast.flag(body, 'inh')) relay('FROM ONLY')
  const written = ast.has(alias, 'aliasname') ? undefined : schema
  const view = queries.names.view?.(schema, name)
  if (view) return named(viewRows(view, queries), shown, alias, queries, { written })
  const relation = queries.names.relation(schema, name)
  if (!relation) return upstreamRange(schema, name, alias, queries)
  const own = queries.context.rangeName()
  const columns = relation.columns.map(
    ({ name: title, attnum, type }) =>
      new LazyColumn(title, () => columnExpr(`${own}.${storeColumn(attnum)}`, type))
  )
  return single(`${storeTable(relation.id)} AS ${own}`, shown, written, renamed(columns, alias))
}

/** A table of the upstream's own, where the caller can read it. */
function upstreamRange(
  schema: string | undefined,
  name: string,
  alias: ast.Node,
  { context, names }: Queries
): FromItem {
  const { upstream } = context
  const table = names.upstreamTable?.(schema, name)
  if (!table) return relay(`"${name}" is not an ingested relation`)
  const own = context.rangeName()
  const columns = table.columns.map(
    (column) => new LazyColumn(column.name, () => upstream.column(table, column, own))
  )
  const shown = ast.has(alias, 'aliasname') ? ast.str(alias, 'aliasname') : name
  const written = ast.has(alias, 'aliasname') ? undefined : schema
  return single(`${upstream.use(table)} AS ${own}`, shown, written, renamed(columns, alias))
}

/** A column of an unknown type is a reason to relay only when it is used. */
class LazyColumn implements NamedExpr {
  readonly name: string
  readonly #read: () => Expr
  #expr: Expr | undefined

  constructor(name: string, read: () => Expr) {
    this.name = name
    this.#read = read
  }

  get expr(): Expr {
    this.#expr ??= this.#read()
    return this.#expr
  }
}

function named(
  derived: Derived,
  shown: string,
  alias: ast.Node,
  queries: Queries,
  {
    lateral = '',
    written
  }: { readonly lateral?: string; readonly written?: string | undefined } = {}
): FromItem {
  const own = queries.context.rangeName()
  return single(
    `${lateral}(${derived.sql}) AS ${own}`,
    shown,
    written,
    renamed(derived.columns(own), alias)
  )
}

function single(
  sql: string,
  alias: string,
  schema: string | undefined,
  columns: readonly NamedExpr[]
): FromItem {
  const range: Range = { alias, schema, columns }
  return { sql, ranges: [range], visible: columns }
}

/** `t AS x (a, b)` names the first columns. */
function renamed(columns: readonly NamedExpr[], alias: ast.Node): readonly NamedExpr[] {
  if (!ast.has(alias, 'colnames')) return columns
  const given = ast.names(ast.list(alias, 'colnames')) ?? relay('column aliases')
  if (given.length > columns.length) relay('more column aliases than columns')
  return columns.map((column, i) => new LazyColumn(given[i] ?? column.name, () => column.expr))
}

const JOINS: Readonly<Record<string, string>> = {
  JOIN_INNER: 'INNER JOIN',
  JOIN_LEFT: 'LEFT JOIN',
  JOIN_RIGHT: 'RIGHT JOIN',
  JOIN_FULL: 'FULL JOIN'
}

function join(body: ast.Node, queries: Queries, outside: FromItem): FromItem {
  const type = ast.str(body, 'jointype')
  const word = JOINS[type] ?? relay(`${type} is not translated`)
  if (ast.has(body, 'alias')) relay('an alias of a join')
  const left = fromItem(body['larg'], queries, outside)
  const around = outside === NOTHING ? left : beside(outside, left, '')
  const right = fromItem(body['rarg'], queries, around)
  const shared = sharedColumns(body, left, right)
  if (shared) return joinUsing(shared, word, left, right, queries.context)
  if (type === 'JOIN_FULL' && !isEquation(body['quals'], left, right))
    relay('FULL JOIN on a condition that is no equation of columns')
  const both = beside(left, right, '')
  if (!ast.has(body, 'quals')) return { ...both, sql: `(${left.sql} CROSS JOIN ${right.sql})` }
  const condition = walkBoolean(body['quals'], {
    context: queries.context,
    from: both,
    outer: queries.outer,
    aggregates: false,
    subquery: subqueryOf(queries, both)
  })
  return { ...both, sql: `(${left.sql} ${word} ${right.sql} ON ${condition.sql})` }
}

/** Postgres can do FULL JOIN on some conditions only: on columns that are equal it surely can. */
function isEquation(quals: unknown, left: FromItem, right: FromItem): boolean {
  const { kind, body } = ast.open(quals)
  if (kind === 'BoolExpr' && ast.str(body, 'boolop') === 'AND_EXPR')
    return ast.list(body, 'args').every((one) => isEquation(one, left, right))
  const op = kind === 'A_Expr' ? ast.builtinName(ast.list(body, 'name')) : undefined
  if (op !== '=' || ast.str(body, 'kind') !== 'AEXPR_OP') return false
  const [a, b] = ['lexpr', 'rexpr'].map((side) => {
    const { kind: own, body: ref } = ast.open(body[side])
    const parts = own === 'ColumnRef' ? ast.names(ast.list(ref, 'fields')) : undefined
    return parts && [lookUp(left, parts), lookUp(right, parts)]
  })
  const isOfOne = (item: number): boolean => a?.[item] !== undefined && b?.[1 - item] !== undefined
  return isOfOne(0) || isOfOne(1)
}

/** The columns that USING names or NATURAL finds; undefined: a join on a condition. */
function sharedColumns(
  body: ast.Node,
  left: FromItem,
  right: FromItem
): readonly string[] | undefined {
  if (ast.has(body, 'usingClause'))
    return ast.names(ast.list(body, 'usingClause')) ?? relay('USING')
  if (!ast.flag(body, 'isNatural')) return undefined
  const theirs = new Set(right.visible.map(({ name }) => name))
  const names = left.visible.map(({ name }) => name).filter((name) => theirs.has(name))
  return names.length === 0 ? relay('NATURAL JOIN without a common column') : names
}

/** The columns of USING come first and once; the side that is kept whole gives their values. */
function joinUsing(
  columns: readonly string[],
  word: string,
  left: FromItem,
  right: FromItem,
  context: Context
): FromItem {
  const pairs = columns.map((name) => ({ name, l: only(left, name), r: only(right, name) }))
  const tests = pairs.map(({ l, r }) => {
    if (l.type.oid !== r.type.oid || l.type.oid === OID.bpchar) relay('USING of two types')
    return comparison('=', l, r, context)?.sql ?? relay('USING')
  })
  const merged = pairs.map(({ name, l, r }) => ({ name, expr: mergedColumn(word, l, r) }))
  const rest = (item: FromItem): NamedExpr[] =>
    item.visible.filter((column) => !columns.includes(column.name))
  return {
    ...beside(left, right, `(${left.sql} ${word} ${right.sql} ON ${tests.join(' AND ')})`),
    visible: [...merged, ...rest(left), ...rest(right)]
  }
}

function only(item: FromItem, name: string): Expr {
  const matches = item.visible.filter((column) => column.name === name)
  const [match] = matches
  return matches.length === 1 && match ? match.expr : relay(`USING (${name}) is ambiguous`)
}

/**
 * Where they are equal, either may be shown. Postgres shows the side whose type needs no relabeling,
 * which hangs on modifiers that are not known here of every expression.
 */
function showsAlike(l: Expr, r: Expr): boolean {
  if (l.type.oid === OID.interval) return l.column && r.column && l.type.typmod === r.type.typmod
  if (l.type.oid !== OID.numeric) return true
  return keepsScale(l) && keepsScale(r) && l.decimal?.scale === r.decimal?.scale
}

function mergedColumn(word: string, l: Expr, r: Expr): Expr {
  if (word === 'RIGHT JOIN') return r
  if (word === 'INNER JOIN') return showsAlike(l, r) ? l : relay('USING of two scales')
  if (word !== 'FULL JOIN') return l
  if (l.type.typmod !== r.type.typmod || l.form !== r.form) return relay('USING of two types')
  const { foldsUnicode } = factsOf([l, r])
  return {
    ...columnExpr(`COALESCE(${l.sql}, ${r.sql})`, l.type),
    bytewise: l.bytewise && r.bytewise,
    ...(foldsUnicode && { foldsUnicode })
  }
}
