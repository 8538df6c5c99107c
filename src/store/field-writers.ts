// DuckDB vectors → columns of fields, without a JavaScript value between them where that is possible:
// the hot path of every scan. Owns which pairs of vector and Postgres type have such a way; what has
// none goes by its canonical values and the type's codec.

import { DuckDBTypeId } from '@duckdb/node-api'
import type { DuckDBVector } from '@duckdb/node-api'
import { invariant } from '../errors.ts'
import { codecFor } from '../types/codec.ts'
import { OID } from '../types/oids.ts'
import type { ColumnType, OutputSettings } from '../types/value.ts'
import { NULL_LENGTH } from '../wire/field-column.ts'
import type { FieldColumn } from '../wire/field-column.ts'
import { vectorValidity } from './duck-memory.ts'
import { vectorReader } from './duck-read.ts'
import { textFields } from './duck-text.ts'
import { binaryTimestamps, dates, timestamps } from './instant-fields.ts'
import {
  binaryBooleans,
  binaryInt16,
  binaryInt32,
  binaryInt64,
  booleans,
  doubles,
  integers,
  longs
} from './number-fields.ts'
import { KEPT_SETTINGS, printsAsUtc } from './row-fields.ts'

/** A result column as the client wants it. */
export interface OutputColumn {
  readonly type: ColumnType
  readonly isBinary: boolean
}

/** Types whose text holds no backslash and no control character. */
export const PLAIN_TEXT: ReadonlySet<number> = new Set([
  OID.bool,
  OID.int2,
  OID.int4,
  OID.int8,
  OID.float4,
  OID.float8,
  OID.numeric,
  OID.date,
  OID.time,
  OID.timestamp,
  OID.timestamptz,
  OID.interval,
  OID.uuid
])

/** Makes the fields of rows `from` (inclusive) to `to` (exclusive). */
export type Render = (from: number, to: number, column: FieldColumn) => void

/** Opens the first `count` fields of a vector; what it gives is good as long as the vector. */
export type Open = (vector: DuckDBVector, count: number) => Render

/** How to write a column of these vectors; `typeId`: the vectors' own type. */
export function fieldWriter(
  typeId: DuckDBTypeId,
  column: OutputColumn,
  settings: OutputSettings
): Open {
  const { type, isBinary } = column
  const direct = (isBinary ? BINARY : TEXT)[type.oid]
  if (direct?.of === typeId && (direct.when?.(settings) ?? true)) return withNulls(direct.open)
  return byValues(column, settings)
}

function withNulls(open: Open): Open {
  return (vector, count) => {
    const render = open(vector, count)
    const validity = vectorValidity(vector)
    if (!validity) return render
    return (from, to, column) => {
      render(from, to, column)
      const { lengths } = column
      for (let row = from; row < to; row++) {
        const isNull = ((validity[row >> 3] as number) & (1 << (row & 7))) === 0
        if (isNull) lengths[row - from] = NULL_LENGTH
      }
    }
  }
}

function byValues({ type, isBinary }: OutputColumn, settings: OutputSettings): Open {
  const codec = codecFor(type.oid)
  invariant(codec, `a codec for type ${type.oid}`)
  return (vector, count) => {
    const values = vectorReader(vector.type)(vector, count)
    return (from, to, column) => {
      column.open(to - from, 0)
      for (let row = from; row < to; row++) {
        const value = values[row]!
        if (value === null) column.lengths[row - from] = NULL_LENGTH
        else if (isBinary) column.appendBytes(row - from, codec.toBinary(value, type))
        else column.appendText(row - from, codec.toText(value, type, settings))
      }
    }
  }
}

interface Direct {
  /** The vectors it reads. */
  readonly of: DuckDBTypeId
  readonly open: Open
  /** Under which settings. */
  readonly when?: (settings: OutputSettings) => boolean
}

const asText: Direct = { of: DuckDBTypeId.VARCHAR, open: textFields }

/** As rows are kept: for instants that have no way of their own. */
const slow = (oid: number): Open =>
  byValues({ type: { oid, typmod: -1 }, isBinary: false }, KEPT_SETTINGS)

const TEXT: Readonly<Record<number, Direct>> = {
  [OID.bool]: { of: DuckDBTypeId.BOOLEAN, open: booleans },
  [OID.int2]: { of: DuckDBTypeId.SMALLINT, open: integers(Int16Array) },
  [OID.int4]: { of: DuckDBTypeId.INTEGER, open: integers(Int32Array) },
  [OID.int8]: { of: DuckDBTypeId.BIGINT, open: longs },
  [OID.float8]: { of: DuckDBTypeId.DOUBLE, open: doubles },
  [OID.text]: asText,
  [OID.varchar]: asText,
  [OID.json]: asText,
  [OID.jsonb]: asText,
  [OID.numeric]: asText,
  [OID.date]: { of: DuckDBTypeId.DATE, open: dates(slow(OID.date)) },
  [OID.timestamp]: { of: DuckDBTypeId.TIMESTAMP, open: timestamps(slow(OID.timestamp), '') },
  [OID.timestamptz]: {
    of: DuckDBTypeId.TIMESTAMP_TZ,
    open: timestamps(slow(OID.timestamptz), '+00'),
    when: ({ timeZone }) => printsAsUtc(timeZone)
  }
}

const BINARY: Readonly<Record<number, Direct>> = {
  [OID.bool]: { of: DuckDBTypeId.BOOLEAN, open: binaryBooleans },
  [OID.int2]: { of: DuckDBTypeId.SMALLINT, open: binaryInt16 },
  [OID.int4]: { of: DuckDBTypeId.INTEGER, open: binaryInt32 },
  [OID.int8]: { of: DuckDBTypeId.BIGINT, open: binaryInt64 },
  [OID.float4]: { of: DuckDBTypeId.FLOAT, open: binaryInt32 },
  [OID.float8]: { of: DuckDBTypeId.DOUBLE, open: binaryInt64 },
  [OID.text]: asText,
  [OID.varchar]: asText,
  [OID.json]: asText,
  [OID.timestamp]: { of: DuckDBTypeId.TIMESTAMP, open: binaryTimestamps },
  [OID.timestamptz]: { of: DuckDBTypeId.TIMESTAMP_TZ, open: binaryTimestamps }
}
