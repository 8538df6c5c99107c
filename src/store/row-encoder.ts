// Result chunks → DataRows. Owns one result's columns and how each is written; the formats are
// field-writers.ts's.

import type { DuckDBType, DuckDBVector } from '@duckdb/node-api'
import type { OutputSettings } from '../types/value.ts'
import type { RowWriter } from '../wire/row-writer.ts'
import { fieldWriter } from './field-writers.ts'
import type { OutputColumn, WriteField } from './field-writers.ts'

export class RowEncoder {
  readonly #open: readonly ((vector: DuckDBVector, count: number) => WriteField)[]

  /** `types`: the result's own; `columns`: what the client wants of each. */
  constructor(
    types: readonly DuckDBType[],
    columns: readonly OutputColumn[],
    settings: OutputSettings
  ) {
    this.#open = types.map((type, i) => fieldWriter(type.typeId, columns[i]!, settings))
  }

  /** The columns of one chunk; good as long as the chunk. */
  open(vectors: readonly DuckDBVector[], count: number): readonly WriteField[] {
    return this.#open.map((open, i) => open(vectors[i]!, count))
  }
}

/** Rows `from` (inclusive) to `to` (exclusive). */
export function writeRows(
  writer: RowWriter,
  fields: readonly WriteField[],
  from: number,
  to: number
): void {
  const width = fields.length
  for (let row = from; row < to; row++) {
    writer.startRow(width)
    for (let i = 0; i < width; i++) fields[i]!(writer, row)
    writer.endRow()
  }
}
