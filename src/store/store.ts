// The DuckDB file that holds the rows of every relation. Owns opening and closing it, and which
// relations are in it; rows, stream position and dropped deliveries of a batch are one transaction.
// Must never hand out a DuckDB object, nor let anything but the writer write.

import { chmod } from 'node:fs/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { limits } from '../limits.ts'
import type { Batch, DroppedDelivery, StreamPosition } from '../types/connector.ts'
import { storeTable } from '../types/store-names.ts'
import type { RelationSchema } from '../types/value.ts'
import { CommitClock } from './commit-clock.ts'
import { applyBatch, targetOf } from './apply.ts'
import type { Applied, Progress, Target } from './apply.ts'
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
import type { Change } from './resident-rows.ts'
import { makeRelation, removeRelation, trimRows } from './relation-table.ts'
import { RowCache } from './row-cache.ts'
import type { Fields, RowKey } from './row-slab.ts'
import { replayRows } from './replay.ts'
import { reshapeTable } from './reshape.ts'
import { Snapshot } from './snapshot.ts'
import { StoreError, step } from './store-error.ts'
import { duckOptions } from './store-options.ts'
import type { StoreOptions } from './store-options.ts'
import { batchOfWritten, writeRows } from './write.ts'
import type { Written } from './write.ts'
import { Writer } from './writer.ts'

export interface SnapshotOptions {
  /**
   * false: the first query sees what is committed when it starts, later ones that or something
   * newer. Saves two round trips to DuckDB, for the statement that reads the store once.
   */
  readonly pinned?: boolean
}

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
    this.#rows = new RowCache((taken) => this.#snapshotBetween(taken), rowCacheBytesMax, log)
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
  async define(
    schema: RelationSchema,
    definition: string,
    position: StreamPosition
  ): Promise<void> {
    const relation: StoredRelation = { schema, definition, position, dropped: 0 }
    const work = async (writer: Writer): Promise<void> => {
      if (this.#relations.has(schema.id)) {
        throw new StoreError(`relation ${schema.id} is in the store already`)
      }
      await makeRelation(writer, relation)
    }
    await this.#writer.transaction('define a relation', work, () => this.#remember(relation))
    await this.#copyDefinitions()
  }

  /** As it was without rows, to be read from `position` on; one that isn't there is added. */
  async reset(schema: RelationSchema, definition: string, position: StreamPosition): Promise<void> {
    const relation: StoredRelation = { schema, definition, position, dropped: 0 }
    const work = async (writer: Writer): Promise<void> => {
      await removeRelation(writer, schema.id)
      await makeRelation(writer, relation)
    }
    await this.#writer.transaction('reset a relation', work, () => {
      this.#remember(relation)
      this.#rows.forget(schema.id)
    })
    await this.#copyDefinitions()
  }

  async #copyDefinitions(): Promise<void> {
    await this.#copy.write(await this.definitions())
  }

  #remember({ schema, definition, position, dropped }: StoredRelation): void {
    const progress = { position, dropped }
    this.#relations.set(schema.id, { ...targetOf(schema), definition, progress })
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
    await this.#writer.transaction('reshape a relation', work, (progress) => {
      this.#remember({ schema, definition, ...progress })
      this.#rows.forget(schema.id)
    })
    await this.#copyDefinitions()
  }

  /** Removes a relation, its rows and all that is known of it; one that is not there: nothing. */
  async drop(id: number): Promise<void> {
    const work = (writer: Writer): Promise<void> => removeRelation(writer, id)
    await this.#writer.transaction('drop a relation', work, () => {
      this.#relations.delete(id)
      this.#rows.forget(id)
    })
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
    await this.#change(batch, (writer, relation) =>
      applyBatch(writer, relation, batch, relation.progress)
    )
  }

  /**
   * Puts rows of dropped deliveries where they would be had they not been dropped, and forgets
   * these. The position stays.
   * @throws StoreError; then nothing of it is done.
   */
  async replay(batch: Batch, doubtful: ReadonlySet<number>): Promise<void> {
    await this.#change(batch, async (writer, relation) => {
      const rows = await replayRows(writer, relation, batch, doubtful)
      return { rows, progress: relation.progress }
    })
  }

  /** Removes the rows of deliveries before this sequence, and of these; only without a key. */
  async trim(id: number, first: number, deleted: readonly number[] = []): Promise<void> {
    const trimmed = (writer: Writer): Promise<void> => trimRows(writer, id, first, deleted)
    await this.#writer.transaction('trim a relation', trimmed)
  }

  /**
   * Applies what one transaction of SQL has written, to all its relations or to none. Positions stay.
   * @throws WriteConflict where a row is no longer what was read; StoreError
   */
  async write(written: readonly Written[]): Promise<void> {
    const changes: (readonly [number, Change | undefined])[] = []
    const work = async (writer: Writer): Promise<void> => {
      for (const one of written) {
        const relation = this.#get(one.relationId)
        const batch = batchOfWritten(relation.schema, one, relation.progress)
        const { rows } = await writeRows(writer, relation, batch, relation.progress)
        changes.push([one.relationId, this.#rows.committing(batch, rows)])
      }
    }
    const end = (isCommitted: boolean): void =>
      changes.forEach(([id, change]) => this.#rows.ended(id, change, isCommitted))
    await this.#writer
      .transaction('write rows', work, () => end(true))
      .catch((error: unknown) => {
        end(false)
        throw error
      })
  }

  async #change(
    batch: Batch,
    apply: (writer: Writer, relation: Relation) => Promise<Applied>
  ): Promise<void> {
    const { relationId } = batch
    let change: Change | undefined
    const work = async (writer: Writer) => {
      const relation = this.#get(relationId)
      const applied = await apply(writer, relation)
      change = this.#rows.committing(batch, applied.rows)
      return { relation, applied }
    }
    try {
      await this.#writer.transaction('apply a batch', work, ({ relation, applied }) => {
        relation.progress = applied.progress
        this.#rows.ended(relationId, change, true)
      })
    } catch (error) {
      this.#rows.ended(relationId, change, false)
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
  async #snapshotBetween(taken: () => void): Promise<Snapshot> {
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
      for (const table of tables) {
        const cursor = await snapshot.query(`SELECT bit_xor(hash(r)) FROM ${table} r`)
        while (await cursor.next()) continue
      }
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
