// An Avro value as JSON text, for jsonb columns: records and maps as objects, a union as the value it
// holds, bytes in base64, logical types as Postgres prints them in JSON. No digit is lost.

import type { Type } from 'avsc'

import { float4Text, float8Text } from '../types/float-text.ts'
import { OID } from '../types/oids.ts'
import { codecFor } from '../types/codec.ts'
import type { Value } from '../types/value.ts'
import { logicalValue } from './avro-logical.ts'
import type { Branch, Raw } from './avro-read.ts'
import { isArray, isMap, isRecord, isUnion, known } from './avro-type.ts'
import type { Logical } from './avro-type.ts'
import { PAYLOAD_SETTINGS } from './coerce.ts'

export type Print = (raw: Raw) => string

/** Types may contain themselves: `made` holds the printers that are being made. */
export function jsonPrinter(given: Type, made = new Map<Type, Print>()): Print {
  const { type, logical } = known(given)
  if (logical) return logicalPrinter(logical)
  const ready = made.get(type)
  if (ready) return ready
  if (isRecord(type)) return recordPrinter(type, made)
  if (isArray(type)) {
    const print = jsonPrinter(type.itemsType, made)
    return (items) => `[${(items as readonly Raw[]).map(print).join(',')}]`
  }
  if (isMap(type)) return mapPrinter(jsonPrinter(type.valuesType as Type, made))
  if (isUnion(type)) return unionPrinter(type.types.map((branch) => jsonPrinter(branch, made)))
  return PRIMITIVE[type.typeName] ?? JSON.stringify
}

const PRIMITIVE: Readonly<Record<string, Print>> = {
  boolean: String,
  int: String,
  long: String,
  float: (value) => floatJson(value as number, float4Text),
  double: (value) => floatJson(value as number, float8Text),
  bytes: (value) => bytesJson(value as Uint8Array),
  fixed: (value) => bytesJson(value as Uint8Array)
}

const bytesJson = (value: Uint8Array): string => `"${Buffer.from(value).toString('base64')}"`

const floatJson = (value: number, text: (value: number) => string): string =>
  Number.isFinite(value) ? text(value) : `"${value}"`

function recordPrinter(
  type: Type & { readonly fields: readonly { readonly name: string; readonly type: Type }[] },
  made: Map<Type, Print>
): Print {
  const members: { readonly key: string; readonly print: Print }[] = []
  const print: Print = (values) => {
    const shown = members.map((m, i) => `${m.key}:${m.print((values as readonly Raw[])[i])}`)
    return `{${shown.join(',')}}`
  }
  made.set(type, print)
  for (const field of type.fields) {
    members.push({ key: JSON.stringify(field.name), print: jsonPrinter(field.type, made) })
  }
  return print
}

function mapPrinter(print: Print): Print {
  return (entries) => {
    const members = (entries as readonly (readonly [string, Raw])[]).map(
      ([key, value]) => `${JSON.stringify(key)}:${print(value)}`
    )
    return `{${members.join(',')}}`
  }
}

function unionPrinter(printers: readonly Print[]): Print {
  return (raw) => {
    const { index, value } = raw as Branch
    return printers[index]?.(value) ?? 'null'
  }
}

/** The type whose text each logical type's JSON is; decimals are numbers. */
const SHOWN_AS: Readonly<Record<Exclude<Logical['name'], 'decimal'>, number>> = {
  uuid: OID.uuid,
  date: OID.date,
  'time-millis': OID.time,
  'time-micros': OID.time,
  'timestamp-millis': OID.timestamptz,
  'timestamp-micros': OID.timestamptz,
  'timestamp-nanos': OID.timestamptz,
  'local-timestamp-millis': OID.timestamp,
  'local-timestamp-micros': OID.timestamp,
  'local-timestamp-nanos': OID.timestamp,
  duration: OID.interval
}

function logicalPrinter(logical: Logical): Print {
  if (logical.name === 'decimal') {
    const value = logicalValue(logical, { oid: OID.numeric, typmod: -1 })
    return (raw) => value(raw) as string
  }
  const type = { oid: SHOWN_AS[logical.name], typmod: -1 }
  const value = logicalValue(logical, type)
  const codec = codecFor(type.oid)
  const isInstant = type.oid === OID.timestamptz || type.oid === OID.timestamp
  return (raw) => {
    const shown = codec?.toText(value(raw) as Exclude<Value, null>, type, PAYLOAD_SETTINGS) ?? ''
    return JSON.stringify(isInstant ? shown.replace(' ', 'T').replace('+00', '+00:00') : shown)
  }
}
