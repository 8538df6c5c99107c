// One DuckDB connection that reads. Owns the order of its operations (DuckDB runs one at a time,
// and a second one ends the first one's stream), its prepared statements, and interruption.
// Must never write: transactions are opened read-only.

import type { DuckDBConnection, DuckDBInstance, DuckDBPreparedStatement } from '@duckdb/node-api'
import { limits } from '../limits.ts'
import { StoreError, asStoreError } from './store-error.ts'

/** Any read of a table starts DuckDB's own transaction; BEGIN alone does not. */
const PIN = 'SELECT version FROM jetgres_meta'
const BEGIN = 'BEGIN TRANSACTION READ ONLY'

const INTERRUPT_AGAIN_MS = 10

export class Reader {
  readonly #connection: DuckDBConnection
  /** By text, the least recently used first. */
  readonly #prepared = new Map<string, DuckDBPreparedStatement>()
  /** Settles when the last operation asked for has ended. */
  #tail: Promise<unknown> = Promise.resolve()
  /** Operations asked for and not ended. */
  #pending = 0
  /** Counts interrupts, so that an operation that waits is interrupted too. */
  #interrupts = 0
  #insisting: NodeJS.Timeout | undefined

  private constructor(connection: DuckDBConnection) {
    this.#connection = connection
  }

  static async open(instance: DuckDBInstance): Promise<Reader> {
    return new Reader(await instance.connect())
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

  /** Only within `run`. The statement belongs to the reader: don't destroy it. */
  async prepare(sql: string): Promise<DuckDBPreparedStatement> {
    const statement = this.#prepared.get(sql) ?? (await this.#connection.prepare(sql))
    this.#prepared.delete(sql)
    this.#prepared.set(sql, statement)
    if (this.#prepared.size > limits.preparedPerReader) this.#forgetOldest()
    return statement
  }

  #forgetOldest(): void {
    for (const [sql, statement] of this.#prepared) {
      this.#prepared.delete(sql)
      return statement.destroySync()
    }
  }

  /** Opens a transaction that sees what is committed now, whatever is committed later. */
  begin(): Promise<void> {
    return this.run('begin a snapshot', async () => {
      await (await this.prepare(BEGIN)).run()
      await (await this.prepare(PIN)).run()
    })
  }

  /** Ends the transaction of `begin`. */
  end(): Promise<void> {
    return this.run('end a snapshot', async () => {
      await (await this.prepare('ROLLBACK')).run()
    })
  }

  /** Ends a stream that was left open outside a transaction. */
  reset(): Promise<void> {
    return this.run('end a read', async () => {
      await (await this.prepare(PIN)).run()
    })
  }

  /** Waits for the operation in hand, then closes the connection. */
  async close(): Promise<void> {
    await this.#tail
    this.#connection.disconnectSync()
  }
}
