// One DuckDB connection that reads. Owns the order of its operations (DuckDB runs one at a time,
// and a second one ends the first one's stream), its prepared statements, and interruption.
// Must never write to the store: transactions are opened read-only. The tables that it is lent are its own.

import type {
  DuckDBConnection,
  DuckDBInstance,
  DuckDBPreparedStatement,
  DuckDBResult
} from '@duckdb/node-api'
import { limits } from '../limits.ts'
import type { CommitClock } from './commit-clock.ts'
import { OwnTables } from './own-tables.ts'
import type { LentTables } from './own-tables.ts'
import { StoreError, asStoreError } from './store-error.ts'

/** Any read of a table starts DuckDB's own transaction; BEGIN alone does not. */
const PIN = 'SELECT version FROM jetgres_meta'
const BEGIN = 'BEGIN TRANSACTION READ ONLY'

const INTERRUPT_AGAIN_MS = 10

/** A statement, and the committed state whose statistics its plan goes by. */
interface Planned {
  readonly statement: DuckDBPreparedStatement
  readonly state: number
}

/** Committed states that the clock can't name, because a commit was under way: below zero. */
let unnamedStates = 0

export class Reader {
  readonly #connection: DuckDBConnection
  readonly #clock: CommitClock
  /** By text, the least recently used first. */
  readonly #prepared = new Map<string, Planned>()
  /** BEGIN and the like, by text. */
  readonly #fixed = new Map<string, DuckDBPreparedStatement>()
  readonly #own: OwnTables
  /** Texts that were planned over these tables. */
  readonly #overOwn = new Set<string>()
  /** The state that the open transaction sees. */
  #pinned: number | undefined
  /** Settles when the last operation asked for has ended. */
  #tail: Promise<unknown> = Promise.resolve()
  /** Operations asked for and not ended. */
  #pending = 0
  /** Counts interrupts, so that an operation that waits is interrupted too. */
  #interrupts = 0
  #insisting: NodeJS.Timeout | undefined

  private constructor(connection: DuckDBConnection, clock: CommitClock) {
    this.#connection = connection
    this.#clock = clock
    this.#own = new OwnTables(connection)
  }

  static async open(instance: DuckDBInstance, clock: CommitClock): Promise<Reader> {
    return new Reader(await instance.connect(), clock)
  }

  /**
   * Runs `operation` after those asked for before it; it calls `check` between its steps, to end
   * when it was interrupted. Rejects with a StoreError.
   */
  async run<T>(name: string, operation: (check: () => void) => Promise<T>): Promise<T> {
    const interrupts = this.#interrupts
    const check = (): void => {
      if (interrupts !== this.#interrupts) throw new StoreError(`${name}: interrupted`)
    }
    const mine = this.#tail.then(() => {
      check()
      return operation(check)
    })
    this.#pending++
    this.#tail = mine.then(this.#settle, this.#settle)
    try {
      return await mine
    } catch (cause) {
      throw asStoreError(name, cause)
    }
  }

  readonly #settle = (): void => {
    this.#pending--
    clearInterval(this.#insisting)
  }

  /**
   * Makes the operation in hand, and those that wait for it, fail soon. Nothing in hand: nothing.
   * DuckDB forgets an interrupt that comes before a query has got its thread, hence the repetition.
   */
  interrupt(): void {
    if (this.#pending === 0) return
    this.#interrupts++
    this.#connection.interrupt()
    clearInterval(this.#insisting)
    this.#insisting = setInterval(() => this.#connection.interrupt(), INTERRUPT_AGAIN_MS)
  }

  /**
   * Starts a SELECT that `bind` has given its parameters. Only within `run`. `pin` is called when
   * that takes a transaction: a commit came between planning and running.
   */
  async stream(
    sql: string,
    bind: (statement: DuckDBPreparedStatement) => void,
    pin: () => void
  ): Promise<DuckDBResult> {
    if (this.#pinned === undefined && this.#clock.isStable) {
      const state = this.#clock.value
      const statement = await this.#prepare(sql, state)
      bind(statement)
      const result = await statement.stream()
      if (this.#clock.value === state) return result
    }
    if (this.#pinned === undefined) {
      await this.#begin()
      pin()
    }
    const statement = await this.#prepare(sql, this.#pinned!)
    bind(statement)
    return statement.stream()
  }

  /** Has the tables that this SELECT reads beside the store's. Only within `run`, outside a transaction. */
  async lend(tables: LentTables, sql: string, check: () => void): Promise<void> {
    if (await this.#own.make(tables, check)) {
      // Others had these names before.
      for (const planned of this.#overOwn) this.#forget(planned)
      this.#overOwn.clear()
    }
    this.#overOwn.add(sql)
  }

  #forget(sql: string): void {
    this.#prepared.get(sql)?.statement.destroySync()
    this.#prepared.delete(sql)
  }

  /** The statement belongs to the reader: don't destroy it. */
  async #prepare(sql: string, state: number): Promise<DuckDBPreparedStatement> {
    const found = this.#prepared.get(sql)
    this.#prepared.delete(sql)
    if (found && found.state !== state) found.statement.destroySync()
    const isCurrent = found?.state === state
    const statement = isCurrent ? found.statement : await this.#connection.prepare(sql)
    this.#prepared.set(sql, { statement, state })
    if (this.#prepared.size > limits.preparedPerReader) {
      this.#forget(this.#prepared.keys().next().value!)
    }
    return statement
  }

  /** Opens a transaction that sees what is committed now, whatever is committed later. */
  begin(): Promise<void> {
    return this.run('begin a snapshot', () => this.#begin())
  }

  async #begin(): Promise<void> {
    const state = this.#clock.isStable ? this.#clock.value : undefined
    await this.#runFixed(BEGIN)
    await this.#runFixed(PIN)
    // Statistics only grow: what is planned inside the transaction suits its state too.
    this.#pinned = this.#clock.value === state ? state : --unnamedStates
  }

  /** Runs one of the reader's own statements, whose plans depend on no statistics. */
  async #runFixed(sql: string): Promise<void> {
    const statement = this.#fixed.get(sql) ?? (await this.#connection.prepare(sql))
    this.#fixed.set(sql, statement)
    await statement.run()
  }

  /** Ends the transaction of `begin`. */
  end(): Promise<void> {
    return this.run('end a snapshot', async () => {
      this.#pinned = undefined
      await this.#runFixed('ROLLBACK')
    })
  }

  /** Ends a stream that was left open outside a transaction. */
  reset(): Promise<void> {
    return this.run('end a read', () => this.#runFixed(PIN))
  }

  /** Waits for the operation in hand, then closes the connection. */
  async close(): Promise<void> {
    await this.#tail
    this.#connection.disconnectSync()
  }
}
