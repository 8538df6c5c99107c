// The one connection that writes. Owns the order of transactions, their rollback when a step fails,
// and that the file is looked after between them. Must never run two transactions at once, nor
// leave one open.

import type {
  DuckDBAppender,
  DuckDBConnection,
  DuckDBInstance,
  DuckDBPreparedStatement,
  DuckDBValue
} from '@duckdb/node-api'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import { Checkpoints } from './checkpoints.ts'
import type { CommitClock } from './commit-clock.ts'
import { StoreError, asStoreError } from './store-error.ts'

export class Writer {
  readonly #connection: DuckDBConnection
  readonly #checkpoints: Checkpoints
  readonly #log: Logger
  readonly #clock: CommitClock
  /** By text. Only the store's own fixed statements come here, so the number is small. */
  readonly #prepared = new Map<string, DuckDBPreparedStatement>()
  #tail: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #closed = false
  #idle: NodeJS.Timeout | undefined

  private constructor(
    connection: DuckDBConnection,
    checkpoints: Checkpoints,
    log: Logger,
    clock: CommitClock
  ) {
    this.#connection = connection
    this.#clock = clock
    this.#checkpoints = checkpoints
    this.#log = log
  }

  /** @param isRead whether anything is being read */
  static async open(
    instance: DuckDBInstance,
    path: string,
    log: Logger,
    clock: CommitClock,
    isRead: () => boolean
  ): Promise<Writer> {
    const connection = await instance.connect()
    return new Writer(connection, new Checkpoints(connection, path, isRead, log), log, clock)
  }

  /**
   * Runs `work` in a transaction of its own, after those asked for before it. Committed when this
   * resolves; when it rejects (with a StoreError) nothing of it remains. `committed` is called
   * between the commit and the next transaction.
   */
  transaction<T>(
    name: string,
    work: (writer: Writer) => Promise<T>,
    committed: (result: T) => void = () => undefined
  ): Promise<T> {
    const result = this.#queue(name, async () => {
      await this.run('BEGIN TRANSACTION')
      try {
        const result = await work(this)
        await this.#clock.tick(() => this.run('COMMIT'))
        committed(result)
        return result
      } catch (cause) {
        await this.#rollback()
        throw asStoreError(name, cause)
      }
    })
    this.#tail = this.#tail.then(() => this.#maintain())
    return result
  }

  /** Runs `work` while no transaction is open. */
  between<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#queue(name, work)
  }

  #queue<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError(`${name}: the store is closed`))
    if (this.#waiting >= limits.writesWaitingMax) {
      return Promise.reject(new StoreError(`${name}: too many writes wait for the store`))
    }
    this.#waiting++
    const mine = this.#tail.then(work).finally(() => this.#waiting--)
    this.#tail = mine.catch(() => undefined)
    return mine
  }

  /** COMMIT that failed has rolled back already; then ROLLBACK fails, and that is fine. */
  async #rollback(): Promise<void> {
    await this.run('ROLLBACK').catch((err: unknown) => {
      this.#log.debug({ err }, 'store rollback refused')
    })
  }

  /** Runs one of the store's own statements, prepared once. Only within a transaction's work. */
  async run(sql: string, parameters: readonly DuckDBValue[] = []): Promise<void> {
    const statement = this.#prepared.get(sql) ?? (await this.#connection.prepare(sql))
    this.#prepared.set(sql, statement)
    statement.bind([...parameters])
    await statement.run()
  }

  /** Runs a statement whose text depends on a relation. Only within a transaction's work. */
  async runOnce(sql: string): Promise<void> {
    await this.#connection.run(sql)
  }

  /** As runOnce, a DELETE from this table. */
  async runDelete(table: string, sql: string): Promise<void> {
    this.#checkpoints.deleted(table, (await this.#connection.run(sql)).rowsChanged)
  }

  /** All rows of a small result. Only within a transaction's work. */
  async rows(sql: string): Promise<DuckDBValue[][]> {
    return (await this.#connection.runAndReadAll(sql)).getRows()
  }

  /** Fills a table by `fill`. Only within a transaction's work. */
  async append(
    table: { readonly name: string; readonly catalog?: string },
    fill: (appender: DuckDBAppender) => Promise<void>
  ): Promise<void> {
    const appender = await this.#connection.createAppender(table.name, null, table.catalog ?? null)
    try {
      await fill(appender)
      appender.flushSync()
    } catch (cause) {
      // Closing would flush the rows of a fill that failed.
      appender.clear()
      throw cause
    } finally {
      appender.closeSync()
    }
  }

  /** Between two transactions. Never rejects. */
  async #maintain(): Promise<void> {
    await this.#checkpoints.maintain()
    this.#awaitIdle()
  }

  #awaitIdle(): void {
    clearTimeout(this.#idle)
    if (this.#closed) return
    const { stepInMs = Infinity } = this.#checkpoints
    this.#idle = setTimeout(() => this.#onIdle(), Math.min(stepInMs, limits.checkpointIdleMs))
    this.#idle.unref()
  }

  #onIdle(): void {
    this.#queue('checkpoint', async () => {
      await this.#checkpoints.maintain(limits.checkpointIdleWalBytes)
      if (this.#checkpoints.stepInMs !== undefined) this.#awaitIdle()
    }).catch((err: unknown) => this.#log.debug({ err }, 'idle checkpoint left out'))
  }

  /** Waits for the transactions asked for, checkpoints, and closes the connection. */
  async close(): Promise<void> {
    const last = this.#queue('close', () => this.#checkpoints.fold())
    this.#closed = true
    clearTimeout(this.#idle)
    await last
    this.#connection.disconnectSync()
  }
}
