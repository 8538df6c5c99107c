// A read of schema jetgres: the rows of this moment go into a scratch table upstream, and Postgres
// runs the SELECT over them. They are few, and nobody's fast path.

import { statusRows } from '../catalog/status.ts'
import type { StatusRow } from '../catalog/status.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Store } from '../store/store.ts'
import { isProcessTable, STATUS_TABLES } from '../types/status-tables.ts'
import type { ProcessTable, StatusTable } from '../types/status-tables.ts'
import { SCHEMA } from '../upstream/bridge.ts'
import type { ScratchSpace } from '../upstream/scratch-table.ts'
import type { Scan, ScanRequest } from './remote.ts'
import { copyField, ScratchScan } from './scratch.ts'

export interface StatusContext {
  readonly catalog: Catalog
  readonly store: Store
  readonly database: string
  /** What the process tells of itself. */
  readonly processRows: (table: ProcessTable) => readonly StatusRow[]
}

/** @throws StoreError, what Postgres says, or 53300 */
export async function openStatus(
  request: ScanRequest,
  table: StatusTable,
  { catalog, store, database, processRows }: StatusContext,
  space: ScratchSpace
): Promise<Scan> {
  const rows = isProcessTable(table)
    ? processRows(table)
    : await statusRows(table, catalog.here(database), store)
  const attnums = STATUS_TABLES[table].map((_, i) => i + 1)
  const scratch = await space.table(`${SCHEMA}.${table}`, attnums)
  const scan = new ScratchScan(scratch, request)
  try {
    await scratch.load(copyText(rows))
    await scan.open()
    return scan
  } catch (error) {
    await scan.close()
    throw error
  }
}

async function* copyText(rows: readonly StatusRow[]): AsyncGenerator<string> {
  for (const row of rows) {
    yield `${row.map((field) => (field === null ? '\\N' : copyField(field))).join('\t')}\n`
  }
}
