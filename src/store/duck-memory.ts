// The memory behind a node-api vector. Owns the one look past node-api's types: its vectors keep
// their memory in private fields, and value by value access through getItem is 20 times slower.
// Must never keep a view after the chunk it belongs to is gone.

import {
  BLOB,
  DuckDBBlobValue,
  DuckDBBlobVector,
  DuckDBDataChunk,
  DuckDBHugeIntVector
} from '@duckdb/node-api'
import type { DuckDBVector } from '@duckdb/node-api'

/** Private fields of node-api 1.5's vectors; test/store/duck-values.test.ts notices a change. */
interface VectorFields {
  readonly items?: ArrayBufferView
  readonly dataView?: DataView
  readonly validity?: { readonly data: BigUint64Array | null }
}

/** What a vector of fields of 16 bytes is made of. */
interface ConstructorFields {
  readonly dataView: ConstructorParameters<typeof DuckDBHugeIntVector>[0]
  readonly validity: ConstructorParameters<typeof DuckDBHugeIntVector>[1]
  readonly vector: ConstructorParameters<typeof DuckDBHugeIntVector>[2]
}

/** A view constructor: a typed array's, a Buffer's or a DataView's. */
type View<T> = new (buffer: ArrayBuffer, byteOffset: number, length: number) => T

/** The first `length` fields of a vector. */
export function vectorView<T>(vector: DuckDBVector, view: View<T>, length: number): T {
  const fields = vector as unknown as VectorFields
  const memory = fields.items ?? fields.dataView
  if (!memory) throw new Error(`a vector of ${vector.type.toString()} has no plain memory`)
  return new view(memory.buffer as ArrayBuffer, memory.byteOffset, length)
}

/**
 * Puts the fields of a VARCHAR vector, as its view has them, where DuckDB reads them: node-api itself
 * only ever does so text by text. They are 16 bytes each, and so are a HUGEINT's, whose vector can.
 */
export function flushTextFields(vector: DuckDBVector, length: number): void {
  const { dataView, validity, vector: handle } = vector as unknown as ConstructorFields
  new DuckDBHugeIntVector(dataView, validity, handle, length).flush()
}

/**
 * Copies more than 12 bytes into memory of a text vector, which holds them as long as it lives: they are
 * made field `index` of `count`, which may be written anew. Returns their address, of 48 bits.
 */
export function bytesInVector(
  vector: DuckDBVector,
  index: number,
  count: number,
  bytes: Uint8Array
): number {
  const { dataView, validity, vector: handle } = vector as unknown as ConstructorFields
  const writer = new DuckDBBlobVector(dataView, validity, handle, 0, count)
  writer.setItem(index, new DuckDBBlobValue(bytes))
  writer.flush()
  const fields = vectorView(DuckDBBlobVector.fromRawVector(handle, count), DataView, count * 16)
  return Number(fields.getBigUint64(index * 16 + 8, true))
}

/** The validity mask, one bit a field, 1 for not NULL; undefined: no field is NULL. */
export function vectorValidity(vector: DuckDBVector): Uint8Array | undefined {
  const data = (vector as unknown as VectorFields).validity?.data
  return data ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : undefined
}

/** One blob of our own, pointed at what is to be read. */
const window = DuckDBDataChunk.create([BLOB], 1)
const windowVector = window.getColumnVector(0) as DuckDBBlobVector
const windowFields = vectorView(windowVector, DataView, 16)

/**
 * `length` bytes of DuckDB's memory from `address` on, more than 12, to be read at once and
 * forgotten. Goes through a made-up duckdb_string_t, because node-api gives out the bytes of one
 * text at a time, and a call for each text is half of what reading it costs.
 */
export function foreignBytes(address: number, length: number): Buffer {
  windowFields.setUint32(0, length, true)
  windowFields.setBigUint64(8, BigInt(address), true)
  const bytes = windowVector.getItemBytes(0) as Uint8Array
  windowFields.setUint32(0, 0, true)
  return Buffer.from(bytes.buffer, bytes.byteOffset, length)
}
