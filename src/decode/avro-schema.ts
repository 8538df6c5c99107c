// From an Avro schema's location to its text, and from that to the record that payloads are. What was
// fetched when the relation was made is kept: a restart asks nobody for it.

import type { Type, types } from 'avsc'

import { invalidParameterValue } from '../errors.ts'
import { limits } from '../limits.ts'
import { isRecord, parseAvroType } from './avro-type.ts'
import { fetchSchema, schemaUrl } from './schema-fetch.ts'

/** @throws PgError 22023, 0A000, HV00R, HV00N, 54000 */
export async function fetchAvroSchema(location: string): Promise<string> {
  const url = schemaUrl(location)
  const signal = AbortSignal.timeout(limits.schemaFetchMs)
  const bytes = await fetchSchema(url, limits.schemaBytesMax, signal)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw unusable(location, 'it is not text', cause)
  }
}

/** @throws PgError 22023 for what is no Avro schema, or not a record's */
export function avroRecord(text: string, location: string): types.RecordType {
  let type: Type
  try {
    type = parseAvroType(text)
  } catch (cause) {
    throw unusable(location, cause instanceof Error ? cause.message : String(cause), cause)
  }
  if (isRecord(type)) return type
  throw unusable(location, `it is of type ${type.typeName}`)
}

const unusable = (location: string, why: string, cause?: unknown): Error =>
  invalidParameterValue(`cannot read the avro schema \`${location}\``, {
    detail: why.slice(0, limits.schemaFaultCharsMax),
    hint: 'Give the schema of a record as JSON, as in a file of name .avsc.',
    cause
  })

/** The 64-bit Rabin fingerprint of a schema in Avro's canonical form. */
export function fingerprintOf(type: Type): bigint {
  let state = EMPTY
  for (const byte of Buffer.from(JSON.stringify(type.schema()))) {
    state = (state >> 8n) ^ (TABLE[Number((state ^ BigInt(byte)) & 0xffn)] as bigint)
  }
  return state
}

const EMPTY = 0xc15d213aa4d7a795n

const TABLE: readonly bigint[] = Array.from({ length: 256 }, (_, i) => {
  let value = BigInt(i)
  for (let bit = 0; bit < 8; bit++) value = (value >> 1n) ^ (value & 1n ? EMPTY : 0n)
  return value
})
