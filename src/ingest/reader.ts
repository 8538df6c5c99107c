// Reads one stream in order for one relation, by a consumer that is made again at the next sequence
// whenever anything is wrong, one at a time, with back-off. Owns the receive position and what
// became of the stream meanwhile (made again, restored, trimmed). Must never decode, keep
// deliveries, or know a store.

import { setTimeout as sleep } from 'node:timers/promises'

import type { NatsConnection } from 'nats'

import { connectorFailure, objectNotReady } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { Gap, NatsConnector, StreamPosition } from '../types/connector.ts'
import type { NatsConnections, NatsLease } from './connection.ts'
import { Consumption } from './consumption.ts'
import type { ConsumerNames } from './consumer-names.ts'
import type { Delivery } from './delivery.ts'
import { deleteConsumer, streamInfo } from './jetstream.ts'
import type { StreamInfo } from './jetstream.ts'
import { Landmarks } from './landmarks.ts'
import type { Recognition } from './landmarks.ts'
import { natsFailure } from './nats-errors.ts'
import { openConsumer } from './open-consumer.ts'
import type { OpenConsumer } from './open-consumer.ts'
import { RENEWED } from './pull-session.ts'
import { countsAsLost } from './stream-facts.ts'
import { anotherLife, isSameLife, saysSame } from './stream-life.ts'

/** Where reading goes on when the stream is not what the position says. */
export interface Turn extends StreamPosition {
  /** Whether it begins anew somewhere; else the stream only says another `created`. */
  readonly isBack: boolean
  /** The stream lost what was read behind this sequence: its rows go. */
  readonly cutsBehind?: number
}

/** What a reader reports. The callbacks run inside its read loop: short, and they don't throw. */
export interface ReaderEvents {
  /** In stream order, each sequence once in one life of the stream. */
  onDelivery(delivery: Delivery): void
  /** Sequences that the stream no longer held when the reader came to them. */
  onGap(gap: Gap): void
  /** What follows begins behind this position, in what counts as another life of the stream. */
  onTurn(turn: Turn): void
  /** Reading began, with so many deliveries to come. */
  onOpen(pending: number): void
  /** The server has nothing for us at this moment. */
  onIdle(): void
  onDown(error: PgError): void
  /** The reader has given up: going on would make the relation wrong. */
  onFatal(error: PgError): void
}

/** How a relation's deliveries arrive. */
export interface StreamReader {
  start(): void
  pause(): void
  resume(): void
  /** What is up to here is on disk. */
  committed(position: StreamPosition): void
  /** Nothing is delivered afterwards, and nothing but a durable consumer stays on the server. */
  stop(): Promise<void>
}

export interface OrderedReaderOptions {
  readonly connector: NatsConnector
  readonly connections: NatsConnections
  readonly position: StreamPosition
  readonly names: ConsumerNames
  /** Whether to read again what was read does no harm: rows have a key, or go with their stream. */
  readonly readsAgain: boolean
  readonly log: Logger
  readonly events: ReaderEvents
}

export class OrderedReader implements StreamReader {
  readonly #options: OrderedReaderOptions
  readonly #events: ReaderEvents
  readonly #stopping = new AbortController()
  #lease: NatsLease | undefined
  #running: Promise<void> = Promise.resolve()
  #consumption: Consumption | undefined
  #wake: () => void = () => undefined
  #abandon: () => void = () => undefined
  #paused = false
  #hasRemovedLeft = false
  #created: string
  /** The last stream sequence that was delivered or is known to be gone. */
  #sequence: number
  /** The last one that is on disk, in this life of the stream. */
  #committed: number
  readonly #landmarks = new Landmarks()

  constructor(options: OrderedReaderOptions) {
    this.#options = options
    this.#events = options.events
    this.#created = options.position.created
    this.#sequence = options.position.sequence
    this.#committed = options.position.sequence
  }

  start(): void {
    const { connections, connector } = this.#options
    this.#lease = connections.lease(connector, () => this.#connectionChanged())
    this.#running = this.#run(this.#lease)
  }

  pause(): void {
    this.#paused = true
    this.#consumption?.pause()
  }

  resume(): void {
    this.#paused = false
    void this.#consumption?.resume()
  }

