// One remote transaction's reads: the snapshot its cursors share and the cursors themselves.
// Owns invariant 7 (one snapshot a statement): a snapshot lives as long as any cursor is open, so
// all scans of a statement see the same rows and the next statement sees newer ones; a transaction
// known to be REPEATABLE READ keeps its first.

import { objectNotReady, undefinedTable } from '../errors.ts'
import type { Consistency, Relation } from '../catalog/relation.ts'
import type { Snapshot } from '../store/snapshot.ts'
import { StoreError } from '../store/store-error.ts'
import { isStatusTable } from '../types/status-tables.ts'
import type { StatusTable } from '../types/status-tables.ts'
import { relationIdOf } from './request.ts'
import { openScan } from './scan.ts'
import { openScratch } from './scratch.ts'
import { openStatus } from './status.ts'
import type { StatusContext } from './status.ts'
import type { Scan, ScanRequest } from './remote.ts'
import type { Maintenance } from '../upstream/maintenance.ts'
import { ScratchSpace } from '../upstream/scratch-table.ts'
import { Writes } from './writes.ts'

/** What matters here of the client whose statement reads; the defaults where it bypasses jetgres. */
export interface ClientFacts {
  /** Its transaction reads everything from one snapshot. */
  readonly isRepeatable: boolean
  readonly consistency: Consistency
  /** Its open transaction has written to this relation. */
  readonly wrote: (relationId: number) => void
}

export interface ReadsOptions extends StatusContext {
  readonly maintenance: Maintenance
  /** The session behind the upstream's backend, as it is now. */
  readonly client: () => ClientFacts
}

export class Reads {
  readonly #options: ReadsOptions
  readonly writes: Writes
  readonly #scans = new Map<string, Scan>()
  /** The cursors that were open at each savepoint, by its depth. */
  readonly #savepoints = new Map<number, ReadonlySet<string>>()
  readonly #scratch: ScratchSpace
  #snapshot: Snapshot | undefined
  /** In this remote transaction. */
  #isInterrupted = false

  constructor(options: ReadsOptions) {
    this.#options = options
    this.writes = new Writes({ ...options, wrote: (id) => options.client().wrote(id) })
    this.#scratch = new ScratchSpace(options.maintenance.database(options.database))
  }

  /** @throws PgError 42P01, 55000; StoreError */
  async declare(cursor: string, request: ScanRequest): Promise<void> {
    if (isStatusTable(request.table)) return this.#declareStatus(cursor, request, request.table)
    const relation = this.#relationOf(relationIdOf(request.table))
    this.writes.checkReadable(relation, cursor)
    this.#scans.set(cursor, await this.#open(request, relation))
  }

  /** What fails in the store is Postgres's to judge. The failure ends the snapshot: if it is alone. */
  async #open(request: ScanRequest, relation: Relation): Promise<Scan> {
    const isAlone = this.#scans.size === 0 && !this.#options.client().isRepeatable
    const snapshot = await this.#pinned(relation)
    try {
      return await openScan(request, relation, snapshot, this.#scratch, isAlone)
    } catch (error) {
      if (!isAlone || !(error instanceof StoreError) || this.#isInterrupted) throw error
    }
    await this.#release()
    return openScratch(request, relation, await this.#pinned(relation), this.#scratch)
  }

  async #declareStatus(cursor: string, request: ScanRequest, table: StatusTable): Promise<void> {
    const { catalog, database, client } = this.#options
    await catalog.refresh(database, client().consistency)
    this.#scans.set(cursor, await openStatus(request, table, this.#options, this.#scratch))
  }

  scan(cursor: string): Scan {
    const scan = this.#scans.get(cursor)
    if (!scan) throw undefinedTable(`cursor "${cursor}" does not exist`)
    return scan
  }

  async close(cursor: string | undefined): Promise<void> {
    const names = cursor === undefined ? [...this.#scans.keys()] : [cursor]
    for (const name of names) {
      const scan = this.#scans.get(name)
      this.#scans.delete(name)
      await scan?.close()
    }
  }

  savepoint(depth: number): void {
    this.#savepoints.set(depth, new Set(this.#scans.keys()))
    this.writes.savepoint(depth)
  }

  /** Cursors opened since the savepoint are gone, as in Postgres. */
  async rollBackTo(depth: number): Promise<void> {
    this.writes.rollBackTo(depth)
    const before = this.#savepoints.get(depth)
    for (const name of this.#scans.keys()) {
      if (!before?.has(name)) await this.close(name)
    }
  }

  /** The remote transaction is over. */
  async end(): Promise<void> {
    this.#isInterrupted = false
    this.writes.end()
    this.#savepoints.clear()
    await this.close(undefined)
    await this.#release()
  }

  interrupt(): void {
    this.#isInterrupted = true
    this.#snapshot?.interrupt()
  }

  /** How many rows a relation has, for ANALYZE. */
  async count(relationId: number): Promise<number> {
    const relation = this.#relationOf(relationId)
    const snapshot = await this.#pinned(relation)
    const cursor = await snapshot.query(`SELECT count(*) FROM r${relation.id}`)
    const chunk = await cursor.next()
    return Number(chunk?.columns[0]?.[0] ?? 0)
  }

  #relationOf(id: number): Relation {
    const relation = this.#options.catalog.byId(id)
    if (relation?.definition.database !== this.#options.database) {
      throw undefinedTable(`relation ${id} does not exist in jetgres`, {
        hint: 'Its definition is gone: drop the table and create it again.'
      })
    }
    if (!relation.isActive) {
      throw objectNotReady(`relation "${relation.definition.name}" cannot be read yet`, {
        detail: 'The transaction that created it has not committed.',
        hint: 'Ingestion starts at COMMIT.'
      })
    }
    return relation
  }

  async #pinned(relation: Relation): Promise<Snapshot> {
    if (this.#snapshot && (this.#scans.size > 0 || this.#options.client().isRepeatable)) {
      return this.#snapshot
    }
    await this.#release()
    // This relation must be fresh; others the statement may read are asked to be.
    const { catalog, database, client } = this.#options
    const { consistency } = client()
    await Promise.all([relation.refresh(consistency), catalog.refresh(database, consistency)])
    this.#snapshot = await this.#options.store.snapshot()
    return this.#snapshot
  }

  async #release(): Promise<void> {
    const snapshot = this.#snapshot
    this.#snapshot = undefined
    await snapshot?.release()
  }
}
