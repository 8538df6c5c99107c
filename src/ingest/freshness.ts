// What a read of one relation waits for, under each consistency: that what was received is decoded, is
// committed or can be looked up, that the stream's end is reached. Owns who waits for a sequence; must
// never read a delivery or decide when a commit is due.

import { objectNotReady, toPgError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { Fields, RowKey } from '../store/row-slab.ts'
import type { Committer } from './committer.ts'
import type { ReceivedRows } from './received-rows.ts'
import { SequenceWaiters } from './sequence-waiters.ts'

export interface FreshnessOptions {
  readonly undecoded: { readonly length: number; drained(): Promise<void> }
  readonly committer: Committer
  readonly rows: ReceivedRows
  /** Whether nothing of the stream is still to come. */
  readonly isAtEnd: () => boolean
  /** @throws PgError HV00N when the server can't be asked */
  readonly streamEnd: () => Promise<number>
  readonly log: Logger
}

export class Freshness {
  readonly #options: FreshnessOptions
  readonly #waiters = new SequenceWaiters()

  constructor(options: FreshnessOptions) {
    this.#options = options
  }

  /**
   * Resolves when everything received before the call is committed. Calls share commits.
   *
   * @throws PgError what the store said, once it has failed for limits.flushFailureWaitMs.
   */
  async flush(): Promise<void> {
    try {
      await this.#decoded()
      await this.#options.committer.flush()
    } catch (error) {
      throw toPgError(error)
    }
  }

  /** Whether everything received is decoded, and none of it that has this key waits for its commit. */
  isSettled(key: RowKey): boolean {
    return this.#isDecoded() && !this.#options.committer.newest(key)
  }

  /**
   * The row of this key that waits for its commit, as ReceivedRows.find.
   * @param isSettled settle() was waited for: what has been received since need not be decoded
   */
  receivedRow(key: RowKey, isSettled: boolean): Fields | null | undefined {
    return isSettled || this.#isDecoded() ? this.#options.rows.find(key) : undefined
  }

  /**
   * Resolves when what was received of these keys before the call is committed, or receivedRow has it.
   * @throws PgError as flush
   */
  async settle(keys: readonly RowKey[]): Promise<void> {
    const { committer, rows } = this.#options
    await this.#decoded()
    const isUnknown = (key: RowKey): boolean =>
      committer.newest(key) !== undefined && rows.find(key) === undefined
    if (keys.some(isUnknown)) await this.flush()
  }

  /**
   * Resolves when everything that the stream holds at the time of the call is committed.
   *
   * @throws PgError 55000 after limits.catchUpMs, HV00N when the server can't be asked.
   */
  async catchUp(): Promise<void> {
    const sequence = await this.#options.streamEnd()
    const { open } = this.#options.committer
    const isThere = open.sequence >= sequence
    if (!isThere && !(await this.#waiters.wait(sequence, limits.catchUpMs))) {
      throw objectNotReady('the relation has not caught up with its stream', {
        detail: `It stands at ${this.#options.committer.open.sequence} of ${sequence}.`,
        hint: "SET jetgres.consistency = 'received' reads what has arrived so far."
      })
    }
    await this.flush()
  }

  /** Whether all up to here was received, or is gone: then flush() commits it. */
  hasReceived(sequence: number): boolean {
    return this.#options.isAtEnd() || this.#options.committer.open.sequence >= sequence
  }

  /** More is decoded now. */
  advanced(): void {
    this.#waiters.received(this.#options.committer.open.sequence)
  }

  /** A stream that ends before what was shown will not come up to it. */
  reachedEnd(): void {
    const { owed } = this.#options.rows
    if (owed !== undefined) this.#waiters.received(owed)
  }

  #isDecoded(): boolean {
    return this.#options.undecoded.length === 0 && this.#isShownAgain()
  }

  #isShownAgain(): boolean {
    const { owed } = this.#options.rows
    return owed === undefined || this.hasReceived(owed)
  }

  /** Resolves when everything received before the call is decoded, and what was shown is there again. */
  async #decoded(): Promise<void> {
    const { rows, undecoded } = this.#options
    const { owed } = rows
    if (owed !== undefined && !this.hasReceived(owed)) {
      const isThere = await this.#waiters.wait(owed, limits.shownWaitMs)
      if (!isThere) this.#giveUp(owed)
    }
    await undecoded.drained()
  }

  /** A stream that can't be read must not keep its relation from being read. */
  #giveUp(shown: number): void {
    const { committer, rows, log } = this.#options
    rows.forgive()
    const { sequence } = committer.open
    log.warn({ sequence, shown }, 'rows may be older than what was shown before their commit')
  }
}
