// Goal: node's `pg` works through jetgres as against Postgres: every type of an ingested relation
// in text and binary, parameters, transactions, pipelining, cancelling, COPY, notifications, many
// clients, slow ones.
// Method: where it is about values, the same query goes through jetgres, whose "every" is an
// ingested relation, and directly to database "peer", whose "every" is an ordinary table filled by
// Postgres's own JSON functions from the same payloads; rows and field descriptions must be equal.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import t from 'tap'
import type { Test } from 'tap'

import { frontend } from '../../src/wire/frontend.ts'
import { eventually } from '../support/eventually.ts'
import { withoutNats } from '../support/nats-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { EVERY, EVERY_COLUMNS, EVERY_CONDITION, openPeer } from './support/every.ts'
import { without } from './support/programs.ts'
import { openRaw } from './support/raw.ts'
import { startStage } from './support/stage.ts'
import type { Stage } from './support/stage.ts'

const MANY_ROWS = 20_000
const WIDE = 'x'.repeat(2_000)

/** Values as they came: text as strings, binary as bytes. */
const UNPARSED = { getTypeParser: () => (value: string | Buffer) => value }

const unparsed = (config: pg.QueryConfig & { binary?: boolean }): pg.QueryConfig =>
  ({ ...config, types: UNPARSED }) as pg.QueryConfig

interface Seen {
  readonly rows: unknown[]
  readonly fields: unknown[]
}

async function seen(
  client: pg.Client,
  config: pg.QueryConfig & { binary?: boolean }
): Promise<Seen> {
  const { rows, fields } = await client.query<Record<string, unknown>>(unparsed(config))
  return {
    rows: rows.map((row) => Object.values(row).map(plainValue)),
    fields: fields.map((field) => ({ ...field, tableID: 0 }))
  }
}

const plainValue = (value: unknown): unknown =>
  Buffer.isBuffer(value) ? value.toString('hex') : value

const lastRoute = async (client: pg.Client): Promise<string> => {
  const { rows } = await client.query<Record<string, string>>('SHOW jetgres.last_route')
  return Object.values(rows[0]!)[0]!
}

/** Resident set of a process, in bytes. */
const memoryOf = (pid: number): number =>
  Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024

void t.test('node pg through jetgres', without(withoutNats()), async (t) => {
  const stage = await startStage(t, (t) =>
    startPostgres(t, { settings: { max_connections: '90' } })
  )
  await stage.createRelation('every', EVERY_COLUMNS)
  await stage.publish('every', EVERY)
  await stage.createRelation('many', 'id int PRIMARY KEY, wide text')
  const many = Array.from({ length: MANY_ROWS }, (_, id) => ({ id, wide: WIDE }))
  await stage.publish('many', many)
  const client = await stage.connect(stage.proxy)
  const peer = await openPeer(stage)
  const parts = { stage, client, peer }

  await t.test('shows every type alike, in text and binary', (t) => everyType(t, parts))
  await t.test('takes parameters of every type', (t) => everyParameter(t, parts))
  await t.test('reads in transactions, and keeps them failed after an error', (t) =>
    transactions(t, parts)
  )
  await t.test('reuses named statements', (t) => named(t, parts))
  await t.test('answers many queries of one client in order', (t) => pipelined(t, parts))
  await t.test('cancels a relayed and a local query', (t) => cancelled(t, parts))
  await t.test('forgets a session at DISCARD ALL', (t) => discarded(t, parts))
  await t.test('copies both ways', (t) => copied(t, parts))
  await t.test('hears notifications', (t) => notified(t, parts))
  await t.test('serves 64 clients at once', (t) => crowd(t, parts))
  await t.test('waits for a slow reader without storing its rows', (t) => slowReader(t, parts))
  await t.test('ends what a client that vanishes left running', (t) => vanished(t, parts))
})

interface Parts {
  readonly stage: Stage
  readonly client: pg.Client
  readonly peer: pg.Client
}

async function everyType(t: Test, { client, peer }: Parts): Promise<void> {
  const columns = EVERY_COLUMNS.replaceAll(/\s+/g, ' ')
    .split(', ')
    .map((column) => column.trim().split(' ')[0]!)
  for (const text of [
    'SELECT * FROM every ORDER BY id',
    ...columns.map((c) => `SELECT ${c} FROM every ORDER BY id`)
  ]) {
    for (const binary of [false, true]) {
      const label = `${text}${binary ? ' (binary)' : ''}`
      t.same(
        await seen(client, { text, values: [], binary }),
        await seen(peer, { text, values: [], binary }),
        label
      )
      t.equal(await lastRoute(client), 'local', label)
    }
    t.same(await seen(client, { text }), await seen(peer, { text }), `${text} (simple)`)
  }
}

async function everyParameter(t: Test, { client, peer }: Parts): Promise<void> {
  for (const [condition, value] of EVERY_CONDITION) {
    const text = `SELECT id FROM every WHERE ${condition} ORDER BY id`
    const [proxied, plain] = [
      await seen(client, { text, values: [value] }),
      await seen(peer, { text, values: [value] })
    ]
    t.same(proxied, plain, `${condition}: ${await lastRoute(client)}`)
    t.ok(plain.rows.length > 0, `${condition} finds something`)
  }
}

