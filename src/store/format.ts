// What a store file is: its meta tables and their version. Owns every statement on them; must never
// touch a relation's own table.

import type { DuckDBValue } from '@duckdb/node-api'
import { limits } from '../limits.ts'
import type { Gap, StreamPosition } from '../types/connector.ts'
import type { RelationSchema } from '../types/value.ts'
import { StoreError } from './store-error.ts'
import type { Writer } from './writer.ts'

/** Raised when an older jetgres could not read the file any more. */
export const FORMAT_VERSION = 2

export const DROPPED_TABLE = 'jetgres_dropped'

export const GAPS_TABLE = 'jetgres_gaps'

/** `noticed`: Unix time in microseconds. */
const MAKE_GAPS = `CREATE TABLE ${GAPS_TABLE}
     (relation BIGINT, first BIGINT, last BIGINT, noticed BIGINT)`

/** No keys or constraints: DuckDB would turn each UPDATE into DELETE and INSERT. One writer. */
const TABLES = [
  'CREATE TABLE jetgres_meta (version INTEGER, next_id BIGINT)',
  'CREATE TABLE jetgres_relations (id BIGINT, schema VARCHAR, definition VARCHAR)',
  `CREATE TABLE jetgres_positions
     (id BIGINT, sequence BIGINT, created VARCHAR, dropped BIGINT)`,
  `CREATE TABLE ${DROPPED_TABLE}
     (relation BIGINT, nth BIGINT, sequence BIGINT, subject VARCHAR, error VARCHAR, payload BLOB)`,
  MAKE_GAPS,
  `INSERT INTO jetgres_meta VALUES (${FORMAT_VERSION}, 1)`
]

/** From the version before to each version. */
const MIGRATIONS: ReadonlyMap<number, readonly string[]> = new Map([[2, [MAKE_GAPS]]])

/** What the store remembers of a relation besides its rows. */
export interface StoredRelation {
  readonly schema: RelationSchema
  readonly definition: string
  readonly position: StreamPosition
  /** Deliveries ever dropped. */
  readonly dropped: number
}

/** Makes the meta tables of a new file, brings an older one up. @throws StoreError if it's not ours */
export async function prepareFormat(writer: Writer, path: string): Promise<void> {
  const tables = await writer.rows('SELECT table_name FROM duckdb_tables() WHERE NOT temporary')
  if (tables.length === 0) {
    for (const sql of TABLES) await writer.run(sql)
    return
  }
  if (!tables.some(([name]) => name === 'jetgres_meta')) {
    throw new StoreError(`"${path}" is a DuckDB file of something else`)
  }
  const version = (await writer.rows('SELECT version FROM jetgres_meta'))[0]?.[0]
  if (typeof version !== 'number' || version < 1 || version > FORMAT_VERSION) {
    throw new StoreError(
      `"${path}" has store format ${String(version)}, this jetgres reads ${FORMAT_VERSION}`
    )
  }
  for (let next = version + 1; next <= FORMAT_VERSION; next++) {
    for (const sql of MIGRATIONS.get(next) ?? []) await writer.run(sql)
    await writer.run(`UPDATE jetgres_meta SET version = ${next}`)
  }
}

export async function loadRelations(writer: Writer): Promise<StoredRelation[]> {
  const rows = await writer.rows(
    `SELECT r.schema, r.definition, p.sequence, p.created, p.dropped
       FROM jetgres_relations r JOIN jetgres_positions p USING (id) ORDER BY id`
  )
  return rows.map(([schema, definition, sequence, created, dropped]) => ({
    schema: JSON.parse(text(schema)) as RelationSchema,
    definition: text(definition),
    position: { sequence: Number(sequence), created: text(created) },
    dropped: Number(dropped)
  }))
}

const text = (value: DuckDBValue | undefined): string => {
  if (typeof value === 'string') return value
  throw new StoreError('the store file is damaged')
}

