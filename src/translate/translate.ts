// The translator's front: a SELECT's parse tree → DuckDB SQL, or the reason to relay. Pure.
// Owns the last checks: the inferred types are those the upstream described, the text is bounded.
// Must never answer SQL that is not proven to give Postgres's answer.

import { limits } from '../limits.ts'
import { OID } from '../types/oids.ts'
import type { ColumnType } from '../types/value.ts'
import { nodeOf } from './ast.ts'
import { settle } from './coerce.ts'
import { Context, type TranslateScope } from './context.ts'
import { Relay, relay } from './expr.ts'
import { newestOf } from './newest-rows.ts'
import { output } from './output.ts'
import { translateQuery } from './select.ts'
import type { Lent } from './upstream-tables.ts'

export type { TranslateScope } from './context.ts'

export type Translation =
  | {
      readonly sql: string
      /** For DuckDB's $1, $2 …: which Postgres parameter (1-based) each is, or NOW. */
      readonly parameters: readonly number[]
      /** The type OID to bind each of them as; the same as the upstream's where that is known. */
      readonly parameterTypes: readonly number[]
      /** The tables to be made of the upstream's before it runs. */
      readonly lent: readonly Lent[]
      /** Running it may fail, where Postgres may or may not. */
      readonly mayFail: boolean
      /** The type of each result column. */
      readonly columns: readonly ColumnType[]
    }
  | {
      /** Why the statement has to be relayed, for people. */
      readonly relay: string
    }

/** `select`: the body of a SelectStmt node, or the node. What it cannot do is no exception. */
export function translate(select: unknown, scope: TranslateScope): Translation {
  try {
    return translated(select, scope)
  } catch (error) {
    if (error instanceof Relay) return { relay: error.message }
    throw error
  }
}

function translated(select: unknown, scope: TranslateScope): Translation {
  const node = nodeOf(select)
  const body = 'SelectStmt' in node ? nodeOf(node['SelectStmt']) : node
  const context = new Context(scope)
  const query = translateQuery(body, context)
  const { described } = scope
  if (described && described.length !== query.targets.length)
    relay('the columns are not as described')
  const columns = query.targets.map(({ expr }, i) =>
    output(settle(expr, OID.text, context), described?.[i])
  )
  const list = columns.map((column) => column.sql).join(', ')
  const lent = context.upstream.lent()
  const rows = `SELECT ${query.distinct ?? ''}${list}${query.body}`
  const { newest, tail } = query
  const sql =
    newest && lent.length === 0 ? newestOf(`${rows}${newest.tail}`, newest.rows) : `${rows}${tail}`
  if (sql.length > limits.translatedSqlCharsMax) relay('the translation is too long')
  return {
    sql,
    parameters: [...context.used],
    parameterTypes: context.usedTypes(),
    lent,
    mayFail: context.settleFailures(sql),
    columns: columns.map((column) => column.type)
  }
}
