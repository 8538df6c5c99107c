// The relations of this jetgres: made, found, started, dropped, and kept true to their twins.
// Owns the meeting of definition (store), twin (upstream) and ingestion; knows no sessions.

import { loadSchema } from '../decode/load-schema.ts'
import type { LoadedSchema } from '../decode/load-schema.ts'
import { limits } from '../limits.ts'
import type { NatsConnections } from '../ingest/connection.ts'
import { Ingestion } from '../ingest/ingestion.ts'
import { makeDurable, removeDurable } from '../ingest/durable.ts'
import { probe } from '../ingest/probe.ts'
import type { Probed } from '../ingest/probe.ts'
import type { Logger } from '../log.ts'
import type { Store } from '../store/store.ts'
import type {
  Encoding,
  NatsConnector,
  RowDecoder,
  StatedAvro,
  StatedProtobuf,
  StreamPosition
} from '../types/connector.ts'
import type { Column } from '../types/value.ts'
import type { Maintenance, MaintenanceDatabase } from '../upstream/maintenance.ts'
import { decoderOf } from './decoder-of.ts'
import { readDefinition, writeDefinition } from './definition.ts'
import type { Definition } from './definition.ts'
import { Relation } from './relation.ts'
import type { Consistency } from './relation.ts'
import { reshaped } from './reshape.ts'
import type { SecretName, Secrets } from './secrets.ts'
import {
  findDetached,
  findTwins,
  forgetDetached,
  restoreChild,
  upstreamIdentity
} from './twins.ts'
import type { TwinFacts } from './twins.ts'

export interface CatalogOptions {
  readonly secrets: Secrets
  readonly store: Store
  readonly maintenance: Maintenance
  readonly connections: NatsConnections
  readonly log: Logger
}

