// Canonical values → DuckDB vectors: the append side. Owns the loops that every ingested field goes
// through; must never look at SQL, and must refuse what a vector can't hold rather than wrap it.

import { DuckDBBlobValue, DuckDBDataChunk, DuckDBTypeId } from '@duckdb/node-api'
import type { DuckDBAppender, DuckDBType, DuckDBVector } from '@duckdb/node-api'
import type { Value } from '../types/value.ts'
import { vectorView } from './duck-memory.ts'
import { fillText } from './duck-text-write.ts'
import { dateDays, int64, toDuckValue } from './duck-types.ts'
import { StoreError } from './store-error.ts'

/** Rows of a DuckDB chunk (STANDARD_VECTOR_SIZE). */
const CHUNK_ROWS = 2048
const CHUNKS_PER_FLUSH = 4

/** Columns to append, in the table's order, and which of their rows. */
export interface Rows {
  readonly columns: readonly (readonly Value[])[]
  /** Indexes into the columns, in the order to append. */
  readonly indexes: Int32Array
}

/**
 * Appends the rows; the last of them aren't flushed. The event loop gets a turn behind each chunk.
 * @throws StoreError when a value doesn't fit its column's type.
 */
export async function appendRows(
  appender: DuckDBAppender,
  types: readonly DuckDBType[],
  rows: Rows
): Promise<void> {
  const { columns, indexes } = rows
  for (let start = 0, chunks = 1; start < indexes.length; start += CHUNK_ROWS, chunks++) {
    const some = indexes.subarray(start, start + CHUNK_ROWS)
    const chunk = DuckDBDataChunk.create(types, some.length)
    types.forEach((type, i) => {
      fillVector(chunk.getColumnVector(i), type, columns[i] as readonly Value[], some)
    })
    appender.appendDataChunk(chunk)
    if (chunks % CHUNKS_PER_FLUSH === 0) appender.flushSync()
    if (some.length === CHUNK_ROWS) await new Promise(setImmediate)
  }
}

/** Writes values[indexes[i]] into field i of the vector, for every i. */
export function fillVector(
  vector: DuckDBVector,
  type: DuckDBType,
  values: readonly Value[],
  indexes: Int32Array
): void {
  const fill = FILL[type.typeId] ?? fillAny
  fill(vector, values, indexes, type)
  vector.flush()
}

type Fill = (
  vector: DuckDBVector,
  values: readonly Value[],
  indexes: Int32Array,
  type: DuckDBType
) => void

type View<T> = new (buffer: ArrayBuffer, byteOffset: number, length: number) => { [i: number]: T }

/** Writes straight into the vector's memory; NULLs go the slow way. */
function fillView<T>(view: View<T>, convert: (value: Value) => T): Fill {
  return (vector, values, indexes) => {
    const fields = vectorView(vector, view, indexes.length)
    for (let i = 0; i < indexes.length; i++) {
      const value = values[indexes[i] as number] as Value
      if (value === null) vector.setItem(i, null)
      else fields[i] = convert(value)
    }
  }
}

const fillAny: Fill = (vector, values, indexes, type) => {
  for (let i = 0; i < indexes.length; i++) {
    vector.setItem(i, toDuckValue(values[indexes[i] as number] as Value, type))
  }
}

const fillBlob: Fill = (vector, values, indexes) => {
  for (let i = 0; i < indexes.length; i++) {
    const value = values[indexes[i] as number] as Uint8Array | null
    vector.setItem(i, value === null ? null : new DuckDBBlobValue(value))
  }
}

/** `value` itself. @throws StoreError when it is no integer of these bounds. */
const integer = (min: number, max: number) => (value: Value) => {
  const number = value as number
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new StoreError(`${number} is out of range`)
  }
  return number
}

const int32 = integer(-2147483648, 2147483647)
const toInt64 = (value: Value) => int64(value as bigint)
const toFloat = (value: Value) => value as number

const FILL: Readonly<Partial<Record<DuckDBTypeId, Fill>>> = {
  [DuckDBTypeId.BOOLEAN]: fillView(Uint8Array, (value) => (value === true ? 1 : 0)),
  [DuckDBTypeId.SMALLINT]: fillView(Int16Array, integer(-32768, 32767)),
  [DuckDBTypeId.INTEGER]: fillView(Int32Array, int32),
  [DuckDBTypeId.BIGINT]: fillView(BigInt64Array, toInt64),
  [DuckDBTypeId.FLOAT]: fillView(Float32Array, toFloat),
  [DuckDBTypeId.DOUBLE]: fillView(Float64Array, toFloat),
  [DuckDBTypeId.DATE]: fillView(Int32Array, (value) => int32(dateDays(value as number))),
  [DuckDBTypeId.TIME]: fillView(BigInt64Array, toInt64),
  [DuckDBTypeId.TIMESTAMP]: fillView(BigInt64Array, toInt64),
  [DuckDBTypeId.TIMESTAMP_TZ]: fillView(BigInt64Array, toInt64),
  [DuckDBTypeId.VARCHAR]: fillText,
  [DuckDBTypeId.BLOB]: fillBlob
}
