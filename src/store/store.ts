// The DuckDB file that holds the rows of every relation. Owns opening and closing it, and which
// relations are in it; rows, stream position and dropped deliveries of a batch are one transaction.
// Must never hand out a DuckDB object, nor let anything but the writer write.

import { chmod } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { limits } from '../limits.ts'
import type { Batch, DroppedDelivery, StreamPosition } from '../types/connector.ts'
import { storeTable } from '../types/store-names.ts'
import type { RelationSchema } from '../types/value.ts'
import { CommitClock } from './commit-clock.ts'
import { applyBatch, targetOf } from './apply.ts'
import type { Progress, Target } from './apply.ts'
import { confine, copyStore } from './backup.ts'
import { DefinitionsCopy, refuseMissing } from './definitions-copy.ts'
import type { KeptDefinition } from './definitions-copy.ts'
import {
  DROPPED_TABLE,
  GAPS_TABLE,
  loadRelations,
  prepareFormat,
  takeId,
  updateDefinition,
  updateSchema
} from './format.ts'
import type { StoredRelation } from './format.ts'
import { readDropped, readGaps } from './losses.ts'
import type { NoticedGap } from './losses.ts'
import { ReaderPool } from './reader-pool.ts'
import { makeRelation, removeRelation, trimRows } from './relation-table.ts'
import { RowCache } from './row-cache.ts'
import { RowChanges } from './row-changes.ts'
import type { Fields, RowKey } from './row-slab.ts'
import { replayRows } from './replay.ts'
import { reshapeTable } from './reshape.ts'
import { Snapshot } from './snapshot.ts'
import type { SnapshotOptions } from './snapshot.ts'
import { StoreError, step } from './store-error.ts'
import { duckOptions } from './store-options.ts'
import type { StoreOptions } from './store-options.ts'
import { batchOfWritten, writeRows } from './write.ts'
import type { Written } from './write.ts'
import { Writer } from './writer.ts'

interface Relation extends Target {
  definition: string
  progress: Progress
}

