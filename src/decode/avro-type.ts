// What decoding needs to know of an Avro type, taken from avsc's. avsc reads schemas only: reading
// payloads it allocates what six bytes can ask for, which a delivery from anybody must not.

import avsc from 'avsc'
import type { Schema, Type } from 'avsc'

/** A logical type whose attributes fit the type it stands on. */
export type Logical =
  | { readonly name: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly name: Exclude<(typeof NAMES)[number], 'decimal'> }

interface Known {
  readonly type: Type
  readonly logical: Logical | undefined
}

const NAMES = [
  'decimal',
  'uuid',
  'date',
  'time-millis',
  'time-micros',
  'timestamp-millis',
  'timestamp-micros',
  'timestamp-nanos',
  'local-timestamp-millis',
  'local-timestamp-micros',
  'local-timestamp-nanos',
  'duration'
] as const

/** The type below each logical one; what stands on another is, as Avro says, not logical at all. */
const BELOW: Readonly<Record<string, RegExp>> = {
  decimal: /^(?:bytes|fixed)$/,
  uuid: /^(?:string|fixed)$/,
  date: /^int$/,
  'time-millis': /^int$/,
  duration: /^fixed$/
}

class LogicalType extends avsc.types.LogicalType {
  readonly logical: Logical | undefined

  constructor(schema: Schema, opts?: unknown) {
    super(schema, opts)
    this.logical = logicalOf(schema as Readonly<Record<string, unknown>>, this.underlyingType)
  }

  // avsc checks the defaults of fields with these: what is below is as good as any.
  protected override _fromValue(value: unknown): unknown {
    return value
  }

  protected override _toValue(value: unknown): unknown {
    return value
  }
}

function logicalOf(schema: Readonly<Record<string, unknown>>, below: Type): Logical | undefined {
  const name = NAMES.find((known) => known === schema['logicalType'])
  if (name === undefined || !(BELOW[name] ?? /^long$/).test(below.typeName)) return undefined
  const size = (below as Partial<avsc.types.FixedType>).size
  if (name === 'uuid' && size !== undefined && size !== 16) return undefined
  if (name === 'duration' && size !== 12) return undefined
  if (name !== 'decimal') return { name }
  const { precision, scale = 0 } = schema
  if (!isCount(precision) || precision === 0 || !isCount(scale) || scale > precision)
    return undefined
  return { name, precision, scale }
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0

/** @throws Error for what is no Avro schema */
export function parseAvroType(text: string): Type {
  return avsc.Type.forSchema(JSON.parse(text) as Schema, {
    wrapUnions: 'always',
    omitRecordMethods: true,
    logicalTypes: Object.fromEntries(NAMES.map((name) => [name, LogicalType]))
  })
}

/** The type itself, and what it means where it means something else. */
export function known(type: Type): Known {
  if (!(type instanceof LogicalType)) return { type, logical: undefined }
  return { type: type.underlyingType, logical: type.logical }
}

export const isRecord = (type: Type): type is avsc.types.RecordType =>
  type.typeName === 'record' || type.typeName === 'error'

export const isArray = (type: Type): type is avsc.types.ArrayType => type.typeName === 'array'

export const isMap = (type: Type): type is avsc.types.MapType => type.typeName === 'map'

export const isEnum = (type: Type): type is avsc.types.EnumType => type.typeName === 'enum'

export const isFixed = (type: Type): type is avsc.types.FixedType => type.typeName === 'fixed'

export const isUnion = (type: Type): type is avsc.types.WrappedUnionType =>
  type.typeName.startsWith('union')

/** Of a union of null and one other type: that one. */
export function nullableOf(type: Type): Type | undefined {
  if (!isUnion(type)) return undefined
  const others = type.types.filter(({ typeName }) => typeName !== 'null')
  return others.length === 1 ? others[0] : undefined
}
