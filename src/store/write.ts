// Rows that SQL has written: put into a relation's table only where it still is what their statement
// has seen. In a transaction that the caller opened. Must never move a position: these are no
// deliveries, and the stream's next one for their key replaces them.

import type { Batch } from '../types/connector.ts'
import { storeColumn, storeTable } from '../types/store-names.ts'
import type { RelationSchema, Value } from '../types/value.ts'
import { applyRows, KEYS, sameKey, stageKeys } from './apply.ts'
import type { Progress, Target } from './apply.ts'
import { keyReader, rowsToApply } from './batch-rows.ts'
import { appendRows } from './duck-write.ts'
import { StoreError } from './store-error.ts'
import type { Writer } from './writer.ts'

/** What one transaction does to one relation; rows as the schema's columns. */
export interface Written {
  readonly relationId: number
  /** Rows that go, or have others in their place, as they were read. */
  readonly before: readonly (readonly Value[])[]
  readonly after: readonly (readonly Value[])[]
}

/** The rows are no longer what was read, or a key is taken. */
export class WriteConflict extends StoreError {
  readonly relationId: number
  /** The row whose key is there already; undefined: a row that was read has changed. */
  readonly duplicate: readonly Value[] | undefined

  constructor(relationId: number, duplicate?: readonly Value[]) {
    super(`relation ${relationId} was changed meanwhile`)
    this.relationId = relationId
    this.duplicate = duplicate
  }
}

/** The rows as a batch of the position that the relation has: what comes behind it is newer. */
export function batchOfWritten(
  { columns }: RelationSchema,
  { relationId, before, after }: Written,
  { position }: Progress
): Batch {
  const rows = [...before, ...after]
  return {
    relationId,
    count: rows.length,
    columns: columns.map((_, i) => rows.map((row) => row[i] ?? null)),
    sequences: rows.map(() => position.sequence),
    deleted: new Set(before.keys()),
    position,
    dropped: []
  }
}

/**
 * @returns indexes of the rows that were written
 * @throws WriteConflict; StoreError where the columns are others by now
 */
export async function writeRows(writer: Writer, target: Target, batch: Batch): Promise<Int32Array> {
  const { id, columns, key } = target.schema
  // Which row of a key stays is the statement's to say.
  const plain = { ...target, schema: { id, columns, key } }
  if (key.length > 0) await checkUnchanged(writer, plain, batch)
  const rows = rowsToApply(plain.schema, batch, -1)
  await applyRows(writer, plain, batch, rows)
  return rows
}

async function checkUnchanged(writer: Writer, target: Target, batch: Batch): Promise<void> {
  const { schema } = target
  const before = batch.deleted?.size ?? 0
  const keyOf = keyReader(schema, batch)
  const gone = new Set(Array.from({ length: before }, (_, row) => keyOf(row)))
  const taken = new Set<unknown>()
  const added: number[] = []
  for (let row = before; row < batch.count; row++) {
    const key = keyOf(row)
    if (taken.has(key)) throw duplicateAt(batch, row)
    taken.add(key)
    if (!gone.has(key)) added.push(row)
  }
  if (before > 0) await checkBefore(writer, target, batch, before)
  if (added.length > 0) await checkNew(writer, target, batch, Int32Array.from(added))
}

const BEFORE = 'jetgres_before'

/** Every row that was read stands as it was. */
async function checkBefore(
  writer: Writer,
  { schema, types }: Target,
  batch: Batch,
  count: number
): Promise<void> {
  const names = schema.columns.map(({ attnum }) => storeColumn(attnum))
  const shape = names.join(', ')
  await writer.runOnce(
    `CREATE OR REPLACE TEMP TABLE ${BEFORE} AS SELECT ${shape} FROM ${storeTable(schema.id)} LIMIT 0`
  )
  const indexes = Int32Array.from({ length: count }, (_, row) => row)
  await writer.append({ name: BEFORE, catalog: 'temp' }, (appender) =>
    appendRows(appender, types.slice(0, names.length), { columns: batch.columns, indexes })
  )
  const isSame = names.map((name) => `k.${name} IS NOT DISTINCT FROM t.${name}`).join(' AND ')
  const [row] = await writer.rows(
    `SELECT count(*) FROM ${BEFORE} k JOIN ${storeTable(schema.id)} t
       ON ${sameKey(schema, storeColumn)} WHERE ${isSame}`
  )
  if (Number(row?.[0]) !== count) throw new WriteConflict(schema.id)
}

/** No row has a key that is to be new. */
async function checkNew(
  writer: Writer,
  target: Target,
  batch: Batch,
  added: Int32Array
): Promise<void> {
  const { schema } = target
  // Staged with their places in the batch.
  const staged = { ...schema, onConflict: { keep: 'first' as const } }
  await stageKeys(writer, { ...target, schema: staged }, batch, added)
  const [found] = await writer.rows(
    `SELECT k.i FROM ${KEYS} k JOIN ${storeTable(schema.id)} t ON ${sameKey(schema)} LIMIT 1`
  )
  if (found) throw duplicateAt(batch, Number(found[0]))
}

const duplicateAt = ({ relationId, columns }: Batch, row: number): WriteConflict =>
  new WriteConflict(
    relationId,
    columns.map((values) => values[row] ?? null)
  )
