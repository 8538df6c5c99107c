// Keeps the relations true to their twins: what the upstream has committed is what there is.
// Owns the order in which a database's relations change; knows no statements and no sessions.

import type { Logger } from '../log.ts'
import type { Column } from '../types/value.ts'
import type { Maintenance, MaintenanceDatabase } from '../upstream/maintenance.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Relation } from './relation.ts'
import type { Relations } from './relations.ts'
import { reshaped } from './reshape.ts'
import {
  findDetached,
  findTwins,
  findViews,
  forgetDetached,
  restoreChild,
  upstreamIdentity
} from './twins.ts'
import type { TwinFacts } from './twins.ts'

export interface ReconciliationOptions {
  readonly relations: Relations
  readonly lifecycle: Lifecycle
  readonly maintenance: Maintenance
  readonly log: Logger
}

export class Reconciliation {
  readonly #options: ReconciliationOptions
  /**
   * Relations made or altered in transactions still open, with how many those are: what the
   * upstream shows of them is not what it will be.
   */
  readonly #open = new Map<number, number>()
  /** The last change of each database's relations; the next one begins when it has ended. */
  readonly #turns = new Map<string, Promise<void>>()
  /** Whose live child could not be made again, which the log has been told. */
  readonly #childless = new WeakSet<Relation>()

  constructor(options: ReconciliationOptions) {
    this.#options = options
  }

  /** Marks a relation as part of a transaction in flight, or as no longer so. */
  setOpen(relation: Relation, open: boolean): void {
    const count = (this.#open.get(relation.id) ?? 0) + (open ? 1 : -1)
    if (count > 0) this.#open.set(relation.id, count)
    else this.#open.delete(relation.id)
  }

  /** Whatever changes relations of a database happens one after the other. */
  inTurn(database: string, work: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(database) ?? Promise.resolve()
    const next = before.catch(() => undefined).then(work)
    this.#turns.set(database, next)
    return next
  }

  /** Resolves when nothing is being changed. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#turns.values())
  }

  /** Which upstream stands at a database's address now. */
  async identity(database: string): Promise<string> {
    const { maintenance, relations } = this.#options
    const identity = await upstreamIdentity(maintenance.database(database))
    relations.identify(database, identity)
    return identity
  }

  /** Brings a database's relations in line with its twins: starts, renames, reshapes, drops. */
  reconcile(database: string): Promise<void> {
    return this.inTurn(database, () => this.#reconcile(database))
  }

  /** Every database; `onFail` hears of those that can't be reached. */
  async reconcileAll(onFail: (err: unknown, database: string) => void): Promise<void> {
    const databases = [...this.#options.relations.databases()]
    await Promise.all(
      databases.map((name) => this.reconcile(name).catch((err: unknown) => onFail(err, name)))
    )
  }

  async #reconcile(name: string): Promise<void> {
    const { relations, maintenance, lifecycle } = this.#options
    if (relations.of(name).length === 0) return
    const database = maintenance.database(name)
    await this.identity(name)
    if (relations.here(name).length === 0) return
    await this.#refreshBridge(database)
    await this.#removeDetached(database)
    // Only who was asked about, and was in nobody's transaction then, can be found to be gone: a
    // transaction that ends while we look has its own look behind ours.
    const asked = relations.here(name)
    const wasOpen = new Set(this.#open.keys())
    const twins = await findTwins(
      database,
      asked.map(({ definition }) => definition.twinOid)
    )
    const found = asked.filter((relation) => relations.has(relation))
    // First what is gone: it may have left its consumer to one that is to start.
    for (const relation of found) {
      const isOpen = wasOpen.has(relation.id) || this.#open.has(relation.id)
      if (!twins.has(relation.definition.twinOid) && !isOpen) await lifecycle.remove(relation)
    }
    for (const relation of found) {
      const twin = twins.get(relation.definition.twinOid)
      if (twin) await this.#confirm(relation, twin, database)
    }
    relations.setViews(name, await findViews(database, [...twins.keys()]))
  }

  /** The back channel's address and secret may have changed since the last run, or it was dropped. */
  async #refreshBridge(database: MaintenanceDatabase): Promise<void> {
    try {
      await database.installBridge()
    } catch (err) {
      this.#options.log.debug({ err, database: database.name }, 'no way back to jetgres')
    }
  }

  async #removeDetached(database: MaintenanceDatabase): Promise<void> {
    const { relations, lifecycle } = this.#options
    const ids = await findDetached(database)
    if (ids.length === 0) return
    for (const relation of relations.here(database.name).filter(({ id }) => ids.includes(id))) {
      await lifecycle.remove(relation)
    }
    await forgetDetached(database, ids)
  }

  async #confirm(
    relation: Relation,
    twin: TwinFacts,
    database: MaintenanceDatabase
  ): Promise<void> {
    const { lifecycle } = this.#options
    await lifecycle.activate(relation, twin.schemaName, twin.name)
    if (!relation.ingestion) await lifecycle.start(relation)
    if (!this.#open.has(relation.id)) await this.#follow(relation, twin.columns)
    relation.hasChild = twin.hasChild
    if (!twin.hasChild) await this.#restore(relation, database)
  }

  /** The twin's transactions are over: its columns are what they are. */
  async #follow(relation: Relation, columns: readonly Column[]): Promise<void> {
    const { lifecycle, log } = this.#options
    try {
      const definition = reshaped(relation.definition, columns, true)
      if (definition) await lifecycle.redefine(relation, definition)
      relation.isAltering = false
    } catch (err) {
      log.error({ err, relation: relation.label }, 'columns of the twin cannot be followed')
    }
  }

  async #restore(relation: Relation, database: MaintenanceDatabase): Promise<void> {
    const { log } = this.#options
    try {
      await restoreChild(database, relation.definition)
      relation.hasChild = true
      this.#childless.delete(relation)
      log.warn({ relation: relation.label }, 'live child was missing and has been made again')
    } catch (err) {
      // The next look, in seconds, fails for the same reason.
      const level = this.#childless.has(relation) ? 'debug' : 'warn'
      this.#childless.add(relation)
      log[level]({ err, relation: relation.label }, 'live child is missing')
    }
  }
}
