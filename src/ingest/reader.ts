// Reads one stream in order for one relation: an ephemeral consumer that needs no acknowledgements,
// made again at the next sequence whenever anything is wrong, one at a time, with back-off. Owns
// the receive position and what became of the stream meanwhile (made again, restored, trimmed).
// Must never decode, keep deliveries, or know a store.

import { setTimeout as sleep } from 'node:timers/promises'

import { nuid } from 'nats'
import type { NatsConnection } from 'nats'

import { connectorFailure, objectNotReady } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { NatsConnector, StreamPosition } from '../types/connector.ts'
import type { NatsConnections, NatsLease } from './connection.ts'
import type { Delivery } from './delivery.ts'
import { createConsumer, deleteConsumer, streamInfo } from './jetstream.ts'
import type { StreamInfo } from './jetstream.ts'
import { natsFailure } from './nats-errors.ts'
import { PullSession } from './pull-session.ts'
import { filtersAreDisjoint, minimalFilters, subjectCovers } from './subjects.ts'

/** What a reader reports. The callbacks run inside its read loop: short, and they don't throw. */
export interface ReaderEvents {
  /** In stream order, each sequence once in one life of the stream. */
  onDelivery(delivery: Delivery): void
  /** Sequences that the stream no longer held when the reader came to them. */
  onGap(count: number): void
  /** What follows belongs to another life of the stream, and begins behind this position. */
  onRestart(position: StreamPosition): void
  /** Reading began, with so many deliveries to come. */
  onOpen(pending: number): void
  /** The server has nothing for us at this moment. */
  onIdle(): void
  onDown(error: PgError): void
  /** The reader has given up: going on would make the relation wrong. */
  onFatal(error: PgError): void
}

/** How a relation's deliveries arrive; a durable, acknowledged reader can stand behind it too. */
export interface StreamReader {
  start(): void
  pause(): void
  resume(): void
  /** Nothing is delivered afterwards, and nothing of it stays on the server. */
  stop(): Promise<void>
}

export interface OrderedReaderOptions {
  readonly connector: NatsConnector
  readonly connections: NatsConnections
  readonly position: StreamPosition
  /** Whether rows have a key, so that reading again what was read does no harm. */
  readonly keyed: boolean
  readonly log: Logger
  readonly events: ReaderEvents
}

export class OrderedReader implements StreamReader {
  readonly #options: OrderedReaderOptions
  readonly #events: ReaderEvents
  readonly #stopping = new AbortController()
  #lease: NatsLease | undefined
  #running: Promise<void> = Promise.resolve()
  #session: PullSession | undefined
  #wake: () => void = () => undefined
  #abandon: () => void = () => undefined
  #paused = false
  #created: string
  /** The last stream sequence that was delivered or is known to be gone. */
  #sequence: number
  /** A jump in sequences is a loss: the reader gets all there is, and nothing is compacted. */
  #jumpsAreGaps = false
  /** First sequence that the stream still held when last looked at; 0 when of no interest. */
  #floor = 0

  constructor(options: OrderedReaderOptions) {
    this.#options = options
    this.#events = options.events
    this.#created = options.position.created
    this.#sequence = options.position.sequence
  }

  start(): void {
    const { connections, connector } = this.#options
    this.#lease = connections.lease(connector, () => this.#connectionChanged())
    this.#running = this.#run(this.#lease)
  }

  pause(): void {
    this.#paused = true
    this.#session?.pause()
  }

