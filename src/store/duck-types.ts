// Which node-api type object stands for a column of the store, and single values in the form that
// node-api wants them (bind parameters, list elements). Must never read results: see duck-read.ts.

import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalType,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBListType,
  DuckDBListValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  DuckDBTypeId,
  DuckDBUUIDValue,
  FLOAT,
  INTEGER,
  INTERVAL,
  LIST,
  SMALLINT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  UUID,
  VARCHAR
} from '@duckdb/node-api'
import type { DuckDBPreparedStatement, DuckDBType, DuckDBValue } from '@duckdb/node-api'
import { OID } from '../types/oids.ts'
import { storeType } from '../types/store-type.ts'
import type { ColumnType, Interval, Value } from '../types/value.ts'
import { StoreError } from './store-error.ts'

/** DuckDB's infinite dates, in days. Source: duckdb/common/types/date.hpp, date_t::infinity. */
export const DATE_INFINITY = 2147483647

const BY_NAME: ReadonlyMap<string, DuckDBType> = new Map(
  [
    BOOLEAN,
    SMALLINT,
    INTEGER,
    BIGINT,
    FLOAT,
    DOUBLE,
    VARCHAR,
    BLOB,
    DATE,
    TIME,
    TIMESTAMP,
    INTERVAL,
    UUID
  ].map((type): [string, DuckDBType] => [type.toString(), type])
)

/** Types a parameter may have though no column of the store has them. */
const PARAMETER_ONLY: Readonly<Record<number, DuckDBType>> = {
  [OID.oid]: BIGINT,
  [OID.unknown]: VARCHAR,
  [OID.name]: VARCHAR,
  [OID.char]: VARCHAR
}

/** @throws StoreError when the store has no such type. */
export function duckTypeByName(name: string): DuckDBType {
  if (name.endsWith('[]')) return LIST(duckTypeByName(name.slice(0, -2)))
  if (name === 'TIMESTAMPTZ') return TIMESTAMPTZ
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(name)
  if (decimal) return DECIMAL(Number(decimal[1]), Number(decimal[2]))
  const type = BY_NAME.get(name)
  if (!type) throw new StoreError(`the store has no type ${name}`)
  return type
}

/** The type a parameter is bound as. @throws StoreError when there is none. */
export function parameterType(type: ColumnType): DuckDBType {
  const name = storeType(type)
  if (name !== undefined) return duckTypeByName(name)
  const other = PARAMETER_ONLY[type.oid]
  if (!other) throw new StoreError(`the store can't bind a parameter of type ${type.oid}`)
  return other
}

/** One canonical value as node-api takes it. @throws StoreError when the type can't hold it. */
export function toDuckValue(value: Value, type: DuckDBType): DuckDBValue {
  if (value === null) return null
  switch (type.typeId) {
    case DuckDBTypeId.BLOB:
      return new DuckDBBlobValue(value as Uint8Array)
    case DuckDBTypeId.DATE:
      return new DuckDBDateValue(dateDays(value as number))
    case DuckDBTypeId.TIME:
      return new DuckDBTimeValue(int64(value as bigint))
    case DuckDBTypeId.TIMESTAMP:
      return new DuckDBTimestampValue(int64(value as bigint))
    case DuckDBTypeId.TIMESTAMP_TZ:
      return new DuckDBTimestampTZValue(int64(value as bigint))
    case DuckDBTypeId.INTERVAL: {
      const { months, days, micros } = value as Interval
      return new DuckDBIntervalValue(months, days, micros)
    }
    case DuckDBTypeId.UUID:
      return DuckDBUUIDValue.fromUint128(BigInt(`0x${(value as string).replaceAll('-', '')}`))
    case DuckDBTypeId.VARCHAR:
      return text(value as string)
    default:
      return toCompositeDuckValue(value, type)
  }
}

function toCompositeDuckValue(value: Value, type: DuckDBType): DuckDBValue {
  if (type instanceof DuckDBDecimalType) {
    const scaled = scaledDecimal(value as string, type.width, type.scale)
    return new DuckDBDecimalValue(scaled, type.width, type.scale)
  }
  if (type instanceof DuckDBListType) {
    const elements = value as readonly Value[]
    return new DuckDBListValue(elements.map((element) => toDuckValue(element, type.valueType)))
  }
  return value as boolean | number | bigint
}

/** Binds `value` as parameter `index` (1-based). */
export function bindParameter(
  statement: DuckDBPreparedStatement,
  index: number,
  value: Value,
  type: ColumnType
): void {
  if (value === null) return statement.bindNull(index)
  const duckType = parameterType(type)
  statement.bindValue(index, toDuckValue(value, duckType), duckType)
}

export interface Parameter {
  readonly value: Value
  readonly type: ColumnType
}

/** Binds all of them. @throws StoreError when there are not as many as the statement has */
export function bindParameters(
  statement: DuckDBPreparedStatement,
  parameters: readonly Parameter[]
): void {
  if (statement.parameterCount !== parameters.length) {
    throw new StoreError(
      `the query has ${statement.parameterCount} parameters, ${parameters.length} were given`
    )
  }
  parameters.forEach(({ value, type }, i) => bindParameter(statement, i + 1, value, type))
}

/** Days as DuckDB keeps them. */
export function dateDays(days: number): number {
  if (days === Infinity) return DATE_INFINITY
  if (days === -Infinity) return -DATE_INFINITY
  return days
}

/** `value` itself. @throws StoreError when 64 bits can't hold it: a typed array would wrap it. */
export function int64(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new StoreError(`${value} is out of range`)
  return value
}

/**
 * `value` itself. @throws StoreError for a NUL: DuckDB's C API would cut the text there, and
 * Postgres has no such text either.
 */
export function text(value: string): string {
  if (value.includes('\0')) throw new StoreError('text with a zero byte')
  return value
}

const NUMERIC = /^(-?)(\d+)(?:\.(\d+))?$/

/** A numeric's digits as DECIMAL(width, scale) keeps them. @throws StoreError when it can't. */
export function scaledDecimal(numeric: string, width: number, scale: number): bigint {
  const match = NUMERIC.exec(numeric)
  if (!match) throw new StoreError(`numeric ${numeric} doesn't fit DECIMAL(${width},${scale})`)
  const [, sign = '', whole = '', fraction = ''] = match
  const kept = fraction.slice(0, scale).padEnd(scale, '0')
  const digits = (whole + kept).replace(/^0+(?=.)/, '')
  if (digits.length > width || /[1-9]/.test(fraction.slice(scale))) {
    throw new StoreError(`numeric ${numeric} doesn't fit DECIMAL(${width},${scale})`)
  }
  return BigInt(sign + digits)
}
