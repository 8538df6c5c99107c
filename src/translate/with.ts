// WITH: its queries are written out where they are named; a recursive one becomes a WITH RECURSIVE
// of DuckDB's at that place.
// Must never write out a query of WITH twice where it could give other rows the second time.

import * as ast from './ast.ts'
import { requireGroupable } from './comparisons.ts'
import { type Derived, derive, type Queries } from './derived.ts'
import { relay } from './expr.ts'
import type { NamedExpr } from './scope.ts'
import { requireSame } from './set-operations.ts'

/** What is around, with the queries of the SELECT's own WITH. */
export function withQueries(select: ast.Node, around: Queries): Queries {
  const clause = ast.child(select, 'withClause')
  const isRecursive = ast.flag(clause, 'recursive')
  const all = ast.list(clause, 'ctes')
  if (isRecursive) requireWrittenBefore(all)
  return all.reduce<Queries>((queries, node) => {
    const { body } = ast.open(node)
    if (ast.has(body, 'search_clause') || ast.has(body, 'cycle_clause')) relay('SEARCH or CYCLE')
    const inner = ast.open(body['ctequery'])
    if (inner.kind !== 'SelectStmt') relay('WITH of something that is no SELECT')
    const name = ast.str(body, 'ctename')
    const refers = isRecursive && mentions(inner.body, name) > 0
    const make = (): Derived =>
      refers ? recursive(inner.body, body, queries) : derive(queries, inner.body)
    const isKept = isMaterialized(body, select, name)
    const whole = isKept ? (): Derived => evaluated(make, queries) : make
    const query = limited(inner.body, () => renamed(whole(), body))
    return { ...queries, ctes: new Map([...queries.ctes, [name, query]]) }
  }, around)
}

/** With RECURSIVE a query sees those written after it, too. */
function requireWrittenBefore(ctes: readonly unknown[]): void {
  const names = ctes.map((node) => ast.str(ast.open(node).body, 'ctename'))
  ctes.forEach((node, i) => {
    const isAhead = names.slice(i + 1).some((name) => mentions(node, name) > 0)
    if (isAhead) relay('WITH RECURSIVE of a query that is written later')
  })
}

/** Postgres keeps the rows of what is asked to be, and of what is named twice. */
function isMaterialized(cte: ast.Node, select: ast.Node, name: string): boolean {
  const asked = ast.str(cte, 'ctematerialized')
  if (asked === 'CTEMaterializeAlways') return true
  return asked !== 'CTEMaterializeNever' && mentions(select, name) - mentions(cte, name) > 1
}

/** All columns of such rows are evaluated there, of DuckDB's what is needed of them. */
function evaluated(make: () => Derived, { context }: Queries): Derived {
  const { result, mayRaise } = context.watchRaising(make)
  return mayRaise ? relay('WITH of a query that is kept and may fail') : result
}

/** Named twice only if both times give the same rows. */
function limited(body: ast.Node, make: () => Derived): () => Derived {
  let uses = 0
  return () => {
    uses += 1
    if (uses > 1 && (ast.has(body, 'limitCount') || ast.has(body, 'limitOffset'))) {
      relay('WITH of a limited query named twice')
    }
    return make()
  }
}

/** `WITH q (a, b) AS …` names the first columns. */
function renamed(query: Derived, body: ast.Node): Derived {
  if (!ast.has(body, 'aliascolnames')) return query
  const given = ast.names(ast.list(body, 'aliascolnames')) ?? relay('column names of WITH')
  const titled = (columns: readonly NamedExpr[]): readonly NamedExpr[] =>
    columns.map((column, i) => ({ name: given[i] ?? column.name, expr: column.expr }))
  return { ...query, columns: (range) => titled(query.columns(range)) }
}

/** How often FROM clauses name it. */
function mentions(node: unknown, name: string): number {
  const all = (items: readonly unknown[]): number =>
    items.reduce<number>((sum, item) => sum + mentions(item, name), 0)
  if (Array.isArray(node)) return all(node)
  const body = ast.nodeOf(node)
  const isNamed = ast.str(body, 'relname') === name && !ast.has(body, 'schemaname')
  return (isNamed ? 1 : 0) + all(Object.values(body))
}

const OUTSIDE_OF_UNION = ['sortClause', 'limitCount', 'limitOffset', 'withClause']

/** `start UNION [ALL] step`, where the step names the rows that the last step gave. */
function recursive(select: ast.Node, cte: ast.Node, queries: Queries): Derived {
  const clause = OUTSIDE_OF_UNION.find((one) => ast.has(select, one))
  if (ast.str(select, 'op') !== 'SETOP_UNION' || clause !== undefined)
    return relay('WITH RECURSIVE of another form')
  const start = derive(queries, ast.child(select, 'larg'))
  const own = queries.context.rangeName()
  const rows = renamed({ ...start, sql: `SELECT * FROM ${own}` }, cte)
  const ctes = new Map([...queries.ctes, [ast.str(cte, 'ctename'), () => rows] as const])
  const step = derive({ ...queries, ctes }, ast.child(select, 'rarg'))
  if (start.targets.length !== step.targets.length) relay('UNION of different columns')
  start.targets.forEach(({ expr }, i) => requireSame(expr, step.targets[i]?.expr))
  const all = ast.flag(select, 'all')
  if (!all) for (const { expr } of start.targets) requireGroupable(expr)
  const names = start.targets.map((_, i) => `a${i + 1}`).join(', ')
  const union = `${start.sql} UNION ${all ? 'ALL ' : ''}${step.sql}`
  return { ...start, sql: `WITH RECURSIVE ${own}(${names}) AS (${union}) SELECT * FROM ${own}` }
}
