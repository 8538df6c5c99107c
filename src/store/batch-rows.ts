// Which rows of a batch count: not those applied before, and of each key only the newest. Pure; it
// must agree with Postgres (and so with the DELETE in apply.ts) about which keys are equal.

import type { Batch, StreamPosition } from '../types/connector.ts'
import { OID } from '../types/oids.ts'
import { storeType } from '../types/store-type.ts'
import type { ColumnType, Interval, RelationSchema, Value } from '../types/value.ts'
import type { RowKey } from './row-slab.ts'
import { StoreError } from './store-error.ts'

/** The sequence up to which a batch's deliveries were applied before. */
export function appliedBefore(batch: Batch, stored: StreamPosition): number {
  return batch.position.created === stored.created ? stored.sequence : 0
}

/**
 * Indexes of the rows to apply: of each key the one that the others of the batch leave, as if it had
 * no row before; all of them where they are merged.
 * @throws StoreError for a NULL key.
 */
export function rowsToApply(schema: RelationSchema, batch: Batch, after: number): Int32Array {
  const fresh = freshRows(batch, after)
  if (schema.key.length === 0 || schema.onConflict?.keep === 'notNull') return fresh
  if (onlyGrows(schema, batch, fresh)) return fresh
  const left = new Map<RowKey, number>()
  const keyOf = keyReader(schema, batch)
  const replaces = replacement(schema, batch)
  for (const row of fresh) {
    const key = keyOf(row)
    const other = left.get(key)
    if (other === undefined || replaces(row, other)) left.set(key, row)
  }
  return left.size === fresh.length ? fresh : Int32Array.from(left.values())
}

/** Types whose canonical values compare in JavaScript as they do in DuckDB. */
export const ORDERED: ReadonlySet<number> = new Set([OID.int2, OID.int4, OID.int8])

/** Whether each row's key is above the one before it, as serial numbers are: then none comes twice. */
function onlyGrows(schema: RelationSchema, batch: Batch, rows: Int32Array): boolean {
  const [column, another] = keyColumns(schema)
  if (!column || another || !ORDERED.has(column.type.oid)) return false
  const values = batch.columns[column.index] as readonly (number | bigint | null)[]
  let last: number | bigint = -Infinity
  for (const row of rows) {
    const value = values[row] ?? null
    if (value === null || value <= last) return false
    last = value
  }
  return true
}

/** Whether a row of the batch replaces another one of its key. */
function replacement(
  schema: RelationSchema,
  batch: Batch
): (row: number, other: number) => boolean {
  const isLater = (row: number, other: number): boolean =>
    sequenceAt(batch, row) >= sequenceAt(batch, other)
  const { onConflict } = schema
  if (!onConflict) return isLater
  if (onConflict.keep === 'first') return (row, other) => !isLater(row, other)
  const versions = versionColumns(schema).map(({ index }) => batch.columns[index] as Versions)
  return (row, other) => isNotLower(versions, row, other)
}

type Versions = readonly (number | bigint | null)[]

/**
 * Compared in turn; one without all its versions replaces nothing and gives way to any that has them, or
 * what stays would depend on which rows come in one batch.
 */
function isNotLower(versions: readonly Versions[], row: number, other: number): boolean {
  const lacksOne = (each: number): boolean =>
    versions.some((values) => (values[each] ?? null) === null)
  if (lacksOne(row)) return false
  if (lacksOne(other)) return true
  for (const values of versions) {
    const [mine, its] = [values[row]!, values[other]!]
    if (mine !== its) return mine > its
  }
  return true
}

/** Of the rows to apply those that are rows; the others only take the row of their key away. */
export function rowsToKeep({ deleted }: Batch, indexes: Int32Array): Int32Array {
  return deleted?.size ? indexes.filter((row) => !deleted.has(row)) : indexes
}

const sequenceAt = (batch: Batch, row: number): number => batch.sequences[row] as number

function freshRows(batch: Batch, after: number): Int32Array {
  const rows = new Int32Array(batch.count)
  let count = 0
  for (let row = 0; row < batch.count; row++) {
    if (sequenceAt(batch, row) > after) rows[count++] = row
  }
  return rows.subarray(0, count)
}

/** A reader of row keys: values that are `===` exactly when Postgres calls the keys equal. */
export function keyReader(
  schema: RelationSchema,
  batch: Pick<Batch, 'columns'>
): (row: number) => RowKey {
  const parts = keyColumns(schema).map(({ index, type }) => {
    const values = batch.columns[index] as readonly Value[]
    return (row: number) => normalized(values[row] as Value, type)
  })
  const [only] = parts
  if (only && parts.length === 1) return only
  return (row) => parts.reduce((key, part) => key + partOfKey(part(row)), '')
}

/** The same of one key's values, in key order. @throws StoreError for a NULL */
export function rowKey(types: readonly ColumnType[], values: readonly Value[]): RowKey {
  const parts = types.map((type, i) => normalized(values[i] as Value, type))
  return parts.length === 1
    ? parts[0]!
    : parts.reduce<string>((key, part) => key + partOfKey(part), '')
}

function partOfKey(part: RowKey): string {
  const text = String(part)
  return `${text.length}:${text}`
}

export interface BatchColumn {
  /** Its place in a batch. */
  readonly index: number
  readonly attnum: number
  readonly type: ColumnType
}

/** The key's columns, in key order. */
export const keyColumns = (schema: RelationSchema): BatchColumn[] =>
  schema.key.map((attnum) => columnAt(schema, attnum))

/** The columns that decide which delivery is the newer one, if it isn't the stream's order. */
export const versionColumns = (schema: RelationSchema): BatchColumn[] =>
  schema.onConflict?.keep === 'highest'
    ? schema.onConflict.versions.map((attnum) => columnAt(schema, attnum))
    : []

function columnAt(schema: RelationSchema, attnum: number): BatchColumn {
  const index = schema.columns.findIndex((column) => column.attnum === attnum)
  const column = schema.columns[index]
  if (!column) throw new StoreError(`relation ${schema.id} has no column ${attnum}`)
  return { index, attnum, type: column.type }
}

/** Numeric that no DECIMAL holds is kept as text, where 1.0 and 1.00 differ. */
export const isTextNumeric = (type: ColumnType): boolean =>
  type.oid === OID.numeric && storeType(type) === 'VARCHAR'

const DAY_MICROS = 86_400_000_000n

function normalized(value: Value, type: ColumnType): string | number | bigint | boolean {
  if (value === null) throw new StoreError('a key column is null')
  if (typeof value === 'object') return normalizedObject(value, type)
  if (type.oid !== OID.numeric) return value
  const digits = String(value)
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits
}

function normalizedObject(value: Uint8Array | Interval | readonly Value[], type: ColumnType) {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  // As interval_cmp_value of Postgres's timestamp.c: a month is 30 days, a day 24 hours.
  if ('micros' in value) return value.micros + BigInt(value.months * 30 + value.days) * DAY_MICROS
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint' || typeof part === 'number') return String(part)
    return part
  }).concat(String(type.oid))
}
