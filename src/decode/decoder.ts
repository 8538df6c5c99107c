// The door to the decoders: from a relation's schema and encoding to the function that makes a row
// of a delivery. Owns the order of columns and what the row still lacks; knows no payload format.
// Decoders never throw: whatever a delivery holds, the answer is a row or the reason for none.

import { invariant } from '../errors.ts'
import type { Decoded, Delivered, Encoding, RowDecoder } from '../types/connector.ts'
import type { RelationSchema, Value } from '../types/value.ts'
import { compileAvroDecoder } from './avro.ts'
import { compileBytesDecoder } from './bytes.ts'
import { compileCsvDecoder } from './csv.ts'
import { compileIncluded } from './included.ts'
import type { IncludedReader } from './included.ts'
import { compileJsonDecoder } from './json.ts'
import { compileProtobufDecoder } from './protobuf.ts'
import { compileTextDecoder } from './text.ts'
import { isTombstone } from './tombstone.ts'

/** A payload to the values of the columns that are not included, in the schema's order. */
export type PayloadDecoder = (payload: Uint8Array) => Decoded

/**
 * @throws PgError 0A000 for a column type that the encoding cannot fill, 42P16 for columns that it
 * does not offer
 */
export async function compileDecoder(
  schema: RelationSchema,
  encoding: Encoding
): Promise<RowDecoder> {
  const names = new Set(encoding.included?.map(({ column }) => column))
  const own = schema.columns.filter(({ name }) => !names.has(name))
  const decode = await compilePayload({ ...schema, columns: own }, encoding)
  if (names.size === 0 && encoding.format === 'plain') return ({ payload }) => decode(payload)
  const trailing = schema.columns.slice(own.length)
  invariant(
    trailing.every(({ name }) => names.has(name)),
    'included columns come last'
  )
  const read = compileIncluded(schema, trailing, encoding.included ?? [])
  const decodeRow = withIncluded(decode, read)
  if (encoding.format === 'plain') return decodeRow
  const isFound = schema.key.every((attnum) => trailing.some((column) => column.attnum === attnum))
  invariant(isFound && schema.key.length > 0, 'a key that deliveries without a payload have')
  return withTombstones(decodeRow, own.length, read, encoding.encode)
}

async function compilePayload(schema: RelationSchema, encoding: Encoding): Promise<PayloadDecoder> {
  switch (encoding.encode) {
    case 'json':
      return compileJsonDecoder(schema, encoding)
    case 'bytes':
      return compileBytesDecoder(schema)
    case 'text':
      return compileTextDecoder(schema)
    case 'csv':
      return compileCsvDecoder(schema, encoding)
    case 'avro':
      return compileAvroDecoder(schema, encoding)
    case 'protobuf':
      return compileProtobufDecoder(schema, encoding)
  }
}

function withIncluded(decode: PayloadDecoder, read: IncludedReader): RowDecoder {
  return (delivery: Delivered): Decoded => {
    const decoded = decode(delivery.payload)
    if (!decoded.ok) return decoded
    const problem = read(delivery, decoded.row)
    return problem === undefined ? decoded : { ok: false, error: problem }
  }
}

function withTombstones(
  decode: RowDecoder,
  width: number,
  read: IncludedReader,
  encode: Encoding['encode']
): RowDecoder {
  return (delivery) => {
    if (!isTombstone(delivery, encode)) return decode(delivery)
    const row: Value[] = Array.from({ length: width }, () => null)
    const problem = read(delivery, row)
    return problem === undefined ? { ok: true, row, deleted: true } : { ok: false, error: problem }
  }
}
