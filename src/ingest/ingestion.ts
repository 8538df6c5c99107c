// One relation's ingestion: deliveries become rows, rows become commits. Owns its state machine,
// back-pressure and counts; a fault in it (a bad delivery, a store that refuses, a server that is
// gone) stays in it. Must never know SQL, sockets or other relations.

import { toPgError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { Decoded, Gap, NatsConnector, RowDecoder, StreamPosition } from '../types/connector.ts'
import type { RelationSchema } from '../types/value.ts'
import { commitRowsOf } from './acknowledger.ts'
import { Arrivals } from './arrivals.ts'
import { Committer } from './committer.ts'
import type { BatchSink } from './committer.ts'
import { CatchUp } from './catch-up.ts'
import type { NatsConnections } from './connection.ts'
import type { ConsumerNames } from './consumer-names.ts'
import type { Delivery } from './delivery.ts'
import { Freshness } from './freshness.ts'
import type { PendingBatch } from './pending.ts'
import type { IngestionCounts, IngestionState, IngestionStatus } from './ingestion-status.ts'
import { RateLimit } from './rate-limit.ts'
import { OrderedReader } from './reader.ts'
import type { StreamReader, Turn } from './reader.ts'
import { ReceivedRows } from './received-rows.ts'
import type { ShownMark } from './shown-marks.ts'
import { SlicedQueue } from './sliced-queue.ts'
import { streamEnd } from './stream-end.ts'
import { Trimmer } from './trimmer.ts'
import type { Trim } from './trimmer.ts'

export type { BatchSink } from './committer.ts'

export interface IngestionOptions {
  readonly schema: RelationSchema
  readonly connector: NatsConnector
  readonly decode: RowDecoder
  readonly store: BatchSink
  readonly connections: NatsConnections
  /** The last committed position: reading begins behind it. */
  readonly position: StreamPosition
  /** Deliveries a second, on average; 0: none. Without it: as many as there are. */
  readonly rateLimit?: number | undefined
  /** What the ingestion counted whose place this one takes. */
  readonly before?: IngestionCounts | undefined
  /** Given where the relation mirrors its stream: removes what that no longer holds. */
  readonly trim?: Trim | undefined
  readonly names: ConsumerNames
  readonly shown: ShownMark
  readonly log: Logger
  readonly onState?: (state: IngestionState) => void
}

const LOSS_LOG_INTERVAL_MS = 10_000

type Reading = 'starting' | 'open' | 'down'

export class Ingestion {
  readonly #options: IngestionOptions
  #decoder: RowDecoder
  readonly #reader: StreamReader
  readonly #committer: Committer
  /** What reads wait for. */
  readonly freshness: Freshness
  readonly #rate: RateLimit
  /** Undefined where rows stay though the stream lets their deliveries go. */
  readonly #trimmer: Trimmer | undefined
  /** Deliveries, what was gone between them, and where the stream began another life. */
  readonly #undecoded = new SlicedQueue<Delivery | Gap | Turn>(
    (item) => this.#handle(item),
    () => this.#resume()
  )
  #state: IngestionState = 'starting'
  #reading: Reading = 'starting'
  #live = false
  #fatal = false
  #stopped = false
  #paused = false
  #position: StreamPosition
  readonly #arrivals: Arrivals
  readonly #catchUp = new CatchUp(() => this.streamEnd())
  #lastError: string | undefined
  #nextLossLog = 0

  constructor(options: IngestionOptions) {
    const { schema, connector, connections, position, log, store } = options
    this.#options = options
    this.#decoder = options.decode
    this.#position = position
    this.#arrivals = new Arrivals(options.before)
    this.#rate = new RateLimit(options.rateLimit, () => this.#resume())
    const events = {
      onCommitted: (batch: PendingBatch) => this.#committed(batch),
      onFailure: (error: unknown) => this.#failed(error)
    }
    this.#committer = new Committer(schema, store, position, events, commitRowsOf(connector))
    this.freshness = new Freshness({
      undecoded: this.#undecoded,
      committer: this.#committer,
      rows: new ReceivedRows(schema, this.#committer, options.shown),
      isAtEnd: () => this.#state === 'live' && this.#arrivals.lag === 0,
      streamEnd: () => this.streamEnd(),
      log
    })
    this.#trimmer = options.trim && new Trimmer(options, options.trim, () => this.#position)
    this.#reader = new OrderedReader({
      connector,
      connections,
      position,
      names: options.names,
      log,
      readsAgain: schema.key.length > 0 || options.trim !== undefined,
      events: {
        onDelivery: (delivery) => this.#receive(delivery),
        onGap: (gap) => this.#gap(gap),
        onTurn: (turn) => this.#undecoded.push(turn),
        onOpen: (pending) => this.#opened(pending),
        onIdle: () => this.#progress(0),
        onDown: (error) => this.#down(error),
        onFatal: (error) => this.#giveUp(error)
      }
    })
  }

  start(): void {
    this.#trimmer?.start()
    if (this.#options.rateLimit === 0) this.#refresh()
    else this.#reader.start()
  }

  /** From the next delivery on. */
  decodeBy(decode: RowDecoder): void {
    this.#decoder = decode
  }

  /** The last sequence of the stream now. @throws PgError HV00N when the server can't be asked */
  streamEnd(): Promise<number> {
    const { connector, connections } = this.#options
    return streamEnd(connector, connections)
  }

  /** Ends the reading, then commits what was received, as far as the store takes it. */
  async stop(): Promise<void> {
    this.#rate.stop()
    await this.#trimmer?.stop()
    await this.#reader.stop()
    await this.#undecoded.drained()
    await this.#committer.close()
    this.#stopped = true
    this.#refresh()
  }

  status(): IngestionStatus {
    return {
      state: this.#state,
      position: this.#position,
      ...this.#arrivals.counts,
      lag: this.#arrivals.lag,
      lastError: this.#lastError,
      lagSeconds: this.#arrivals.lagSeconds(),
      rate: this.#arrivals.rate(),
      ...this.#catchUp.facts(this.#arrivals)
    }
  }

  #receive(delivery: Delivery): void {
    this.#arrivals.add(delivery)
    this.#undecoded.push(delivery)
    this.#progress(delivery.pending)
    this.#rate.took()
    if (!this.#paused && (this.#rate.isSpent || this.#pendingShare() >= 1)) this.#pause()
  }

  #handle(item: Delivery | Gap | Turn): void {
    if ('payload' in item) this.#take(item)
    else if ('created' in item) this.#turn(item)
    else this.#pass(item)
  }

  #pass(gap: Gap): void {
    const { open } = this.#committer
    if (gap.last <= open.sequence) return
    open.gap(gap)
    this.#committer.added()
    this.freshness.advanced()
  }

  #take(delivery: Delivery): void {
    const { open } = this.#committer
    // A redelivery does no harm: what is covered is not taken again.
    if (delivery.sequence <= open.sequence) return
    const decoded = this.#decode(delivery)
    if (decoded.ok) open.add(decoded.row, delivery, decoded.deleted)
    else open.drop(decoded.error, delivery)
    this.#committer.added()
    this.freshness.advanced()
  }

  /** A decoder that throws is at fault, yet its relation must go on. */
  #decode(delivery: Delivery): Decoded {
    try {
      return this.#decoder(delivery)
    } catch (error) {
      return { ok: false, error: toPgError(error).message }
    }
  }

  /** 1: as much is pending as may be. */
  #pendingShare(): number {
    const { pendingDeliveries, pendingBytes } = this.#committer
    const undecoded = this.#undecoded.length
    return Math.max(
      undecoded / limits.undecodedMax,
      (undecoded + pendingDeliveries) / limits.pendingRowsMax,
      pendingBytes / limits.pendingBytesMax
    )
  }

  #pause(): void {
    this.#paused = true
    this.#reader.pause()
  }

  #resume(): void {
    if (!this.#paused || this.#rate.isSpent || this.#pendingShare() > 0.5) return
    this.#paused = false
    this.#reader.resume()
  }

  #committed(batch: PendingBatch): void {
    const { deliveries, dropped, sequence, created } = batch
    this.#position = { sequence, created }
    this.#reader.committed(this.#position)
    this.#arrivals.applied += deliveries - dropped
    this.#arrivals.dropped += dropped
    if (dropped > 0) this.#logLosses()
    this.#resume()
    this.#refresh()
  }

  #failed(error: unknown): void {
    this.#lastError = toPgError(error).message
    this.#refresh()
  }

  #opened(pending: number): void {
    this.#reading = 'open'
    this.#live = false
    this.#progress(pending)
    this.#refresh()
  }

  #down(error: Error): void {
    this.#lastError = error.message
    this.#reading = this.#reading === 'starting' ? 'starting' : 'down'
    this.#arrivals.behind(undefined)
    this.#refresh()
  }

  #giveUp(error: Error): void {
    this.#fatal = true
    this.#lastError = error.message
    this.#refresh()
  }

  /** Live is left only for a real backlog: a burst is none. */
  #progress(pending: number): void {
    this.#arrivals.behind(pending)
    const live = this.#live ? pending <= limits.pullBatch : pending === 0
    if (live) this.#catchUp.over()
    else this.#catchUp.behind(this.#committer.open.sequence, this.#arrivals.received)
    if (live === this.#live) return
    this.#live = live
    this.#refresh()
  }

  #gap(gap: Gap): void {
    this.#arrivals.gaps += gap.last - gap.first + 1
    this.#undecoded.push(gap)
    this.#logLosses()
  }

  /** A stream of nothing but bad deliveries must not drown the log. */
  #logLosses(): void {
    const now = performance.now()
    if (now < this.#nextLossLog) return
    this.#nextLossLog = now + LOSS_LOG_INTERVAL_MS
    const { dropped, gaps } = this.#arrivals
    this.#options.log.warn(
      { dropped, gaps },
      'deliveries were dropped, or gone before they were read'
    )
  }

  #turn({ sequence, created, isBack, cutsBehind }: Turn): void {
    if (isBack) this.#arrivals.restarts++
    const mirrors = isBack && this.#options.trim !== undefined
    this.#committer.turn({ sequence, created }, mirrors ? 0 : cutsBehind)
  }

  #refresh(): void {
    const state = this.#derivedState()
    if (state === this.#state) return
    this.#state = state
    const { log, onState } = this.#options
    const error = state === 'stalled' || state === 'reconnecting' ? this.#lastError : undefined
    if (state === 'live') this.freshness.reachedEnd()
    log.info({ state, error, position: this.#position.sequence }, 'ingestion changed state')
    onState?.(state)
  }

  #derivedState(): IngestionState {
    if (this.#stopped) return 'stopped'
    if (this.#fatal || this.#committer.failure !== undefined) return 'stalled'
    if (this.#options.rateLimit === 0) return 'paused'
    if (this.#reading === 'starting') return 'starting'
    if (this.#reading === 'down') return 'reconnecting'
    return this.#live ? 'live' : 'catching up'
  }
}
