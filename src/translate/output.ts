// The targets of the outermost SELECT, in exactly the DuckDB types that hold the described ones.
// Must never let out a type that the client was not told, nor digits that Postgres would not print.

import { OID } from '../types/oids.ts'
import { storeType } from '../types/store-type.ts'
import type { ColumnType } from '../types/value.ts'
import { type Expr, relay } from './expr.ts'

/** A target as the client was told: exactly the DuckDB type that holds the Postgres type. */
export function output(
  expr: Expr,
  described: ColumnType | undefined
): { sql: string; type: ColumnType } {
  const type = described ?? expr.type
  if (type.oid !== expr.type.oid) {
    return relay(`a column of type ${type.oid} would be of type ${expr.type.oid}`)
  }
  if (type.oid === OID.bpchar && !expr.column) relay('char(n) is only compared and passed through')
  const form = storeType(type) ?? relay(`type ${type.oid} is not known`)
  if (type.oid === OID.numeric) return { sql: numericOutput(expr, form), type }
  if (form !== expr.form) relay(`a column of type ${type.oid} would be of another form`)
  // DuckDB forgets the type of what it folds to NULL.
  return { sql: expr.column ? expr.sql : `CAST(${expr.sql} AS ${form})`, type }
}

function numericOutput(expr: Expr, form: string): string {
  if (expr.printed === undefined) return relay('the scale of a numeric is not known')
  if (form === 'VARCHAR') return `CAST(${expr.printed} AS VARCHAR)`
  const scale = Number(/,(\d+)\)$/.exec(form)?.[1])
  if (expr.form === 'VARCHAR' || expr.decimal?.scale !== scale)
    return relay('a numeric of another scale')
  return expr.column && expr.form === form ? expr.sql : `CAST(${expr.sql} AS ${form})`
}
