// From one Avro value as read to one column's value, by both their types. Compiled once a column.

import type { Type } from 'avsc'

import { PgError, featureNotSupported } from '../errors.ts'
import { toJsonb } from '../types/jsonb.ts'
import { OID } from '../types/oids.ts'
import { elementType } from '../types/store-type.ts'
import type { ColumnType, Value } from '../types/value.ts'
import { jsonPrinter } from './avro-json.ts'
import { logicalValue } from './avro-logical.ts'
import { Branch } from './avro-read.ts'
import type { Raw } from './avro-read.ts'
import { isArray, known, nullableOf } from './avro-type.ts'
import { Misfit } from './misfit.ts'
import { textOf } from './strict-text.ts'

type Convert = (raw: Raw) => Value

export type ReadAvro = (raw: Raw) => Value | Misfit

/** @throws PgError 0A000 for a column type that the Avro type cannot fill */
export function avroValueReader(type: Type, column: ColumnType): ReadAvro {
  const convert = converter(type, column)
  return (raw) => {
    try {
      return convert(raw)
    } catch (error) {
      if (error instanceof PgError) return new Misfit(error.message)
      throw error
    }
  }
}

/** NULL is NULL in whatever column. */
function converter(given: Type, column: ColumnType): Convert {
  const nullable = nullableOf(given)
  if (!nullable) return valueOf(given, column)
  const convert = valueOf(nullable, column)
  return (raw) => {
    const { value } = raw as Branch
    return value === null ? null : convert(value)
  }
}

function valueOf(given: Type, column: ColumnType): Convert {
  if (column.oid === OID.jsonb) return jsonOf(given)
  const { type, logical } = known(given)
  const element = elementType(column)
  if (element && isArray(type)) {
    const convert = converter(type.itemsType, element)
    return (items) => (items as readonly Raw[]).map(convert)
  }
  if (logical) return logicalValue(logical, column)
  switch (column.oid) {
    case OID.bool:
    case OID.int4:
    case OID.float4:
    case OID.float8:
    case OID.int8:
      return (raw) => raw as boolean | number | bigint
    case OID.varchar:
    case OID.text:
      return (raw) => textOf(raw as string, column)
    case OID.bytea:
      return (raw) => Uint8Array.from(raw as Uint8Array)
    default:
      throw featureNotSupported(`type with OID ${column.oid} cannot be read from Avro`)
  }
}

/** Of a type that is null alone, or a union of several that is null: NULL, not JSON's null. */
function jsonOf(type: Type): Convert {
  const print = jsonPrinter(type)
  return (raw) => {
    const value = raw instanceof Branch ? raw.value : raw
    return value === null ? null : toJsonb(print(raw))
  }
}
