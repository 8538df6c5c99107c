// Tables of the upstream's own beside relations: the caller reads their rows and binds each column
// that is used as one array; here they become ranges like any other.
// Must never let in a column whose values or equality DuckDB might take otherwise.

import { ARRAY_OID, OID } from '../types/oids.ts'
import { storeType } from '../types/store-type.ts'
import { storeColumn } from '../types/store-names.ts'
import type { ColumnType } from '../types/value.ts'
import type { Expr } from './expr.ts'
import { columnExpr, relay } from './expr.ts'

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

/** A column whose values the caller binds as an array; parameter -1 is the first of them. */
export interface Lent {
  readonly table: number
  readonly column: UpstreamColumn
}

/** Stands for the rows of a table of which no column is used. */
const NO_COLUMN: UpstreamColumn = { attnum: 0, name: '', type: { oid: OID.int4, typmod: -1 } }

/** The parameter of this number, as DuckDB text. */
type Bind = (number: number, oid: number) => Expr

/** The tables that one statement reads. */
export class UpstreamTables {
  readonly lent: Lent[] = []
  /** `unnest(…) AS c1`, by table and attnum. */
  readonly #columns = new Map<number, Map<number, string>>()
  readonly #bind: Bind

  constructor(bind: Bind) {
    this.#bind = bind
  }

  /** The name of its range in FROM. */
  use({ id }: UpstreamTable): string {
    if (!this.#columns.has(id)) this.#columns.set(id, new Map())
    return nameOf(id)
  }

  column(table: UpstreamTable, column: UpstreamColumn, range: string): Expr {
    this.#lend(table.id, column)
    const expr = columnExpr(`${range}.${storeColumn(column.attnum)}`, column.type)
    if (column.collation === 'bytes') return { ...expr, foldsUnicode: true }
    return column.collation === 'equality' ? { ...expr, bytewise: false } : expr
  }

  #lend(table: number, column: UpstreamColumn): void {
    const columns = this.#columns.get(table)
    if (!columns || columns.has(column.attnum)) return
    const array = ARRAY_OID[column.type.oid] ?? relay('an array of this type')
    this.lent.push({ table, column })
    const { sql } = this.#bind(-this.lent.length, array)
    const form = storeType(column.type) ?? relay(`type ${column.type.oid} is not known`)
    const name = storeColumn(column.attnum)
    columns.set(column.attnum, `unnest(CAST(${sql} AS ${form}[])) AS ${name}`)
  }

  /** `WITH …` and a blank, or ''. */
  withClause(): string {
    const tables = [...this.#columns].map(([id, columns]) => {
      if (columns.size === 0) this.#lend(id, NO_COLUMN)
      return `${nameOf(id)} AS (SELECT ${[...columns.values()].join(', ')})`
    })
    return tables.length === 0 ? '' : `WITH ${tables.join(', ')} `
  }
}

const nameOf = (id: number): string => `u${id}`
