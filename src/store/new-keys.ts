// Tells when no key of a batch can be in the table yet, so that nothing need be deleted: keys that
// only grow, like serial numbers, are common. Owns an upper bound of the first key column; must
// never say "new" when it isn't proven.

import type { Batch } from '../types/connector.ts'
import { storeColumn, storeTable } from '../types/store-names.ts'
import type { RelationSchema } from '../types/value.ts'
import { keyColumns, ORDERED } from './batch-rows.ts'
import type { Writer } from './writer.ts'

export class NewKeys {
  readonly #table: string
  readonly #column: { readonly index: number; readonly attnum: number } | undefined
  /**
   * No row's first key column is above it. It is raised before the rows are committed and never
   * lowered, so a rollback or a delete leaves it too high, which only costs a DELETE.
   * undefined: not known; null: the table was empty.
   */
  #max: number | bigint | null | undefined

  constructor(schema: RelationSchema) {
    this.#table = storeTable(schema.id)
    const first = keyColumns(schema)[0]
    this.#column = first && ORDERED.has(first.type.oid) ? first : undefined
  }

  /** Whether no row of the table has a key of these rows; counts them as present from now on. */
  async areAllNew(writer: Writer, batch: Batch, indexes: Int32Array): Promise<boolean> {
    const column = this.#column
    if (!column) return false
    if (this.#max === undefined) this.#max = await this.#readMax(writer, column.attnum)
    const values = batch.columns[column.index] as readonly (number | bigint)[]
    let min = values[indexes[0] as number] as number | bigint
    let max = min
    for (const row of indexes) {
      const value = values[row] as number | bigint
      if (value < min) min = value
      if (value > max) max = value
    }
    const known = this.#max
    if (known === null || max > known) this.#max = max
    return known === null || min > known
  }

  async #readMax(writer: Writer, attnum: number): Promise<bigint | null> {
    const rows = await writer.rows(`SELECT max(${storeColumn(attnum)})::BIGINT FROM ${this.#table}`)
    const max = rows[0]?.[0]
    return typeof max === 'bigint' ? max : null
  }
}
