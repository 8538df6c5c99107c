// Which relations' rows are kept for look-ups by key, and how they get there: a relation that is looked
// up often enough is read once, and follows the writer from then on; what memory has no room for goes
// into a file. Owns the budget; must never answer for a relation whose rows it does not have.

import { statfs } from 'node:fs/promises'

import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { Batch } from '../types/connector.ts'
import { storeColumn, storeTable } from '../types/store-names.ts'
import type { RelationSchema } from '../types/value.ts'
import { RowWriter } from '../wire/row-writer.ts'
import { ResidentRows } from './resident-rows.ts'
import type { Change } from './resident-rows.ts'
import type { RowEncoder } from './row-encoder.ts'
import { KEPT_SETTINGS } from './row-fields.ts'
import type { Fields, RowKey } from './row-slab.ts'
import type { Chunk, Snapshot } from './snapshot.ts'

/** Takes a snapshot of what is committed, while no commit is under way, and calls `taken` then. */
export type SnapshotBetween = (taken: () => void) => Promise<Snapshot>

export interface RowCacheOptions {
  /** Memory, of all relations together; indexes have to be there, rows need not. */
  readonly bytesMax: number
  /** Where rows go that memory has no room for. */
  readonly folder: string
  readonly log: Logger
}

interface Entry {
  readonly schema: RelationSchema
  rows: ResidentRows | undefined
  /** Look-ups that the store had to answer since the last try to load. */
  misses: number
  /** So many are worth the next try. */
  missesWanted: number
  /** No try before this, on performance.now()'s clock. */
  retryAt: number
  usedAt: number
}

