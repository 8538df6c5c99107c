// The maintenance role's connections: one small pool a database. Owns the bridge's installation and
// whatever jetgres asks the upstream for itself; must never run a client's statement.

import { createHash } from 'node:crypto'

import pg from 'pg'

import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import {
  INSTALL,
  INSTALL_CHANGES,
  mapUsers,
  pointServer,
  SCHEMA,
  SERVER,
  STANDS
} from './bridge.ts'
import type { BridgeAddress } from './bridge.ts'
import type { Writes } from './bridge-writes.ts'
import { dial } from './dial.ts'
import type { Target } from './dial.ts'
import { DialedStream } from './dialed-stream.ts'
import { Gates } from './gates.ts'
import { setSettings } from './session-settings.ts'
import { INSTALL_STATUS } from './status-views.ts'

export type Act = `adopt ${Writes}` | 'release' | 'detach'

export interface MaintenanceOptions {
  readonly target: Target
  /** Kept in the data directory: the back channel's password and the key of proofs. */
  readonly secret: string
  /** Where the upstream reaches the back channel; asked when a bridge is installed. */
  readonly backchannel: () => { readonly host: string; readonly port: number }
  /** A connection was ended by the upstream: its server may have crashed. */
  readonly lost: () => void
  readonly log: Logger
}

/** One database, as the maintenance role sees it. */
export class MaintenanceDatabase {
  readonly name: string
  readonly gates = new Gates(() => this.connect())
  readonly #pool: pg.Pool
  readonly #options: MaintenanceOptions
  #bridge: Promise<void> | undefined
  /** By this process: address and secret are its own. */
  #isInstalled = false

  constructor(name: string, options: MaintenanceOptions) {
    const { target, log } = options
    this.name = name
    this.#options = options
    this.#pool = new pg.Pool({
      stream: () => new DialedStream(async () => (await dial(target)).socket),
      user: target.user,
      password: target.password,
      database: name,
      max: limits.maintenanceConnectionsMax,
      connectionTimeoutMillis: limits.connectTimeoutMs,
      application_name: 'jetgres maintenance',
      verify: (client, done) => void setSettings(client).then(() => done(), done),
      allowExitOnIdle: true
    })
    this.#pool.on('error', (err) =>
      log.warn({ err, database: name }, 'maintenance connection lost')
    )
    // Whoever has one out is told by the query that fails; without a listener Node would end us.
    this.#pool.on('connect', (client) => client.on('error', options.lost))
  }

  async query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const result = await this.#pool.query<Row>(text, values)
    return result.rows
  }

  /** A connection of one's own; the caller releases it. */
  connect(): Promise<pg.PoolClient> {
    return this.#pool.connect()
  }

  /** The same, given back (or closed, after an error) by `work`'s end. */
  async withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.connect()
    try {
      const result = await work(client)
      client.release()
      return result
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  /** Sees to it that schema, server, mapping and functions are there and ours; at most once at a time. */
  installBridge(): Promise<void> {
    this.#bridge ??= this.#ensureBridge().finally(() => (this.#bridge = undefined))
    return this.#bridge
  }

  /** What lets one adopt or release pass (see bridge.ts). */
  proof(act: Act, twinOid: number, relationId: number): string {
    const text = `${this.#options.secret}:${act}:${twinOid}:${relationId}`
    return createHash('sha256').update(text).digest('hex')
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  async #ensureBridge(): Promise<void> {
    if (this.#isInstalled && (await this.#stands())) return
    this.#isInstalled = false
    await this.#install()
    this.#isInstalled = true
  }

  /** Where nobody can be asked it is taken to stand: whatever needs it says what is wrong. */
  async #stands(): Promise<boolean> {
    const rows = await this.query<{ stands: boolean }>(STANDS).catch(() => undefined)
    return rows?.[0]?.stands ?? true
  }

  async #install(): Promise<void> {
    const { backchannel, secret } = this.#options
    const address: BridgeAddress = { ...backchannel(), database: this.name }
    await this.withClient(async (client) => {
      const quote = (text: string): string => client.escapeLiteral(text)
      await client.query('BEGIN')
      await client.query(`SELECT pg_advisory_xact_lock(hashtext('${SCHEMA}'))`)
      await client.query(`SET LOCAL client_min_messages = warning`)
      await client.query(INSTALL)
      const [found] = (
        await client.query<{ server: boolean; mapping: boolean }>(
          `SELECT EXISTS (SELECT FROM pg_foreign_server WHERE srvname = $1) AS server,
                  EXISTS (SELECT FROM pg_user_mappings WHERE srvname = $1 AND umuser = 0) AS mapping`,
          [SERVER]
        )
      ).rows
      await client.query(pointServer(found!.server, address, quote))
      await client.query(mapUsers(found!.mapping, secret, quote))
      await client.query(INSTALL_CHANGES)
      await client.query(`DELETE FROM ${SCHEMA}.secret`)
      await client.query(`INSERT INTO ${SCHEMA}.secret VALUES ($1)`, [secret])
      await client.query('COMMIT')
      await this.#installStatus(client)
    })
  }

  /** Relations work without it: somebody else may have a schema of that name. */
  async #installStatus(client: pg.PoolClient): Promise<void> {
    try {
      await client.query(
        `BEGIN; SET LOCAL client_min_messages = warning; ${INSTALL_STATUS}; COMMIT`
      )
    } catch (err) {
      await client.query('ROLLBACK')
      this.#options.log.warn({ err, database: this.name }, 'no schema jetgres in this database')
    }
  }
}

/** All connections were in use for too long, in pg-pool's own words: its error has nothing else. */
export const isPoolTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message === 'timeout exceeded when trying to connect'

/** Every database that jetgres has had to look into. */
export class Maintenance {
  readonly #options: MaintenanceOptions
  readonly #databases = new Map<string, MaintenanceDatabase>()

  constructor(options: MaintenanceOptions) {
    this.#options = options
  }

  database(name: string): MaintenanceDatabase {
    let database = this.#databases.get(name)
    if (!database) {
      database = new MaintenanceDatabase(name, this.#options)
      this.#databases.set(name, database)
    }
    return database
  }

  /** Can the upstream be reached? @throws what the connection says */
  async ping(): Promise<void> {
    await this.database(this.#options.target.database).query('SELECT 1')
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#databases.values()].map((database) => database.close()))
    this.#databases.clear()
  }
}
