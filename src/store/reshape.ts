// A relation's table when its columns change. Rows keep the columns that stay; what is new is NULL.
// Inside the caller's transaction; commits nothing.

import { SEQUENCE_COLUMN, storeColumn, storeTable } from '../types/store-names.ts'
import type { RelationSchema } from '../types/value.ts'
import { columnType, createTableSql } from './apply.ts'
import type { Writer } from './writer.ts'

/**
 * Rows are appended by the order of columns, and DuckDB adds a column only at the end: so the table
 * is written anew. A name or NOT NULL that changes costs nothing.
 */
export async function reshapeTable(
  writer: Writer,
  before: RelationSchema,
  after: RelationSchema
): Promise<void> {
  const numbers = (schema: RelationSchema): number[] => schema.columns.map(({ attnum }) => attnum)
  if (String(numbers(before)) === String(numbers(after))) return
  const stays = new Set(numbers(before))
  const columns = after.columns.map(({ attnum, type }) => {
    const name = storeColumn(attnum)
    return stays.has(attnum) ? name : `NULL::${columnType(type)} AS ${name}`
  })
  const table = storeTable(after.id)
  const list = [...columns, SEQUENCE_COLUMN].join(', ')
  await writer.runOnce(createTableSql(after, `${table}_next`))
  await writer.runOnce(`INSERT INTO ${table}_next SELECT ${list} FROM ${table}`)
  await writer.runOnce(`DROP TABLE ${table}`)
  await writer.runOnce(`ALTER TABLE ${table}_next RENAME TO ${table}`)
}
