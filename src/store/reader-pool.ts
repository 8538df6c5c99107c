// The readers of a store: at most limits.readersMax, lent first come first served. Owns who waits
// and the budget of results set aside; must never know SQL.

import type { DuckDBInstance } from '@duckdb/node-api'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { CommitClock } from './commit-clock.ts'
import { Reader } from './reader.ts'
import { StoreError, asStoreError } from './store-error.ts'

interface Waiter {
  readonly resolve: (reader: Reader) => void
  readonly reject: (error: StoreError) => void
}

/** A reader lent to one snapshot. */
export class Loan {
  readonly reader: Reader
  /** Whether the reader is in a transaction; a read that met a commit needs one after all. */
  pinned: boolean
  /** Bytes of results set aside for this snapshot. */
  heldBytes = 0
  /** Whether DuckDB may still have rows of it to stream. */
  isStreaming = false
  /** Set once the loan is being ended. */
  ended: Promise<void> | undefined

  constructor(reader: Reader, pinned: boolean) {
    this.reader = reader
    this.pinned = pinned
  }
}

export class ReaderPool {
  readonly #instance: DuckDBInstance
  readonly #log: Logger
  readonly #clock: CommitClock
  readonly #idle: Reader[] = []
  readonly #lent = new Set<Loan>()
  readonly #waiting: Waiter[] = []
  /** Readers open or being opened. */
  #count = 0
  #heldBytes = 0
  #closed = false

  constructor(instance: DuckDBInstance, log: Logger, clock: CommitClock) {
    this.#instance = instance
    this.#log = log
    this.#clock = clock
  }

  get isInUse(): boolean {
    return this.#lent.size > 0
  }

  /** Waits for a reader. @throws StoreError when the store is closed or too many wait. */
  async borrow(pinned: boolean): Promise<Loan> {
    const loan = new Loan(await this.#take(), pinned)
    this.#lent.add(loan)
    if (!pinned) return loan
    try {
      await loan.reader.begin()
      return loan
    } catch (error) {
      await this.giveBack(loan)
      throw error
    }
  }

  async #take(): Promise<Reader> {
    if (this.#closed) throw new StoreError('the store is closed')
    const idle = this.#idle.pop()
    if (idle) return idle
    if (this.#count >= limits.readersMax) return this.#wait()
    this.#count++
    try {
      return await Reader.open(this.#instance, this.#clock)
    } catch (cause) {
      this.#count--
      throw asStoreError('open a reader', cause)
    }
  }

  #wait(): Promise<Reader> {
    if (this.#waiting.length >= limits.readersWaitingMax) {
      throw new StoreError('too many reads wait for the store')
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve: (reader) => (clearTimeout(patience), resolve(reader)),
        reject: (error) => (clearTimeout(patience), reject(error))
      }
      const patience = setTimeout(() => this.#giveUp(waiter), limits.readerWaitMs)
      this.#waiting.push(waiter)
    })
  }

  #giveUp(waiter: Waiter): void {
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
    waiter.reject(new StoreError('too many reads of the store are open'))
  }

  /** Ends the loan's transaction or stream and lends the reader on. Once a loan; never rejects. */
  giveBack(loan: Loan): Promise<void> {
    loan.ended ??= this.#end(loan)
    return loan.ended
  }

  async #end(loan: Loan): Promise<void> {
    const { reader } = loan
    this.#heldBytes -= loan.heldBytes
    reader.interrupt()
    try {
      if (loan.pinned) await reader.end()
      else if (loan.isStreaming) await reader.reset()
      await this.#lend(reader)
    } catch (err) {
      this.#log.warn({ err }, 'store reader replaced')
      await this.#replace(reader)
    }
    this.#lent.delete(loan)
  }

  async #lend(reader: Reader): Promise<void> {
    const waiter = this.#waiting.shift()
    if (waiter) return waiter.resolve(reader)
    if (this.#idle.length < limits.readersIdleMax) return void this.#idle.push(reader)
    this.#count--
    await reader.close()
  }

  /** A reader that can't end its transaction is closed; whoever waits gets a new one. */
  async #replace(broken: Reader): Promise<void> {
    await broken.close()
    this.#count--
    const waiter = this.#waiting.shift()
    if (!waiter) return
    await this.#take().then(waiter.resolve, waiter.reject)
  }

  /**
   * Counts bytes set aside for a loan (negative: no more).
   * @throws StoreError when all loans together hold too much.
   */
  hold(loan: Loan, bytes: number): void {
    if (loan.ended) return
    if (this.#heldBytes + bytes > limits.heldResultBytesMax) {
      throw new StoreError('too many unread results are open at once')
    }
    loan.heldBytes += bytes
    this.#heldBytes += bytes
  }

  /** Refuses new loans, interrupts those in hand, waits for them to end, closes all. */
  async close(): Promise<void> {
    this.#closed = true
    const closed = new StoreError('the store is closed')
    for (const waiter of this.#waiting.splice(0)) waiter.reject(closed)
    await Promise.all([...this.#lent].map((loan) => this.giveBack(loan)))
    await Promise.all(this.#idle.splice(0).map((reader) => reader.close()))
  }
}
