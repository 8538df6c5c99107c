// A temporary table on a maintenance connection, filled with given rows and asked one SELECT. Owns
// that connection until it is closed; everything happens in one transaction that leaves nothing.

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

import type { MaintenanceDatabase } from './maintenance.ts'

/** How the table is named in a SELECT. */
export const SCRATCH = 'pg_temp.jetgres_scratch'

// What postgres_fdw sets on its connections (connection.c): its conditions are written for these.
const SETTINGS = `
SET LOCAL search_path = pg_catalog; SET LOCAL timezone = 'GMT'; SET LOCAL datestyle = ISO;
SET LOCAL intervalstyle = postgres; SET LOCAL extra_float_digits = 3`

// The twin's own columns, so types and collations are the same; named as on the back channel.
const SHAPE = `
SELECT format('CREATE TEMP TABLE jetgres_scratch ON COMMIT DROP AS SELECT %s FROM ONLY %s WITH NO DATA',
              string_agg(format('%I AS c%s', attname, attnum), ', ' ORDER BY attnum),
              attrelid::regclass) AS sql
FROM pg_attribute WHERE attrelid = $1 AND attnum = ANY ($2::int2[]) GROUP BY attrelid`

/** Fields come as the text the server sent. */
const AS_TEXT = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig

export class ScratchTable {
  readonly #client: pg.PoolClient
  #isClosed = false

  private constructor(client: pg.PoolClient) {
    this.#client = client
  }

  /** An empty table with these columns of the twin's. @throws what Postgres says */
  static async create(
    database: MaintenanceDatabase,
    twinOid: number,
    attnums: readonly number[]
  ): Promise<ScratchTable> {
    const client = await database.connect()
    const table = new ScratchTable(client)
    try {
      await client.query('BEGIN')
      const shape = await client.query<{ sql: string }>(SHAPE, [twinOid, [...attnums]])
      await client.query(shape.rows[0]?.sql ?? 'CREATE TEMP TABLE jetgres_scratch () ON COMMIT DROP')
      await client.query(SETTINGS)
      return table
    } catch (error) {
      await table.close()
      throw error
    }
  }

  /** Loads chunks of COPY text. */
  async load(chunks: AsyncIterable<string>): Promise<void> {
    await pipeline(
      Readable.from(chunks, { objectMode: false }),
      this.#client.query(copyFrom(`COPY ${SCRATCH} FROM STDIN`))
    )
  }

  /** Opens the SELECT's cursor (again). */
  async open(select: string, values: readonly (string | null)[]): Promise<void> {
    await this.#client.query('CLOSE ALL')
    await this.#client.query(`DECLARE c NO SCROLL CURSOR FOR ${select}`, [...values])
  }

  async fetch(count: number): Promise<(string | null)[][]> {
    const result = await this.#client.query<(string | null)[]>({
      text: `FETCH ${count} FROM c`,
      rowMode: 'array',
      types: AS_TEXT
    })
    return result.rows
  }

  /** Ends the transaction and gives the connection back. Any number of times. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const isClean = await this.#client.query('ROLLBACK').then(
      () => true,
      () => false
    )
    this.#client.release(!isClean)
  }
}