export class Store {
  readonly #instance: DuckDBInstance
  readonly #writer: Writer
  readonly #readers: ReaderPool
  /** What is committed. Changed only after a commit, so it never runs ahead of the file. */
  readonly #relations = new Map<number, Relation>()
  readonly #rows: RowCache
  readonly #copy: DefinitionsCopy
  readonly #path: string
  #copying: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  private constructor(
    instance: DuckDBInstance,
    writer: Writer,
    readers: ReaderPool,
    copy: DefinitionsCopy,
    { path, log, rowCacheBytesMax = limits.rowCacheBytesMax }: StoreOptions
  ) {
    this.#path = path
    this.#instance = instance
    this.#writer = writer
    this.#readers = readers
    this.#copy = copy
    const rows = { bytesMax: rowCacheBytesMax, folder: dirname(path), log }
    this.#rows = new RowCache((taken) => this.#snapshotBetween(taken), rows)
  }

  /**
   * Opens the file, or makes it, readable by its owner only.
   * @throws StoreError for a file that is in use, missing, damaged, not a store, or of another format
   *   version.
   */
  static open(options: StoreOptions): Promise<Store> {
    const { path, log } = options
    return step(`open the store "${path}"`, async () => {
      await refuseMissing(path)
      const instance = await DuckDBInstance.create(path, duckOptions(options))
      try {
        await chmod(path, 0o600)
        const clock = new CommitClock()
        const readers = new ReaderPool(instance, log, clock)
        const writer = await Writer.open(instance, path, log, clock, () => readers.isInUse)
        const stored = await writer.transaction('read the store', async () => {
          // Casts of timestamptz must not depend on where the server stands.
          await writer.run("SET GLOBAL TimeZone = 'UTC'")
          await prepareFormat(writer, path)
          return loadRelations(writer)
        })
        await confine(instance, path)
        const copy = await DefinitionsCopy.open(path, log)
        const store = new Store(instance, writer, readers, copy, options)
        for (const relation of stored) store.#remember(relation)
        await store.#copyDefinitions()
        return store
      } catch (error) {
        instance.closeSync()
        throw error
      }
    })
  }

  /** Ends all snapshots, waits for what is being written, folds the WAL into the file, closes. */
  close(): Promise<void> {
    this.#closing ??= step('close the store', async () => {
      await Promise.all([this.#readers.close(), this.#rows.close()])
      await this.#writer.close()
      this.#instance.closeSync()
    })
    return this.#closing
  }

  /** A relation id never used before, nor ever again. */
  nextId(): Promise<number> {
    return this.#writer.transaction('take a relation id', takeId)
  }

  /** Adds a relation without rows. `definition` is the catalog's own text. @throws StoreError */
  define(schema: RelationSchema, definition: string, position: StreamPosition): Promise<void> {
    const relation = { schema, definition, position, dropped: 0 }
    return this.#make('define a relation', relation, async () => {
      if (!this.#relations.has(schema.id)) return
      throw new StoreError(`relation ${schema.id} is in the store already`)
    })
  }

  /** As it was without rows, to be read from `position` on; one that isn't there is added. */
  reset(schema: RelationSchema, definition: string, position: StreamPosition): Promise<void> {
    const relation = { schema, definition, position, dropped: 0 }
    return this.#make('reset a relation', relation, (writer) => removeRelation(writer, schema.id))
  }

  async #make(
    name: string,
    relation: StoredRelation,
    before: (writer: Writer) => Promise<void>
  ): Promise<void> {
    const work = async (writer: Writer): Promise<void> => {
      await before(writer)
      await makeRelation(writer, relation)
    }
    await this.#writer.transaction(name, work, () => this.#remember(relation))
    await this.#copyDefinitions()
  }

  async #copyDefinitions(): Promise<void> {
    await this.#copy.write(await this.definitions())
  }

  /** What was kept of its rows in memory is not to be believed any more. */
  #remember({ schema, definition, position, dropped }: StoredRelation): void {
    const progress = { position, dropped }
    this.#relations.set(schema.id, { ...targetOf(schema), definition, progress })
    this.#rows.forget(schema.id)
  }

  /** Replaces the definition's text. @throws StoreError */
  async redefine(id: number, definition: string): Promise<void> {
    const work = async (writer: Writer): Promise<Relation> => {
      const relation = this.#get(id)
      await updateDefinition(writer, id, definition)
      return relation
    }
    await this.#writer.transaction('redefine a relation', work, (relation) => {
      relation.definition = definition
    })
    await this.#copyDefinitions()
  }

  /**
   * Gives a relation other columns: rows keep those that stay, what is new is NULL. No batch of the
   * old ones may come any more.
   * @throws StoreError
   */
  async reshape(schema: RelationSchema, definition: string): Promise<void> {
    const work = async (writer: Writer): Promise<Progress> => {
      const relation = this.#get(schema.id)
      await reshapeTable(writer, relation.schema, schema)
      await updateSchema(writer, schema)
      await updateDefinition(writer, schema.id, definition)
      return relation.progress
    }
    await this.#writer.transaction('reshape a relation', work, (progress) =>
      this.#remember({ schema, definition, ...progress })
    )
    await this.#copyDefinitions()
  }

  /** Removes a relation, its rows and all that is known of it; one that is not there: nothing. */
  async drop(id: number): Promise<void> {
    await this.#writer.transaction(
      'drop a relation',
      (writer) => removeRelation(writer, id),
      () => {
        this.#relations.delete(id)
        this.#rows.forget(id)
      }
    )
    await this.#copyDefinitions()
  }

  /** All relations, by id. */
  async definitions(): Promise<KeptDefinition[]> {
    const all = [...this.#relations].map(([id, { definition }]) => ({ id, definition }))
    return all.toSorted((a, b) => a.id - b.id)
  }

  /** How far the relation has come, as committed. @throws StoreError when it isn't there. */
  async position(id: number): Promise<StreamPosition> {
    return this.#get(id).progress.position
  }

  /**
   * Applies rows, position and dropped deliveries in one transaction; on disk when it resolves.
   * What was applied before is left out, so a batch may come again.
   * @throws StoreError; then nothing of the batch is applied.
   */
  async apply(batch: Batch): Promise<void> {
    await this.#change('apply a batch', async (writer, changes) => {
      const relation = this.#get(batch.relationId)
      const { rows, progress } = await applyBatch(writer, relation, batch, relation.progress)
      changes.committing(batch, rows)
      return () => (relation.progress = progress)
    })
  }

  /**
   * Puts rows of dropped deliveries where they would be had they not been dropped, and forgets
   * these. The position stays.
   * @throws StoreError; then nothing of it is done.
   */
  async replay(batch: Batch, doubtful: ReadonlySet<number>): Promise<void> {
    await this.#change('replay dropped deliveries', async (writer, changes) => {
      const relation = this.#get(batch.relationId)
      changes.committing(batch, await replayRows(writer, relation, batch, doubtful))
    })
  }

  /** Removes the rows of deliveries before this sequence, and of these; only without a key. */
  async trim(id: number, first: number, deleted: readonly number[] = []): Promise<void> {
    await this.#writer.transaction('trim a relation', (w) => trimRows(w, id, first, deleted))
  }

  /**
   * Applies what one transaction of SQL has written, to all its relations or to none. Positions stay.
   * @throws WriteConflict where a row is no longer what was read; StoreError
   */
  async write(written: readonly Written[]): Promise<void> {
    await this.#change('write rows', async (writer, changes) => {
      for (const one of written) {
        const relation = this.#get(one.relationId)
        const batch = batchOfWritten(relation.schema, one, relation.progress)
        changes.committing(batch, await writeRows(writer, relation, batch))
      }
    })
  }

  /** A transaction that writes rows; `work` may return what is to be done once it is committed. */
  async #change(
    name: string,
    work: (writer: Writer, changes: RowChanges) => Promise<(() => void) | void>
  ): Promise<void> {
    const changes = new RowChanges(this.#rows)
    const committed = (then: (() => void) | void): void => {
      then?.()
      changes.ended(true)
    }
    try {
      await this.#writer.transaction(name, (writer) => work(writer, changes), committed)
    } catch (error) {
      changes.ended(false)
      throw error
    }
  }

  /**
   * One committed row by its key, from memory: its fields as a DataRow has them, in text under
   * KEPT_SETTINGS, good until the next call; null: there is none; undefined: not in memory, to be
   * asked of a snapshot. Never older than what a snapshot taken before has shown.
   */
  rowByKey(schema: RelationSchema, key: RowKey): Fields | null | undefined {
    return this.#rows.find(schema, key)
  }

  /** No commit is under way when it is taken. */
  #snapshotBetween(taken: () => void): Promise<Snapshot> {
    return this.#writer.between('read rows for look-ups', async () => {
      const snapshot = await this.snapshot()
      taken()
      return snapshot
    })
  }

  /** Reads of one committed state. Release it. @throws StoreError */
  async snapshot(options: SnapshotOptions = {}): Promise<Snapshot> {
    return new Snapshot(this.#readers, await this.#readers.borrow(options.pinned ?? true))
  }

  /** What is committed now, in a file of its own; nobody waits meanwhile. @throws StoreError */
  copyTo(path: string): Promise<void> {
    this.#copying = this.#copying
      .catch(() => undefined)
      .then(() => step('copy the store', () => copyStore(this.#instance, this.#path, path)))
    return this.#copying
  }

  /** Reads every block of a relation, or of what is kept of losses. @throws StoreError for a damaged one */
  async verify(of: number | 'losses'): Promise<void> {
    const tables = of === 'losses' ? [DROPPED_TABLE, GAPS_TABLE] : [storeTable(of)]
    await this.#read(async (snapshot) => {
      for (const table of tables) await snapshot.readBlocks(table)
    })
  }

  /** Deliveries dropped since the relation was made, kept or not. @throws StoreError */
  async droppedCount(id: number): Promise<number> {
    return this.#get(id).progress.dropped
  }

  /** The newest dropped deliveries that are kept, newest first. @throws StoreError */
  async dropped(id: number, limit: number): Promise<DroppedDelivery[]> {
    this.#get(id)
    return this.#read((snapshot) => readDropped(snapshot, id, limit))
  }

  /** The newest gaps that are kept, newest first. @throws StoreError */
  async gaps(id: number): Promise<NoticedGap[]> {
    this.#get(id)
    return this.#read((snapshot) => readGaps(snapshot, id))
  }

  async #read<T>(work: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    const snapshot = await this.snapshot({ pinned: false })
    try {
      return await work(snapshot)
    } finally {
      await snapshot.release()
    }
  }

  #get(id: number): Relation {
    const relation = this.#relations.get(id)
    if (!relation) throw new StoreError(`relation ${id} is not in the store`)
    return relation
  }
}
