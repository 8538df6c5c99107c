// Rows of deliveries that were dropped once, put where they would be had they not been: a key that
// was touched since stays as it is. In a transaction that the caller opened. Must never commit.

import type { Batch } from '../types/connector.ts'
import { SEQUENCE_COLUMN, storeColumn, storeTable } from '../types/store-names.ts'
import type { RelationSchema } from '../types/value.ts'
import { applyRows, KEYS, loses, sameKey, stageKeys } from './apply.ts'
import type { Target } from './apply.ts'
import { rowsToApply, versionColumns } from './batch-rows.ts'
import { forgetDropped } from './format.ts'
import { StoreError } from './store-error.ts'
import type { Writer } from './writer.ts'

/**
 * @param doubtful rows that count only where their key is still there: it may have been deleted
 * @returns indexes of the rows that were written
 * @throws StoreError where rows of a key are merged: what was merged since cannot be taken out
 */
export async function replayRows(
  writer: Writer,
  target: Target,
  batch: Batch,
  doubtful: ReadonlySet<number>
): Promise<Int32Array> {
  const { schema } = target
  if (schema.onConflict?.keep === 'notNull') throw new StoreError('rows of a key are merged')
  const rows = rowsToApply(schema, batch, 0)
  const winners =
    schema.key.length === 0 ? rows : await winnersOf(writer, target, batch, rows, doubtful)
  // Which row of a key stays is decided by now.
  const { id, columns, key } = schema
  const plain = { ...target, schema: { id, columns, key } }
  if (winners.length > 0) await applyRows(writer, plain, batch, winners)
  await forgetDropped(writer, schema.id, batch.sequences)
  return winners
}

async function winnersOf(
  writer: Writer,
  target: Target,
  batch: Batch,
  rows: Int32Array,
  doubtful: ReadonlySet<number>
): Promise<Int32Array> {
  const { schema } = target
  // Staged as where conflicts are decided, which is with their places in the batch.
  const onConflict = schema.onConflict ?? { keep: 'first' as const }
  await stageKeys(writer, { ...target, schema: { ...schema, onConflict } }, batch, rows)
  const standing = await writer.rows(
    `SELECT k.i, t.${SEQUENCE_COLUMN}, ${loses(schema)}, ${hasSameVersions(schema)}
       FROM ${KEYS} k JOIN ${storeTable(schema.id)} t ON ${sameKey(schema)}`
  )
  const isThere = new Set<number>()
  const losers = new Set<number>()
  for (const [place, its, isLower, isSame] of standing) {
    const row = Number(place)
    // A row that SQL has written has the position's: it came behind that delivery.
    const isEarlier = batch.sequences[row]! <= Number(its)
    isThere.add(row)
    if (givesWay(schema, isEarlier, isLower === true, isSame === true)) losers.add(row)
  }
  return rows.filter((row) => !losers.has(row) && (isThere.has(row) || !doubtful.has(row)))
}

/** Whether a row gives way to the table's own, as if both had come in the stream's order. */
function givesWay(
  { onConflict }: RelationSchema,
  isEarlier: boolean,
  isLower: boolean,
  isSame: boolean
): boolean {
  if (onConflict?.keep === 'first') return !isEarlier
  if (onConflict?.keep === 'highest') return isLower || (isSame && isEarlier)
  return isEarlier
}

function hasSameVersions(schema: RelationSchema): string {
  const pairs = versionColumns(schema).map(
    ({ attnum }, i) => `k.k${schema.key.length + i} = t.${storeColumn(attnum)}`
  )
  return pairs.length === 0 ? 'false' : pairs.join(' AND ')
}
