// The name Postgres gives a result column that has none, because GROUP BY and ORDER BY may use it.
// Source: parse_target.c, FigureColname. Must never be used for anything a client sees.

import * as ast from './ast.ts'

const FIXED: Readonly<Record<string, string>> = {
  CoalesceExpr: 'coalesce',
  A_ArrayExpr: 'array',
  RowExpr: 'row'
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
  const fixed = FIXED[kind]
  return fixed === undefined ? NONE : [2, fixed]
}

/** The name of the inner expression, or else the weak one of its wrapping. */
function named(inner: unknown, own: string): Figured {
  const found = figure(inner)
  return found[0] === 2 ? found : [1, own]
}
