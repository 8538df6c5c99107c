// A translated SELECT in its parts, and what it is as an item of FROM: raw columns named a1, a2, …;
// a numeric that is printed otherwise than it is compared travels as two columns.
// Must never let an expression of the inside be seen outside but by its column.

import { OID } from '../types/oids.ts'
import type * as ast from './ast.ts'
import { settle } from './coerce.ts'
import type { Context } from './context.ts'
import { type Expr, printedNumeric } from './expr.ts'
import type { FromItem, NamedExpr } from './scope.ts'
import type { Names } from './views.ts'

/** A SELECT in its parts; the targets are still in their raw forms, untyped literals too. */
export interface Query {
  readonly targets: readonly NamedExpr[]
  /** DISTINCT ON (…) and a blank, or ''. */
  readonly distinct?: string
  /** From `FROM` to `HAVING`. */
  readonly body: string
  /** ` ORDER BY … LIMIT … OFFSET …`, or ''. */
  readonly tail: string
  /** Where it asks for so many of the newest rows: the tail without the LIMIT. */
  readonly newest?: { readonly tail: string; readonly rows: number }
}

/** A SELECT inside an expression. */
export interface Subquery {
  readonly sql: string
  /** Its columns as they are inside. */
  readonly columns: readonly Expr[]
}

/** A translated subquery, not yet named. */
export interface Derived {
  readonly sql: string
  /** Its columns as they are inside. */
  readonly targets: readonly NamedExpr[]
  /** Its columns, given the name of its range. */
  readonly columns: (range: string) => readonly NamedExpr[]
}

export type Ctes = ReadonlyMap<string, () => Derived>

/** What a SELECT finds around itself. */
export interface Surroundings {
  readonly context: Context
  /** A query of WITH, by name. */
  readonly ctes: Ctes
  /** What other names in FROM mean. */
  readonly names: Names
  /** The FROM clauses of the queries around, innermost first: its columns may be used. */
  readonly outer: readonly FromItem[]
}

/** What the clauses need of the module that translates whole SELECTs. */
export interface Queries extends Surroundings {
  readonly run: (select: ast.Node, around: Queries) => Query
}

/** A SELECT inside of another; `within`: the FROM clause whose columns it may use. */
export const derive = (around: Queries, select: ast.Node, within?: FromItem): Derived =>
  around.context.inner(() => {
    const outer = within ? [within, ...around.outer] : around.outer
    return derived(around.run(select, { ...around, outer }), around.context)
  })

export function derived(query: Query, context: Context): Derived {
  const targets = query.targets.map(({ name, expr }) => ({
    name,
    expr: flat(settle(expr, OID.text, context))
  }))
  const items = targets.flatMap(({ expr }, i) =>
    hasTwoForms(expr)
      ? [`${expr.sql} AS a${i + 1}`, `${expr.decimal?.sql ?? 'NULL'} AS d${i + 1}`]
      : [`${expr.sql} AS a${i + 1}`]
  )
  // EXISTS (SELECT FROM …) has none.
  const list = items.length === 0 ? 'NULL' : items.join(', ')
  return {
    sql: `SELECT ${query.distinct ?? ''}${list}${query.body}${query.tail}`,
    targets,
    columns: (range) =>
      targets.map(({ name, expr }, i) => ({ name, expr: behind(expr, range, i + 1) }))
  }
}

/** A numeric whose digits differ by row becomes its text. */
export const flat = (expr: Expr): Expr =>
  expr.shown !== undefined && expr.printed !== undefined
    ? printedNumeric(expr.printed, expr.decimal, expr)
    : expr

export const hasTwoForms = (expr: Expr): boolean =>
  expr.form === 'VARCHAR' && expr.decimal !== undefined

/** The expression as it is seen from outside of its subquery. */
export function behind(expr: Expr, range: string, number: number): Expr {
  const {
    literal: _l,
    span: _s,
    elapsed: _e,
    units: _u,
    ratio: _r,
    whole: _w,
    raises: _f,
    given: _g,
    stable: _t,
    printed,
    decimal,
    ...rest
  } = expr
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

/** How an expression in the clauses beside `from` is given its subqueries. */
export const subqueryOf =
  (queries: Queries, from: FromItem) =>
  (select: ast.Node): Subquery => {
    const { sql, targets } = derive(queries, select, from)
    return { sql, columns: targets.map(({ expr }) => expr) }
  }