export class Catalog {
  readonly #options: CatalogOptions
  readonly #relations = new Map<number, Relation>()
  /** Each database's upstream as last seen: OIDs mean nothing in another. */
  readonly #identities = new Map<string, string>()
  /**
   * Relations made or altered in transactions still open, with how many those are: what the
   * upstream shows of them is not what it will be.
   */
  readonly #open = new Map<number, number>()
  /** The last reconciliation of each database; the next one begins when it has ended. */
  readonly #reconciling = new Map<string, Promise<void>>()
  readonly #onChange = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: CatalogOptions) {
    this.#options = options
  }

  /** Loads the definitions and resumes ingestion; what the upstream must confirm is left to it. */
  async open(): Promise<void> {
    for (const stored of await this.#options.store.definitions()) {
      const relation = new Relation(readDefinition(stored.definition))
      this.#relations.set(relation.id, relation)
      if (relation.definition.state === 'active') await this.#start(relation)
    }
    this.#changed()
    this.#timer = setInterval(() => this.#reconcileAll(), limits.reconcileIntervalMs)
    this.#timer.unref()
    await this.#reconcileFirst()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.allSettled(this.#reconciling.values())
    await Promise.allSettled(this.relations().map(async (relation) => relation.ingestion?.stop()))
  }

  /** Called whenever relations or their names change. */
  onChange(listener: () => void): void {
    this.#onChange.add(listener)
  }

  relations(): Relation[] {
    return [...this.#relations.values()]
  }

  byId(id: number): Relation | undefined {
    return this.#relations.get(id)
  }

  /** The relations whose twins are in this database of the upstream that stands there now. */
  here(database: string): Relation[] {
    const identity = this.#identities.get(database)
    return this.relations().filter(
      ({ definition }) =>
        definition.database === database &&
        (identity === undefined || definition.upstream === identity)
    )
  }

  byTwin(database: string, twinOid: number): Relation | undefined {
    return this.here(database).find(({ definition }) => definition.twinOid === twinOid)
  }

  get secrets(): Secrets {
    return this.#options.secrets
  }

  /** The relations whose options name a secret. */
  usersOf({ database, schema, name }: SecretName): Relation[] {
    return this.relations().filter(
      ({ definition }) =>
        definition.database === database &&
        definition.options.some(
          ({ secret }) => secret?.schema === schema && secret.name === name
        )
    )
  }

  nextId(): Promise<number> {
    return this.#options.store.nextId()
  }

  /** The relations these OIDs are the twins of. */
  byTwins(database: string, oids: readonly (number | undefined)[]): Relation[] {
    return oids.flatMap((oid) => (oid === undefined ? [] : (this.byTwin(database, oid) ?? [])))
  }

  async identity(database: string): Promise<string> {
    const identity = await upstreamIdentity(this.#options.maintenance.database(database))
    this.#identities.set(database, identity)
    return identity
  }

  /** Before a session's first statement: is this the upstream that the relations are of? */
  async recognise(database: string): Promise<void> {
    if (this.#identities.has(database)) return
    await this.reconcile(database).catch((err: unknown) =>
      this.#options.log.debug({ err, database }, 'upstream not recognised yet')
    )
  }

  /**
   * Checks the NATS side of a relation to be: where it would begin.
   * @throws PgError, each fault its own
   */
  probe(connector: NatsConnector): Promise<Probed> {
    return probe(connector)
  }

  /**
   * Fetches the schema of a relation to be's payloads.
   * @throws PgError, each fault its own
   */
  loadSchema(encoding: StatedProtobuf | StatedAvro): Promise<LoadedSchema> {
    return loadSchema(encoding)
  }

  /**
   * Keeps a definition whose transaction hasn't ended; `settle` decides.
   * @throws PgError when its payloads could not be decoded
   */
  async prepare(definition: Definition, position: StreamPosition): Promise<Relation> {
    const { schema, connector } = definition
    await decoderOf(definition)
    const relation = new Relation(definition)
    await this.#options.store.define(schema, writeDefinition(definition), position)
    // The definition is on disk by now, so whatever happens somebody knows of the consumer.
    if (connector.durable) await this.#makeDurable(relation, position)
    this.#relations.set(relation.id, relation)
    this.#changed()
    return relation
  }

  /**
   * Has a relation's deliveries decoded in another way from the next one on, now and after a restart.
   * @throws PgError when they could not be; then nothing has changed
   */
  async recode(relation: Relation, encoding: Encoding): Promise<void> {
    const definition = { ...relation.definition, encoding }
    const decode = await decoderOf(definition)
    await this.#options.store.redefine(relation.id, writeDefinition(definition))
    relation.definition = definition
    if (relation.ingestion) relation.ingestion.decodeBy(decode)
    else if (definition.state === 'active') await this.#start(relation)
  }

  /** Brings a database's relations in line with its twins: starts, renames, reshapes, drops. */
  reconcile(database: string): Promise<void> {
    return this.#inTurn(database, () => this.#reconcile(database))
  }

  /**
   * Follows a twin's columns in a transaction that is still open: those added are there at once,
   * those dropped go when it has committed.
   * @throws PgError when payloads cannot be decoded into them
   */
  extend(relation: Relation, columns: readonly Column[]): Promise<void> {
    return this.#inTurn(relation.definition.database, async () => {
      const definition = reshaped(relation.definition, columns, false)
      if (definition) await this.#redefine(relation, definition)
    })
  }

  /**
   * Changes what a relation is fed by; it goes on where it stands.
   * @throws PgError when payloads cannot be decoded that way
   */
  change(relation: Relation, change: (now: Definition) => Definition): Promise<void> {
    return this.#inTurn(relation.definition.database, () =>
      this.#redefine(relation, change(relation.definition))
    )
  }

  /** Whatever changes relations of a database happens one after the other. */
  #inTurn(database: string, work: () => Promise<void>): Promise<void> {
    const before = this.#reconciling.get(database) ?? Promise.resolve()
    const next = before.catch(() => undefined).then(work)
    this.#reconciling.set(database, next)
    return next
  }

  async #redefine(relation: Relation, definition: Definition): Promise<void> {
    await decoderOf(definition)
    await relation.ingestion?.stop()
    try {
      await this.#options.store.reshape(definition.schema, writeDefinition(definition))
      relation.definition = definition
    } finally {
      if (relation.ingestion) await this.#start(relation)
    }
    this.#changed()
  }

  /** Freshens every relation of a database, as far as that goes: a relayed read may touch any. */
  async refresh(database: string, consistency: Consistency): Promise<void> {
    const active = this.relations().filter(
      (relation) => relation.isActive && relation.definition.database === database
    )
    await Promise.allSettled(active.map((relation) => relation.refresh(consistency)))
  }

  #reconcileAll(): void {
    const databases = new Set(this.relations().map(({ definition }) => definition.database))
    for (const database of databases) {
      this.reconcile(database).catch((err: unknown) =>
        this.#options.log.debug({ err, database }, 'reconciliation put off')
      )
    }
  }

  async #reconcile(name: string): Promise<void> {
    const relations = this.relations().filter(({ definition }) => definition.database === name)
    if (relations.length === 0) return
    const database = this.#options.maintenance.database(name)
    await this.identity(name)
    const here = this.here(name)
    if (here.length === 0) return
    await this.#refreshBridge(database)
    await this.#removeDetached(database)
    // Only who was asked about, and was in nobody's transaction then, can be found to be gone: a
    // transaction that ends while we look has its own look behind ours.
    const asked = this.here(name)
    const wasOpen = new Set(this.#open.keys())
    const twins = await findTwins(
      database,
      asked.map(({ definition }) => definition.twinOid)
    )
    for (const relation of asked.filter(({ id }) => this.#relations.has(id))) {
      const twin = twins.get(relation.definition.twinOid)
      if (twin) await this.#confirm(relation, twin, database)
      else if (!wasOpen.has(relation.id) && !this.#open.has(relation.id)) await this.#remove(relation)
    }
  }

  async #removeDetached(database: MaintenanceDatabase): Promise<void> {
    const ids = await findDetached(database)
    if (ids.length === 0) return
    for (const relation of this.here(database.name).filter(({ id }) => ids.includes(id))) {
      await this.#remove(relation)
    }
    await forgetDetached(database, ids)
  }

  /** Marks a relation as part of a transaction in flight, or as no longer so. */
  setOpen(relation: Relation, open: boolean): void {
    const count = (this.#open.get(relation.id) ?? 0) + (open ? 1 : -1)
    if (count > 0) this.#open.set(relation.id, count)
    else this.#open.delete(relation.id)
  }

  async #confirm(
    relation: Relation,
    twin: TwinFacts,
    database: MaintenanceDatabase
  ): Promise<void> {
    const { definition } = relation
    const moved = twin.name !== definition.name || twin.schemaName !== definition.schemaName
    if (moved || definition.state === 'pending') {
      relation.definition = {
        ...definition,
        state: 'active',
        name: twin.name,
        schemaName: twin.schemaName
      }
      await this.#options.store.redefine(relation.id, writeDefinition(relation.definition))
      this.#changed()
    }
    if (!relation.ingestion) await this.#start(relation)
    if (!this.#open.has(relation.id)) await this.#follow(relation, twin.columns)
    relation.hasChild = twin.hasChild
    if (!twin.hasChild) await this.#restore(relation, database)
  }

  /** The twin's transactions are over: its columns are what they are. */
  async #follow(relation: Relation, columns: readonly Column[]): Promise<void> {
    const { log } = this.#options
    try {
      const definition = reshaped(relation.definition, columns, true)
      if (definition) await this.#redefine(relation, definition)
      relation.isAltering = false
    } catch (err) {
      log.error({ err, relation: relation.label }, 'columns of the twin cannot be followed')
    }
  }

  async #restore(relation: Relation, database: MaintenanceDatabase): Promise<void> {
    const { log } = this.#options
    try {
      await restoreChild(database, relation.definition.twinOid, relation.id)
      relation.hasChild = true
      log.warn({ relation: relation.label }, 'live child was missing and has been made again')
    } catch (err) {
      log.debug({ err, relation: relation.label }, 'live child is missing')
    }
  }

  async #start(relation: Relation): Promise<void> {
    const { store, connections, log } = this.#options
    const { schema, connector, rateLimit } = relation.definition
    const decode = await this.#decoder(relation)
    if (!decode) return
    relation.ingestion = new Ingestion({
      schema,
      connector,
      decode,
      store,
      connections,
      position: await store.position(schema.id),
      rateLimit,
      log: log.child({ relation: relation.label, stream: connector.stream })
    })
    relation.ingestion.start()
  }

  /** A schema that can no longer be read stops its own relation only. */
  async #decoder({ definition, label }: Relation): Promise<RowDecoder | undefined> {
    try {
      return await decoderOf(definition)
    } catch (err) {
      this.#options.log.error({ err, relation: label }, 'payloads cannot be decoded')
      return undefined
    }
  }

  async #remove(relation: Relation): Promise<void> {
    this.#relations.delete(relation.id)
    this.#changed()
    await relation.ingestion?.stop()
    await this.#removeDurable(relation)
    await this.#options.store.drop(relation.id)
    this.#options.log.info({ relation: relation.label }, 'relation dropped')
  }

  async #makeDurable(relation: Relation, position: StreamPosition): Promise<void> {
    try {
      await makeDurable(relation.definition.connector, position)
    } catch (error) {
      await this.#removeDurable(relation)
      await this.#options.store.drop(relation.id)
      throw error
    }
  }

  /** A server that is gone must not keep a relation from being dropped. */
  async #removeDurable({ definition, label }: Relation): Promise<void> {
    try {
      await removeDurable(definition.connector)
    } catch (err) {
      const consumer = definition.connector.durable?.name
      this.#options.log.warn({ err, relation: label, consumer }, 'consumer could not be removed')
    }
  }

  /** The back channel's address and secret may have changed since the last run. Once is enough. */
  async #refreshBridge(database: MaintenanceDatabase): Promise<void> {
    try {
      await database.installBridge()
    } catch (err) {
      this.#options.log.debug({ err, database: database.name }, 'no way back to jetgres')
    }
  }

  async #reconcileFirst(): Promise<void> {
    const databases = new Set(this.relations().map(({ definition }) => definition.database))
    for (const name of databases) {
      try {
        await this.reconcile(name)
      } catch (err) {
        this.#options.log.warn({ err, database: name }, 'upstream cannot be prepared yet')
      }
    }
  }

  #changed(): void {
    for (const listener of this.#onChange) listener()
  }
}
