// The DuckDB file that holds the rows of every relation. Owns opening and closing it, and which
// relations are in it; rows, stream position and dropped deliveries of a batch are one transaction.
// Must never hand out a DuckDB object, nor let anything but the writer write.

import { chmod } from 'node:fs/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { Batch, DroppedDelivery, StreamPosition } from '../types/connector.ts'
import { storeTable } from '../types/store-names.ts'
import type { RelationSchema } from '../types/value.ts'
import { CommitClock } from './commit-clock.ts'
import { applyBatch, createTableSql, targetOf } from './apply.ts'
import type { Progress, Target } from './apply.ts'
import {
  deleteRelation,
  insertRelation,
  loadRelations,
  passId,
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
import { RowCache } from './row-cache.ts'
import type { Fields, RowKey } from './row-slab.ts'
import { reshapeTable } from './reshape.ts'
import { Snapshot } from './snapshot.ts'
import { StoreError, step } from './store-error.ts'
import { Writer } from './writer.ts'

export interface StoreOptions {
  /** The file; its WAL lies beside it, as `<path>.wal`. Made when missing. */
  readonly path: string
  readonly log: Logger
  /** DuckDB's memory_limit, in bytes. DuckDB's default: 80 % of the machine. */
  readonly memoryBytesMax?: number | undefined
  /** DuckDB's threads. DuckDB's default: one a core. */
  readonly threads?: number | undefined
  /** Memory for rows that are looked up by key. Default: limits.rowCacheBytesMax. */
  readonly rowCacheBytesMax?: number | undefined
}

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
  #closing: Promise<void> | undefined

  private constructor(
    instance: DuckDBInstance,
    writer: Writer,
    readers: ReaderPool,
    { log, rowCacheBytesMax = limits.rowCacheBytesMax }: StoreOptions
  ) {
    this.#instance = instance
    this.#writer = writer
    this.#readers = readers
    this.#rows = new RowCache((taken) => this.#snapshotBetween(taken), rowCacheBytesMax, log)
  }

  /**
   * Opens the file, or makes it, readable by its owner only.
   * @throws StoreError for a file that is in use, not a store, or of another format version.
   */
  static open(options: StoreOptions): Promise<Store> {
    const { path, log } = options
    return step(`open the store "${path}"`, async () => {
      const instance = await DuckDBInstance.create(path, duckOptions(options))
      try {
        await chmod(path, 0o600)
        const clock = new CommitClock()
        const writer = await Writer.open(instance, path, log, clock)
        const stored = await writer.transaction('read the store', async () => {
          // Casts of timestamptz must not depend on where the server stands.
          await writer.run("SET GLOBAL TimeZone = 'UTC'")
          await prepareFormat(writer, path)
          return loadRelations(writer)
        })
        const store = new Store(instance, writer, new ReaderPool(instance, log, clock), options)
        for (const relation of stored) store.#remember(relation)
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
      await writer.runOnce(createTableSql(schema))
      await insertRelation(writer, relation)
      await passId(writer, schema.id)
    }
    await this.#writer.transaction('define a relation', work, () => this.#remember(relation))
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
  }

  /** Removes a relation, its rows and all that is known of it; one that is not there: nothing. */
  async drop(id: number): Promise<void> {
    const work = async (writer: Writer): Promise<void> => {
      await writer.runOnce(`DROP TABLE IF EXISTS ${storeTable(id)}`)
      await deleteRelation(writer, id)
    }
    await this.#writer.transaction('drop a relation', work, () => {
      this.#relations.delete(id)
      this.#rows.forget(id)
    })
  }

  /** All relations, by id. */
  async definitions(): Promise<{ id: number; definition: string }[]> {
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
    const { relationId } = batch
    let change: Change | undefined
    const work = async (writer: Writer) => {
      const relation = this.#get(relationId)
      const applied = await applyBatch(writer, relation, batch, relation.progress)
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

  /** Deliveries dropped since the relation was made, kept or not. @throws StoreError */
  async droppedCount(id: number): Promise<number> {
    return this.#get(id).progress.dropped
  }

  /** The newest dropped deliveries that are kept, newest first. @throws StoreError */
  async dropped(id: number, limit: number): Promise<DroppedDelivery[]> {
    this.#get(id)
    const snapshot = await this.snapshot({ pinned: false })
    try {
      return await readDropped(snapshot, id, limit)
    } finally {
      await snapshot.release()
    }
  }

  /** The newest gaps that are kept, newest first. @throws StoreError */
  async gaps(id: number): Promise<NoticedGap[]> {
    this.#get(id)
    const snapshot = await this.snapshot({ pinned: false })
    try {
      return await readGaps(snapshot, id)
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

function duckOptions({ memoryBytesMax, threads }: StoreOptions): Record<string, string> {
  return {
    // Nothing is ever fetched from the network, and SQL reaches no file but the store's own.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    enable_external_access: 'false',
    // Checkpoints are the writer's business; DuckDB's own come at 16 MB and are 5 times slower.
    checkpoint_threshold: '1TB',
    // As Postgres sorts.
    default_null_order: 'nulls_last_on_asc_first_on_desc',
    ...(memoryBytesMax === undefined ? {} : { memory_limit: `${memoryBytesMax}B` }),
    ...(threads === undefined ? {} : { threads: String(threads) })
  }
}