async function transactions(t: Test, { client }: Parts): Promise<void> {
  const count = 'SELECT count(*)::int AS n FROM every'
  const found = [{ n: EVERY.length }]
  await client.query('BEGIN')
  t.same((await client.query(count)).rows, found)
  t.equal(await lastRoute(client), 'local')
  t.same((await client.query(`${count} WHERE id > $1`, [0])).rows, found)
  await t.rejects(client.query('SELECT 1/(id - 2) FROM every'), { code: '22012' })
  await t.rejects(client.query(count), { code: '25P02' })
  await t.rejects(client.query(`${count} WHERE id > $1`, [0]), { code: '25P02' })
  t.equal((await client.query('COMMIT')).command, 'ROLLBACK')
  t.same((await client.query(count)).rows, found)
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  t.same((await client.query(count)).rows, found)
  await client.query('ROLLBACK')
  for (const [text, error] of [
    ['SELECT nope FROM every', { code: '42703', position: '8' }],
    ['SELECT * FROM every WHERE id = $1 AND', { code: '42601' }],
    ['SELECT a_text::int FROM every', { code: '22P02' }]
  ] as const) {
    await t.rejects(client.query(text), error)
    t.same((await client.query(count)).rows, found, `goes on behind ${error.code}`)
  }
}

async function named(t: Test, { client }: Parts): Promise<void> {
  for (let id = 1; id <= 3; id++) {
    for (let time = 0; time < 3; time++) {
      const query = { name: 'by id', text: 'SELECT id FROM every WHERE id = $1', values: [id] }
      t.same((await client.query(query)).rows, [{ id }])
      t.equal(await lastRoute(client), 'local')
    }
  }
  const other = { name: 'by id', text: 'SELECT 1 FROM every', values: [] }
  await t.rejects(client.query(other), /must be unique/, 'pg itself refuses another text')
}

/** pg sends a query when the one before is answered; raw requests do not wait. */
async function pipelined(t: Test, { stage, client }: Parts): Promise<void> {
  const queries = Array.from({ length: 300 }, (_, i) =>
    i % 3 === 0 ? ['SELECT $1::int AS id', i] : ['SELECT id FROM many WHERE id = $1', i]
  )
  const answers = await Promise.all(queries.map(([text, id]) => client.query(String(text), [id])))
  t.same(
    answers.map(({ rows }) => rows),
    queries.map(([, id]) => [{ id }])
  )
  const raw = await openRaw(t, stage.proxy)
  for (let i = 0; i < 300; i++) {
    raw.send(frontend.query(i % 2 ? `SELECT ${i}` : `SELECT id FROM many WHERE id = ${i}`))
  }
  const rows = (await raw.until('Z', 300)).filter((reply) => reply.startsWith('D'))
  t.same(
    rows,
    Array.from({ length: 300 }, (_, i) => `D ${i}`)
  )
}

async function cancelled(t: Test, { stage }: Parts): Promise<void> {
  const local = 'SELECT count(*) FROM many a, many b, many c WHERE a.id + b.id + c.id < 0'
  const other = await stage.connect(stage.plain)
  for (const [text, route] of [
    ['SELECT pg_sleep(60)', 'relay'],
    [local, 'local']
  ] as const) {
    const client = await stage.connect(stage.proxy)
    const query = client.query(text)
    const start = Date.now()
    const ended = t.rejects(query, {
      code: '57014',
      message: 'canceling statement due to user request'
    })
    // As psql's Ctrl-C: again until it has taken effect, for it may come before the statement runs.
    const done = ended.then(() => true)
    if (route === 'local') await described(other, client)
    await eventually(async () => {
      await sendCancel(stage, client)
      return Promise.race([
        done,
        new Promise<false>((resolve) => setImmediate(() => resolve(false)))
      ])
    })
    t.ok(Date.now() - start < 10_000, `${route}: ${Date.now() - start} ms`)
    t.equal(await lastRoute(client), route)
    t.same((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }])
    await client.end()
  }
  const timed = await stage.connect(stage.proxy)
  await timed.query('SET statement_timeout = 200')
  await t.rejects(timed.query(local), {
    code: '57014',
    message: 'canceling statement due to statement timeout'
  })
  t.equal((await timed.query('SELECT id FROM many WHERE id = 7')).rowCount, 1)
}

/** Waits until all that jetgres asked upstream about a statement is answered; soon it waits at a gate. */
async function described(other: pg.Client, client: pg.Client): Promise<void> {
  const { processID } = client as unknown as { processID: number }
  const find = `SELECT FROM pg_stat_activity
    WHERE pid = $1 AND (state = 'idle' AND query LIKE '%jetgres.consistency%'
      OR query LIKE '%pg_advisory_xact_lock_shared%')`
  await eventually(async () => (await other.query(find, [processID])).rowCount === 1)
}

