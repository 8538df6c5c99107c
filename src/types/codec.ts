// The door to the codecs: which one a type OID has, and whether a session's settings can be
// honoured. Owns no format itself, and must never guess: an OID without a codec is not ours.

import { arrayCodec } from './array.ts'
import { bool } from './boolean.ts'
import { bytea } from './bytea.ts'
import { date } from './date.ts'
import { float4, float8 } from './float.ts'
import { int2, int4, int8, oid } from './integer.ts'
import { interval } from './interval.ts'
import { json, jsonb } from './json.ts'
import { numeric } from './numeric.ts'
import { ARRAY_OID } from './oids.ts'
import { bpchar, name, singleChar, text, unknown, varchar } from './text.ts'
import { time } from './time.ts'
import { timestamp, timestamptz } from './timestamp.ts'
import { findZone } from './timezone.ts'
import { uuid } from './uuid.ts'
import type { ColumnType, OutputSettings, Value } from './value.ts'

/** Text and binary input and output of one type, as Postgres's own functions do it. */
export interface Codec {
  readonly oid: number
  /** As pg_type.typlen: bytes, -1 for varlena, -2 for a C string. */
  readonly typlen: number
  /** @throws PgError when the value is not one Postgres could hold */
  toText(value: Exclude<Value, null>, type: ColumnType, settings: OutputSettings): string
  toBinary(value: Exclude<Value, null>, type: ColumnType): Uint8Array
  /**
   * Never more lenient than the oldest Postgres we stand before; rarer spellings are refused, and
   * the caller leaves them to Postgres.
   * @throws PgError 22P02, 22003, 22007, 22008, 22009, 22001, 22021, 22023, 22P05, 0A000 or 54000
   */
  fromText(text: string, type: ColumnType, settings: OutputSettings): Value
  /** @throws PgError 22P03 (and 22021, 22003, 22008 where the bytes spell an impossible value) */
  fromBinary(bytes: Uint8Array, type: ColumnType): Value
}

const SCALARS: readonly Codec[] = [
  bool,
  int2,
  int4,
  int8,
  oid,
  float4,
  float8,
  numeric,
  text,
  varchar,
  bpchar,
  name,
  singleChar,
  unknown,
  bytea,
  date,
  time,
  timestamp,
  timestamptz,
  interval,
  uuid,
  json,
  jsonb
]

const BY_OID: ReadonlyMap<number, Codec> = new Map(
  SCALARS.flatMap((codec): [number, Codec][] => {
    const array = ARRAY_OID[codec.oid]
    const own: [number, Codec] = [codec.oid, codec]
    return array === undefined ? [own] : [own, [array, arrayCodec(array, codec)]]
  })
)

/** The codec of a type, arrays of scalars included; undefined for every other type. */
export function codecFor(typeOid: number): Codec | undefined {
  return BY_OID.get(typeOid)
}

/** Why output under these settings cannot be made here as Postgres would; else undefined. */
export function settingsSupported(settings: OutputSettings): string | undefined {
  const { dateStyle, intervalStyle, extraFloatDigits, byteaOutput, timeZone } = settings
  if (!/^ISO\b/i.test(dateStyle)) return `DateStyle is "${dateStyle}"`
  if (intervalStyle !== 'postgres') return `IntervalStyle is "${intervalStyle}"`
  // At 0 and below Postgres prints rounded digits by another algorithm.
  if (extraFloatDigits < 1) return `extra_float_digits is ${extraFloatDigits}`
  if (byteaOutput !== 'hex' && byteaOutput !== 'escape') return `bytea_output is "${byteaOutput}"`
  if (!findZone(timeZone)) return `TimeZone "${timeZone}" is not known here`
  return undefined
}
