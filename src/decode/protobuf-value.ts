// From one decoded protobuf field to one column's value, by both their types. Compiled once a
// column. Must never lose a digit: 64-bit integers arrive as pairs of 32 bits.

import protobuf from 'protobufjs'

import { featureNotSupported } from '../errors.ts'
import { toJsonb } from '../types/jsonb.ts'
import { canonicalNumeric } from '../types/numeric.ts'
import { OID } from '../types/oids.ts'
import { elementType } from '../types/store-type.ts'
import { toTimestamp } from '../types/timestamp.ts'
import type { ColumnType, Value } from '../types/value.ts'
import { Misfit } from './misfit.ts'
import { isWrapper } from './protobuf-columns.ts'
import { fieldJson } from './protobuf-json.ts'
import type { Message } from './protobuf-json.ts'
import { textOf } from './strict-text.ts'

export type ReadValue = (value: unknown) => Value | Misfit

type Convert = (value: unknown) => Value

/** protobufjs's form of 64 bits. */
interface Long {
  readonly low: number
  readonly high: number
}

/** Values of a field that is present, or without presence, to those of a column. */
export function valueReader(field: protobuf.Field, type: ColumnType): ReadValue {
  const convert = converter(field, type)
  return (value) => {
    try {
      return convert(value)
    } catch (error) {
      return new Misfit(error instanceof Error ? error.message : String(error))
    }
  }
}

function converter(field: protobuf.Field, type: ColumnType): Convert {
  if (type.oid === OID.jsonb) return jsonOf(field)
  const element = elementType(type)
  if (!element) return scalarOf(field, type)
  const convert = scalarOf(field, element)
  return (values) => (values as readonly unknown[]).map(convert)
}

function jsonOf(field: protobuf.Field): Convert {
  const print = fieldJson(field)
  return (value) => toJsonb(print(value))
}

function scalarOf(field: protobuf.Field, type: ColumnType): Convert {
  const { resolvedType } = field
  if (resolvedType instanceof protobuf.Enum) return enumOf(resolvedType, type)
  if (resolvedType instanceof protobuf.Type && isWrapper(resolvedType)) {
    return wrappedOf(resolvedType, type)
  }
  switch (type.oid) {
    case OID.timestamptz:
    case OID.timestamp:
      return (value) => instantOf(value as Message, type)
    case OID.interval:
      return (value) => ({ months: 0, days: 0, micros: microsOf(value as Message) })
    case OID.numeric:
      return (value) => canonicalNumeric(String(value), type.typmod)
    case OID.int8:
      return field.type.endsWith('64') ? (value) => bigintOf(value as Long) : bigintOfNumber
    case OID.varchar:
    case OID.text:
      return (value) => textOf(value as string, type)
    case OID.bytea:
      return (value) => Uint8Array.from(value as Uint8Array)
    case OID.bool:
    case OID.int4:
    case OID.float4:
    case OID.float8:
      return (value) => value as boolean | number
    default:
      throw featureNotSupported(`type with OID ${type.oid} cannot be read from protobuf`)
  }
}

const bigintOfNumber: Convert = (value) => BigInt(value as number)

const bigintOf = ({ low, high }: Long): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0)

/** RisingWave gives no text to a number that has no name. */
function enumOf({ valuesById, name }: protobuf.Enum, type: ColumnType): Convert {
  return (value) => {
    const symbol = valuesById[value as number]
    if (symbol === undefined) throw new Error(`enum ${name} has no value ${String(value)}`)
    return textOf(symbol, type)
  }
}

function wrappedOf(wrapper: protobuf.Type, type: ColumnType): Convert {
  const field = wrapper.fields['value']
  if (!field) throw featureNotSupported(`message ${wrapper.fullName} has no value`)
  const convert = scalarOf(field.resolve(), type)
  return (value) => convert((value as Message)['value'])
}

function microsOf({ seconds, nanos }: Message): bigint {
  const whole = bigintOf(seconds as Long) * 1_000_000n
  // Nanoseconds of a negative duration are negative as well: both round towards the past.
  return whole + BigInt(Math.floor((nanos as number) / 1_000))
}

const instantOf = (value: Message, type: ColumnType): Value => {
  const micros = microsOf(value)
  return toTimestamp(micros, type.typmod, `${micros} microseconds`)
}
