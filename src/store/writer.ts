// The one connection that writes. Owns the order of transactions, their rollback when a step fails,
// and when the WAL is folded into the file. Must never run two transactions at once, nor leave one
// open.

import { chmod, stat } from 'node:fs/promises'
import type {
  DuckDBAppender,
  DuckDBConnection,
  DuckDBInstance,
  DuckDBPreparedStatement,
  DuckDBValue
} from '@duckdb/node-api'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { CommitClock } from './commit-clock.ts'
import { StoreError, asStoreError } from './store-error.ts'

export class Writer {
  readonly #connection: DuckDBConnection
  readonly #walPath: string
  readonly #log: Logger
  readonly #clock: CommitClock
  /** By text. Only the store's own fixed statements come here, so the number is small. */
  readonly #prepared = new Map<string, DuckDBPreparedStatement>()
  #tail: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #closed = false
  /** The WAL has to reach this size before the next try, so that a refused one isn't repeated. */
  #checkpointAtBytes: number = limits.checkpointWalBytes
  #idle: NodeJS.Timeout | undefined
  /** A WAL made anew still has the mode that umask gave it. */
  #walIsPrivate = false

  private constructor(connection: DuckDBConnection, path: string, log: Logger, clock: CommitClock) {
    this.#connection = connection
    this.#clock = clock
    this.#walPath = `${path}.wal`
    this.#log = log
  }

  static async open(
    instance: DuckDBInstance,
    path: string,
    log: Logger,
    clock: CommitClock
  ): Promise<Writer> {
    return new Writer(await instance.connect(), path, log, clock)
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

  /** Between two transactions: keeps the WAL private and small. Never rejects. */
  async #maintain(): Promise<void> {
    const bytes = await this.#walBytes()
    if (!this.#walIsPrivate && bytes > 0) await this.#hideWal()
    if (bytes >= this.#checkpointAtBytes) await this.#checkpoint(bytes)
    clearTimeout(this.#idle)
    if (this.#closed) return
    this.#idle = setTimeout(() => this.#onIdle(), limits.checkpointIdleMs)
    this.#idle.unref()
  }

  async #hideWal(): Promise<void> {
    try {
      await chmod(this.#walPath, 0o600)
      this.#walIsPrivate = true
    } catch (err) {
      this.#log.warn({ err }, 'store WAL keeps its mode')
    }
  }

  #onIdle(): void {
    this.#queue('checkpoint', async () => {
      const bytes = await this.#walBytes()
      if (bytes >= limits.checkpointIdleWalBytes) await this.#checkpoint(bytes)
    }).catch((err: unknown) => this.#log.debug({ err }, 'idle checkpoint left out'))
  }

  async #walBytes(): Promise<number> {
    const facts = await stat(this.#walPath).catch(() => undefined)
    return facts?.size ?? 0
  }

  /**
   * Folds the WAL into the file; readers go on meanwhile. DuckDB refuses while an old snapshot can
   * still see a dropped table: then it is tried again after a quarter more of WAL. FORCE is never
   * used: it would wait for, or end, the readers' transactions.
   */
  async #checkpoint(bytes: number): Promise<void> {
    try {
      await this.#connection.run('CHECKPOINT')
      this.#checkpointAtBytes = limits.checkpointWalBytes
      this.#walIsPrivate = false
    } catch (err) {
      this.#checkpointAtBytes = bytes + limits.checkpointWalBytes / 4
      this.#log.warn({ err, walBytes: bytes }, 'store checkpoint refused')
    }
  }

  /** Waits for the transactions asked for, checkpoints, and closes the connection. */
  async close(): Promise<void> {
    const last = this.#queue('close', async () => this.#checkpoint(await this.#walBytes()))
    this.#closed = true
    clearTimeout(this.#idle)
    await last
    this.#connection.disconnectSync()
  }
}
