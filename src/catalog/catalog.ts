// The relations of this jetgres, as sessions and the back channel know them: found, made, changed.
// Owns what runs between an index of them (relations.ts), what happens to one (lifecycle.ts) and
// the upstream's word on it (reconciliation.ts). Knows no sessions.

import { loadSchema } from '../decode/load-schema.ts'
import type { LoadedSchema } from '../decode/load-schema.ts'
import type { NatsConnections } from '../ingest/connection.ts'
import type { ConsumerLives } from '../ingest/consumer-names.ts'
import type { ShownMarks } from '../ingest/shown-marks.ts'
import { probe } from '../ingest/probe.ts'
import type { OwnConsumer, Probed } from '../ingest/probe.ts'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { Store } from '../store/store.ts'
import type {
  Encoding,
  NatsConnector,
  StatedAvro,
  StatedProtobuf,
  StreamPosition
} from '../types/connector.ts'
import type { Column } from '../types/value.ts'
import type { Maintenance } from '../upstream/maintenance.ts'
import type { Definition } from './definition.ts'
import { Lifecycle } from './lifecycle.ts'
import { ProgressLog } from './progress-log.ts'
import type { Replayed } from './replay.ts'
import { Reconciliation } from './reconciliation.ts'
import type { Consistency, Relation } from './relation.ts'
import { Relations } from './relations.ts'
import { reshaped } from './reshape.ts'
import type { SecretName, Secrets } from './secrets.ts'

export interface CatalogOptions {
  readonly secrets: Secrets
  readonly store: Store
  readonly maintenance: Maintenance
  readonly connections: NatsConnections
  readonly consumers: ConsumerLives
  readonly shown: ShownMarks
  readonly log: Logger
}

export class Catalog {
  readonly #options: CatalogOptions
  readonly #relations = new Relations()
  readonly #lifecycle: Lifecycle
  readonly #reconciliation: Reconciliation
  #timer: NodeJS.Timeout | undefined
  #progress: ProgressLog | undefined
  #isClosed = false

  constructor(options: CatalogOptions) {
    this.#options = options
    const relations = this.#relations
    this.#lifecycle = new Lifecycle({ ...options, relations })
    this.#reconciliation = new Reconciliation({ ...options, relations, lifecycle: this.#lifecycle })
  }

