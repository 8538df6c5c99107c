// Goal: message for message, a client gets from jetgres what it would get from Postgres, be the
// statement answered here, upstream, or some of each in one batch.
// Method: each case is a list of exchanges, each ending in a known reply. They are sent through
// jetgres to database "postgres", whose table "items" is an ingested relation, and directly to
// database "peer", whose "items" is an ordinary table with the same rows; all replies must be
// equal.

import t from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { converse } from './support/converse.ts'
import { ALL, BY_ID, CASES } from './support/exchanges.ts'
import { bind, frameOf, parse, portalOf, q, run, sync } from './support/messages.ts'
import { without } from './support/programs.ts'
import { openRaw } from './support/raw.ts'
import { startStage } from './support/stage.ts'
import type { Address } from './support/stage.ts'

const COLUMNS = 'id int PRIMARY KEY, label text COLLATE "C", amount numeric(10,2), ok boolean'
const ROWS = Array.from({ length: 10 }, (_, i) => ({
  id: i,
  label: `row ${i}`,
  amount: i / 4,
  ok: i % 2 === 0
}))

void t.test('the protocol', without(withoutNats()), async (t) => {
  const stage = await startStage(t, (t) =>
    startPostgres(t, { settings: { max_connections: '90' } })
  )
  await stage.createRelation('items', COLUMNS)
  await stage.publish('items', ROWS)
  const admin = await stage.connect(stage.plain)
  await admin.query('CREATE DATABASE peer TEMPLATE template0')
  const peer: Address = { ...stage.plain, database: 'peer' }
  const filler = await stage.connect(peer)
  await filler.query(`CREATE TABLE items (${COLUMNS})`)
  for (const { id, label, amount, ok } of ROWS) {
    await filler.query('INSERT INTO items VALUES ($1, $2, $3, $4)', [id, label, amount, ok])
  }

  for (const [title, exchanges] of CASES) {
    await t.test(title, async (t) => {
      const [proxied, plain] = await Promise.all(
        [stage.proxy, peer].map((to) => converse(t, to, exchanges))
      )
      t.same(proxied, plain)
    })
  }

  await t.test('reads messages cut at every byte', async (t) => {
    const messages = [
      parse(BY_ID),
      bind([7]),
      portalOf(),
      run(),
      sync,
      q('SELECT count(*) FROM items')
    ]
    const [whole, cut] = [await openRaw(t, stage.proxy), await openRaw(t, stage.proxy)]
    whole.send(...messages)
    await cut.sendSlowly(...messages)
    t.same(await cut.until('Z', 2), await whole.until('Z', 2))
  })

  await t.test('answers queries that came with the startup packet, in order', async (t) => {
    const together = Buffer.concat([q('SELECT count(*) FROM items'), q('SELECT 1'), q(ALL)])
    const [proxied, plain] = await Promise.all(
      [stage.proxy, peer].map(async (to) => (await openRaw(t, to, together)).until('Z', 3))
    )
    t.same(proxied, plain)
  })

  await t.test('answers thousands of pipelined requests', async (t) => {
    const client = await openRaw(t, stage.proxy)
    const count = 3_000
    client.send(parse(BY_ID, 'many'), parse('SELECT $1::int', 'other'))
    for (let i = 0; i < count; i++) client.send(bind([i % 10], [], i % 2 ? 'many' : 'other'), run())
    client.send(sync)
    const replies = await client.until('Z', 1, 30_000)
    const rows = replies.filter((reply) => reply.startsWith('D '))
    t.same(
      rows,
      Array.from({ length: count }, (_, i) => (i % 2 ? `D ${i % 10}|row ${i % 10}` : `D ${i % 10}`))
    )
  })

  await t.test('lets clients rest in a portal without stopping others', async (t) => {
    const text = 'SELECT * FROM items ORDER BY id'
    for (let i = 0; i < 40; i++) {
      const idle = await openRaw(t, stage.proxy)
      idle.send(q('BEGIN'), parse(text), bind([], [], '', 'p'), run(2, 'p'), sync)
      t.match(await idle.until('Z', 2), [
        'C BEGIN\0',
        'Z T',
        '1 ',
        '2 ',
        /^D 0/,
        /^D 1/,
        's ',
        'Z T'
      ])
    }
    const other = await openRaw(t, stage.proxy)
    other.send(q('SELECT count(*) FROM items'))
    t.match(await other.until('Z', 1), [/^T/, 'D 10'])
  })

  await t.test('reads statements in another encoding as Postgres does', async (t) => {
    for (const sql of ["SELECT id FROM items WHERE label < 'ä'", 'SELECT "nä" FROM items', ALL]) {
      const query = frameOf('Q', Buffer.from(`${sql}\0`, 'latin1'))
      const [proxied, plain] = await Promise.all(
        [stage.proxy, peer].map((to) =>
          converse(t, to, [[q("SET client_encoding = 'LATIN1'")], [query]])
        )
      )
      t.same(proxied, plain, sql)
    }
    const only = await openRaw(t, stage.proxy)
    only.send(q("SET client_encoding = 'LATIN1'"))
    only.send(frameOf('Q', Buffer.from("SELECT 'ä' FROM ONLY items\0", 'latin1')))
    t.match((await only.until('Z', 2)).at(-2), /^E ERROR\/0A000/, 'never with letters changed')
  })

  await t.test('answers by itself those who call UTF-8 UNICODE, as LibreOffice does', async (t) => {
    for (const encoding of ['UNICODE', 'unicode', 'utf-8']) {
      const text = [q(`SET client_encoding = '${encoding}'`), q("SELECT 'ä', label FROM items ORDER BY id")]
      const [proxied, plain] = await Promise.all(
        [stage.proxy, peer].map((to) => converse(t, to, [text]))
      )
      t.same(proxied, plain, encoding)
      const client = await openRaw(t, stage.proxy)
      client.send(...text, q('SHOW jetgres.last_route'))
      t.ok((await client.until('Z', 3)).includes('D local'), encoding)
    }
  })

  await t.test('keeps a transaction open over both routes and shows both their work', async (t) => {
    const client = await openRaw(t, stage.proxy)
    client.send(q('BEGIN'), q('CREATE TEMP TABLE both_ (a int)'), q('SELECT count(*) FROM items'))
    client.send(q('SELECT count(*) FROM both_'), q('SHOW jetgres.last_route'), q('COMMIT'))
    const replies = await client.until('Z', 6)
    t.same(
      replies.filter((reply) => reply.startsWith('Z')),
      ['Z T', 'Z T', 'Z T', 'Z T', 'Z T', 'Z I']
    )
    t.same(
      replies.filter((reply) => reply.startsWith('D')),
      ['D 10', 'D 0', 'D relay']
    )
  })
})
