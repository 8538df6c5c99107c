// Which keys a look-up looks for, once its parameters or constants are known. Pure; the hot path of a
// look-up.

import { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import { rowKey } from '../store/batch-rows.ts'
import type { RowKey } from '../store/row-slab.ts'
import { codecFor } from '../types/codec.ts'
import { OID } from '../types/oids.ts'
import type { ColumnType, OutputSettings, Value } from '../types/value.ts'
import type { KeyLookup } from './key-lookup.ts'
import type { Constant, KeySource } from './lookup-terms.ts'

type ValueOf = (source: KeySource) => Value | Constant

/**
 * Each key once, of the statement's parameters and constants; undefined where that is for others to
 * say: a NULL equals nothing, a constant that the type can't read is Postgres's to judge, a LIMIT or
 * OFFSET may leave a row out, and there may be too many for one turn.
 */
export function keysOf(
  lookup: KeyLookup,
  value: ValueOf,
  settings: OutputSettings
): readonly RowKey[] | undefined {
  const { limit, offset } = lookup
  const keys = lookup.isList ? listed(lookup, value, settings) : single(lookup, value, settings)
  if (!keys) return undefined
  if (limit && !isAtLeast(value(limit), keys.length)) return undefined
  return offset && !isNothing(value(offset)) ? undefined : keys
}

function single(
  { types, sources }: KeyLookup,
  value: ValueOf,
  settings: OutputSettings
): readonly RowKey[] | undefined {
  const values: Value[] = []
  for (let i = 0; i < sources.length; i++) {
    const keyValue = toKeyValue(types[i]!, value(sources[i]!), settings)
    if (keyValue === undefined) return undefined
    values.push(keyValue)
  }
  return [rowKey(types, values)]
}

function listed(
  { types, sources }: KeyLookup,
  value: ValueOf,
  settings: OutputSettings
): readonly RowKey[] | undefined {
  const keys = new Set<RowKey>()
  for (const source of sources) {
    const given = value(source)
    for (const one of Array.isArray(given) ? (given as readonly Value[]) : [given]) {
      // Equal to nothing, among others that may be.
      if (one === null) continue
      const keyValue = Array.isArray(one) ? undefined : toKeyValue(types[0]!, one, settings)
      if (keyValue === undefined) return undefined
      keys.add(rowKey(types, [keyValue]))
      if (keys.size > limits.lookupKeysMax) return undefined
    }
  }
  return [...keys]
}

function toKeyValue(
  type: ColumnType,
  value: Value | Constant,
  settings: OutputSettings
): Value | undefined {
  if (value === null) return undefined
  const given = isConstant(value) ? parsed(value, type.oid, settings) : value
  if (given === undefined) return undefined
  if (type.oid === OID.int8) return BigInt(given as number | bigint)
  const isShort = type.oid === OID.int4 || type.oid === OID.int2
  return typeof given === 'bigint' && isShort ? Number(given) : given
}

const isConstant = (value: Value | Constant): value is Constant =>
  typeof value === 'object' && value !== null && 'isText' in value

function parsed({ isText, text }: Constant, oid: number, settings: OutputSettings) {
  if (!isText) return BigInt(text)
  try {
    return codecFor(oid)?.fromText(text, { oid, typmod: -1 }, settings)
  } catch (error) {
    if (error instanceof PgError) return undefined
    throw error
  }
}

/** Of LIMIT, where NULL is none. */
const isAtLeast = (value: Value | Constant, rows: number): boolean =>
  value === null || Number(isConstant(value) ? value.text : value) >= rows

/** Of OFFSET. */
const isNothing = (value: Value | Constant): boolean =>
  value === null || Number(isConstant(value) ? value.text : value) === 0