  /** Loads the definitions and resumes ingestion; what the upstream must confirm is left to it. */
  async open(): Promise<void> {
    const { log } = this.#options
    await this.#lifecycle.resume()
    this.#progress = new ProgressLog(() => this.relations(), log)
    await this.#reconciliation.reconcileAll((err, database) =>
      log.warn({ err, database }, 'upstream cannot be prepared yet')
    )
    this.#reconcileLater()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#progress?.stop()
    await this.#reconciliation.settled()
    await Promise.allSettled(this.relations().map(async (relation) => relation.ingestion?.stop()))
  }

  /** One pass after the other: an upstream that hangs must not gather passes behind it. */
  #reconcileLater(): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      void this.#reconciliation
        .reconcileAll((err, database) =>
          this.#options.log.debug({ err, database }, 'reconciliation put off')
        )
        .then(() => this.#reconcileLater())
    }, limits.reconcileIntervalMs)
    this.#timer.unref()
  }

  get secrets(): Secrets {
    return this.#options.secrets
  }

  /** Called whenever relations or their names change. */
  onChange(listener: () => void): void {
    this.#relations.onChange(listener)
  }

  relations(): Relation[] {
    return this.#relations.all()
  }

  byId(id: number): Relation | undefined {
    return this.#relations.byId(id)
  }

  /** The relations whose twins are in this database of the upstream that stands there now. */
  here(database: string): Relation[] {
    return this.#relations.here(database)
  }

  byTwin(database: string, twinOid: number): Relation | undefined {
    return this.#relations.byTwin(database, twinOid)
  }

  /** The relations these OIDs are the twins of. */
  byTwins(database: string, oids: readonly (number | undefined)[]): Relation[] {
    return this.#relations.byTwins(database, oids)
  }

  /** A view that reads relations, as far as is known: it was there at the last look. */
  isView(database: string, oid: number): boolean {
    return this.#relations.isView(database, oid)
  }

  /** The names of relations and of views over them: a text without one is Postgres's. */
  names(): string[] {
    const names = this.relations().map(({ definition }) => definition.name)
    return [...names, ...this.#relations.viewNames()]
  }

  /** The relations whose options name a secret. */
  usersOf(secret: SecretName): Relation[] {
    return this.#relations.usersOf(secret)
  }

  nextId(): Promise<number> {
    return this.#options.store.nextId()
  }

  identity(database: string): Promise<string> {
    return this.#reconciliation.identity(database)
  }

  /** Before a session's first statement: is this the upstream that the relations are of? */
  async recognise(database: string): Promise<void> {
    if (this.#relations.isIdentified(database)) return
    await this.reconcile(database).catch((err: unknown) =>
      this.#options.log.debug({ err, database }, 'upstream not recognised yet')
    )
  }

  /**
   * Checks the NATS side of a relation to be: where it would begin. Where it takes the place of
   * another, that one's consumer is no stranger's.
   * @throws PgError, each fault its own
   */
  async probe(connector: NatsConnector, predecessor?: Relation): Promise<Probed> {
    return probe(connector, predecessor && (await this.#consumerOf(predecessor)))
  }

  async #consumerOf({ id, definition }: Relation): Promise<OwnConsumer | undefined> {
    const { durable } = definition.connector
    if (!durable) return undefined
    return { name: durable.name, created: (await this.#options.store.position(id)).created }
  }

  /**
   * Fetches the schema of a relation to be's payloads.
   * @throws PgError, each fault its own
   */
  loadSchema(encoding: StatedProtobuf | StatedAvro): Promise<LoadedSchema> {
    return loadSchema(encoding)
  }

  /**
   * Keeps a definition whose transaction hasn't ended; what the upstream commits decides.
   * @throws PgError when its payloads could not be decoded
   */
  prepare(definition: Definition, position: StreamPosition): Promise<Relation> {
    return this.#lifecycle.prepare(definition, position)
  }

  /**
   * Has a relation's deliveries decoded in another way from the next one on, now and after a restart.
   * @throws PgError when they could not be; then nothing has changed
   */
  recode(relation: Relation, encoding: Encoding): Promise<void> {
    return this.#lifecycle.recode(relation, encoding)
  }

  /**
   * Follows a twin's columns in a transaction that is still open: those added are there at once,
   * those dropped go when it has committed.
   * @throws PgError when payloads cannot be decoded into them
   */
  extend(relation: Relation, columns: readonly Column[]): Promise<void> {
    return this.#reconciliation.inTurn(relation.definition.database, async () => {
      const definition = reshaped(relation.definition, columns, false)
      if (definition) await this.#lifecycle.redefine(relation, definition)
    })
  }

  /**
   * Changes what a relation is fed by; it goes on where it stands.
   * @throws PgError when payloads cannot be decoded that way
   */
  change(relation: Relation, change: (now: Definition) => Definition): Promise<void> {
    return this.#reconciliation.inTurn(relation.definition.database, () =>
      this.#lifecycle.redefine(relation, change(relation.definition))
    )
  }

  /** Removes the consumer that a relation had where it is no longer fed from. */
  leaveConsumer(relation: Relation, before: NatsConnector): Promise<void> {
    return this.#lifecycle.leaveConsumer(relation, before)
  }

  /**
   * Reads a relation's dropped deliveries again, as they would be decoded now.
   * @throws PgError when the server can't be asked
   */
  async replay(relation: Relation): Promise<Replayed> {
    let replayed: Replayed | undefined
    await this.#reconciliation.inTurn(relation.definition.database, async () => {
      replayed = await this.#lifecycle.replay(relation)
    })
    return replayed!
  }

  /** Marks a relation as part of a transaction in flight, or as no longer so. */
  setOpen(relation: Relation, open: boolean): void {
    this.#reconciliation.setOpen(relation, open)
  }

  /** Brings a database's relations in line with its twins: starts, renames, reshapes, drops. */
  reconcile(database: string): Promise<void> {
    return this.#reconciliation.reconcile(database)
  }

  /** Freshens every relation of a database, as far as that goes: a relayed read may touch any. */
  async refresh(database: string, consistency: Consistency): Promise<void> {
    const active = this.#relations.of(database).filter((relation) => relation.isActive)
    await Promise.allSettled(active.map((relation) => relation.refresh(consistency)))
  }
}
