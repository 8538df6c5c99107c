// Tables of the upstream's own beside relations: the caller reads the columns that are used, and makes
// of them tables of its connection to DuckDB, each column bound as one value; here they are ranges like
// any other. A range that unnests the values itself has no statistics: its joins took four times as long.
// Must never let in a column whose values or equality DuckDB might take otherwise.

import { ARRAY_OID, OID } from '../types/oids.ts'
import { storeType } from '../types/store-type.ts'
import { storeColumn } from '../types/store-names.ts'
import type { ColumnType } from '../types/value.ts'
import type { Expr } from './expr.ts'
import { columnExpr, CONSTANT, relay, typed } from './expr.ts'

export interface UpstreamColumn {
  readonly attnum: number
  readonly name: string
  readonly type: ColumnType
  /**
   * What Postgres compares a text by: its bytes, and folds ASCII only ("C"); its bytes, and folds by
   * Unicode; or by rules of its own, of which equality alone is known.
   */
  readonly collation?: 'C' | 'bytes' | 'equality'
}

export interface UpstreamTable {
  /** Of this statement only. */
  readonly id: number
  readonly columns: readonly UpstreamColumn[]
}

/** A column that is used, all of whose values are bound at once. */
export interface LentColumn {
  readonly column: UpstreamColumn
  /** As what: DuckDB reads JSON several times as fast as a list is bound and planned. */
  readonly form: 'array' | 'json'
  /** The type to bind it as. */
  readonly typeOid: number
}

/** A table that the SQL reads, to be made before. */
export interface Lent {
  /** The upstream table's id. */
  readonly table: number
  /** Its name in the SQL. */
  readonly name: string
  /** The SELECT that makes its rows, of one parameter for each column. */
  readonly sql: string
  readonly columns: readonly LentColumn[]
}

/** Their values are the same in JSON, as numbers or strings. */
const BY_JSON: readonly number[] = [OID.int2, OID.int4, OID.int8, OID.text, OID.varchar]

/** Stands for the rows of a table of which no column is used. */
const NO_COLUMN: UpstreamColumn = { attnum: 0, name: '', type: { oid: OID.int4, typmod: -1 } }

/** The tables that one statement reads. */
export class UpstreamTables {
  /** By id, with the columns that are used. */
  readonly #tables = new Map<number, Map<number, UpstreamColumn>>()

  /** Its name in FROM. */
  use({ id }: UpstreamTable): string {
    if (!this.#tables.has(id)) this.#tables.set(id, new Map())
    return nameOf(id)
  }

  column(table: UpstreamTable, column: UpstreamColumn, range: string): Expr {
    this.#tables.get(table.id)?.set(column.attnum, column)
    const expr = columnExpr(`${range}.${storeColumn(column.attnum)}`, column.type)
    if (column.collation === 'bytes') return { ...expr, foldsUnicode: true }
    return column.collation === 'equality' ? { ...expr, bytewise: false } : expr
  }

  /** Once the statement is translated. */
  lent(): readonly Lent[] {
    return [...this.#tables].map(([table, used]) => {
      const columns = used.size === 0 ? [NO_COLUMN] : [...used.values()]
      return { table, name: nameOf(table), ...rowsOf(columns) }
    })
  }
}

function rowsOf(columns: readonly UpstreamColumn[]): Pick<Lent, 'sql' | 'columns'> {
  const lent = columns.map((column): LentColumn => {
    const { oid } = column.type
    const array = ARRAY_OID[oid] ?? relay('an array of this type')
    return BY_JSON.includes(oid)
      ? { column, form: 'json', typeOid: OID.text }
      : { column, form: 'array', typeOid: array }
  })
  const lists = lent.map(({ column, form, typeOid }, i) => {
    const stored = storeType(column.type) ?? relay(`type ${column.type.oid} is not known`)
    const bound = `CAST($${i + 1} AS ${typed('', typeOid, CONSTANT).form})`
    return form === 'json'
      ? `from_json(${bound}, '["${stored}"]')`
      : `CAST(${bound} AS ${stored}[])`
  })
  const unnested = lists.map((list, i) => `unnest(${list}) AS ${storeColumn(columns[i]!.attnum)}`)
  return { sql: `SELECT ${unnested.join(', ')}`, columns: lent }
}

/** Of the connection's own tables, and nobody else's. */
const nameOf = (id: number): string => `temp.main.u${id}`
