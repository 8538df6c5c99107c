// LIKE and ILIKE. Postgres has a default escape character, DuckDB has none; Postgres's case folding
// under COLLATE "C" touches ASCII only, DuckDB's is Unicode.
// Must never fold a text whose collation is not "C".

import { OID } from '../types/oids.ts'
import type { Expr } from './expr.ts'
import { boolean, factsOf, fallible, guard, quote, relay, typed } from './expr.ts'

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const LOWER = UPPER.toLowerCase()

/** Its letters are ASCII's alone to Postgres. */
export const foldsAscii = (expr: Expr): boolean => expr.bytewise && !expr.foldsUnicode

/** lower() or upper() as Postgres has them under COLLATE "C". */
export function foldAscii(expr: Expr, to: 'lower' | 'upper'): Expr {
  if (!foldsAscii(expr)) return relay(`${to} of a text without COLLATE "C"`)
  const [from, into] = to === 'lower' ? [UPPER, LOWER] : [LOWER, UPPER]
  return typed(`translate(${expr.sql}, '${from}', '${into}')`, OID.text, factsOf([expr]))
}

/** A pattern that ends with a lone escape is an error, which Postgres finds when it gets there. */
function checkedPattern(pattern: Expr): { sql: string; escapes: boolean } {
  const text = pattern.literal
  if (typeof text !== 'string') {
    const sql = guard(`ends_with(${pattern.sql}, '\\')`, pattern.sql, 'escape at the end')
    return { sql: `(${sql})`, escapes: true }
  }
  if (/(^|[^\\])(\\\\)*\\$/.test(text)) relay('a pattern ends with the escape character')
  return { sql: pattern.sql, escapes: text.includes('\\') }
}

/** `a ~~ b` and its relatives; the plain form without escapes is the one DuckDB optimises. */
export function like(op: string, a: Expr, b: Expr): Expr {
  const pattern = checkedPattern(b)
  const fold = (sql: string): string => `translate(${sql}, '${UPPER}', '${LOWER}')`
  const folds = op.endsWith('*')
  if (folds && !foldsAscii(a)) relay('ILIKE on a text without COLLATE "C"')
  const [text, against] = folds ? [fold(a.sql), fold(pattern.sql)] : [a.sql, pattern.sql]
  const escape = pattern.escapes ? ` ESCAPE ${quote('\\')}` : ''
  const not = op.startsWith('!') ? 'NOT ' : ''
  const expr = boolean(`(${text} ${not}LIKE ${against}${escape})`, [a, b])
  return typeof b.literal === 'string' ? expr : fallible(expr)
}
