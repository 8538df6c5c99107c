// ON CONFLICT DO UPDATE IF NOT NULL: of each column the newest value that isn't NULL, within a batch
// and against the row that is there. Owns the statements of that; commits nothing.

import type { Batch } from '../types/connector.ts'
import { SEQUENCE_COLUMN, storeColumn, storeTable } from '../types/store-names.ts'
import type { RelationSchema, Value } from '../types/value.ts'
import type { Target } from './apply.ts'
import { keyReader } from './batch-rows.ts'
import { appendRows } from './duck-write.ts'
import type { Writer } from './writer.ts'

const NEWER = 'jetgres_newer'
const MERGED = 'jetgres_merged'

/** `columns[i]` holds a value of each row; `_seq` is the last one. */
type Columns = Value[][]

/**
 * Applies the rows of a batch at these indexes, in stream order.
 * @param sameKey says in SQL when a staged row `k` has the key of the table's row `t`
 */
export async function applyMerged(
  writer: Writer,
  { schema, types }: Target,
  batch: Batch,
  indexes: Int32Array,
  sameKey: string
): Promise<void> {
  const rows = mergeWithin(schema, batch, indexes)
  const names = [...schema.columns.map(({ attnum }) => storeColumn(attnum)), SEQUENCE_COLUMN]
  const table = storeTable(schema.id)
  await writer.runOnce(`CREATE OR REPLACE TEMP TABLE ${NEWER} AS FROM ${table} LIMIT 0`)
  await writer.append({ name: NEWER, catalog: 'temp' }, (appender) =>
    appendRows(appender, types, { columns: rows, indexes: Int32Array.from(rows.at(-1)!.keys()) })
  )
  const merged = names.map((name) =>
    name === SEQUENCE_COLUMN ? `k.${name}` : `coalesce(k.${name}, t.${name}) AS ${name}`
  )
  await writer.runOnce(
    `CREATE OR REPLACE TEMP TABLE ${MERGED} AS
       SELECT ${merged.join(', ')} FROM ${NEWER} k LEFT JOIN ${table} t ON ${sameKey}`
  )
  await writer.runDelete(table, `DELETE FROM ${table} t USING ${NEWER} k WHERE ${sameKey}`)
  await writer.runOnce(`INSERT INTO ${table} FROM ${MERGED}`)
}

/** One row a key: each column's last value that isn't NULL, and the last sequence. */
function mergeWithin(schema: RelationSchema, batch: Batch, indexes: Int32Array): Columns {
  const keyOf = keyReader(schema, batch)
  const places = new Map<Value, number>()
  const merged: Columns = [...batch.columns.map(() => []), []]
  const sequences = merged.at(-1)!
  for (const row of indexes) {
    const key = keyOf(row)
    const place = places.get(key) ?? places.size
    places.set(key, place)
    sequences[place] = BigInt(batch.sequences[row]!)
    batch.columns.forEach((values, i) => {
      const value = values[row] ?? null
      if (value !== null || merged[i]![place] === undefined) merged[i]![place] = value
    })
  }
  return merged
}