async function sendCancel(stage: Stage, client: pg.Client): Promise<void> {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
  const socket = createConnection({ host: stage.proxy.host, port: stage.proxy.port })
  socket.on('error', () => undefined)
  socket.end(frontend.cancel(processID, secretKey))
  await once(socket.resume(), 'close')
}

async function discarded(t: Test, { stage }: Parts): Promise<void> {
  const client = await stage.connect(stage.proxy)
  const query = { name: 'kept', text: 'SELECT id FROM every WHERE id = $1', values: [1] }
  t.same((await client.query(query)).rows, [{ id: 1 }])
  await client.query("SET timezone = 'Asia/Tokyo'")
  const at = 'SELECT a_timestamptz::text AS at FROM every WHERE id = 1'
  t.match((await client.query(at)).rows, [{ at: /\+09$/ }])
  await client.query('DISCARD ALL')
  t.notMatch((await client.query(at)).rows, [{ at: /\+09$/ }])
  await t.rejects(client.query(query), { code: '26000' })
  t.same((await client.query({ ...query, name: 'new' })).rows, [{ id: 1 }])
}

async function copied(t: Test, { client }: Parts): Promise<void> {
  await client.query('CREATE TEMP TABLE copies (id int, wide text)')
  const lines = Array.from({ length: 5_000 }, (_, i) => `${i}\t${WIDE}\n`)
  await pipeline(Readable.from(lines), client.query(copyFrom('COPY copies FROM STDIN')))
  t.same((await client.query('SELECT count(*)::int AS n FROM copies')).rows, [{ n: 5_000 }])
  for (const sql of ['COPY many (id) TO STDOUT', 'COPY (SELECT id FROM many) TO STDOUT']) {
    let text = ''
    for await (const part of client.query(copyTo(sql))) text += String(part)
    t.equal(text.split('\n').length, MANY_ROWS + 1, sql)
  }
  await t.rejects(
    pipeline(Readable.from(['x\n']), client.query(copyFrom('COPY copies FROM STDIN'))),
    { code: '22P02' }
  )
  await t.rejects(
    pipeline(Readable.from(['1\tx\n']), client.query(copyFrom('COPY many FROM STDIN'))),
    { code: '23505' },
    'of a relation: its key is there'
  )
  t.same((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }])
}

async function notified(t: Test, { stage, client }: Parts): Promise<void> {
  const listener = await stage.connect(stage.proxy)
  const heard: unknown[] = []
  listener.on('notification', ({ channel, payload }) => heard.push(`${channel}: ${payload}`))
  await listener.query('LISTEN news')
  await client.query("NOTIFY news, 'one'")
  await eventually(() => heard.length === 1, { what: 'a notification while idle' })
  const rows = listener.query('SELECT * FROM many')
  for (const word of ['two', 'three']) await client.query(`NOTIFY news, '${word}'`)
  t.equal((await rows).rowCount, MANY_ROWS)
  await eventually(() => heard.length === 3, { what: 'notifications beside a local answer' })
  t.same(heard, ['news: one', 'news: two', 'news: three'])
}

async function crowd(t: Test, { stage }: Parts): Promise<void> {
  const opened = Array.from({ length: 64 }, () => stage.connect(stage.proxy))
  const clients = await Promise.all(opened)
  const answers = await Promise.all(
    clients.flatMap((client, i) => [
      client.query('SELECT id FROM many WHERE id = $1', [i]),
      client.query(`SELECT count(*)::int AS n FROM many WHERE id < ${i}`),
      client.query('SELECT $1::int AS id', [i])
    ])
  )
  const wanted = clients.flatMap((_, i) => [[{ id: i }], [{ n: i }], [{ id: i }]])
  t.same(
    answers.map(({ rows }) => rows),
    wanted
  )
  await Promise.all(clients.map((client) => client.end()))
}

async function slowReader(t: Test, { stage }: Parts): Promise<void> {
  const raw = await openRaw(t, stage.proxy)
  const before = memoryOf(stage.pid)
  raw.socket.pause()
  // 400 MB, should anybody want to hold them.
  raw.send(frontend.query('SELECT a.* FROM many a, many b WHERE b.id < 10'))
  const other = await stage.connect(stage.proxy)
  let most = 0
  for (let i = 0; i < 100; i++) {
    t.equal((await other.query('SELECT id FROM many WHERE id = $1', [i])).rowCount, 1)
    most = Math.max(most, memoryOf(stage.pid))
  }
  t.ok(most - before < 150e6, `grew by ${Math.round((most - before) / 1e6)} MB`)
  raw.socket.destroy()
}

async function vanished(t: Test, { stage, client }: Parts): Promise<void> {
  const raw = await openRaw(t, stage.proxy)
  raw.send(frontend.query('BEGIN'), frontend.query('CREATE TABLE half (a int)'))
  await raw.until('Z', 2)
  raw.socket.destroy()
  await eventually(async () => {
    const find = `SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE TABLE half%'`
    return (await client.query(find)).rowCount === 0
  })
  t.same((await client.query("SELECT to_regclass('half') AS half")).rows, [{ half: null }])
}
