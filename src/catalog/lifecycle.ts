// What happens to one relation: kept, started, decoded in another way, reshaped, removed; on disk,
// in its stream and in the index alike. Never asks the upstream, and decides nothing of it.

import { Ingestion } from '../ingest/ingestion.ts'
import { makeDurable, removeDurable } from '../ingest/durable.ts'
import type { NatsConnections } from '../ingest/connection.ts'
import type { ConsumerLives } from '../ingest/consumer-names.ts'
import type { ShownMarks } from '../ingest/shown-marks.ts'
import type { Logger } from '../log.ts'
import type { Store } from '../store/store.ts'
import type { Encoding, NatsConnector, RowDecoder, StreamPosition } from '../types/connector.ts'
import { decoderOf } from './decoder-of.ts'
import { readDefinition, writeDefinition } from './definition.ts'
import type { Definition } from './definition.ts'
import { Relation } from './relation.ts'
import type { Relations } from './relations.ts'
import { replayDropped } from './replay.ts'
import type { Replayed } from './replay.ts'

export interface LifecycleOptions {
  readonly relations: Relations
  readonly store: Store
  readonly connections: NatsConnections
  readonly consumers: ConsumerLives
  readonly shown: ShownMarks
  readonly log: Logger
}

/**
 * Whether rows leave with their deliveries. What is acknowledged leaves a work queue at once, and
 * where there is a key the stream need not hold what made a row.
 */
const mirrors = ({ kind, schema, connector }: Definition): boolean =>
  kind === 'source' && schema.key.length === 0 && !connector.durable

export class Lifecycle {
  readonly #options: LifecycleOptions

  constructor(options: LifecycleOptions) {
    this.#options = options
  }

  /** Takes up every relation that the store knows of, and its ingestion where it left off. */
  async resume(): Promise<void> {
    for (const stored of await this.#options.store.definitions()) {
      const relation = new Relation(readDefinition(stored.definition))
      this.#options.relations.add(relation)
      if (relation.definition.state === 'active') await this.start(relation)
    }
  }

  /**
   * Keeps a definition whose transaction hasn't ended.
   * @throws PgError when its payloads could not be decoded
   */
  async prepare(made: Definition, position: StreamPosition): Promise<Relation> {
    const definition = { ...made, from: position }
    const { schema, connector } = definition
    await decoderOf(definition)
    const relation = new Relation(definition)
    await this.#options.store.define(schema, writeDefinition(definition), position)
    // The definition is on disk by now, so whatever happens somebody knows of the consumer. One that
    // is taken over stays its owner's until the transaction has committed.
    if (connector.durable && !(await this.#isShared(relation))) {
      await this.#makeDurable(relation, position)
    }
    this.#options.relations.add(relation)
    return relation
  }

  async start(relation: Relation): Promise<void> {
    const { store, connections, consumers, shown, log } = this.#options
    const { schema, connector, rateLimit } = relation.definition
    const decode = await this.#decoder(relation)
    if (!decode) return
    relation.ingestion = new Ingestion({
      schema,
      connector,
      decode,
      store,
      connections,
      names: consumers.of(schema.id),
      shown: shown.of(schema.id),
      position: await store.position(schema.id),
      rateLimit,
      before: relation.status(),
      trim: mirrors(relation.definition)
        ? (first, deleted) => store.trim(schema.id, first, deleted)
        : undefined,
      log: log.child({ relation: relation.label, stream: connector.stream })
    })
    relation.ingestion.start()
  }

  /** Its transaction has committed under this name, or it was renamed since. */
  async activate(relation: Relation, schemaName: string, name: string): Promise<void> {
    const { definition } = relation
    const moved = name !== definition.name || schemaName !== definition.schemaName
    if (!moved && definition.state === 'active') return
    relation.definition = { ...definition, state: 'active', name, schemaName }
    await this.#options.store.redefine(relation.id, writeDefinition(relation.definition))
    this.#options.relations.changed()
  }

  /**
   * Has deliveries decoded in another way from the next one on, now and after a restart.
   * @throws PgError when they could not be; then nothing has changed
   */
  async recode(relation: Relation, encoding: Encoding): Promise<void> {
    const definition = { ...relation.definition, encoding }
    const decode = await decoderOf(definition)
    await this.#options.store.redefine(relation.id, writeDefinition(definition))
    relation.definition = definition
    if (relation.ingestion) relation.ingestion.decodeBy(decode)
    else if (definition.state === 'active') await this.start(relation)
  }

  /**
   * Goes on where it stands with other columns or another connector.
   * @throws PgError when payloads cannot be decoded that way; then nothing has changed
   */
  async redefine(relation: Relation, definition: Definition): Promise<void> {
    await decoderOf(definition)
    await relation.ingestion?.stop()
    try {
      await this.#options.store.reshape(definition.schema, writeDefinition(definition))
      relation.definition = definition
    } finally {
      if (relation.ingestion) await this.start(relation)
    }
    this.#options.relations.changed()
  }

  async replay(relation: Relation): Promise<Replayed> {
    await relation.ingestion?.freshness.flush()
    const { store, connections } = this.#options
    return replayDropped(relation.definition, store, connections)
  }

  async remove(relation: Relation): Promise<void> {
    this.#options.relations.delete(relation)
    await relation.ingestion?.stop()
    if (!(await this.#isShared(relation))) await this.#removeDurable(relation)
    await this.#options.store.drop(relation.id)
    this.#options.log.info({ relation: relation.label }, 'relation dropped')
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

  async #makeDurable(relation: Relation, position: StreamPosition): Promise<void> {
    try {
      await makeDurable(relation.definition.connector, position)
    } catch (error) {
      await this.#removeDurable(relation)
      await this.#options.store.drop(relation.id)
      throw error
    }
  }

  #removeDurable(relation: Relation): Promise<void> {
    return this.leaveConsumer(relation, relation.definition.connector)
  }

  /** Of a connector that the relation has or had: a server that is gone must hold nobody up. */
  async leaveConsumer({ label }: Relation, connector: NatsConnector): Promise<void> {
    try {
      await removeDurable(connector)
    } catch (err) {
      const consumer = connector.durable?.name
      this.#options.log.warn({ err, relation: label, consumer }, 'consumer could not be removed')
    }
  }

  /** Whether another relation reads by the same consumer: CREATE OR REPLACE hands it over. */
  async #isShared({ id, definition }: Relation): Promise<boolean> {
    const { stream, durable } = definition.connector
    if (!durable) return false
    const { relations, store } = this.#options
    const { created } = await store.position(id)
    const namesakes = relations.all().filter((other) => {
      const { connector } = other.definition
      return (
        other.id !== id && connector.stream === stream && connector.durable?.name === durable.name
      )
    })
    for (const other of namesakes) {
      if ((await store.position(other.id)).created === created) return true
    }
    return false
  }
}
