// One cursor of postgres_fdw's: its SELECT run in the store where that gives Postgres's answer,
// else by Postgres itself over a scratch table. A condition is never dropped: postgres_fdw does not
// check again.

import type { Relation } from '../catalog/relation.ts'
import type { RowEncoder } from '../store/row-encoder.ts'
import type { Parameter } from '../store/duck-types.ts'
import type { Chunk, Cursor, Snapshot } from '../store/snapshot.ts'
import { translate } from '../translate/translate.ts'
import type { Translation } from '../translate/translate.ts'
import type { ScratchSpace } from '../upstream/scratch-table.ts'
import type { RowWriter } from '../wire/row-writer.ts'
import { childScope, parametersOf, REMOTE_SETTINGS } from './remote.ts'
import type { Scan, ScanRequest } from './remote.ts'
import { openScratch } from './scratch.ts'

/**
 * `mayTry`: a failure in the store ends nothing but this read, which is then opened on a scratch table.
 * @throws StoreError, PgError
 */
export async function openScan(
  request: ScanRequest,
  relation: Relation,
  snapshot: Snapshot,
  space: ScratchSpace,
  mayTry: boolean
): Promise<Scan> {
  const translation = translate(request.select, childScope(request, relation))
  if ('relay' in translation || (translation.mayFail && !mayTry))
    return openScratch(request, relation, snapshot, space)
  const scan = new StoreScan(request, translation, snapshot)
  await scan.rewind()
  return scan
}

type Translated = Extract<Translation, { sql: string }>

class StoreScan implements Scan {
  readonly columns: readonly string[]
  readonly #translation: Translated
  readonly #snapshot: Snapshot
  readonly #parameters: readonly Parameter[]
  #cursor: Cursor | undefined
  #encoder: RowEncoder | undefined
  #chunk: Chunk | undefined
  #row = 0

  constructor(request: ScanRequest, translation: Translated, snapshot: Snapshot) {
    this.columns = translation.columns.map((_, i) => `c${i}`)
    this.#translation = translation
    this.#snapshot = snapshot
    this.#parameters = parametersOf(request, translation)
  }

  async fetch(writer: RowWriter, count: number): Promise<number> {
    let rows = 0
    while (rows < count) {
      if (!this.#chunk || this.#row >= this.#chunk.rowCount) {
        this.#chunk = await this.#cursor?.next()
        this.#row = 0
        if (!this.#chunk) break
      }
      const end = Math.min(this.#chunk.rowCount, this.#row + count - rows)
      const next = this.#chunk.encode(writer, this.#encoder!, this.#row, end)
      rows += next - this.#row
      this.#row = next
      // Enough for one write.
      if (next < end) break
    }
    return rows
  }

  async rewind(): Promise<void> {
    await this.close()
    this.#cursor = await this.#snapshot.query(this.#translation.sql, this.#parameters)
    // What fails must do so before its first row, or it could not be asked of Postgres any more.
    if (this.#translation.mayFail) await this.#cursor.whole()
    // As postgres_fdw reads rows: text.
    const columns = this.#translation.columns.map((type) => ({ type, isBinary: false }))
    this.#encoder = this.#cursor.encoder(columns, REMOTE_SETTINGS)
  }

  async close(): Promise<void> {
    this.#cursor?.close()
    this.#cursor = undefined
    this.#chunk = undefined
    this.#row = 0
  }
}
