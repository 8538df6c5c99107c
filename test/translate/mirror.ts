// Larger tables on both sides: made and filled by Postgres, copied to DuckDB as a store would hold
// them, and known to the translator by the columns that Postgres describes.

import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import type { DuckDBConnection } from '@duckdb/node-api'
import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'

import { elementType, storeType } from '../../src/types/store-type.ts'
import type { Column, RelationSchema } from '../../src/types/value.ts'

/** The relation of this number as Postgres has it; texts are compared by their bytes. */
export async function createTable(
  client: pg.Client,
  id: number,
  name: string,
  columns: string
): Promise<RelationSchema> {
  await client.query(`CREATE TABLE ${name} (${columns})`)
  const { fields } = await client.query(`SELECT * FROM ${name} LIMIT 0`)
  const { rows } = await client.query<{ sql: string }>(
    `SELECT format('ALTER TABLE %I ALTER %I TYPE %s COLLATE "C"', '${name}', attname,
       format_type(atttypid, atttypmod)) AS sql
     FROM pg_attribute WHERE attrelid = '${name}'::regclass AND attnum > 0 AND attcollation <> 0`
  )
  for (const { sql } of rows) await client.query(sql)
  const described = fields.map(
    (field, i): Column => ({
      attnum: i + 1,
      name: field.name,
      type: { oid: field.dataTypeID, typmod: field.dataTypeModifier },
      notNull: false
    })
  )
  return { id, key: [], columns: described }
}

/** Its rows, in DuckDB. `dir`: where they are put in between. */
export async function copyTable(
  client: pg.Client,
  duck: DuckDBConnection,
  name: string,
  { id, columns }: RelationSchema,
  dir: string
): Promise<void> {
  const forms = columns.map(({ type, attnum }) => `c${attnum} ${storeType(type) ?? 'VARCHAR'}`)
  await duck.run(`CREATE TABLE r${id} (${forms.join(', ')}, _seq BIGINT DEFAULT 0)`)
  const file = join(dir, `${name}.csv`)
  const list = columns
    .map(({ name: own, type }) => (elementType(type) ? `translate(${own}::text, '{}', '[]')` : own))
    .join(', ')
  const rows = client.query(
    copyTo(`COPY (SELECT ${list} FROM ${name}) TO STDOUT (FORMAT csv, NULL '\\N', FORCE_QUOTE *)`)
  )
  await pipeline(rows, createWriteStream(file))
  const names = columns.map(({ attnum }) => `c${attnum}`).join(', ')
  await duck.run(`COPY r${id} (${names}) FROM '${file}' (FORMAT csv, HEADER false, QUOTE '"', ESCAPE '"', NULLSTR '\\N')`)
}
