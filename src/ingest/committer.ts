// Decides when pending rows are committed, commits them in order, and retries what the store
// refuses. Owns the pending rows and who waits for them; must never know NATS or payloads.

import { limits } from '../limits.ts'
import type { RowKey } from '../store/row-slab.ts'
import type { Batch, StreamPosition } from '../types/connector.ts'
import type { RelationSchema } from '../types/value.ts'
import { PendingBatch } from './pending.ts'
import type { PendingRow } from './pending.ts'

/** Where rows go: all of a batch and its position in one transaction, or nothing. */
export interface BatchSink {
  apply(batch: Batch): Promise<void>
}

export interface CommitterEvents {
  onCommitted(batch: PendingBatch): void
  onFailure(error: unknown): void
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  readonly timer: NodeJS.Timeout
  /** It has waited long enough for a store that fails. */
  late: boolean
}

export class Committer {
  readonly #schema: RelationSchema
  readonly #sink: BatchSink
  readonly #events: CommitterEvents
  /** A commit need not wait for its interval once there are so many. */
  readonly #batchRows: number
  /** Closed for rows, in the order of their commits; the first one is being applied. */
  readonly #sealed: PendingBatch[] = []
  readonly #waiters = new Map<PendingBatch, Set<Waiter>>()
  #open: PendingBatch
  #running = false
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  #failure: unknown
  #retryAt = 0
  #lastEnd = 0
  #lastDuration = 0

  constructor(
    schema: RelationSchema,
    sink: BatchSink,
    position: StreamPosition,
    events: CommitterEvents,
    batchRows: number = limits.commitRows
  ) {
    this.#schema = schema
    this.#sink = sink
    this.#events = events
    this.#batchRows = batchRows
    this.#open = this.#newBatch(position)
  }

  /** The batch that takes rows now. Call `added` after each row. */
  get open(): PendingBatch {
    return this.#open
  }

  /** The error of the last attempt, while it is not yet overcome. */
  get failure(): unknown {
    return this.#failure
  }

  get pendingDeliveries(): number {
    return this.#sealed.reduce((sum, batch) => sum + batch.deliveries, this.#open.deliveries)
  }

  get pendingBytes(): number {
    return this.#sealed.reduce((sum, batch) => sum + batch.bytes, this.#open.bytes)
  }

  /** The last of this key's rows that wait for their commit. */
  newest(key: RowKey): PendingRow | undefined {
    let found = this.#open.newest(key)
    for (let i = this.#sealed.length - 1; i >= 0 && !found; i--) {
      found = this.#sealed[i]?.newest(key)
    }
    return found
  }

  added(): void {
    if (this.#timer === undefined || this.#open.full) this.#plan()
  }

  /**
   * What follows counts from another position; what is pending keeps its own.
   * @param cutsBehind with what follows, the rows of deliveries behind this sequence go
   */
  turn(position: StreamPosition, cutsBehind?: number): void {
    if (!this.#open.empty) this.#sealed.push(this.#open)
    this.#open = this.#newBatch(position)
    this.#open.move(cutsBehind)
    this.#plan()
  }

  /**
   * Resolves once everything that is pending now is committed. Calls that come meanwhile share it.
   *
   * @throws what the store said, once it has failed for limits.flushFailureWaitMs.
   */
  flush(): Promise<void> {
    const last = this.#open.empty ? this.#sealed.at(-1) : this.#open
    if (last === undefined) return Promise.resolve()
    const committed = new Promise<void>((resolve, reject) => this.#wait(last, resolve, reject))
    this.#plan()
    return committed
  }

  /** One last attempt to commit; what remains is not lost, the stream still has it. */
  async close(): Promise<void> {
    await this.flush().catch(() => undefined)
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #newBatch(position: StreamPosition): PendingBatch {
    return new PendingBatch(this.#schema, position, this.#batchRows)
  }

  #wait(batch: PendingBatch, resolve: () => void, reject: (error: unknown) => void): void {
    const waiters = this.#waiters.get(batch) ?? new Set()
    this.#waiters.set(batch, waiters)
    const timer = setTimeout(() => {
      waiter.late = true
      if (this.#failure !== undefined) this.#rejectLate(this.#failure)
    }, limits.flushFailureWaitMs)
    const waiter: Waiter = { resolve, reject, timer, late: false }
    waiters.add(waiter)
  }

  #plan(): void {
    if (this.#running || this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    const at = this.#dueAt()
    if (at === undefined) return
    const delay = at - performance.now()
    if (delay > 0) this.#timer = setTimeout(() => void this.#commit(), delay)
    else void this.#commit()
  }

  /** On performance.now()'s clock; undefined while nothing is pending. */
  #dueAt(): number | undefined {
    if (this.#sealed.length === 0 && this.#open.empty) return undefined
    if (this.#failure !== undefined) return this.#retryAt
    if (this.#waiters.size > 0) return 0
    // At most half of the time goes to commits, so that they grow where they are expensive.
    const rested = this.#lastEnd + this.#lastDuration
    if (this.#sealed.length > 0 || this.#open.full) return rested
    return Math.max(rested, this.#open.since + limits.commitIntervalMs)
  }

  async #commit(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#running = true
    const batch = this.#head()
    const began = performance.now()
    try {
      await this.#sink.apply(batch.toBatch(this.#schema.id))
      this.#sealed.shift()
      this.#succeed(batch)
    } catch (error) {
      this.#fail(error)
    }
    this.#running = false
    this.#lastEnd = performance.now()
    this.#lastDuration = this.#lastEnd - began
    this.#plan()
  }

  /** The batch to commit next: the same as before after a failure, so that order is kept. */
  #head(): PendingBatch {
    const [first] = this.#sealed
    if (first) return first
    const batch = this.#open
    this.#sealed.push(batch)
    this.#open = this.#newBatch(batch)
    return batch
  }

  #succeed(batch: PendingBatch): void {
    this.#failures = 0
    this.#failure = undefined
    for (const waiter of this.#waiters.get(batch) ?? []) {
      clearTimeout(waiter.timer)
      waiter.resolve()
    }
    this.#waiters.delete(batch)
    this.#events.onCommitted(batch)
  }

  #fail(error: unknown): void {
    const delay = Math.min(limits.retryDelayMsMin * 2 ** this.#failures, limits.retryDelayMsMax)
    this.#failures++
    this.#failure = error
    this.#retryAt = performance.now() + delay
    this.#rejectLate(error)
    this.#events.onFailure(error)
  }

  #rejectLate(error: unknown): void {
    for (const [batch, waiters] of this.#waiters) {
      for (const waiter of waiters) {
        if (!waiter.late) continue
        waiters.delete(waiter)
        waiter.reject(error)
      }
      if (waiters.size === 0) this.#waiters.delete(batch)
    }
  }
}
