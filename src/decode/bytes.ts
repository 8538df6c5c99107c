// ENCODE BYTES: the payload is the value. Must copy it: the delivery's bytes are the socket's.

import { invalidTableDefinition } from '../errors.ts'
import { OID } from '../types/oids.ts'
import type { RelationSchema } from '../types/value.ts'
import type { PayloadDecoder } from './decoder.ts'

/** @throws PgError 42P16 unless there is exactly one column and it is a bytea */
export function compileBytesDecoder({ columns }: RelationSchema): PayloadDecoder {
  const [only, ...others] = columns
  if (only?.type.oid !== OID.bytea || others.length > 0) {
    throw invalidTableDefinition('ENCODE BYTES only accepts one BYTEA type column')
  }
  return (payload) => ({ ok: true, row: [Uint8Array.from(payload)] })
}
