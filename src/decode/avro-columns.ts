// Which column an Avro field becomes, as RisingWave maps them: primitive and logical types by
// Postgres's own, enums as text, arrays of those as arrays; what it makes a STRUCT or a MAP, and a
// union of several types, is jsonb. Pure.

import type { Type } from 'avsc'

import type { PayloadColumn } from '../types/connector.ts'
import { ARRAY_OID, OID } from '../types/oids.ts'
import { isArray, isRecord, known, nullableOf } from './avro-type.ts'
import type { Logical } from './avro-type.ts'

interface ColumnOf {
  readonly type: string
  readonly oids: readonly number[]
}

const TEXT: ColumnOf = { type: 'varchar', oids: [OID.varchar, OID.text] }
const BYTES: ColumnOf = { type: 'bytea', oids: [OID.bytea] }
const JSONB: ColumnOf = { type: 'jsonb', oids: [OID.jsonb] }

const PRIMITIVE: Readonly<Record<string, ColumnOf>> = {
  boolean: { type: 'boolean', oids: [OID.bool] },
  int: { type: 'integer', oids: [OID.int4] },
  long: { type: 'bigint', oids: [OID.int8] },
  float: { type: 'real', oids: [OID.float4] },
  double: { type: 'double precision', oids: [OID.float8] },
  bytes: BYTES,
  fixed: BYTES,
  string: TEXT,
  enum: TEXT
}

const TIME: ColumnOf = { type: 'time', oids: [OID.time] }
const TIMESTAMPTZ: ColumnOf = { type: 'timestamptz', oids: [OID.timestamptz, OID.timestamp] }
const TIMESTAMP: ColumnOf = { type: 'timestamp', oids: [OID.timestamp] }

const LOGICAL: Readonly<Record<Exclude<Logical['name'], 'decimal'>, ColumnOf>> = {
  uuid: { type: 'uuid', oids: [OID.uuid, OID.varchar, OID.text] },
  date: { type: 'date', oids: [OID.date] },
  'time-millis': TIME,
  'time-micros': TIME,
  'timestamp-millis': TIMESTAMPTZ,
  'timestamp-micros': TIMESTAMPTZ,
  'timestamp-nanos': TIMESTAMPTZ,
  'local-timestamp-millis': TIMESTAMP,
  'local-timestamp-micros': TIMESTAMP,
  'local-timestamp-nanos': TIMESTAMP,
  duration: { type: 'interval', oids: [OID.interval] }
}

/** Postgres's own bound of a numeric's declared precision. */
const PRECISION_MAX = 1_000

/** The columns of a record, in the order of its fields. */
export function avroColumns(record: Type): PayloadColumn[] {
  if (!isRecord(record)) return []
  return record.fields.map(({ name, type }) => ({ name, ...columnOf(type) }))
}

function columnOf(given: Type): ColumnOf {
  const inner = nullableOf(given) ?? given
  const { type } = known(inner)
  if (!isArray(type)) return scalarOf(inner) ?? JSONB
  const element = scalarOf(nullableOf(type.itemsType) ?? type.itemsType)
  if (!element) return JSONB
  return {
    type: `${element.type}[]`,
    oids: element.oids.map((oid) => ARRAY_OID[oid] as number)
  }
}

function scalarOf(given: Type): ColumnOf | undefined {
  const { type, logical } = known(given)
  if (!logical) return PRIMITIVE[type.typeName]
  if (logical.name !== 'decimal') return LOGICAL[logical.name]
  const { precision, scale } = logical
  const digits = precision <= PRECISION_MAX ? `(${precision},${scale})` : ''
  return { type: `numeric${digits}`, oids: [OID.numeric] }
}
