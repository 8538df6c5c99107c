// One batch into one relation's table, inside a transaction that the caller opened. Owns the
// upsert: keys go to a temporary table, rows with those keys are deleted, new rows are appended (of a
// deleted key there is none).
// Must never commit, and must leave no row behind that the position does not cover.

import { BIGINT, BLOB, VARCHAR } from '@duckdb/node-api'
import type { DuckDBType } from '@duckdb/node-api'
import { limits } from '../limits.ts'
import type { Batch, DroppedDelivery, StreamPosition } from '../types/connector.ts'
import { SEQUENCE_COLUMN, storeColumn, storeTable } from '../types/store-names.ts'
import { storeType } from '../types/store-type.ts'
import type { ColumnType, RelationSchema, Value } from '../types/value.ts'
import {
  appliedBefore,
  isTextNumeric,
  keyColumns,
  rowsToApply,
  rowsToKeep,
  versionColumns
} from './batch-rows.ts'
import { duckTypeByName } from './duck-types.ts'
import { appendRows } from './duck-write.ts'
import { DROPPED_TABLE, insertGaps, trimDropped, updatePosition } from './format.ts'
import { applyMerged } from './merge.ts'
import { NewKeys } from './new-keys.ts'
import { StoreError } from './store-error.ts'
import type { Writer } from './writer.ts'

/** The temporary table that holds the keys of the batch in hand. */
export const KEYS = 'jetgres_keys'

const DROPPED_TYPES = [BIGINT, BIGINT, BIGINT, VARCHAR, VARCHAR, BLOB]

/** A relation's table as the writer knows it. */
export interface Target {
  readonly schema: RelationSchema
  /** DuckDB's types of the table's columns, `_seq` included. */
  readonly types: readonly DuckDBType[]
  readonly newKeys: NewKeys
}

/** How far a relation has come. */
export interface Progress {
  readonly position: StreamPosition
  readonly dropped: number
}

/** @throws StoreError when a column's type has no place in the store. */
export function targetOf(schema: RelationSchema): Target {
  const types = schema.columns.map((column) => duckTypeByName(columnType(column.type)))
  return { schema, types: [...types, BIGINT], newKeys: new NewKeys(schema) }
}

/** DuckDB's name of a column's type. @throws StoreError when it has no place in the store. */
export function columnType(type: ColumnType): string {
  const name = storeType(type)
  if (name === undefined) throw new StoreError(`the store has no place for type ${type.oid}`)
  return name
}

/** Strings that DuckDB packs are unpacked one by one by each commit that looks for their keys. */
const PACKED = new Set(['VARCHAR', 'BLOB'])

/** CREATE TABLE for a relation, by default of its own name. @throws StoreError as targetOf. */
export function createTableSql(schema: RelationSchema, table = storeTable(schema.id)): string {
  const columns = schema.columns.map(({ attnum, type }) => {
    const name = columnType(type)
    const isUnpacked = schema.key.includes(attnum) && PACKED.has(name)
    return `${storeColumn(attnum)} ${name}${isUnpacked ? ' USING COMPRESSION uncompressed' : ''}`
  })
  columns.push(`${SEQUENCE_COLUMN} BIGINT`)
  return `CREATE TABLE ${table} (${columns.join(', ')})`
}

/** What a batch has done. */
export interface Applied {
  readonly progress: Progress
  /** Indexes of the rows that have replaced, or taken away, what was there of their keys. */
  readonly rows: Int32Array
}

/** Applies what of the batch was not applied before. */
export async function applyBatch(
  writer: Writer,
  target: Target,
  batch: Batch,
  before: Progress
): Promise<Applied> {
  const after = appliedBefore(batch, before.position)
  if (batch.cutsBehind !== undefined && batch.position.created !== before.position.created) {
    const behind = `WHERE ${SEQUENCE_COLUMN} > ${Math.trunc(batch.cutsBehind)}`
    const table = storeTable(target.schema.id)
    await writer.runDelete(table, `DELETE FROM ${table} ${behind}`)
  }
  const indexes = rowsToApply(target.schema, batch, after)
  const rows = indexes.length > 0 ? await applyRows(writer, target, batch, indexes) : indexes
  const dropped = batch.dropped.filter((delivery) => delivery.sequence > after)
  await appendDropped(writer, target.schema.id, dropped, before.dropped)
  const gaps = (batch.gaps ?? []).filter(({ last }) => last > after)
  if (gaps.length > 0) await insertGaps(writer, target.schema.id, gaps)
  const progress = {
    position: {
      sequence: Math.max(after, batch.position.sequence),
      created: batch.position.created
    },
    dropped: before.dropped + dropped.length
  }
  await updatePosition(writer, target.schema.id, progress.position, progress.dropped)
  return { progress, rows }
}

/** @param indexes at most one row of a key */
export async function applyRows(
  writer: Writer,
  target: Target,
  batch: Batch,
  indexes: Int32Array
): Promise<Int32Array> {
  const { schema, types, newKeys } = target
  if (schema.onConflict?.keep === 'notNull') {
    await applyMerged(writer, target, batch, indexes, sameKey(schema, storeColumn))
    return indexes
  }
  let applied = indexes
  if (schema.key.length > 0 && !(await newKeys.areAllNew(writer, batch, indexes))) {
    await stageKeys(writer, target, batch, indexes)
    applied = await withoutLosers(writer, schema, indexes)
    if (applied.length > 0) await writer.runDelete(storeTable(schema.id), deleteSql(schema))
  }
  const kept = rowsToKeep(batch, applied)
  if (kept.length === 0) return applied
  const columns = [...batch.columns, batch.sequences.map(BigInt)]
  await writer.append({ name: storeTable(schema.id) }, (appender) =>
    appendRows(appender, types, { columns, indexes: kept })
  )
  return applied
}

