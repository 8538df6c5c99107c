// What Avro's logical types mean: the numbers and bytes below them to a column's value. Rounds
// towards the past where Avro counts finer than Postgres.

import { intervalFieldOverflow, invalidTextRepresentation } from '../errors.ts'
import { checkDate } from '../types/date.ts'
import { canonicalNumeric } from '../types/numeric.ts'
import { OID } from '../types/oids.ts'
import { toTime } from '../types/time.ts'
import { toTimestamp } from '../types/timestamp.ts'
import { uuid } from '../types/uuid.ts'
import type { ColumnType, Value } from '../types/value.ts'
import type { Raw } from './avro-read.ts'
import type { Logical } from './avro-type.ts'
import { PAYLOAD_SETTINGS } from './coerce.ts'
import { unscaledOf } from './decimal.ts'
import { textOf } from './strict-text.ts'

type Convert = (raw: Raw) => Value

/** @throws PgError (the function) for what no column of the type can hold */
export function logicalValue(logical: Logical, type: ColumnType): Convert {
  switch (logical.name) {
    case 'decimal':
      return (raw) => decimalOf(raw as Uint8Array, logical.scale, type)
    case 'uuid':
      return (raw) => uuidOf(raw, type)
    case 'date':
      return (raw) => checkDate(raw as number, String(raw))
    case 'time-millis':
      return (raw) => toTime((raw as number) * 1_000, type.typmod)
    case 'time-micros':
      return (raw) => toTime(Number(raw), type.typmod)
    case 'duration':
      return (raw) => durationOf(raw as Uint8Array)
    default:
      return instantOf(logical.name, type)
  }
}

function decimalOf(bytes: Uint8Array, scale: number, type: ColumnType): string {
  const unscaled = unscaledOf(bytes)
  if (unscaled === undefined) throw invalidTextRepresentation('a decimal has no number of digits')
  return canonicalNumeric(`${unscaled}e${-scale}`, type.typmod)
}

/** Sixteen bytes, or text, which only a uuid column checks. */
function uuidOf(raw: Raw, type: ColumnType): Value {
  if (typeof raw === 'string' && type.oid !== OID.uuid) return textOf(raw, type)
  const text = typeof raw === 'string' ? raw : Buffer.from(raw as Uint8Array).toString('hex')
  return uuid.fromText(text, UUID, PAYLOAD_SETTINGS)
}

const UUID: ColumnType = { oid: OID.uuid, typmod: -1 }

function instantOf(name: string, type: ColumnType): Convert {
  const unit = name.slice(name.lastIndexOf('-') + 1)
  return (raw) => {
    const value = raw as bigint
    const micros =
      unit === 'millis' ? value * 1_000n : unit === 'micros' ? value : microsOfNanos(value)
    return toTimestamp(micros, type.typmod, String(value))
  }
}

const microsOfNanos = (nanos: bigint): bigint =>
  nanos >= 0n ? nanos / 1_000n : -((-nanos + 999n) / 1_000n)

/** Months, days and milliseconds, each of 32 bits without a sign; Postgres's have one. */
function durationOf(bytes: Uint8Array): Value {
  const parts = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const [months, days] = [parts.getUint32(0, true), parts.getUint32(4, true)]
  if (Math.max(months, days) > INT4_MAX) throw intervalFieldOverflow('interval out of range')
  return { months, days, micros: BigInt(parts.getUint32(8, true)) * 1_000n }
}

const INT4_MAX = 2_147_483_647
