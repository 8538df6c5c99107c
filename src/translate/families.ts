// Which types behave alike in the tables, and how a type's name in a statement becomes an OID.
// Pure data. Must never contain a rule about a value.

import { ARRAY_OID, OID } from '../types/oids.ts'
import type { ColumnType } from '../types/value.ts'
import { builtinName, child, has, integerConstant, list, type Node } from './ast.ts'
import { Relay, relay } from './expr.ts'

export const INTEGERS: readonly number[] = [OID.int2, OID.int4, OID.int8]
export const FLOATS: readonly number[] = [OID.float4, OID.float8]
export const EXACT: readonly number[] = [...INTEGERS, OID.numeric]
export const TEXTS: readonly number[] = [OID.text, OID.varchar]
/** Types with one order and one equality, the same on both sides, that need no conversion. */
export const PLAIN: readonly number[] = [
  OID.bool,
  OID.date,
  OID.time,
  OID.timestamp,
  OID.timestamptz,
  OID.uuid,
  OID.bytea
]

export const isInteger = (oid: number): boolean => INTEGERS.includes(oid)
export const isFloat = (oid: number): boolean => FLOATS.includes(oid)

/** The wider of two integer types. */
export const wider = (a: number, b: number): number =>
  INTEGERS[Math.max(INTEGERS.indexOf(a), INTEGERS.indexOf(b))] ?? OID.int8

const NAMES: Readonly<Record<string, number>> = {
  bool: OID.bool,
  bytea: OID.bytea,
  int2: OID.int2,
  int4: OID.int4,
  int8: OID.int8,
  float4: OID.float4,
  float8: OID.float8,
  numeric: OID.numeric,
  text: OID.text,
  varchar: OID.varchar,
  bpchar: OID.bpchar,
  date: OID.date,
  time: OID.time,
  timestamp: OID.timestamp,
  timestamptz: OID.timestamptz,
  interval: OID.interval,
  uuid: OID.uuid
}

/** A TypeName node; typmod as pg_attribute would have it. */
export function typeOf(node: Node): ColumnType {
  const name = builtinName(list(node, 'names'))
  const oid = name === undefined ? undefined : NAMES[name]
  if (oid === undefined || has(node, 'setof') || has(node, 'pct_type')) {
    return relay(`type "${name ?? 'of another schema'}" is not known`)
  }
  const typmod = typmodOf(oid, list(node, 'typmods'))
  const bounds = list(node, 'arrayBounds').length
  if (bounds === 0) return { oid, typmod }
  const array = ARRAY_OID[oid]
  if (bounds > 1 || array === undefined) relay('an array type of several dimensions')
  return { oid: array, typmod }
}

/** The OID, where the type is known and has no modifier. */
export function plainTypeOf(node: Node | undefined): number | undefined {
  try {
    const { oid, typmod } = typeOf(node ?? {})
    return typmod === -1 ? oid : undefined
  } catch (error) {
    if (error instanceof Relay) return undefined
    throw error
  }
}

function typmodOf(oid: number, args: readonly unknown[]): number {
  if (args.length === 0) return -1
  const [first, second] = args.map(integerConstant)
  if (first === undefined) return relay('a type modifier is not a number')
  if (oid === OID.varchar && args.length === 1 && first >= 1) return first + 4
  if (oid !== OID.numeric || args.length > 2 || first < 1 || first > 38) {
    return relay('a type modifier is not known')
  }
  const scale = args.length === 2 ? second : 0
  if (scale === undefined || scale < 0 || scale > first) relay('a numeric scale is not known')
  return ((first << 16) | scale) + 4
}

export const castTypeName = (body: Node): Node => child(body, 'typeName')
