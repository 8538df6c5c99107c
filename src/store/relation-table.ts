// A relation's coming and going in the store: its own table and what the meta tables hold of it, in a
// transaction that the caller opened; and that of its oldest rows.

import { SEQUENCE_COLUMN, storeTable } from '../types/store-names.ts'
import { createTableSql } from './apply.ts'
import { deleteRelation, insertRelation, passId } from './format.ts'
import type { StoredRelation } from './format.ts'
import type { Writer } from './writer.ts'

/** @throws StoreError when a column's type has no place in the store */
export async function makeRelation(writer: Writer, relation: StoredRelation): Promise<void> {
  await writer.runOnce(createTableSql(relation.schema))
  await insertRelation(writer, relation)
  await passId(writer, relation.schema.id)
}

/** One that is not there: nothing. */
export async function removeRelation(writer: Writer, id: number): Promise<void> {
  await writer.runOnce(`DROP TABLE IF EXISTS ${storeTable(id)}`)
  await deleteRelation(writer, id)
}

/** Removes the rows of deliveries before this sequence, and of these. */
export async function trimRows(
  writer: Writer,
  id: number,
  first: number,
  deleted: readonly number[]
): Promise<void> {
  const these = deleted.map((sequence) => Math.trunc(sequence)).join(', ')
  const among = these === '' ? '' : ` OR ${SEQUENCE_COLUMN} IN (${these})`
  const table = storeTable(id)
  await writer.runDelete(
    table,
    `DELETE FROM ${table} WHERE ${SEQUENCE_COLUMN} < ${Math.trunc(first)}${among}`
  )
}
