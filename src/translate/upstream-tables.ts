// Tables of the upstream's own beside relations: the caller reads their rows and binds each column
// that is used as one value, an array or the JSON of one; here they become ranges like any other.
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

/** A column whose values the caller binds at once; parameter -1 is the first of them. */
export interface Lent {
  readonly table: number
  readonly column: UpstreamColumn
  /** As what: DuckDB reads JSON several times as fast as a list is bound and planned. */
  readonly form: 'array' | 'json'
}

/** Their values are the same in JSON, as numbers or strings. */
const BY_JSON: readonly number[] = [OID.int2, OID.int4, OID.int8, OID.text, OID.varchar]

/** Stands for the rows of a table of which no column is used. */
const NO_COLUMN: UpstreamColumn = { attnum: 0, name: '', type: { oid: OID.int4, typmod: -1 } }

/** The parameter of this number, as DuckDB text. */
type Bind = (number: number, oid: number) => Expr

/** What one table has of DuckDB's text. */
class Parts {
  /** `unnest(…) AS c1`, by attnum. */
  readonly columns = new Map<number, string>()
  /** The JSON texts, which the optimizer would unfold where they stood in the list of columns. */
  readonly texts: string[] = []

  get sql(): string {
    const { columns, texts } = this
    const names = texts.map((_, i) => `j${i + 1}`).join(', ')
    const from = texts.length === 0 ? '' : ` FROM (VALUES (${texts.join(', ')})) AS s(${names})`
    return `SELECT ${[...columns.values()].join(', ')}${from}`
  }
}

/** The tables that one statement reads. */
export class UpstreamTables {
  readonly lent: Lent[] = []
  readonly #tables = new Map<number, Parts>()
  readonly #bind: Bind

  constructor(bind: Bind) {
    this.#bind = bind
  }

  /** The name of its range in FROM. */
  use({ id }: UpstreamTable): string {
    if (!this.#tables.has(id)) this.#tables.set(id, new Parts())
    return nameOf(id)
  }

  column(table: UpstreamTable, column: UpstreamColumn, range: string): Expr {
    this.#lend(table.id, column)
    const expr = columnExpr(`${range}.${storeColumn(column.attnum)}`, column.type)
    if (column.collation === 'bytes') return { ...expr, foldsUnicode: true }
    return column.collation === 'equality' ? { ...expr, bytewise: false } : expr
  }

  #lend(table: number, column: UpstreamColumn): void {
    const parts = this.#tables.get(table)
    if (!parts || parts.columns.has(column.attnum)) return
    const { oid } = column.type
    const array = ARRAY_OID[oid] ?? relay('an array of this type')
    const stored = storeType(column.type) ?? relay(`type ${oid} is not known`)
    const form = BY_JSON.includes(oid) ? 'json' : 'array'
    this.lent.push({ table, column, form })
    const { sql } = this.#bind(-this.lent.length, form === 'json' ? OID.text : array)
    if (form === 'json') parts.texts.push(sql)
    const list =
      form === 'json'
        ? `from_json(s.j${parts.texts.length}, '["${stored}"]')`
        : `CAST(${sql} AS ${stored}[])`
    const name = storeColumn(column.attnum)
    parts.columns.set(column.attnum, `unnest(${list}) AS ${name}`)
  }

  /** `WITH …` and a blank, or ''. */
  withClause(): string {
    const tables = [...this.#tables].map(([id, parts]) => {
      if (parts.columns.size === 0) this.#lend(id, NO_COLUMN)
      return `${nameOf(id)} AS (${parts.sql})`
    })
    return tables.length === 0 ? '' : `WITH ${tables.join(', ')} `
  }
}

const nameOf = (id: number): string => `u${id}`