export async function insertRelation(writer: Writer, relation: StoredRelation): Promise<void> {
  const { schema, definition, position, dropped } = relation
  const id = BigInt(schema.id)
  await writer.run('INSERT INTO jetgres_relations VALUES ($1::BIGINT, $2, $3)', [
    id,
    JSON.stringify(schema),
    definition
  ])
  const insert = 'INSERT INTO jetgres_positions VALUES ($1::BIGINT, $2::BIGINT, $3, $4::BIGINT)'
  await writer.run(insert, [id, BigInt(position.sequence), position.created, BigInt(dropped)])
}

export async function updateSchema(writer: Writer, schema: RelationSchema): Promise<void> {
  await writer.run('UPDATE jetgres_relations SET schema = $2 WHERE id = $1::BIGINT', [
    BigInt(schema.id),
    JSON.stringify(schema)
  ])
}

export async function updateDefinition(
  writer: Writer,
  id: number,
  definition: string
): Promise<void> {
  await writer.run('UPDATE jetgres_relations SET definition = $2 WHERE id = $1::BIGINT', [
    BigInt(id),
    definition
  ])
}

export async function updatePosition(
  writer: Writer,
  id: number,
  position: StreamPosition,
  dropped: number
): Promise<void> {
  await writer.run(
    `UPDATE jetgres_positions SET sequence = $2::BIGINT, created = $3, dropped = $4::BIGINT
      WHERE id = $1::BIGINT`,
    [BigInt(id), BigInt(position.sequence), position.created, BigInt(dropped)]
  )
}

export async function deleteRelation(writer: Writer, id: number): Promise<void> {
  for (const table of ['jetgres_relations', 'jetgres_positions']) {
    await writer.run(`DELETE FROM ${table} WHERE id = $1::BIGINT`, [BigInt(id)])
  }
  for (const table of [DROPPED_TABLE, GAPS_TABLE]) {
    await writer.run(`DELETE FROM ${table} WHERE relation = $1::BIGINT`, [BigInt(id)])
  }
}

/** Forgets the dropped deliveries of a relation up to its nth. */
export async function trimDropped(writer: Writer, id: number, nth: number): Promise<void> {
  await writer.run(
    `DELETE FROM ${DROPPED_TABLE} WHERE relation = $1::BIGINT AND nth <= $2::BIGINT`,
    [BigInt(id), BigInt(nth)]
  )
}

/** Forgets these dropped deliveries of a relation. */
export async function forgetDropped(
  writer: Writer,
  id: number,
  sequences: readonly number[]
): Promise<void> {
  if (sequences.length === 0) return
  await writer.runOnce(
    `DELETE FROM ${DROPPED_TABLE} WHERE relation = ${id} AND sequence IN (${sequences.join(', ')})`
  )
}

/** Takes the next relation id out of use, for good. */
export async function takeId(writer: Writer): Promise<number> {
  await writer.run('UPDATE jetgres_meta SET next_id = next_id + 1')
  return Number((await writer.rows('SELECT next_id - 1 FROM jetgres_meta'))[0]?.[0])
}

/** Keeps ids that the caller chose itself out of use too. */
export async function passId(writer: Writer, id: number): Promise<void> {
  await writer.run('UPDATE jetgres_meta SET next_id = greatest(next_id, $1::BIGINT)', [
    BigInt(id) + 1n
  ])
}

/** Adds gaps and forgets the oldest beyond limits.gapsKeptPerRelation. */
export async function insertGaps(writer: Writer, id: number, gaps: readonly Gap[]): Promise<void> {
  const noticed = Date.now() * 1_000
  const rows = gaps.map(({ first, last }) => `(${id}, ${first}, ${last}, ${noticed})`)
  await writer.runOnce(`INSERT INTO ${GAPS_TABLE} VALUES ${rows.join(', ')}`)
  await writer.run(
    `DELETE FROM ${GAPS_TABLE} WHERE relation = $1::BIGINT AND rowid NOT IN (
       SELECT rowid FROM ${GAPS_TABLE} WHERE relation = $1::BIGINT
       ORDER BY rowid DESC LIMIT ${limits.gapsKeptPerRelation})`,
    [BigInt(id)]
  )
}
