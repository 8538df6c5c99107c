// What one consumer delivers, in stream order and without holes: counts what the stream no longer
// held, checks what the server may have passed over, and ends, with a reason, when either the
// consumer or its order is lost. Owns the receive position while it lasts. Must never make a
// consumer, nor decide what comes after it.

import type { NatsConnection } from 'nats'

import { limits } from '../limits.ts'
import type { Gap, NatsConnector } from '../types/connector.ts'
import { Acknowledger } from './acknowledger.ts'
import type { Delivery } from './delivery.ts'
import { readHole } from './hole.ts'
import { JumpGuard } from './jump-guard.ts'
import { nextSequence, streamInfo } from './jetstream.ts'
import type { StreamInfo } from './jetstream.ts'
import type { OpenConsumer } from './open-consumer.ts'
import { PullSession, RENEWED } from './pull-session.ts'
import type { SessionEnd } from './pull-session.ts'
import { isCompacted, jumpsAreGaps, mayPassOver } from './stream-facts.ts'
import { subjectCovers } from './subjects.ts'

export interface ConsumptionOptions {
  readonly connection: NatsConnection
  readonly info: StreamInfo
  readonly connector: NatsConnector
  readonly consumer: OpenConsumer
  /** The position behind which deliveries are wanted. */
  readonly sequence: number
  /** What is on disk, which may be less: a durable consumer begins behind it. */
  readonly committed: number
  readonly paused: boolean
  readonly onDelivery: (delivery: Delivery) => void
  readonly onGap: (gap: Gap) => void
  /** So many deliveries were read otherwise, from this sequence on: the server passed them over. */
  readonly onFilled: (from: number, count: number) => void
  /** The server says that it has nothing for us at this moment. */
  readonly onIdle: () => void
}

export class Consumption {
  readonly ended: Promise<SessionEnd>
  readonly #options: ConsumptionOptions
  readonly #session: PullSession
  /** Undefined where the server is known to pass nothing over. */
  readonly #guard: JumpGuard | undefined
  /** Undefined where the consumer needs no acknowledgements. */
  readonly #acknowledger: Acknowledger | undefined
  /** Undefined where the consumer's filters are the relation's. */
  readonly #matching: readonly string[] | undefined
  readonly #jumpsAreGaps: boolean
  readonly #checking: NodeJS.Timeout
  /** The last stream sequence that was handed on or is known to be gone. */
  #sequence: number
  /** The last one that came, held back or not. */
  #received: number
  #handedOn = 0
  #paused: boolean
  /** As much is held back as may be. */
  #isHolding = false
  /** First sequence that the stream still held when last looked at; 0 when of no interest. */
  #floor = 0
  /** A delivery that the stream held at the last look, and that hadn't come. */
  #awaited: number | undefined

