// What the end-to-end tests share: a stream, an upstream, jetgres before it, and the words to make
// a relation and to look at it from both sides.

import type { NatsConnection } from 'nats'
import pg from 'pg'
import type { Test } from 'tap'

import { sendCancel } from '../../src/upstream/cancel.ts'
import { eventually } from '../support/eventually.ts'
import { startJetgres } from '../support/jetgres.ts'
import type { Jetgres } from '../support/jetgres.ts'
import { publishJson, startStream } from '../support/nats-server.ts'
import type { NatsServer, StreamOptions, StreamServer } from '../support/nats-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import type { PostgresServer } from '../support/postgres-server.ts'

/** The stream that every relation of a world reads, unless it says otherwise. */
export const STREAM = 'E2E'

export interface World {
  readonly nats: NatsServer
  readonly connection: NatsConnection
  readonly postgres: PostgresServer
  readonly jetgres: Jetgres
  /** A superuser's session through jetgres: after restart() a new one. */
  readonly client: pg.Client
  /** A superuser's session on the upstream itself. */
  readonly direct: pg.Client
  /** Restarts jetgres; answers with the new `client`. */
  restart(): Promise<pg.Client>
}

/** A server with the stream of a world. */
export const startWorldStream = (t: Test, options: StreamOptions = {}): Promise<StreamServer> =>
  startStream(t, STREAM, ['e2e.>'], options)

/** NATS with one stream of subjects "e2e.>", a Postgres, and jetgres before it. */
export async function openWorld(t: Test): Promise<World> {
  const [stream, postgres] = await Promise.all([startWorldStream(t), startPostgres(t)])
  const jetgres = await startJetgres(t, { upstream: postgres.url })
  const client = await jetgres.connect()
  const direct = await postgres.connect()
  const restart = async (): Promise<pg.Client> => {
    await jetgres.restart()
    return (world.client = await jetgres.connect())
  }
  const world = {
    nats: stream.server,
    connection: stream.admin,
    postgres,
    jetgres,
    client,
    direct,
    restart
  }
  return world
}

/** One world for the tests of a file that leave nothing behind, opened by the first that asks. */
export function sharedWorld(t: Test): () => Promise<World> {
  let world: Promise<World> | undefined
  return () => (world ??= openWorld(t))
}

/** A server where user "amy" has this password, with a world's stream of the rows of `e2e.amy`. */
export async function startAmysStream(
  t: Test,
  password: string,
  rows: readonly unknown[]
): Promise<NatsServer> {
  const configText = `authorization { users: [
    { user: "own", password: "own" }, { user: "amy", password: "${password}" }] }`
  const login = { user: 'own', pass: 'own' }
  const { server, admin } = await startWorldStream(t, { server: { configText }, login })
  await publishJson(admin, 'e2e.amy', rows)
  return server
}

/** The WITH and FORMAT clauses of a relation over this subject. */
export const fedBy = (nats: NatsServer, subject: string, stream = STREAM): string =>
  `WITH (connector = 'nats', server_url = '127.0.0.1:${nats.port}', subject = '${subject}',
         stream = '${stream}', connect_mode = 'plain') FORMAT PLAIN ENCODE JSON`

/** The live children of relations: jetgres has foreign tables of its own beside them. */
export const liveChildren = async (direct: pg.ClientBase): Promise<unknown[]> =>
  (
    await rowsOf(
      direct,
      `SELECT ftrelid::regclass::text FROM pg_foreign_table JOIN pg_class c ON c.oid = ftrelid
       JOIN pg_namespace n ON n.oid = relnamespace
       WHERE nspname = 'jetgres_live' AND relname ~ '^r[0-9]+$'`
    )
  ).map(([name]) => name)

/** Rows as arrays: what two sides are compared by. */
export async function rowsOf(
  client: pg.ClientBase,
  text: string,
  values: unknown[] = []
): Promise<unknown[][]> {
  const { rows } = await client.query<unknown[]>({ text, values, rowMode: 'array' })
  return rows
}

/** How the session's last statement was answered. */
export async function lastRoute(client: pg.ClientBase): Promise<string> {
  const [row] = await rowsOf(client, 'SHOW jetgres.last_route')
  return String(row?.[0])
}

/** The rows as jetgres answers, checked against what the upstream reads. */
export async function bothRoutes(t: Test, world: World, text: string): Promise<unknown[][]> {
  const local = await rowsOf(world.client, text)
  t.same(await rowsOf(world.direct, text), local, `the same by the upstream: ${text}`)
  return local
}

/** Waits until the relation holds so many rows. */
export async function untilCount(
  client: pg.ClientBase,
  relation: string,
  count: number,
  deadlineMs = 20_000
): Promise<void> {
  let seen: unknown
  const check = async (): Promise<boolean> => {
    seen = (await rowsOf(client, `SELECT count(*) FROM ${relation}`))[0]?.[0]
    return Number(seen) === count
  }
  await eventually(check, { deadlineMs, what: `count(*) = ${count} of ${relation}` }).catch(
    (cause: unknown) => {
      throw new Error(`${relation} has ${String(seen)} rows, not ${count}`, { cause })
    }
  )
}

/** What a failed statement's client is told. */
export interface Told {
  readonly code: string | undefined
  readonly message: string
  readonly detail: string | undefined
  readonly hint: string | undefined
  /** The statement's text from the error's position on. */
  readonly at: string | undefined
}

/** Runs a statement that must fail. */
export async function refusal(client: pg.ClientBase, text: string): Promise<Told> {
  try {
    await client.query(text)
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    const { code, message, detail, hint, position } = error
    const at = position === undefined ? undefined : text.slice(Number(position) - 1)
    return { code, message, detail, hint, at }
  }
  throw new Error(`this should have failed: ${text}`)
}

/** What node-postgres keeps of BackendKeyData. */
export interface Key {
  readonly processID: number
  readonly secretKey: number
}

export const pidOf = async (client: pg.Client): Promise<number> =>
  Number((await rowsOf(client, 'SELECT pg_backend_pid()'))[0]![0])

/** What libpq's PQcancel sends; resolves when the server has taken it. */
export function cancelRequest(client: pg.Client): Promise<void> {
  const { processID, secretKey, host, port } = client as pg.Client & Key
  const secret = Buffer.alloc(4)
  secret.writeInt32BE(secretKey)
  return sendCancel({ host, port, user: '', password: '', database: '' }, undefined, {
    pid: processID,
    secret
  })
}
