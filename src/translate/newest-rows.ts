// The newest of the rows that fulfil a condition: `WHERE … ORDER BY ts DESC LIMIT 20`. DuckDB reads the keys
// first and the other columns of the rows it has chosen later, in a second look at the table, which
// costs more than it saves where the rows lie together and in order, as those of a stream do: of one
// device's 500 rows among 5 M four times as much. It does so up to a LIMIT of 50 rows alone.
// Must never change which rows come, nor their order.

import { OID } from '../types/oids.ts'
import * as ast from './ast.ts'
import { sortedExpr } from './clauses.ts'
import type { Env } from './expressions.ts'
import type { NamedExpr } from './scope.ts'

/** DuckDB's late_materialization_max_rows. */
const ROWS_MAX = 50

const MOMENTS: readonly number[] = [OID.timestamptz, OID.timestamp, OID.date]

/** Clauses with which it is another question. */
const OTHERS = ['groupClause', 'havingClause', 'distinctClause', 'limitOffset']

/** How many rows are wanted where a SELECT asks for the newest of one relation. */
export function newestRows(
  select: ast.Node,
  targets: readonly NamedExpr[],
  env: Env
): number | undefined {
  if (!ast.has(select, 'whereClause') || OTHERS.some((clause) => ast.has(select, clause)))
    return undefined
  const [first] = ast.list(select, 'sortClause').map((node) => ast.open(node).body)
  const isDescending = first && ast.str(first, 'sortby_dir') === 'SORTBY_DESC'
  const rows = ast.integerConstant(select['limitCount'])
  if (!isDescending || rows === undefined || rows < 1 || rows > ROWS_MAX) return undefined
  const isPlain = /^r\d+ AS \w+$/.test(env.from.sql) && targets.every(({ expr }) => expr.column)
  const key = isPlain ? sortedExpr(first['node'], targets, env) : undefined
  return key?.column === true && MOMENTS.includes(key.type.oid) ? rows : undefined
}

/** `rows`: the SELECT up to its ORDER BY, that included. TopN's order outlasts the LIMIT around it. */
export const newestOf = (rows: string, count: number): string =>
  `SELECT * FROM (${rows} LIMIT ${ROWS_MAX + 1}) LIMIT ${count}`
