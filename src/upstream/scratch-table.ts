// Temporary tables on one maintenance connection, each filled with given rows and asked one SELECT.
// Owns that connection from the first table to the last: all the scans of a transaction share it, so
// that no two of them can wait for each other's. One transaction, which leaves nothing behind; a
// savepoint around each step keeps one scan's error from the others.

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

import { cannotConnect, PgError, saidByPostgres, tooManyConnections } from '../errors.ts'
import { isPoolTimeout } from './maintenance.ts'
import type { MaintenanceDatabase } from './maintenance.ts'

// What postgres_fdw sets on its connections (connection.c): its conditions are written for these.
const BEGIN = `
BEGIN; SET LOCAL search_path = pg_catalog; SET LOCAL timezone = 'GMT'; SET LOCAL datestyle = ISO;
SET LOCAL intervalstyle = postgres; SET LOCAL extra_float_digits = 3`

// The twin's own columns, so types and collations are the same; named as on the back channel.
const SHAPE = `
SELECT format('AS SELECT %s FROM ONLY %s WITH NO DATA',
              string_agg(format('%I AS c%s', attname, attnum), ', ' ORDER BY attnum),
              attrelid::regclass) AS sql
FROM pg_attribute WHERE attrelid = $1::regclass AND attnum = ANY ($2::int2[]) GROUP BY attrelid`

/** Fields come as the text the server sent. */
const AS_TEXT = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig

/** The connection that the scratch tables of one remote transaction share. */
export class ScratchSpace {
  readonly #database: MaintenanceDatabase
  #client: pg.PoolClient | undefined
  /** Tables that are open; with the last one the connection goes back. */
  readonly #open = new Set<number>()
  #made = 0

  constructor(database: MaintenanceDatabase) {
    this.#database = database
  }

  /**
   * An empty table with these columns of another one, given by OID or by name.
   * @throws what Postgres says, 53300, or 08001
   */
  async table(shape: number | string, attnums: readonly number[]): Promise<ScratchTable> {
    const number = ++this.#made
    this.#open.add(number)
    const table = new ScratchTable(this, number)
    try {
      await this.step((client) => createTable(client, table.name, String(shape), attnums))
      return table
    } catch (error) {
      await this.closed(number)
      throw error
    }
  }

  /** One step in a savepoint of its own. */
  async step<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect()
    await client.query('SAVEPOINT step')
    try {
      const result = await work(client)
      await client.query('RELEASE SAVEPOINT step')
      return result
    } catch (error) {
      await client
        .query('ROLLBACK TO SAVEPOINT step; RELEASE SAVEPOINT step')
        .catch(() => undefined)
      // A division by zero is the client's statement's, and keeps its code.
      throw error instanceof pg.DatabaseError ? saidByPostgres(error) : error
    }
  }

  /** A table is done with. */
  async closed(number: number): Promise<void> {
    this.#open.delete(number)
    if (this.#open.size > 0 || !this.#client) return
    const client = this.#client
    this.#client = undefined
    const isClean = await client.query('ROLLBACK').then(
      () => true,
      () => false
    )
    client.release(!isClean)
  }

  async #connect(): Promise<pg.PoolClient> {
    if (this.#client) return this.#client
    const client = await this.#database.connect().catch((error: unknown) => {
      throw unconnected(error)
    })
    this.#client = client
    await client.query(BEGIN)
    return client
  }
}

/** Why there is no connection. */
function unconnected(error: unknown): Error {
  if (error instanceof pg.DatabaseError) return saidByPostgres(error)
  if (isPoolTimeout(error)) {
    return tooManyConnections('no connection is free to evaluate a condition upstream', {
      hint: 'Too many statements at a time need Postgres to filter ingested rows.',
      cause: error
    })
  }
  if (error instanceof PgError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return cannotConnect(`could not connect to the upstream to evaluate a condition: ${reason}`, {
    cause: error
  })
}

async function createTable(
  client: pg.PoolClient,
  name: string,
  shape: string,
  attnums: readonly number[]
): Promise<void> {
  const shapes = await client.query<{ sql: string }>(SHAPE, [shape, [...attnums]])
  const [found] = shapes.rows
  await client.query(
    found
      ? `CREATE TEMP TABLE ${name} ON COMMIT DROP ${found.sql}`
      : `CREATE TEMP TABLE ${name} () ON COMMIT DROP`
  )
}

export class ScratchTable {
  /** How a SELECT names it. */
  readonly name: string
  readonly #space: ScratchSpace
  readonly #number: number
  readonly #cursor: string
  #isClosed = false

  constructor(space: ScratchSpace, number: number) {
    this.#space = space
    this.#number = number
    this.#cursor = `c${number}`
    this.name = `pg_temp.scratch_${number}`
  }

  /** Loads chunks of COPY text. */
  load(chunks: AsyncIterable<string>): Promise<void> {
    return this.#space.step(async (client) => {
      const rows = Readable.from(chunks, { objectMode: false })
      await pipeline(rows, client.query(copyFrom(`COPY ${this.name} FROM STDIN`)))
    })
  }

  /** Opens the SELECT's cursor. */
  open(select: string, values: readonly (string | null)[]): Promise<void> {
    return this.#space.step(async (client) => {
      await client.query(`DECLARE ${this.#cursor} NO SCROLL CURSOR FOR ${select}`, [...values])
    })
  }

  /** The same SELECT once more, from its beginning. */
  async reopen(select: string, values: readonly (string | null)[]): Promise<void> {
    await this.#space.step((client) => client.query(`CLOSE ${this.#cursor}`))
    await this.open(select, values)
  }

  fetch(count: number): Promise<(string | null)[][]> {
    return this.#space.step(async (client) => {
      const text = `FETCH ${count} FROM ${this.#cursor}`
      const result = await client.query<(string | null)[]>({
        text,
        rowMode: 'array',
        types: AS_TEXT
      })
      return result.rows
    })
  }

  /** Any number of times. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#space.closed(this.#number)
  }
}
