// The name Postgres gives a result column that has none, because GROUP BY and ORDER BY may use it.
// Source: parse_target.c, FigureColname. Must never be used for anything a client sees.

import * as ast from './ast.ts'
import { relay } from './expr.ts'

const FIXED: Readonly<Record<string, string>> = {
  CoalesceExpr: 'coalesce',
  A_ArrayExpr: 'array',
  RowExpr: 'row',
  GroupingFunc: 'grouping'
}

const SUBLINKS: Readonly<Record<string, string>> = {
  EXISTS_SUBLINK: 'exists',
  ARRAY_SUBLINK: 'array'
}

/** A name and how strongly it is meant: 0 none, 1 a type's or CASE's own, 2 a real one. */
type Figured = readonly [strength: number, name: string]

const NONE: Figured = [0, '?column?']

export function columnName(target: ast.Node): string {
  return ast.has(target, 'name') ? ast.str(target, 'name') : figure(target['val'])[1]
}

const lastName = (nodes: readonly unknown[]): string => ast.names(nodes.slice(-1))?.[0] ?? ''

function figure(node: unknown): Figured {
  const { kind, body } = ast.open(node)
  if (kind === 'ColumnRef') return [2, lastName(ast.list(body, 'fields'))]
  if (kind === 'FuncCall') return [2, lastName(ast.list(body, 'funcname'))]
  if (kind === 'MinMaxExpr') return [2, ast.str(body, 'op') === 'IS_LEAST' ? 'least' : 'greatest']
  if (kind === 'A_Expr') return ast.str(body, 'kind') === 'AEXPR_NULLIF' ? [2, 'nullif'] : NONE
  if (kind === 'TypeCast')
    return named(body['arg'], lastName(ast.list(ast.child(body, 'typeName'), 'names')))
  if (kind === 'CaseExpr') return named(body['defresult'], 'case')
  if (kind === 'CollateClause') return figure(body['arg'])
  if (kind === 'SubLink') return ofSubquery(body)
  if (kind === 'SQLValueFunction') return [2, valueFunction(ast.str(body, 'op'))]
  const fixed = FIXED[kind]
  return fixed === undefined ? NONE : [2, fixed]
}

/** `SVFOP_CURRENT_TIMESTAMP_N` is current_timestamp(n). */
const valueFunction = (op: string): string => op.replace(/^SVFOP_|_N$/g, '').toLowerCase()

/** A scalar has the name of its column; a comparison with a SELECT has none. */
function ofSubquery(body: ast.Node): Figured {
  const type = ast.str(body, 'subLinkType')
  if (type === 'EXPR_SUBLINK') return [2, firstName(ast.open(body['subselect']).body)]
  const fixed = SUBLINKS[type]
  return fixed === undefined ? NONE : [2, fixed]
}

/** Of the first column of a SELECT; the first arm names those of a set operation. */
function firstName(select: ast.Node): string {
  if (ast.has(select, 'larg')) return firstName(ast.child(select, 'larg'))
  if (ast.has(select, 'valuesLists')) return 'column1'
  const { body } = ast.open(ast.list(select, 'targetList')[0])
  const { kind, body: value } = ast.open(body['val'])
  const last = kind === 'ColumnRef' ? ast.list(value, 'fields').at(-1) : undefined
  return ast.open(last).kind === 'A_Star' ? relay('a scalar subquery of a star') : columnName(body)
}

/** The name of the inner expression, or else the weak one of its wrapping. */
function named(inner: unknown, own: string): Figured {
  const found = figure(inner)
  return found[0] === 2 ? found : [1, own]
}
