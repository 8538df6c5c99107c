// The rows of one relation, by key, kept for look-ups: whole, or of no use. Owns that they are never
// behind what the store shows: while a commit is under way its keys are in doubt and answered by nobody here.
//
//   loading ──all rows read──► complete        either ──a row too large, no room──► given up

import { limits } from '../limits.ts'
import type { Batch } from '../types/connector.ts'
import type { RelationSchema, Value } from '../types/value.ts'
import { DATA_ROW_HEADER_BYTES } from '../wire/data-rows.ts'
import { keyColumns, keyReader } from './batch-rows.ts'
import { RowFields } from './row-fields.ts'
import { RowSlab } from './row-slab.ts'
import type { Fields, RowKey } from './row-slab.ts'
import { SegmentFile } from './segment-file.ts'
import type { Chunk } from './snapshot.ts'

/** Rows that a commit under way replaces or takes away. */
export interface Change {
  readonly batch: Batch
  readonly rows: Int32Array
  readonly keys: ReadonlySet<RowKey>
}

export class ResidentRows {
  readonly #schema: RelationSchema
  readonly #folder: string
  #slab: RowSlab
  readonly #fields: RowFields
  #state: 'loading' | 'complete' | 'given up' = 'loading'
  /** Changes under way, or committed and not followed yet, oldest first. */
  #doubts: readonly Change[] = []
  #following: Promise<void> = Promise.resolve()

  /** @param folder where rows go that memory has no room for */
  constructor(schema: RelationSchema, folder: string) {
    this.#schema = schema
    this.#folder = folder
    this.#slab = this.#emptySlab()
    this.#fields = new RowFields(schema.columns.map((column) => column.type))
  }

  /** Memory taken. */
  get bytes(): number {
    return this.#slab.bytes
  }

  /** Frees so many bytes of memory, where rows and not their index hold them. @throws what the file system says */
  spill(bytes: number): Promise<void> {
    return this.#slab.spill(bytes)
  }

  /** So many rows will be read: with an index for all of them from the start it need not grow. */
  expect(count: number): void {
    if (this.#state === 'loading') this.#slab.reserve(count)
  }

  /** What so many rows would take if they are like those that are here. */
  bytesExpected(count: number): number {
    return this.#slab.bytesExpected(count)
  }

  /** Memory that the index for so many rows would take. */
  indexBytes(count: number): number {
    return this.#slab.indexBytes(count)
  }

  get isGivenUp(): boolean {
    return this.#state === 'given up'
  }

  /**
   * The committed row's fields, good until the next call; null: there is no such row; undefined: only
   * the store can tell.
   */
  find(key: RowKey): Fields | null | undefined {
    if (this.#state === 'given up' || this.#doubts.some(({ keys }) => keys.has(key)))
      return undefined
    const found = this.#read(key)
    return found === undefined && this.#state === 'complete' ? null : found
  }

  #read(key: RowKey): Fields | null | undefined {
    try {
      return this.#slab.find(key)
    } catch {
      // A disk that can't be read: the store may tell what is wrong with it, or have the row.
      this.giveUp()
      return undefined
    }
  }

  /** To be called right before the commit. */
  committing(batch: Batch, rows: Int32Array): Change {
    const keyOf = keyReader(this.#schema, batch)
    const keys = new Set<RowKey>()
    for (const row of rows) keys.add(keyOf(row))
    const change = { batch, rows, keys }
    this.#doubts = [...this.#doubts, change]
    return change
  }

  /** The commit is over; resolves when its rows are followed, or nobody need. Never rejects. */
  ended(change: Change, isCommitted: boolean): Promise<void> {
    const follow = async (): Promise<void> => {
      // The rows are committed: what can't be kept here is no reason to say otherwise.
      if (isCommitted) await this.#follow(change).catch(() => this.giveUp())
      this.#doubts = this.#doubts.filter((each) => each !== change)
    }
    return (this.#following = this.#following.then(follow))
  }

  async #follow({ batch, rows }: Change): Promise<void> {
    const keyOf = keyReader(this.#schema, batch)
    for (let i = 0; i < rows.length && this.#state !== 'given up'; i++) {
      const row = rows[i] as number
      if (batch.deleted?.has(row)) this.#remove(keyOf(row))
      else this.#set(keyOf(row), batch.columns, row)
      if ((i + 1) % limits.rowCacheSliceRows === 0) await new Promise(setImmediate)
    }
  }

  /** What is still being read from the store must not bring a removed row back. */
  #remove(key: RowKey): void {
    if (this.#state === 'complete') this.#slab.remove(key)
    else if (!this.#slab.setNone(key)) this.giveUp()
  }

  #set(key: RowKey, columns: readonly (readonly Value[])[], row: number): void {
    const size = this.#fields.encode(columns, row)
    if (size < 0 || !this.#slab.set(key, this.#fields.buffer, size)) this.giveUp()
  }

  /**
   * Rows of a chunk (`to` excluded) as they were when the loading began, whose frames lie in `frames`;
   * what was committed since is newer.
   */
  load(chunk: Chunk, frames: Buffer, from: number, to: number): void {
    const columns: Value[][] = []
    for (const { index } of keyColumns(this.#schema)) columns[index] = chunk.column(index)
    const keyOf = keyReader(this.#schema, { columns })
    let at = 0
    for (let row = from; row < to && this.#state === 'loading'; row++) {
      const key = keyOf(row)
      const end = at + 1 + frames.readInt32BE(at + 1)
      const fields = at + DATA_ROW_HEADER_BYTES
      const isKept = this.#slab.has(key) || this.#slab.set(key, frames, end - fields, fields)
      if (!isKept) this.giveUp()
      at = end
    }
  }

  loaded(): void {
    if (this.#state === 'loading') this.#state = 'complete'
  }

  /** Its memory is free at once. */
  giveUp(): void {
    this.#state = 'given up'
    this.#slab.close()
    this.#slab = this.#emptySlab()
  }

  #emptySlab(): RowSlab {
    return new RowSlab(new SegmentFile(this.#folder))
  }
}
