// The door to the decoders: from a relation's schema and encoding to the function that makes a row
// of a delivery. Owns the order of columns and what the row still lacks; knows no payload format.
// Decoders never throw: whatever a delivery holds, the answer is a row or the reason for none.

import { invariant } from '../errors.ts'
import type { Decoded, Delivered, Encoding, RowDecoder } from '../types/connector.ts'
import type { RelationSchema } from '../types/value.ts'
import { compileBytesDecoder } from './bytes.ts'
import { compileIncluded } from './included.ts'
import type { IncludedReader } from './included.ts'
import { compileJsonDecoder } from './json.ts'
import { compileProtobufDecoder } from './protobuf.ts'

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
  if (names.size === 0) return ({ payload }) => decode(payload)
  const trailing = schema.columns.slice(own.length)
  invariant(
    trailing.every(({ name }) => names.has(name)),
    'included columns come last'
  )
  return withIncluded(decode, compileIncluded(schema, trailing, encoding.included ?? []))
}

async function compilePayload(schema: RelationSchema, encoding: Encoding): Promise<PayloadDecoder> {
  switch (encoding.encode) {
    case 'json':
      return compileJsonDecoder(schema, encoding)
    case 'bytes':
      return compileBytesDecoder(schema)
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