/** Fills KEYS with the rows' keys; where these do not decide alone, with their versions and places in the batch. */
export async function stageKeys(
  writer: Writer,
  { schema, types }: Target,
  batch: Batch,
  indexes: Int32Array
): Promise<void> {
  const staged = [...keyColumns(schema), ...versionColumns(schema)]
  const names = staged.map(({ type }, i) => `k${i} ${columnType(type)}`)
  const stagedTypes = staged.map(({ index }) => types[index] as DuckDBType)
  const columns = staged.map(({ index }) => batch.columns[index] as readonly Value[])
  if (schema.onConflict) {
    names.push('i BIGINT')
    stagedTypes.push(BIGINT)
    columns.push(Array.from({ length: batch.count }, (_, i) => BigInt(i)))
  }
  await writer.runOnce(`CREATE OR REPLACE TEMP TABLE ${KEYS} (${names.join(', ')})`)
  await writer.append({ name: KEYS, catalog: 'temp' }, (appender) =>
    appendRows(appender, stagedTypes, { columns, indexes })
  )
}

/** Takes out the rows that those in the table don't give way to. */
async function withoutLosers(
  writer: Writer,
  schema: RelationSchema,
  indexes: Int32Array
): Promise<Int32Array> {
  if (!schema.onConflict) return indexes
  const rows = await writer.rows(
    `DELETE FROM ${KEYS} k USING ${storeTable(schema.id)} t
      WHERE ${sameKey(schema)} AND (${loses(schema)}) RETURNING k.i`
  )
  const losers = new Set(rows.map(([place]) => Number(place)))
  return losers.size === 0 ? indexes : indexes.filter((row) => !losers.has(row))
}

/** Whether a staged row gives way to the table's; as isNotLower in batch-rows.ts. */
export function loses(schema: RelationSchema): string {
  const pairs = versionColumns(schema).map(({ attnum }, i) => ({
    mine: `k.k${schema.key.length + i}`,
    its: `t.${storeColumn(attnum)}`
  }))
  if (pairs.length === 0) return 'true'
  const isLower = pairs.map(({ mine, its }, i) => {
    const before = pairs.slice(0, i).map((pair) => `${pair.mine} = ${pair.its}`)
    return [...before, `${mine} < ${its}`].join(' AND ')
  })
  const lacksOne = pairs.map(({ mine }) => `${mine} IS NULL`).join(' OR ')
  const hasAll = pairs.map(({ its }) => `${its} IS NOT NULL`).join(' AND ')
  return `${lacksOne} OR (${hasAll} AND (${isLower.map((each) => `(${each})`).join(' OR ')}))`
}

const deleteSql = (schema: RelationSchema): string =>
  `DELETE FROM ${storeTable(schema.id)} t USING ${KEYS} k WHERE ${sameKey(schema)}`

/** @param staged names the staged column that holds this part of the key */
export const sameKey = (
  schema: RelationSchema,
  staged: (attnum: number, i: number) => string = (_, i) => `k${i}`
): string =>
  keyColumns(schema)
    .map(({ attnum, type }, i) => {
      const mine = comparable(`k.${staged(attnum, i)}`, type)
      return `${comparable(`t.${storeColumn(attnum)}`, type)} = ${mine}`
    })
    .join(' AND ')

/** Equal exactly where Postgres calls the values equal; as `normalized` in batch-rows.ts. */
function comparable(column: string, type: ColumnType): string {
  if (!isTextNumeric(type)) return column
  const trimmed = `rtrim(rtrim(${column}, '0'), '.')`
  return `CASE WHEN contains(${column}, '.') THEN ${trimmed} ELSE ${column} END`
}

async function appendDropped(
  writer: Writer,
  id: number,
  dropped: readonly DroppedDelivery[],
  before: number
): Promise<void> {
  if (dropped.length === 0) return
  const kept = dropped.slice(-limits.droppedKeptPerRelation)
  const first = before + dropped.length - kept.length + 1
  const columns: Value[][] = [
    kept.map(() => BigInt(id)),
    kept.map((_, i) => BigInt(first + i)),
    kept.map(({ sequence }) => BigInt(sequence)),
    kept.map(({ subject }) => withoutNul(subject)),
    kept.map(({ error }) => withoutNul(error)),
    kept.map(({ payload }) => payload.subarray(0, limits.droppedPayloadBytesKept))
  ]
  await writer.append({ name: DROPPED_TABLE }, (appender) =>
    appendRows(appender, DROPPED_TYPES, { columns, indexes: Int32Array.from(kept.keys()) })
  )
  await trimDropped(writer, id, before + dropped.length - limits.droppedKeptPerRelation)
}

/** The error may quote the payload; a report of a bad delivery must not fail for what it quotes. */
const withoutNul = (value: string): string => value.replaceAll('\0', '\uFFFD')
