// Reading the store: a snapshot, and the cursors of its queries. Owns the stream of chunks and that
// a result is either whole or an error; must never know relations or Postgres.
//
//   Snapshot ──query──► Cursor (streaming) ──next──► Chunk … undefined
//                         │ the snapshot is asked something else meanwhile
//                         └► Cursor (set aside: its remaining chunks are kept, bounded)

import { ResultReturnType, StatementType } from '@duckdb/node-api'
import type {
  DuckDBDataChunk,
  DuckDBPreparedStatement,
  DuckDBResult,
  DuckDBType
} from '@duckdb/node-api'
import type { OutputSettings, Value } from '../types/value.ts'
import type { RowWriter } from '../wire/row-writer.ts'
import { chunkBytes, vectorReader } from './duck-read.ts'
import type { ReadVector } from './duck-read.ts'
import { bindParameters } from './duck-types.ts'
import type { Parameter } from './duck-types.ts'
import type { OutputColumn, Render } from './field-writers.ts'
import type { LentTables } from './own-tables.ts'
import type { Loan, ReaderPool } from './reader-pool.ts'
import { RowEncoder } from './row-encoder.ts'
import type { RowForm } from './row-encoder.ts'
import { StoreError } from './store-error.ts'

/** Up to 2,048 rows. */
export class Chunk {
  readonly rowCount: number
  readonly #chunk: DuckDBDataChunk
  readonly #readers: readonly ReadVector[]
  readonly #columns: Value[][] = []
  #all: Value[][] | undefined
  #encoder: RowEncoder | undefined
  #fields: readonly Render[] = []

  constructor(chunk: DuckDBDataChunk, readers: readonly ReadVector[]) {
    this.rowCount = chunk.rowCount
    this.#chunk = chunk
    this.#readers = readers
  }