  constructor(options: ConsumptionOptions) {
    const { connection, info, connector, consumer, sequence } = options
    const { filters } = consumer
    const { durable } = connector
    this.#options = options
    this.#sequence = sequence
    this.#received = sequence
    this.#paused = options.paused
    this.#matching = filters.length === 0 ? connector.subjects : undefined
    this.#jumpsAreGaps = jumpsAreGaps(info, filters)
    const { committed } = options
    this.#acknowledger = durable && new Acknowledger(connection, durable.ackPolicy, committed)
    this.#guard = mayPassOver(connection.info?.version, filters) ? this.#newGuard() : undefined
    this.#session = new PullSession({
      connection,
      stream: connector.stream,
      consumer: consumer.name,
      paused: this.#paused,
      onDelivery: (delivery) => this.#receive(delivery),
      onIdle: () => options.onIdle()
    })
    this.#checking = setInterval(() => void this.#check(), limits.streamCheckMs)
    this.ended = this.#session.ended.then((end) => this.#ended(end))
  }

  get sequence(): number {
    return this.#sequence
  }

  get delivered(): number {
    return this.#session.delivered
  }

  pause(): void {
    this.#paused = true
    this.#session.pause()
  }

  /** While we stood still the stream went on, and may have trimmed what comes next. */
  async resume(): Promise<void> {
    this.#paused = false
    await this.#lookForFloor(true)
    if (!this.#paused && !this.#isHolding) this.#session.resume()
  }

  /** What is up to here is on disk. */
  committed(sequence: number): void {
    this.#acknowledger?.committed(sequence)
  }

  /** Idempotent. Nothing is handed on afterwards. */
  end(reason: string, cause?: unknown): void {
    this.#guard?.close()
    this.#session.end(reason, cause)
  }

  #ended(end: SessionEnd): SessionEnd {
    clearInterval(this.#checking)
    this.#guard?.close()
    return end
  }

  #newGuard(): JumpGuard {
    const { canary } = this.#options.consumer
    return new JumpGuard({
      hasMoved: canary && (() => canary.hasMoved()),
      look: (from) => this.#look(from),
      fill: (from, before) => this.#fill(from, before),
      onMoved: () => this.#leave(),
      release: (delivery) => this.#release(delivery),
      onPassedOver: (sequence) => this.end(`the server passed over sequence ${sequence}`),
      onFailure: (error) => this.end('a jump in sequences could not be checked', error)
    })
  }

  /**
   * One by one is no pace to go on at: another consumer with a canary of its own should. At once
   * where this one got anywhere, and what is held is read again; else when what is held is through.
   */
  #leave(): void {
    if (this.#handedOn >= limits.pullBatch) this.end(RENEWED)
    else this.#hold()
  }

  #hold(): void {
    this.#isHolding = true
    this.#session.pause()
  }

  async #look(from: number): Promise<number | undefined> {
    const { connection, connector } = this.#options
    const found = await Promise.all(
      this.#filters.map((filter) => nextSequence(connection, connector.stream, from, filter))
    )
    const first = Math.min(...found.map((sequence) => sequence ?? Infinity))
    return first === Infinity ? undefined : first
  }

  /** What has to be acknowledged must come from the consumer: else the stream never lets it go. */
  async #fill(from: number, before: Delivery): Promise<readonly Delivery[] | undefined> {
    const { connection, connector, onFilled } = this.#options
    if (this.#acknowledger) return undefined
    const { stream } = connector
    const between = await readHole(connection, { stream, filters: this.#filters, from, before })
    if (between) onFilled(from, between.length)
    return between
  }

  /** What the consumer selects. */
  get #filters(): readonly string[] {
    const { filters } = this.#options.consumer
    return filters.length === 0 ? ['>'] : filters
  }

  #receive(delivery: Delivery): void {
    const expected = this.#received + 1
    this.#acknowledger?.received(delivery)
    if (delivery.sequence < expected) return
    this.#received = delivery.sequence
    if (!this.#guard) return this.#handOn(delivery)
    this.#guard.pass(delivery, delivery.sequence > expected ? expected : undefined)
    if (this.#isHolding || this.#guard.length < limits.pullBatch) return
    this.#hold()
  }

  #release(delivery: Delivery): void {
    this.#handOn(delivery)
    const { canary } = this.#options.consumer
    const isLeaving = canary !== undefined && !this.#guard!.isCheap
    if (!this.#isHolding || isLeaving || this.#guard!.length >= limits.pullBatch) return
    this.#isHolding = false
    if (!this.#paused) this.#session.resume()
  }

  #handOn(delivery: Delivery): void {
    this.#handedOn++
    const { onDelivery, onGap } = this.#options
    const { sequence } = delivery
    const expected = this.#sequence + 1
    if (sequence > expected && this.#jumpsAreGaps) onGap({ first: expected, last: sequence - 1 })
    else if (this.#floor > 0 && sequence >= this.#floor) this.#passFloor(expected)
    this.#sequence = Math.max(this.#sequence, sequence)
    if (this.#matching?.every((filter) => !subjectCovers(filter, delivery.subject))) return
    onDelivery(delivery)
  }

  #passFloor(expected: number): void {
    const gap = { first: expected, last: this.#floor - 1 }
    if (gap.last >= gap.first) this.#options.onGap(gap)
    this.#floor = 0
  }

  async #check(): Promise<void> {
    if (this.#guard?.length === 0) await this.#checkEnd(this.#guard).catch(() => undefined)
    await this.#lookForFloor(this.#paused)
  }

  /** What was passed over at the stream's end shows in no jump: nothing comes behind it. */
  async #checkEnd(guard: JumpGuard): Promise<void> {
    if (!this.#options.consumer.canary) return this.#lookForPassedOver()
    await guard.check()
    if (!guard.isCheap && guard.length === 0) this.end(RENEWED)
  }

  async #lookForPassedOver(): Promise<void> {
    if (this.#paused) return
    const awaited = this.#awaited
    this.#awaited = undefined
    if (awaited !== undefined && this.#received < awaited) {
      return this.end(`the server passed over sequence ${awaited}`)
    }
    const first = await this.#look(this.#received + 1).catch(() => undefined)
    if (first !== undefined && first > this.#received) this.#awaited = first
  }

  /** A filtered reader can't see a trimmed stretch by itself: the server reports nothing. */
  async #lookForFloor(lagging: boolean): Promise<void> {
    if (this.#jumpsAreGaps) return
    const { connection, connector, info } = this.#options
    const before = this.#sequence
    const now = await streamInfo(connection, connector.stream).catch(() => undefined)
    if (!now || isCompacted(now) || now.created !== info.created) return
    if (!lagging && before === this.#sequence) return
    if (now.state.first_seq > this.#sequence + 1) this.#floor = now.state.first_seq
  }
}
