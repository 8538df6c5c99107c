// A SELECT inside an expression: EXISTS, IN, ANY and a scalar. It may use the columns of the queries
// around it. More than one row of a scalar raises on both sides.
// Must never give a scalar whose column is of a type that is kept in two forms but is used as one.

import { OID } from '../types/oids.ts'
import * as ast from './ast.ts'
import { settle } from './coerce.ts'
import { hasTwoForms, type Subquery } from './derived.ts'
import type { Expr } from './expr.ts'
import { boolean, decimalExpr, factsOf, fallible, printedNumeric, relay, typed } from './expr.ts'
import { type Env, walk } from './expressions.ts'
import { memberOf } from './memberships.ts'

export function subLink(body: ast.Node, env: Env): Expr {
  const type = ast.str(body, 'subLinkType')
  const select = ast.open(body['subselect'])
  if (select.kind !== 'SelectStmt') return relay('a subquery that is no SELECT')
  const inner = env.subquery?.(select.body) ?? relay('a subquery is not translated here')
  if (type === 'EXISTS_SUBLINK') return varying(boolean(`EXISTS (${inner.sql})`, []))
  const [column, ...more] = inner.columns
  if (!column || more.length > 0) return relay('a subquery of several columns')
  if (type === 'EXPR_SUBLINK') {
    const scalar = scalarOf(column, inner)
    return isOneRow(select.body, column) ? scalar : fallible(scalar)
  }
  if (!isMembership(type, body)) return relay(`${type} is not translated`)
  const tested = settle(walk(body['testexpr'], env), OID.text, env.context)
  const member = memberOf(tested, column, inner.sql)
  return type === 'ANY_SUBLINK' ? member : boolean(`(NOT ${member.sql})`, [member])
}

/** `IN`, `= ANY` and `<> ALL`. */
function isMembership(type: string, body: ast.Node): boolean {
  const op = ast.builtinName(ast.list(body, 'operName'))
  if (type === 'ANY_SUBLINK') return !ast.has(body, 'operName') || op === '='
  return type === 'ALL_SUBLINK' && op === '<>'
}

/** It may depend on a row of the query around. */
const varying = (expr: Expr): Expr => ({ ...expr, constant: false })

/** Whether there cannot be a second row, on which Postgres would raise. */
const isOneRow = (select: ast.Node, column: Expr): boolean =>
  ast.integerConstant(select['limitCount']) === 1 ||
  (column.aggregate && ast.has(select, 'targetList') && !ast.has(select, 'groupClause'))

function scalarOf(column: Expr, { sql }: Subquery): Expr {
  const { oid } = column.type
  if (oid === OID.bpchar) return relay('a scalar subquery of this type')
  const facts = { ...factsOf([column]), aggregate: false, constant: false, fallible: true }
  if (oid !== OID.numeric) return typed(`(${sql})`, oid, facts)
  const { decimal } = column
  if (column.form !== 'VARCHAR' && decimal)
    return decimalExpr({ ...decimal, sql: `(${sql})` }, column.printed !== undefined, facts)
  if (!hasTwoForms(column) || !decimal) return printedNumeric(`(${sql})`, undefined, facts)
  const only = (name: string): string => `(SELECT q.${name} FROM (${sql}) AS q)`
  return printedNumeric(only('a1'), { ...decimal, sql: only('d1') }, facts)
}
