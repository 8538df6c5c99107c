// The door to payloads' schemas: fetches what an encoding's location names, and tells the columns that
// it offers.

import type { Encoding, PayloadColumn, StatedAvro, StatedProtobuf } from '../types/connector.ts'
import { avroColumns } from './avro-columns.ts'
import { avroRecord, fetchAvroSchema } from './avro-schema.ts'
import { payloadColumns } from './protobuf-columns.ts'
import { fetchPayloadSchema, messageType } from './protobuf-schema.ts'

/** An encoding with its schema as fetched, and the columns that this offers. */
export interface LoadedSchema {
  readonly encoding: Encoding
  readonly columns: readonly PayloadColumn[]
}

/** @throws PgError 22023, 42704, 0A000, HV00R, HV00N, 54000 */
export async function loadSchema(stated: StatedProtobuf | StatedAvro): Promise<LoadedSchema> {
  const { location } = stated
  if (stated.encode === 'avro') {
    const schema = await fetchAvroSchema(location)
    return { encoding: { ...stated, schema }, columns: avroColumns(avroRecord(schema, location)) }
  }
  const schema = await fetchPayloadSchema(location)
  const columns = payloadColumns(await messageType(schema, stated.message, location))
  return { encoding: { ...stated, schema }, columns }
}