  /** By column. */
  get columns(): Value[][] {
    return (this.#all ??= this.#readers.map((_, i) => this.column(i)))
  }

  /** The values of one. */
  column(i: number): Value[] {
    return (this.#columns[i] ??= this.#readers[i]!(this.#chunk.getColumnVector(i), this.rowCount))
  }

  /**
   * Writes rows `from` (inclusive) to `to` (exclusive), as its cursor's encoder has them, or as many of
   * them as are enough for one write; returns which row is next.
   */
  encode(writer: RowWriter, encoder: RowEncoder, from: number, to: number): number {
    if (this.#encoder !== encoder) {
      const vectors = this.#readers.map((_, i) => this.#chunk.getColumnVector(i))
      this.#fields = encoder.open(vectors, this.rowCount)
      this.#encoder = encoder
    }
    return encoder.write(writer, this.#fields, from, to)
  }
}

/** A snapshot that nobody released and nobody can reach gives its reader back. */
const leaked = new FinalizationRegistry<{ pool: ReaderPool; loan: Loan }>(({ pool, loan }) => {
  void pool.giveBack(loan)
})

export interface SnapshotOptions {
  /**
   * false: the first query sees what is committed when it starts, later ones that or something
   * newer. Saves two round trips to DuckDB, for the statement that reads the store once.
   */
  readonly pinned?: boolean
}

export class Snapshot {
  readonly #pool: ReaderPool
  readonly #loan: Loan
  /** The cursor whose rows DuckDB still streams. */
  #streaming: Cursor | undefined
  #released: Promise<void> | undefined

  constructor(pool: ReaderPool, loan: Loan) {
    this.#pool = pool
    this.#loan = loan
    leaked.register(this, { pool, loan }, this)
  }

  /** Reads all of a table, for the sake of its blocks. @throws StoreError for a damaged one */
  async readBlocks(table: string): Promise<void> {
    const cursor = await this.query(`SELECT bit_xor(hash(r)) FROM ${table} r`)
    while (await cursor.next()) continue
  }

  /**
   * Runs one SELECT; `lent`: tables that it reads beside the store's, for a snapshot that is not pinned.
   * Cursors of one snapshot may be read in any order.
   * After a query failed while running, a pinned snapshot answers no more.
   * @throws StoreError
   */
  async query(
    sql: string,
    parameters: readonly Parameter[] = [],
    lent?: LentTables
  ): Promise<Cursor> {
    this.#checkOpen()
    return this.#loan.reader.run('query', async (check) => {
      await this.#streaming?.setAside(check)
      this.#streaming = undefined
      if (lent) await this.#loan.reader.lend(lent, sql, check)
      const bind = (statement: DuckDBPreparedStatement): void => {
        bindAll(statement, parameters)
        check()
        this.#loan.isStreaming = true
      }
      const pin = (): void => void (this.#loan.pinned = true)
      const result = await this.#loan.reader.stream(sql, bind, pin)
      const cursor = new Cursor(this, this.#pool, this.#loan, result)
      this.#streaming = cursor
      return cursor
    })
  }

  /** Makes the query or fetch in hand fail soon; without one it does nothing. */
  interrupt(): void {
    if (!this.#released) this.#loan.reader.interrupt()
  }

  /** Interrupts what is in hand and gives the reader back. Any number of times; never rejects. */
  release(): Promise<void> {
    leaked.unregister(this)
    this.#released ??= this.#pool.giveBack(this.#loan)
    return this.#released
  }

  #checkOpen(): void {
    if (this.#released) throw new StoreError('the snapshot is released')
  }

  /** For cursors: their chunks end with the snapshot. */
  get isReleased(): boolean {
    return this.#released !== undefined
  }
}

function bindAll(statement: DuckDBPreparedStatement, parameters: readonly Parameter[]): void {
  const { statementType } = statement
  if (statementType !== StatementType.SELECT && statementType !== StatementType.EXPLAIN) {
    throw new StoreError('a snapshot answers SELECT only')
  }
  bindParameters(statement, parameters)
}

interface HeldChunk {
  readonly chunk: DuckDBDataChunk
  readonly bytes: number
}

export class Cursor {
  /** DuckDB's names of the result's types: "INTEGER", "DECIMAL(10,2)", "VARCHAR[]". */
  readonly columnTypes: readonly string[]
  readonly #types: readonly DuckDBType[]
  readonly #readers: readonly ReadVector[]
  /** Also keeps the snapshot from being taken for leaked while its cursor is read. */
  readonly #snapshot: Snapshot
  readonly #pool: ReaderPool
  readonly #loan: Loan
  readonly #result: DuckDBResult
  /** Chunks set aside, oldest first. */
  readonly #held: HeldChunk[] = []
  /** All chunks are fetched (or the result failed, or nobody wants the rest). */
  #ended = false
  /** Why the result is not whole; thrown once the chunks before it are read. */
  #failure: unknown

  /** @throws StoreError when a column's type has no canonical form. */
  constructor(snapshot: Snapshot, pool: ReaderPool, loan: Loan, result: DuckDBResult) {
    const types = result.columnTypes()
    this.#types = types
    this.columnTypes = types.map((type) => type.toString())
    this.#readers = types.map(vectorReader)
    this.#snapshot = snapshot
    this.#pool = pool
    this.#loan = loan
    this.#result = result
  }

  /** The next rows, never zero of them; undefined when the result is whole. @throws StoreError */
  async next(): Promise<Chunk | undefined> {
    if (this.#snapshot.isReleased) throw new StoreError('the snapshot is released')
    const held = this.#takeHeld()
    if (held) return this.#decode(held)
    if (this.#ended) return this.#end()
    return this.#loan.reader.run('fetch', async () => {
      const chunk = this.#takeHeld() ?? (this.#ended ? this.#end() : await this.#fetch())
      return chunk && this.#decode(chunk)
    })
  }

  /** For `Chunk.encode`: the result's columns as a client wants them. */
  encoder(
    columns: readonly OutputColumn[],
    settings: OutputSettings,
    form: RowForm = 'rows'
  ): RowEncoder {
    return new RowEncoder(this.#types, columns, settings, form)
  }

  /** Nobody wants the rest. Any number of times. */
  close(): void {
    this.#ended = true
    this.#failure = undefined
    while (this.#held.length > 0) this.#takeHeld()
  }

  /** Has all chunks at hand, so that the rest can't fail. @throws StoreError */
  async whole(): Promise<void> {
    if (this.#snapshot.isReleased) throw new StoreError('the snapshot is released')
    await this.#loan.reader.run('fetch', (check) => this.setAside(check))
    this.#end()
  }

  /** For the snapshot: keeps the remaining chunks, because DuckDB is about to forget them. */
  async setAside(check: () => void): Promise<void> {
    try {
      while (!this.#ended) {
        check()
        const chunk = await this.#fetch()
        if (!chunk) return
        const bytes = chunkBytes(chunk)
        this.#pool.hold(this.#loan, bytes)
        this.#held.push({ chunk, bytes })
      }
    } catch (error) {
      this.#ended = true
      this.#failure = error
    }
  }

  #end(): undefined {
    if (this.#failure !== undefined) throw this.#failure
    return undefined
  }

  /** A stream that fails half-way ends like a whole one; only its return type tells. */
  async #fetch(): Promise<DuckDBDataChunk | undefined> {
    const chunk = await this.#result.fetchChunk()
    if (chunk && chunk.rowCount > 0) return chunk
    this.#ended = true
    if (this.#result.returnType !== ResultReturnType.QUERY_RESULT) {
      this.#failure = new StoreError('the query failed before its last row')
      throw this.#failure
    }
    this.#loan.isStreaming = false
    return undefined
  }

  #takeHeld(): DuckDBDataChunk | undefined {
    const held = this.#held.shift()
    if (!held) return undefined
    this.#pool.hold(this.#loan, -held.bytes)
    return held.chunk
  }

  #decode(chunk: DuckDBDataChunk): Chunk {
    return new Chunk(chunk, this.#readers)
  }
}