export class RowCache {
  readonly #snapshotBetween: SnapshotBetween
  readonly #options: RowCacheOptions
  readonly #entries = new Map<number, Entry>()
  /** One at a time: loading is work. */
  #loading: Promise<void> | undefined
  /** So is making room. */
  #freeing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(snapshotBetween: SnapshotBetween, options: RowCacheOptions) {
    this.#snapshotBetween = snapshotBetween
    this.#options = options
  }

  /**
   * The committed row's fields as row-fields.ts writes them, good until the next call; null: there is
   * none; undefined: not known here. Asking often is what brings a relation here.
   */
  find(schema: RelationSchema, key: RowKey): Fields | null | undefined {
    // What a batch has of a merged row is not the row.
    if (schema.onConflict?.keep === 'notNull') return undefined
    const entry = this.#entryOf(schema)
    const found = entry.rows?.find(key)
    if (found === undefined) this.#missed(entry)
    else entry.usedAt = performance.now()
    return found
  }

  #entryOf(schema: RelationSchema): Entry {
    const known = this.#entries.get(schema.id)
    // A plan may be older than the relation's columns.
    if (known?.schema.columns === schema.columns) return known
    if (known) this.forget(schema.id)
    const missesWanted = limits.rowCacheMisses
    const entry = { schema, rows: undefined, misses: 0, missesWanted, retryAt: 0, usedAt: 0 }
    this.#entries.set(schema.id, entry)
    return entry
  }

  #missed(entry: Entry): void {
    entry.misses++
    if (entry.misses < entry.missesWanted || this.#loading || this.#closed) return
    const now = performance.now()
    if (entry.rows?.isGivenUp) entry.rows = undefined
    if (entry.rows || now < entry.retryAt) return
    entry.misses = 0
    entry.retryAt = now + limits.rowCacheRetryMs
    this.#loading = this.#load(entry)
      .catch((err: unknown) => this.#failed(entry, err))
      .finally(() => (this.#loading = undefined))
  }

  #failed({ schema, rows }: Entry, err: unknown): void {
    if (rows?.isGivenUp) return
    rows?.giveUp()
    this.#options.log.warn({ err, relation: schema.id }, 'rows could not be kept for look-ups')
  }

  async #load(entry: Entry): Promise<void> {
    const { schema } = entry
    const rows = new ResidentRows(schema, this.#options.folder)
    const snapshot = await this.#snapshotBetween(() => (entry.rows = rows))
    try {
      const all = await rowsOf(snapshot, schema.id)
      const columns = schema.columns.map(({ attnum }) => storeColumn(attnum)).join(', ')
      const cursor = await snapshot.query(`SELECT ${columns} FROM ${storeTable(schema.id)}`)
      const types = schema.columns.map(({ type }) => ({ type, isBinary: false }))
      const encoder = cursor.encoder(types, KEPT_SETTINGS)
      let unseen = limits.rowCacheSampleRows
      for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) {
        await this.#take(entry, rows, chunk, encoder)
        if (unseen > 0 && (unseen -= chunk.rowCount) <= 0) await this.#estimate(entry, rows, all)
        if (rows.isGivenUp) return
      }
      rows.loaded()
    } finally {
      await snapshot.release()
    }
  }

  /** Sessions get their turn in between: a statement takes several, and waits as often. */
  async #take(entry: Entry, rows: ResidentRows, chunk: Chunk, encoder: RowEncoder): Promise<void> {
    const frames = new RowWriter()
    for (let from = 0; from < chunk.rowCount && !rows.isGivenUp;) {
      const to = Math.min(from + limits.rowCacheSliceRows, chunk.rowCount)
      const next = chunk.encode(frames, encoder, from, to)
      rows.load(chunk, frames.take(), from, next)
      from = next
      await new Promise(setImmediate)
    }
    await this.#makeRoom(entry)
  }

  /**
   * The first rows tell the size of all. To find out by reading that they are too many would cost
   * seconds, and others their room; so would an index for them.
   */
  async #estimate(entry: Entry, rows: ResidentRows, all: number): Promise<void> {
    const { bytesMax } = this.#options
    const toFile = rows.bytesExpected(all) - bytesMax
    if (toFile <= 0) return rows.expect(all)
    if (rows.indexBytes(all) > bytesMax || !(await this.#hasDisk(toFile))) return rows.giveUp()
    if (entry.missesWanted === limits.rowCacheMissesOfMany) return rows.expect(all)
    rows.giveUp()
    entry.missesWanted = limits.rowCacheMissesOfMany
    entry.retryAt = 0
  }

  /** What is kept for look-ups must not be what the store lacks. */
  async #hasDisk(bytes: number): Promise<boolean> {
    const { bavail, bsize } = await statfs(this.#options.folder)
    return bavail * bsize - bytes >= limits.rowCacheDiskLeft
  }

  #makeRoom(wants: Entry): Promise<void> {
    return (this.#freeing = this.#freeing.then(() => this.#free(wants)))
  }

  /**
   * The budget is for all relations: rows of those that were idle longest go into files first, and where
   * that is not enough, for indexes stay, so do the relations. Never rejects.
   */
  async #free(wants: Entry): Promise<void> {
    if (this.#bytesOver() <= 0) return
    const idleFirst = [...this.#entries.values()]
      .filter((entry) => entry !== wants)
      .sort((a, b) => a.usedAt - b.usedAt)
    for (const entry of [...idleFirst, wants]) {
      await this.#spill(entry).catch((err: unknown) => this.#failed(entry, err))
    }
    for (const entry of [...idleFirst, wants]) {
      if (this.#bytesOver() <= 0) return
      entry.rows?.giveUp()
      if (entry !== wants) entry.rows = undefined
    }
  }

  async #spill({ rows }: Entry): Promise<void> {
    const over = this.#bytesOver()
    if (over > 0 && rows && (await this.#hasDisk(over))) await rows.spill(over)
  }

  #bytesOver(): number {
    const taken = [...this.#entries.values()].reduce((sum, { rows }) => sum + (rows?.bytes ?? 0), 0)
    return taken - this.#options.bytesMax
  }

  /** To be called right before the commit of rows (indexes into the batch). */
  committing(batch: Batch, rows: Int32Array): Change | undefined {
    const { rows: resident } = this.#entries.get(batch.relationId) ?? {}
    return resident?.committing(batch, rows)
  }

  /** To be called when that commit is over. */
  ended(id: number, change: Change | undefined, isCommitted: boolean): void {
    const entry = this.#entries.get(id)
    if (!change || !entry?.rows) return
    const { rows } = entry
    void rows.ended(change, isCommitted).then(() => {
      if (entry.rows === rows) void this.#makeRoom(entry)
    })
  }

  /** The relation is gone, or its columns are others now. */
  forget(id: number): void {
    this.#entries.get(id)?.rows?.giveUp()
    this.#entries.delete(id)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const id of this.#entries.keys()) this.forget(id)
    await this.#loading
    await this.#freeing
  }
}

async function rowsOf(snapshot: Snapshot, id: number): Promise<number> {
  const cursor = await snapshot.query(`SELECT count(*) FROM ${storeTable(id)}`)
  const chunk = await cursor.next()
  await cursor.next()
  return Number(chunk?.columns[0]?.[0])
}