  resume(): void {
    this.#paused = false
    const session = this.#session
    // While we stood still the stream went on, and may have trimmed what comes next.
    void this.#check(true).finally(() => {
      if (!this.#paused) session?.resume()
    })
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#session?.end('stopped')
    this.#abandon()
    this.#wake()
    await this.#running
    await this.#lease?.release()
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  #connectionChanged(): void {
    if (!this.#lease?.current) {
      this.#session?.end('the connection was lost')
      this.#abandon()
    }
    this.#wake()
  }

  async #run(lease: NatsLease): Promise<void> {
    for (let failures = 0; !this.#stopped; failures++) {
      const connection = lease.current
      if (!connection) {
        await this.#untilConnected(lease)
        failures = -1
      } else {
        if (await this.#readOnce(connection)) failures = 0
        await this.#backOff(failures)
      }
    }
  }

  async #untilConnected(lease: NatsLease): Promise<void> {
    if (lease.lastError || this.#session) this.#events.onDown(lease.lastError ?? connectionLost())
    this.#session = undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  /** @returns whether anything was read. */
  async #readOnce(connection: NatsConnection): Promise<boolean> {
    try {
      const { stream } = this.#options.connector
      const info = await this.#whileUp(streamInfo(connection, stream))
      this.#align(info)
      return await this.#consume(connection, info)
    } catch (error) {
      if (!this.#stopped) this.#events.onDown(natsFailure(error, this.#options.connector))
      return false
    }
  }

  async #consume(connection: NatsConnection, info: StreamInfo): Promise<boolean> {
    const { stream, subjects } = this.#options.connector
    const minimal = minimalFilters(subjects)
    const filters = filtersAreDisjoint(minimal) ? minimal : []
    const creating = createConsumer(connection, {
      stream,
      name: `jetgres_${nuid.next()}`,
      filters,
      start: { deliver_policy: 'by_start_sequence', opt_start_seq: this.#sequence + 1 },
      inactiveMs: limits.consumerInactiveMs
    })
    const consumer = await this.#whileUp(creating)
    // Servers before 2.10 drop several filters without a word: the reply tells.
    const { filter_subject: one, filter_subjects: several } = consumer.config
    const unfiltered = !one && !several
    this.#jumpsAreGaps = (unfiltered || coversAll(minimal, info)) && !isCompacted(info)
    this.#floor = 0
    const session = new PullSession({
      connection,
      stream,
      consumer: consumer.name,
      paused: this.#paused,
      onDelivery: (delivery) => this.#deliver(delivery, unfiltered ? minimal : undefined),
      onIdle: () => this.#events.onIdle()
    })
    this.#session = session
    this.#events.onOpen(consumer.num_pending)
    const checking = setInterval(() => void this.#check(this.#paused), limits.streamCheckMs)
    if (this.#stopped) session.end('stopped')
    const end = await session.ended
    clearInterval(checking)
    await this.#afterSession(connection, consumer.name, end)
    return session.delivered > 0
  }

  /** nats.js lets a request run into its time limit when the connection it went over is lost. */
  #whileUp<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#abandon = () => reject(connectionLost())
      work.then(resolve, reject)
    })
  }

  async #afterSession(connection: NatsConnection, consumer: string, end: Error): Promise<void> {
    if (!this.#stopped) {
      this.#options.log.warn({ reason: end.message, err: end.cause }, 'reading interrupted')
      this.#events.onDown(connectorFailure(`reading was interrupted: ${end.message}`))
    }
    if (!this.#lease?.current) return
    const deleted = deleteConsumer(connection, this.#options.connector.stream, consumer)
    if (this.#stopped) await deleted
  }

  #deliver(delivery: Delivery, matching: readonly string[] | undefined): void {
    const { sequence } = delivery
    const expected = this.#sequence + 1
    if (sequence > expected && this.#jumpsAreGaps) this.#events.onGap(sequence - expected)
    else if (this.#floor > 0 && sequence >= this.#floor) this.#passFloor(expected)
    this.#sequence = Math.max(this.#sequence, sequence)
    if (matching && !matching.some((filter) => subjectCovers(filter, delivery.subject))) return
    this.#events.onDelivery(delivery)
  }

  #passFloor(expected: number): void {
    if (this.#floor > expected) this.#events.onGap(this.#floor - expected)
    this.#floor = 0
  }

  /** A filtered reader can't see a trimmed stretch by itself: the server reports nothing. */
  async #check(lagging: boolean): Promise<void> {
    const connection = this.#lease?.current
    if (this.#jumpsAreGaps || !connection) return
    const before = this.#sequence
    const info = await streamInfo(connection, this.#options.connector.stream).catch(() => undefined)
    if (!info || isCompacted(info) || !isLife(info, this.#created)) return
    if (!lagging && before === this.#sequence) return
    if (info.state.first_seq > this.#sequence + 1) this.#floor = info.state.first_seq
  }

  /** Compares the stream as it is now with where we stand in it. */
  #align(info: StreamInfo): void {
    const { first_seq: first, last_seq: last } = info.state
    const start = Math.max(first - 1, 0)
    const facts = { position: this.#sequence, first, last }
    if (!isLife(info, this.#created)) {
      this.#options.log.warn(facts, 'stream was deleted and made again: reading it from its start')
      this.#restart(start, info.created)
    } else if (last < this.#sequence) {
      if (!this.#options.keyed) return this.#giveUp(last)
      this.#options.log.warn(facts, 'stream went back: reading it from its start')
      this.#restart(start, anotherLife(info))
    } else if (start > this.#sequence) {
      if (!isCompacted(info)) this.#events.onGap(start - this.#sequence)
      this.#sequence = start
    }
  }

  #restart(sequence: number, created: string): void {
    this.#created = created
    this.#sequence = sequence
    this.#events.onRestart({ sequence, created })
  }

  /** Without a key the rows that were read would be there twice, or new ones would be missed. */
  #giveUp(last: number): void {
    const { stream } = this.#options.connector
    const error = objectNotReady(
      `stream "${stream}" went back from sequence ${this.#sequence} to ${last}`,
      { hint: 'Drop the relation and create it again, or give it a primary key.' }
    )
    this.#events.onFatal(error)
    this.#stopping.abort()
    throw error
  }

  async #backOff(failures: number): Promise<void> {
    const ms = Math.min(limits.retryDelayMsMin * 2 ** failures, limits.retryDelayMsMax)
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
  }
}

const connectionLost = (): PgError =>
  connectorFailure('the connection to the NATS server was lost')

const LIFE_MARK = '#'

/** A stream that was restored keeps its `created`, yet its sequences mean something else now. */
const anotherLife = (info: StreamInfo): string => `${info.created}${LIFE_MARK}${Date.now()}`

const isLife = (info: StreamInfo, created: string): boolean =>
  info.created === created.split(LIFE_MARK)[0]

/** One delivery kept a subject: what is replaced is no loss. */
const isCompacted = (info: StreamInfo): boolean => (info.config.max_msgs_per_subject ?? 0) > 0

function coversAll(filters: readonly string[], { config }: StreamInfo): boolean {
  if (config.mirror !== undefined || (config.sources ?? []).length > 0) return false
  const held = config.subjects ?? []
  return (
    held.length > 0 && held.every((subject) => filters.some((f) => subjectCovers(f, subject)))
  )
}
