// What every compatibility test plays on: a Postgres, a jetgres in front of it as a process of its
// own, a NATS server with one stream. A test compares what a client sees through `proxy` with what
// it sees at `plain`, the same Postgres without jetgres between.

import type { NatsConnection } from 'nats'
import pg from 'pg'
import type { Test } from 'tap'

import { eventually } from '../../support/eventually.ts'
import { startJetgres } from '../../support/jetgres.ts'
import { connectNats, createStream, publishJson, startNats } from '../../support/nats-server.ts'
import { startPostgres } from '../../support/postgres-server.ts'

export interface Address {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
}

export interface Stage {
  readonly proxy: Address
  readonly plain: Address
  /** Of jetgres. */
  readonly pid: number
  /** A connected client of either, ended with the test. */
  connect(to: Address, config?: pg.ClientConfig): Promise<pg.Client>
  /** The statement that creates a relation; publish to its name. */
  relationSql(name: string, columns: string): string
  /** Creates a relation through jetgres; `columns` as in CREATE TABLE. Publish to its name. */
  createRelation(name: string, columns: string): Promise<void>
  publishOnly(name: string, rows: readonly unknown[]): Promise<void>
  /** Publishes rows and waits until all of them can be read. */
  publish(name: string, rows: readonly unknown[], count?: number): Promise<void>
}

type Tap = Pick<Test, 'teardown'>

export async function startStage(
  t: Tap,
  startUpstream: (t: Tap) => Promise<Address> = startPostgres
): Promise<Stage> {
  const [plain, nats] = await Promise.all([startUpstream(t), startNats(t)])
  const connection = await connectNats(t, nats)
  await createStream(connection, 'compat', ['compat.>'])
  const { host, port, user, database } = plain
  const upstream = `postgresql://${user}@${host}:${port}/${database}`
  const jetgres = await startJetgres(t, { upstream })
  const proxy: Address = { host: jetgres.host, port: jetgres.port, user, database }
  const clients = new Set<pg.Client>()
  t.teardown(() => Promise.all([...clients].map((client) => client.end().catch(() => undefined))))

  const connect: Stage['connect'] = async (to, config) => {
    const { host, port, user, database } = to
    const client = new pg.Client({ host, port, user, database, ...config })
    client.on('error', () => undefined)
    clients.add(client)
    await client.connect()
    return client
  }
  const control = await connect(proxy)
  return {
    proxy,
    plain: { host, port, user, database },
    pid: jetgres.pid,
    connect,
    relationSql: (name, columns) => createSql(name, columns, nats.url),
    publishOnly: (name, rows) => publishJson(connection, `compat.${name}`, rows),
    createRelation: async (name, columns) => {
      await control.query(createSql(name, columns, nats.url))
    },
    publish: (name, rows, count = rows.length) => publish(connection, control, name, rows, count)
  }
}

const createSql = (name: string, columns: string, url: string): string =>
  `CREATE TABLE ${name} (${columns}) WITH (connector = 'nats', server_url = '${url}',
   subject = 'compat.${name}', stream = 'compat', connect_mode = 'plain') FORMAT PLAIN ENCODE JSON`

async function publish(
  connection: NatsConnection,
  control: pg.Client,
  name: string,
  rows: readonly unknown[],
  count: number
): Promise<void> {
  await publishJson(connection, `compat.${name}`, rows)
  const isThere = async (): Promise<boolean> => {
    const result = await control.query<{ n: string }>(`SELECT count(*) AS n FROM ${name}`)
    return Number(result.rows[0]?.n) === count
  }
  await eventually(isThere, { deadlineMs: 30_000, what: `${count} rows in ${name}` })
}
