// ENCODE AVRO: a payload is one record's datum, alone or behind the header of a single object, which
// names its schema. The whole payload is read, strictly, before any column takes its field.

import type { Type, types } from 'avsc'

import { invalidTableDefinition } from '../errors.ts'
import type { AvroEncoding, Decoded } from '../types/connector.ts'
import type { Column, RelationSchema, Value } from '../types/value.ts'
import { AvroCursor, AvroSyntaxError } from './avro-cursor.ts'
import { rawReader } from './avro-read.ts'
import type { Raw, ReadRaw } from './avro-read.ts'
import { avroRecord, fingerprintOf } from './avro-schema.ts'
import { avroValueReader } from './avro-value.ts'
import type { ReadAvro } from './avro-value.ts'
import type { PayloadDecoder } from './decoder.ts'
import { Misfit } from './misfit.ts'
import { requirementOf } from './required.ts'

interface Target {
  /** Of its field in the record. */
  readonly index: number
  readonly read: ReadAvro
  readonly required: string | undefined
}

/** @throws PgError 22023 for a schema that cannot be read, 42P16 for a column it does not offer */
export function compileAvroDecoder(schema: RelationSchema, encoding: AvroEncoding): PayloadDecoder {
  const record = avroRecord(encoding.schema, encoding.location)
  const read = rawReader(record)
  const start = headerOf(record, encoding.framing)
  const targets = schema.columns.map((column) => targetOf(column, record, schema))
  return (payload) => {
    try {
      return toRow(targets, readWhole(payload, start(payload), read))
    } catch (error) {
      if (!(error instanceof AvroSyntaxError)) throw error
      return failed(`payload is not a valid ${record.name ?? 'record'}: ${error.message}`)
    }
  }
}

const failed = (error: string): Decoded => ({ ok: false, error })

function targetOf(column: Column, record: types.RecordType, schema: RelationSchema): Target {
  const index = record.fields.findIndex(({ name }) => name === column.name)
  const field = record.fields[index]
  if (!field) {
    // RisingWave's words.
    const message = `Column "${column.name}" is defined in SQL but not found in the source`
    throw invalidTableDefinition(message)
  }
  const read = avroValueReader(field.type, column.type)
  return { index, read, required: requirementOf(column, schema) }
}

const HEADER_BYTES = 10

/**
 * Where the datum begins. A datum may begin with a header's first two bytes as well (the integer
 * -98): unless the relation says what its payloads are, only the whole header counts as one.
 */
function headerOf(record: Type, framing: AvroEncoding['framing']): (payload: Uint8Array) => number {
  if (framing === 'datum') return () => 0
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(0xc301)
  header.writeBigUInt64LE(fingerprintOf(record), 2)
  return (payload) => {
    if (header.equals(payload.subarray(0, HEADER_BYTES))) return HEADER_BYTES
    if (framing === 'auto') return 0
    const isOther = payload[0] === 0xc3 && payload[1] === 1
    throw new AvroSyntaxError(isOther ? 'it is of another schema' : 'it has no header')
  }
}

function readWhole(payload: Uint8Array, start: number, read: ReadRaw): readonly Raw[] {
  const cursor = new AvroCursor(payload, start)
  const fields = read(cursor) as readonly Raw[]
  if (!cursor.isAtEnd) throw new AvroSyntaxError('there is more behind it')
  return fields
}

function toRow(targets: readonly Target[], fields: readonly Raw[]): Decoded {
  const row: Value[] = []
  for (const { index, read, required } of targets) {
    const value = read(fields[index])
    if (value instanceof Misfit) {
      if (required !== undefined) return failed(`${required} does not take its value: ${value.why}`)
      row.push(null)
    } else if (value === null && required !== undefined) return failed(`${required} is null`)
    else row.push(value)
  }
  return { ok: true, row }
}
