// What the store's tests share: a store in a temporary folder, schemas, batches, whole results.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../src/log.ts'
import { Store } from '../../src/store/store.ts'
import type { Parameter } from '../../src/store/duck-types.ts'
import type { LentTables } from '../../src/store/own-tables.ts'
import type { Snapshot } from '../../src/store/snapshot.ts'
import type { Batch, DroppedDelivery } from '../../src/types/connector.ts'
import type { ColumnType, RelationSchema, Value } from '../../src/types/value.ts'

export const log = createLogger({ level: 'silent' })

export const CREATED = '2026-01-01T00:00:00Z'

interface Teardown {
  teardown(work: () => Promise<void>): void
}

/** The path of a store file in a folder of its own, removed after the test. */
export async function storePath(t: Teardown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'jetgres-store-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'store.duckdb')
}

/** An open store, closed after the test. */
export async function openStore(t: Teardown, path?: string): Promise<Store> {
  const store = await Store.open({ path: path ?? (await storePath(t)), log, threads: 2 })
  t.teardown(() => store.close())
  return store
}

export const type = (oid: number, typmod = -1): ColumnType => ({ oid, typmod })

export const numeric = (precision: number, scale: number): ColumnType =>
  type(1700, ((precision << 16) | (scale & 0x7ff)) + 4)

export const INTEGER = type(23)
export const TEXT = type(25)

export function schemaOf(
  id: number,
  types: readonly ColumnType[],
  key: readonly number[] = []
): RelationSchema {
  const columns = types.map((columnType, i) => ({
    attnum: i + 1,
    name: `column${i + 1}`,
    type: columnType,
    notNull: key.includes(i + 1)
  }))
  return { id, columns, key }
}

interface BatchFacts {
  readonly id?: number
  readonly rows?: readonly (readonly Value[])[]
  /** The sequence of the first row; the others follow. */
  readonly from?: number
  readonly sequences?: readonly number[]
  readonly position?: number
  readonly created?: string
  readonly dropped?: readonly DroppedDelivery[]
  readonly deleted?: readonly number[]
}

/** A batch of rows, given row by row. */
export function batchOf(facts: BatchFacts): Batch {
  const rows = facts.rows ?? []
  const sequences = facts.sequences ?? rows.map((_, i) => (facts.from ?? 1) + i)
  const width = rows[0]?.length ?? 0
  return {
    relationId: facts.id ?? 1,
    count: rows.length,
    columns: Array.from({ length: width }, (_, i) => rows.map((row) => row[i] as Value)),
    sequences,
    deleted: new Set(facts.deleted),
    position: {
      sequence: facts.position ?? sequences.at(-1) ?? 0,
      created: facts.created ?? CREATED
    },
    dropped: facts.dropped ?? []
  }
}

/** All rows of a query. */
export async function rowsOf(
  snapshot: Snapshot,
  sql: string,
  parameters: readonly Parameter[] = [],
  lent?: LentTables
): Promise<Value[][]> {
  const cursor = await snapshot.query(sql, parameters, lent)
  const rows: Value[][] = []
  for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) {
    for (let i = 0; i < chunk.rowCount; i++) {
      rows.push(chunk.columns.map((column) => column[i] as Value))
    }
  }
  return rows
}

/** All rows of a query in a snapshot of its own. */
export async function readAll(store: Store, sql: string, lent?: LentTables): Promise<Value[][]> {
  const snapshot = await store.snapshot({ pinned: false })
  try {
    return await rowsOf(snapshot, sql, [], lent)
  } finally {
    await snapshot.release()
  }
}