  committed({ sequence, created }: StreamPosition): void {
    if (created !== this.#created) return
    this.#committed = sequence
    this.#consumption?.committed(sequence)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#consumption?.end('stopped')
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
      this.#consumption?.end('the connection was lost')
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
    const error = lease.lastError ?? (this.#consumption && connectionLost())
    if (error) this.#events.onDown(error)
    this.#consumption = undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  /** @returns whether anything was read. */
  async #readOnce(connection: NatsConnection): Promise<boolean> {
    try {
      const { stream } = this.#options.connector
      const info = await this.#whileUp(streamInfo(connection, stream))
      const known = await this.#whileUp(this.#landmarks.recognise(connection, stream, info))
      this.#align(info, known)
      return await this.#consume(connection, info)
    } catch (error) {
      if (!this.#stopped) this.#events.onDown(natsFailure(error, this.#options.connector))
      return false
    }
  }

  async #consume(connection: NatsConnection, info: StreamInfo): Promise<boolean> {
    const { connector } = this.#options
    // What is received but not on disk must not be forgotten by the server.
    const from = connector.durable ? Math.min(this.#committed, this.#sequence) : this.#sequence
    const opening = openConsumer(connection, info, connector, from, this.#options.names.next())
    const consumer = await this.#whileUp(opening)
    this.#removeLeft(connection)
    const consumption = new Consumption({
      connection,
      info,
      connector,
      consumer,
      sequence: this.#sequence,
      committed: this.#committed,
      paused: this.#paused,
      onDelivery: (delivery) => {
        this.#landmarks.saw(delivery)
        this.#events.onDelivery(delivery)
      },
      onGap: (gap) => this.#events.onGap(gap),
      onFilled: (from, count) =>
        this.#options.log.info({ from, count }, 'read what the server had passed over'),
      onIdle: () => this.#events.onIdle()
    })
    this.#consumption = consumption
    this.#events.onOpen(consumer.pending)
    if (this.#stopped) consumption.end('stopped')
    const end = await consumption.ended
    this.#sequence = consumption.sequence
    await this.#afterwards(end, consumer)
    return consumption.delivered > 0 || end.message === RENEWED
  }

  /** Best effort, and once: the server removes by itself what stays. */
  #removeLeft(connection: NatsConnection): void {
    const { connector, names } = this.#options
    if (this.#hasRemovedLeft) return
    this.#hasRemovedLeft = true
    for (const name of names.left) void deleteConsumer(connection, connector.stream, name)
  }

  /** nats.js lets a request run into its time limit when the connection it went over is lost. */
  #whileUp<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#abandon = () => reject(connectionLost())
      work.then(resolve, reject)
    })
  }

  async #afterwards(end: Error, consumer: OpenConsumer): Promise<void> {
    if (end.message === RENEWED) this.#options.log.debug('reading with a consumer made anew')
    else if (!this.#stopped) {
      this.#options.log.warn({ reason: end.message, err: end.cause }, 'reading interrupted')
      this.#events.onDown(connectorFailure(`reading was interrupted: ${end.message}`))
    }
    if (!this.#lease?.current) return
    const left = consumer.leave()
    if (this.#stopped) await left
  }

  /** Compares the stream as it is now with where we stand in it. */
  #align(info: StreamInfo, { held, differs }: Recognition): void {
    const { first_seq: first, last_seq: last } = info.state
    const start = Math.max(first - 1, 0)
    const facts = { position: this.#sequence, first, last }
    if (held === undefined && !isSameLife(info, this.#created)) {
      this.#options.log.warn(facts, 'stream was deleted and made again: reading it from its start')
      this.#turn({ sequence: start, created: info.created, isBack: true })
    } else if (differs || last < this.#sequence) {
      this.#goBack(info, start, held)
    } else if (start > this.#sequence) {
      const { subjects } = this.#options.connector
      const gap = { first: this.#sequence + 1, last: start }
      if (countsAsLost(info, subjects)) this.#events.onGap(gap)
      this.#sequence = start
    }
    // Later on, and after a restart, it may be all that tells whose position this is.
    if (held !== undefined && !saysSame(info, this.#created)) {
      this.#turn({ sequence: this.#sequence, created: info.created, isBack: false })
    }
  }

  /** @param held up to here what was read is still there; undefined: nobody can tell */
  #goBack(info: StreamInfo, start: number, held: number | undefined): void {
    const { log, readsAgain } = this.#options
    const facts = { position: this.#sequence, last: info.state.last_seq, held }
    const created = anotherLife(info)
    if (readsAgain) {
      log.warn(facts, 'stream went back: reading it from its start')
      this.#turn({ sequence: start, created, isBack: true })
    } else if (held === undefined) {
      this.#giveUp(info.state.last_seq)
    } else {
      log.warn(facts, 'stream lost its end: the rows of that go')
      this.#turn({ sequence: held, created, isBack: true, cutsBehind: held })
    }
  }

  #turn(turn: Turn): void {
    this.#created = turn.created
    this.#sequence = turn.sequence
    if (turn.isBack) {
      this.#committed = turn.sequence
      this.#landmarks.forgetBehind(turn.cutsBehind ?? 0)
    }
    this.#events.onTurn(turn)
  }

  /** Without a key the rows that were read would be there twice, or new ones would be missed. */
  #giveUp(last: number): void {
    const { stream } = this.#options.connector
    const error = objectNotReady(
      last < this.#sequence
        ? `stream "${stream}" went back from sequence ${this.#sequence} to ${last}`
        : `stream "${stream}" holds other deliveries than were read, up to sequence ${this.#sequence}`,
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

const connectionLost = (): PgError => connectorFailure('the connection to the NATS server was lost')
