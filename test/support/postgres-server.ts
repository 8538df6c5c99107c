// A real Postgres for one test: the embedded one, in a temporary folder, gone at the test's end.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'
import type { Test } from 'tap'

import { createLogger } from '../../src/log.ts'
import { startEmbedded } from '../../src/upstream/embedded.ts'
import { freePort } from './free-port.ts'

export interface PostgresOptions {
  readonly settings?: Readonly<Record<string, string>>
  readonly user?: string
  readonly password?: string
}

export interface PostgresServer {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly socketDir: string
  readonly url: string
  readonly pid: number
  /** A connected client, ended with the test. */
  connect(options?: pg.ClientConfig): Promise<pg.Client>
  stop(): Promise<void>
  /** Stops, if it runs, and starts again on the same port with the same data. */
  restart(): Promise<void>
}

/** Starts a Postgres 18 on a free port of 127.0.0.1; nothing it does survives a power cut. */
export async function startPostgres(
  t: Pick<Test, 'teardown'>,
  options: PostgresOptions = {}
): Promise<PostgresServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'jetgres-test-pg-'))
  const host = '127.0.0.1'
  const port = await freePort(host)
  const { user = 'postgres', password } = options
  const settings = { fsync: 'off', max_connections: '60', shared_buffers: '32MB', ...options.settings }
  const log = createLogger({ level: 'error', format: 'json' })
  const start = () =>
    startEmbedded({ dataDir, log, listen: { host, port }, user, password, settings })

  let server = await start()
  const clients = new Set<pg.Client>()
  t.teardown(async () => {
    await Promise.all([...clients].map((client) => client.end().catch(() => undefined)))
    await server.stop('immediate')
    await rm(dataDir, { recursive: true, force: true })
  })

  return {
    host,
    port,
    user,
    password,
    database: 'postgres',
    get socketDir() {
      return server.socketDir
    },
    get pid() {
      return server.pid
    },
    url: urlOf({ host, port, user, password }),
    connect: async (overrides = {}) => {
      const facts = { host, port, user, database: 'postgres', ...overrides }
      const client = new pg.Client(password === undefined ? facts : { password, ...facts })
      // A server that stops under an idle client is an event, not a failure of the test.
      client.on('error', () => undefined)
      clients.add(client)
      await client.connect()
      return client
    },
    stop: () => server.stop(),
    restart: async () => {
      await server.stop()
      server = await start()
    }
  }
}

function urlOf(facts: {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
}): string {
  const { host, port, user, password } = facts
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`
  return `postgresql://${encodeURIComponent(user)}${secret}@${host}:${port}/postgres`
}
