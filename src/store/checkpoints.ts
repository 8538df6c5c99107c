// When the log is folded into the file, and when the space of deleted rows is taken back. Both hold
// up whoever writes, so both go in small steps: DuckDB's own checkpoint rewrites everything that it
// can at once, which takes seconds. Must never run while a transaction of ours is open.

import { chmod, stat } from 'node:fs/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import { DeletedRows } from './deleted-rows.ts'
import type { RowsKept } from './deleted-rows.ts'

/** What each table takes up in the file, in rows: those that are deleted count until a step. */
const ROWS_KEPT = `SELECT table_name, estimated_size::DOUBLE FROM duckdb_tables()
  WHERE database_name = current_database()`

export class Checkpoints {
  readonly #connection: DuckDBConnection
  readonly #walPath: string
  readonly #isRead: () => boolean
  readonly #log: Logger
  /** The WAL has to reach this size before the next try, so that a refused one isn't repeated. */
  #foldAtBytes: number = limits.checkpointWalBytes
  /** A WAL made anew still has the mode that umask gave it. */
  #walIsPrivate = false
  readonly #deleted = new DeletedRows()
  /** A reader may have kept a step from what it was for: then there is another at this time. */
  #stepAgainAt = Infinity
  /** Nothing before this, on performance.now()'s clock. */
  #restUntil = 0

  /** @param isRead whether anything is being read */
  constructor(connection: DuckDBConnection, storePath: string, isRead: () => boolean, log: Logger) {
    this.#connection = connection
    this.#isRead = isRead
    this.#walPath = `${storePath}.wal`
    this.#log = log
  }

  deleted(table: string, rows: number): void {
    this.#deleted.add(table, rows)
  }

  /** Milliseconds until space may be taken back; undefined: it isn't worth it. */
  get stepInMs(): number | undefined {
    const at = this.#deleted.areMany
      ? this.#restUntil
      : Math.max(this.#restUntil, this.#stepAgainAt)
    return at === Infinity ? undefined : Math.max(0, at - performance.now())
  }

  /** Between two transactions: keeps the WAL private and small, and the file. Never rejects. */
  async maintain(walBytesMax: number = this.#foldAtBytes): Promise<void> {
    const bytes = await this.#walBytes()
    if (!this.#walIsPrivate && bytes > 0) await this.#hideWal()
    const began = performance.now()
    if (began < this.#restUntil) return
    const isStep = this.stepInMs === 0 && (await this.#isWorthStep(began))
    if (!isStep && bytes < walBytesMax) return
    await (isStep ? this.#takeBack(bytes) : this.#checkpoint(bytes))
    const ended = performance.now()
    const rest = isStep ? limits.vacuumRest : limits.checkpointRest
    this.#restUntil = ended + rest * (ended - began)
  }

  /** Folds all of the WAL into the file. Never rejects. */
  async fold(): Promise<void> {
    const bytes = await this.#walBytes()
    if (bytes > 0) await this.#checkpoint(bytes)
  }

  async #isWorthStep(now: number): Promise<boolean> {
    if (now >= this.#stepAgainAt) return true
    const kept = await this.#rowsKept().catch(() => new Map<string, number>())
    return this.#deleted.areEnough(kept)
  }

  /**
   * One step: DuckDB merges one run of row groups into fewer. It doesn't where less than a quarter
   * of the rows is deleted, nor while somebody reads what was.
   */
  async #takeBack(walBytes: number): Promise<void> {
    const wasRead = this.#isRead()
    const freed = await this.#freeRows(walBytes).catch((err: unknown) => {
      this.#log.warn({ err }, 'store space not taken back')
      this.#deleted.putOff()
      return 0
    })
    const isDelayed = freed === 0 && (wasRead || this.#isRead())
    this.#stepAgainAt = isDelayed ? performance.now() + limits.vacuumRetryMs : Infinity
  }

  async #freeRows(walBytes: number): Promise<number> {
    const before = await this.#rowsKept()
    // Without a WAL there would be no checkpoint.
    await this.#connection.run('PRAGMA force_checkpoint')
    await this.#connection.run('SET GLOBAL max_vacuum_tasks = 1')
    await this.#checkpoint(walBytes)
    await this.#connection.run('SET GLOBAL max_vacuum_tasks = 0')
    return this.#deleted.takenBack(before, await this.#rowsKept())
  }

  async #rowsKept(): Promise<RowsKept> {
    const rows = (await this.#connection.runAndReadAll(ROWS_KEPT)).getRows()
    return new Map(rows.map(([table, kept]) => [String(table), Number(kept)]))
  }

  /**
   * Readers go on meanwhile. DuckDB refuses while an old snapshot can still see what was updated or
   * dropped: then it is tried again with half as much again of WAL. FORCE is never used: it would
   * hold up new readers until the old ones have ended.
   */
  async #checkpoint(walBytes: number): Promise<void> {
    try {
      await this.#connection.run('CHECKPOINT')
      this.#foldAtBytes = limits.checkpointWalBytes
      this.#walIsPrivate = false
    } catch (err) {
      this.#foldAtBytes = Math.max(limits.checkpointWalBytes, 1.5 * walBytes)
      const level = walBytes < limits.checkpointLateBytes ? 'debug' : 'warn'
      this.#log[level]({ err, walBytes }, 'store checkpoint refused')
    }
  }

  async #hideWal(): Promise<void> {
    try {
      await chmod(this.#walPath, 0o600)
      this.#walIsPrivate = true
    } catch (err) {
      this.#log.warn({ err }, 'store WAL keeps its mode')
    }
  }

  async #walBytes(): Promise<number> {
    const facts = await stat(this.#walPath).catch(() => undefined)
    return facts?.size ?? 0
  }
}
