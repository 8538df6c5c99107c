// The memory behind a node-api vector. Owns the one look past node-api's types: its vectors keep
// their memory in private fields, and value by value access through getItem is 20 times slower.
// Must never keep a view after the chunk it belongs to is gone.

import { DuckDBBlobVector } from '@duckdb/node-api'
import type { DuckDBVarCharVector, DuckDBVector } from '@duckdb/node-api'

/** The private fields of node-api 1.5's vectors; test/store/duck-values.test.ts notices a change. */
interface VectorFields {
  readonly items?: ArrayBufferView
  readonly dataView?: DataView
  readonly validity?: { readonly data: BigUint64Array | null }
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

/** The validity mask, one bit a field, 1 for not NULL; undefined: no field is NULL. */
export function vectorValidity(vector: DuckDBVector): Uint8Array | undefined {
  const data = (vector as unknown as VectorFields).validity?.data
  return data ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : undefined
}

/**
 * `length` bytes of DuckDB's memory from `address` on, to be read at once and forgotten. Goes through
 * a made-up duckdb_string_t, because node-api gives out only one text's bytes at a time: a call for
 * each text is two thirds of what reading it costs.
 */
export function foreignBytes(vector: DuckDBVarCharVector, address: number, length: number): Buffer {
  const text = new DataView(new ArrayBuffer(16))
  text.setUint32(0, length, true)
  text.setBigUint64(8, BigInt(address), true)
  const all = new DuckDBBlobVector(text, vector['validity'], vector['vector'], 0, 1)
  const bytes = all.getItemBytes(0) as Uint8Array
  return Buffer.from(bytes.buffer, bytes.byteOffset, length)
}
