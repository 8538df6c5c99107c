// Rows of expressions compared with each other: (a, b) = (c, d), and IN of such a list.
// Must never order rows: Postgres compares them column by column with operators of its own choice.

import * as ast from './ast.ts'
import { comparison } from './comparisons.ts'
import type { Expr } from './expr.ts'
import { boolean, relay } from './expr.ts'
import { type Env, walkAll } from './expressions.ts'

const items = (node: unknown): readonly unknown[] | undefined => {
  const { kind, body } = ast.open(node)
  return kind === 'RowExpr' ? ast.list(body, 'args') : undefined
}

/** Undefined where no row stands on the left. */
export function rowComparison(
  kind: string,
  op: string,
  body: ast.Node,
  env: Env
): Expr | undefined {
  const nodes = items(body['lexpr'])
  if (!nodes) return undefined
  const left = walkAll(nodes, env)
  if (kind === 'AEXPR_OP') return compared(op, left, rowOf(body['rexpr'], env), env)
  if (kind !== 'AEXPR_IN') return relay('rows are only compared by =, <> and IN')
  const list = ast.list(ast.child(ast.child(body, 'rexpr'), 'List'), 'items')
  const tests = list.map((node) => compared('=', left, rowOf(node, env), env))
  const any = `(${tests.map((test) => test.sql).join(' OR ')})`
  return boolean(op === '<>' ? `(NOT ${any})` : any, tests)
}

const rowOf = (node: unknown, env: Env): readonly Expr[] =>
  walkAll(items(node) ?? relay('a row beside something else'), env)

/** Every column for =, any of them for <>. */
function compared(op: string, left: readonly Expr[], right: readonly Expr[], env: Env): Expr {
  if (op !== '=' && op !== '<>') return relay('rows are only compared by =, <> and IN')
  if (left.length !== right.length || left.length === 0) return relay('rows of two lengths')
  const tests = left.map((one, i) => {
    const other = right[i] ?? relay('rows of two lengths')
    return comparison(op, one, other, env.context) ?? relay('rows of these types')
  })
  return boolean(`(${tests.map((test) => test.sql).join(op === '=' ? ' AND ' : ' OR ')})`, tests)
}
