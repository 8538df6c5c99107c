// Which DuckDB column holds a Postgres type exactly. Pure; the store and the translator both ask here.

import { ARRAY_OID, OID } from './oids.ts'
import type { ColumnType } from './value.ts'

/** DuckDB's DECIMAL holds at most this many digits. */
const DECIMAL_DIGITS_MAX = 38

const SCALAR: Readonly<Record<number, string>> = {
  [OID.bool]: 'BOOLEAN',
  [OID.int2]: 'SMALLINT',
  [OID.int4]: 'INTEGER',
  [OID.int8]: 'BIGINT',
  [OID.float4]: 'FLOAT',
  [OID.float8]: 'DOUBLE',
  [OID.text]: 'VARCHAR',
  [OID.varchar]: 'VARCHAR',
  [OID.bpchar]: 'VARCHAR',
  [OID.bytea]: 'BLOB',
  [OID.date]: 'DATE',
  [OID.time]: 'TIME',
  [OID.timestamp]: 'TIMESTAMP',
  [OID.timestamptz]: 'TIMESTAMPTZ',
  [OID.interval]: 'INTERVAL',
  [OID.uuid]: 'UUID',
  [OID.json]: 'VARCHAR',
  [OID.jsonb]: 'VARCHAR'
}

const ELEMENT_OID: ReadonlyMap<number, number> = new Map(
  Object.entries(ARRAY_OID).map(([element, array]) => [array, Number(element)])
)

/** The element type of an array type, or undefined for a scalar. */
export function elementType(type: ColumnType): ColumnType | undefined {
  const oid = ELEMENT_OID.get(type.oid)
  return oid === undefined ? undefined : { oid, typmod: type.typmod }
}

/** Precision and scale of numeric(p,s); undefined for unconstrained numeric. Source: numeric.c. */
export function numericTypmod(typmod: number): { precision: number; scale: number } | undefined {
  if (typmod < 4) return undefined
  const packed = typmod - 4
  return { precision: (packed >> 16) & 0xffff, scale: ((packed & 0x7ff) ^ 1024) - 1024 }
}

/**
 * The DuckDB type, or undefined when none holds it exactly. A numeric that fits no DECIMAL
 * (unconstrained, over 38 digits, odd scales) is kept as its text.
 */
export function storeType(type: ColumnType): string | undefined {
  const element = elementType(type)
  if (element) {
    const inner = storeType(element)
    return inner === undefined ? undefined : `${inner}[]`
  }
  if (type.oid !== OID.numeric) return SCALAR[type.oid]
  const numeric = numericTypmod(type.typmod)
  if (!numeric || numeric.precision > DECIMAL_DIGITS_MAX) return 'VARCHAR'
  if (numeric.scale < 0 || numeric.scale > numeric.precision) return 'VARCHAR'
  return `DECIMAL(${numeric.precision},${numeric.scale})`
}
