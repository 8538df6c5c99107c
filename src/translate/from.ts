// The FROM clause: ingested relations, joins and subqueries. Every range gets a name of ours, every
// column is written with it, so no alias of the statement ever meets DuckDB's name rules.
// Must never let in a relation that is not ingested, FROM ONLY, LATERAL or TABLESAMPLE.

import { OID } from '../types/oids.ts'
import { storeColumn, storeTable } from '../types/store-names.ts'
import * as ast from './ast.ts'
import { comparison } from './comparisons.ts'
import type { Context } from './context.ts'
import { columnExpr, type Expr, relay } from './expr.ts'
import { walkBoolean } from './expressions.ts'
import type { FromItem, NamedExpr, Range } from './scope.ts'

/** A translated subquery, not yet named. */
export interface Derived {
  readonly sql: string
  /** Evaluating one of its columns may fail. */
  readonly fallible: boolean
  /** Its columns, given the name of its range. */
  readonly columns: (range: string) => readonly NamedExpr[]
}

/** What FROM needs of the module that translates whole SELECTs. */
export interface Queries {
  readonly context: Context
  /** A query of WITH, by name. */
  readonly ctes: ReadonlyMap<string, () => Derived>
  readonly derive: (select: ast.Node) => Derived
}

export function translateFrom(items: readonly unknown[], queries: Queries): FromItem {
  const [first, ...others] = items.map((item) => fromItem(item, queries))
  if (!first) return relay('a SELECT without FROM')
  return others.reduce((left, right) => beside(left, right, `${left.sql}, ${right.sql}`), first)
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

function fromItem(item: unknown, queries: Queries): FromItem {
  const { kind, body } = ast.open(item)
  if (kind === 'RangeVar') return rangeVar(body, queries)
  if (kind === 'JoinExpr') return queries.context.deeper(() => join(body, queries))
  if (kind !== 'RangeSubselect' || ast.flag(body, 'lateral')) {
    return relay(`${kind} in FROM is not translated`)
  }
  const select = ast.open(body['subquery']).body
  const name = ast.str(ast.child(body, 'alias'), 'aliasname')
  if (name === '') relay('a subquery without an alias')
  return named(queries.derive(select), name, ast.child(body, 'alias'), queries)
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
  const relation = queries.context.scope.relation(schema, name)
  if (!relation) return relay(`"${name}" is not an ingested relation`)
  const own = queries.context.rangeName()
  const columns = relation.columns.map(
    ({ name: title, attnum, type }) =>
      new LazyColumn(title, () => columnExpr(`${own}.${storeColumn(attnum)}`, type))
  )
  const written = ast.has(alias, 'aliasname') ? undefined : schema
  return single(`${storeTable(relation.id)} AS ${own}`, shown, written, renamed(columns, alias))
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

function named(derived: Derived, shown: string, alias: ast.Node, queries: Queries): FromItem {
  const own = queries.context.rangeName()
  return single(
    `(${derived.sql}) AS ${own}`,
    shown,
    undefined,
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

function join(body: ast.Node, queries: Queries): FromItem {
  const type = ast.str(body, 'jointype')
  const word = JOINS[type] ?? relay(`${type} is not translated`)
  if (ast.flag(body, 'isNatural') || ast.has(body, 'alias')) relay('NATURAL JOIN or a join alias')
  const left = fromItem(body['larg'], queries)
  const right = fromItem(body['rarg'], queries)
  if (ast.has(body, 'usingClause')) return joinUsing(body, word, left, right, queries.context)
  // Postgres can do FULL JOIN on some conditions only.
  if (type === 'JOIN_FULL') relay('FULL JOIN on a condition')
  const both = beside(left, right, '')
  if (!ast.has(body, 'quals')) return { ...both, sql: `(${left.sql} CROSS JOIN ${right.sql})` }
  const condition = walkBoolean(body['quals'], {
    context: queries.context,
    from: both,
    aggregates: false
  })
  return { ...both, sql: `(${left.sql} ${word} ${right.sql} ON ${condition.sql})` }
}

/** The columns of USING come first and once; the side that is kept whole gives their values. */
function joinUsing(
  body: ast.Node,
  word: string,
  left: FromItem,
  right: FromItem,
  context: Context
): FromItem {
  const columns = ast.names(ast.list(body, 'usingClause')) ?? relay('USING')
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

function mergedColumn(word: string, l: Expr, r: Expr): Expr {
  if (word === 'RIGHT JOIN') return r
  if (word !== 'FULL JOIN') return l
  if (l.type.typmod !== r.type.typmod || l.form !== r.form) return relay('USING of two types')
  return columnExpr(`COALESCE(${l.sql}, ${r.sql})`, l.type)
}
