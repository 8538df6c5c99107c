// Which column a protobuf field becomes, as RisingWave maps them: scalars by their own types, enums
// as text, repeated scalars as arrays; what it makes a STRUCT or a MAP is jsonb. Pure.

import protobuf from 'protobufjs'

import type { PayloadColumn } from '../types/connector.ts'
import { ARRAY_OID, OID } from '../types/oids.ts'

interface ColumnOf {
  readonly type: string
  readonly oids: readonly number[]
}

const INTEGER: ColumnOf = { type: 'integer', oids: [OID.int4] }
const BIGINT: ColumnOf = { type: 'bigint', oids: [OID.int8] }
const NUMERIC: ColumnOf = { type: 'numeric', oids: [OID.numeric] }
const TEXT: ColumnOf = { type: 'varchar', oids: [OID.varchar, OID.text] }

const SCALAR: Readonly<Record<string, ColumnOf>> = {
  double: { type: 'double precision', oids: [OID.float8] },
  float: { type: 'real', oids: [OID.float4] },
  int32: INTEGER,
  sint32: INTEGER,
  sfixed32: INTEGER,
  uint32: BIGINT,
  fixed32: BIGINT,
  int64: BIGINT,
  sint64: BIGINT,
  sfixed64: BIGINT,
  uint64: NUMERIC,
  fixed64: NUMERIC,
  bool: { type: 'boolean', oids: [OID.bool] },
  string: TEXT,
  bytes: { type: 'bytea', oids: [OID.bytea] }
}

/** Messages with a Postgres type of their own, for who lists the column with it. */
const INSTEAD: Readonly<Record<string, readonly number[]>> = {
  '.google.protobuf.Timestamp': [OID.timestamptz, OID.timestamp],
  '.google.protobuf.Duration': [OID.interval]
}

const WRAPPER = /^\.google\.protobuf\.(?:Double|Float|U?Int(?:32|64)|Bool|String|Bytes)Value$/

/** Int32Value and its like: a message that stands for its only field. */
export const isWrapper = (type: protobuf.Type): boolean => WRAPPER.test(type.fullName)

/** The columns of a message, in the order of its declaration. */
export function payloadColumns(type: protobuf.Type): PayloadColumn[] {
  return columnFields(type).map((field) => ({ name: columnName(field), ...columnOf(field) }))
}

/** Without extensions, which other files declare. */
export const columnFields = (type: protobuf.Type): protobuf.Field[] =>
  type.fieldsArray.filter((field) => !field.name.startsWith('.') && !field.declaringField)

/** As in the .proto file: protobufjs's own names are in camel case. */
export const columnName = (field: protobuf.Field): string =>
  (field as { readonly protoName?: string }).protoName ?? field.name

/** The message of exactly this full name: protobufjs's own lookup takes what ends alike as well. */
export function typeNamed(root: protobuf.Root, fullName: string): protobuf.Type | undefined {
  let at: protobuf.ReflectionObject | null = root
  for (const part of fullName.split('.')) {
    at = at instanceof protobuf.Namespace ? at.get(part) : null
  }
  return at instanceof protobuf.Type ? at : undefined
}

function columnOf(field: protobuf.Field): ColumnOf {
  const { resolvedType } = field
  if (field.map || (resolvedType instanceof protobuf.Type && field.repeated)) return jsonb([])
  if (resolvedType instanceof protobuf.Type) return jsonb(instead(resolvedType))
  const scalar = resolvedType ? TEXT : SCALAR[field.type]
  if (!scalar) return jsonb([])
  if (!field.repeated) return scalar
  return { type: `${scalar.type}[]`, oids: scalar.oids.map((oid) => ARRAY_OID[oid] as number) }
}

const jsonb = (others: readonly number[]): ColumnOf => ({
  type: 'jsonb',
  oids: [OID.jsonb, ...others]
})

function instead(type: protobuf.Type): readonly number[] {
  if (!isWrapper(type)) return INSTEAD[type.fullName] ?? []
  return SCALAR[type.fields['value']?.type ?? '']?.oids ?? []
}
