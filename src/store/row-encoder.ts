// Result chunks → DataRows, or lines of COPY. Owns one result's columns and how each is written; the
// formats are field-writers.ts's, the frames those of wire/.

import type { DuckDBType, DuckDBVector } from '@duckdb/node-api'
import { limits } from '../limits.ts'
import type { OutputSettings } from '../types/value.ts'
import { writeCopyLines } from '../wire/copy-out.ts'
import { writeDataRows } from '../wire/data-rows.ts'
import { FieldColumn } from '../wire/field-column.ts'
import type { RowWriter } from '../wire/row-writer.ts'
import { fieldWriter, PLAIN_TEXT } from './field-writers.ts'
import type { Open, OutputColumn, Render } from './field-writers.ts'

/** As what rows leave. */
export type RowForm = 'rows' | 'lines'

/** Made at a time: their fields and frames stay in the processor's cache. */
const BLOCK_ROWS_MAX = 256
/** Before it is known how wide rows are. */
const BLOCK_ROWS_FIRST = 16

export class RowEncoder {
  readonly #open: readonly Open[]
  readonly #columns: readonly FieldColumn[]
  readonly #write: typeof writeDataRows
  #blockRows = BLOCK_ROWS_FIRST

  /** `types`: the result's own; `columns`: what the client wants of each. */
  constructor(
    types: readonly DuckDBType[],
    columns: readonly OutputColumn[],
    settings: OutputSettings,
    form: RowForm
  ) {
    this.#open = types.map((type, i) => fieldWriter(type.typeId, columns[i]!, settings))
    this.#columns = columns.map(({ type }) => new FieldColumn(PLAIN_TEXT.has(type.oid)))
    this.#write = form === 'lines' ? writeCopyLines : writeDataRows
  }

  /** The columns of one chunk; good as long as the chunk. */
  open(vectors: readonly DuckDBVector[], count: number): readonly Render[] {
    return this.#open.map((open, i) => open(vectors[i]!, count))
  }

  /**
   * Writes rows `from` (inclusive) to `to` (exclusive) of an open chunk, or as many blocks of them
   * as make limits.bytesPerWrite; returns which row is next.
   */
  write(writer: RowWriter, chunk: readonly Render[], from: number, to: number): number {
    let row = from
    do {
      const end = Math.min(row + this.#blockRows, to)
      const before = writer.length
      for (const [i, column] of this.#columns.entries()) chunk[i]!(row, end, column)
      this.#write(writer, this.#columns, end - row)
      this.#measure((writer.length - before) / (end - row))
      row = end
    } while (row < to && writer.length < limits.bytesPerWrite)
    return row
  }

  /** Rows so wide that a block of them were more than a write are made in smaller ones. */
  #measure(rowBytes: number): void {
    const rows = Math.floor(limits.bytesPerWrite / rowBytes)
    this.#blockRows = Math.min(Math.max(rows, 1), BLOCK_ROWS_MAX)
  }
}
