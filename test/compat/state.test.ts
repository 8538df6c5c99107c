// Goal: what a session's own statements change (settings, names, roles, prepared statements, portals,
// savepoints) holds for reads answered here as for those of Postgres; so does every form of COPY.
// Method: as protocol.test.ts: the same exchanges through jetgres, where "items" and "moments" are
// ingested relations, and to an ordinary database with ordinary tables; all replies must be equal.

import t from 'tap'

import { eventually } from '../support/eventually.ts'
import { withoutNats } from '../support/nats-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { ALL, BY_ID } from './support/exchanges.ts'
import { converse } from './support/converse.ts'
import { bind, parse, q, run, sync } from './support/messages.ts'
import { openRaw } from './support/raw.ts'
import { without } from './support/programs.ts'
import { startStage } from './support/stage.ts'
import { COPY_CASES, STATE_CASES } from './support/state-exchanges.ts'

const TABLES = {
  items: 'id int PRIMARY KEY, label text COLLATE "C", amount numeric(10,2), ok boolean',
  moments: `id int PRIMARY KEY, at timestamptz, "when" timestamp, span interval, day date,
    ratio double precision, bytes bytea, word text COLLATE "C"`
} as const

const ROWS = {
  items: Array.from({ length: 10 }, (_, id) => ({
    id,
    label: ['plain', 'a,b;c', 'quo"te', "it's", 'tab\there', 'back\\slash', '', 'line\nbreak', 'none', null][id],
    amount: id / 4,
    ok: id % 2 === 0
  })),
  moments: [
    {
      id: 1,
      at: '2024-02-03T04:05:06.789Z',
      when: '2024-02-03 04:05:06',
      span: '1 year 2 mons -3 days 04:05:06.7',
      day: '2024-02-03',
      ratio: 1 / 3,
      bytes: '\\x00ff41',
      word: 'plain'
    },
    { id: 2 }
  ]
} as const

void t.test('a session’s state', without(withoutNats()), async (t) => {
  const stage = await startStage(t, (t) => startPostgres(t, { settings: { max_connections: '90' } }))
  const admin = await stage.connect(stage.plain)
  await admin.query('CREATE DATABASE peer TEMPLATE template0')
  const peer = { ...stage.plain, database: 'peer' }
  const filler = await stage.connect(peer)
  for (const name of ['items', 'moments'] as const) {
    await stage.createRelation(name, TABLES[name])
    await stage.publish(name, ROWS[name])
    await filler.query(`CREATE TABLE ${name} (${TABLES[name]})`)
    const insert = `INSERT INTO ${name} SELECT * FROM json_populate_recordset(NULL::${name}, $1)`
    await filler.query(insert, [JSON.stringify(ROWS[name])])
  }

  await t.test('what is read here is answered locally', async (t) => {
    const client = await stage.connect(stage.proxy)
    for (const text of [ALL, BY_ID.replace('$1', '1'), 'SELECT * FROM moments ORDER BY id']) {
      await client.query(text)
      t.same((await client.query('SHOW jetgres.last_route')).rows, [{ 'jetgres.last_route': 'local' }], text)
    }
  })

  await t.test('a portal keeps the order and the moment that it was opened with', async (t) => {
    const open = [parse('SELECT label FROM items GROUP BY label'), bind([], [], '', 'p')]
    const other = [parse('SELECT FROM moments FETCH FIRST 1 ROWS ONLY'), bind(), run(), sync]
    const exchanges = [[q('BEGIN')], [...open, run(4, 'p'), sync], other, [run(0, 'p'), sync]]
    const replies = await converse(t, stage.proxy, exchanges)
    const rows = [...replies[1]!, ...replies[3]!].filter((reply) => reply.startsWith('D'))
    t.equal(rows.length, ROWS.items.length)
    t.equal(new Set(rows).size, ROWS.items.length)
  })

  await t.test('a statement amid COPY data ends the connection', async (t) => {
    const [proxied, plain] = await Promise.all(
      [stage.proxy, peer].map(async (to) => {
        const client = await openRaw(t, to)
        client.send(q('CREATE TEMP TABLE filled (id int); COPY filled FROM STDIN'))
        const begun = await client.until('G')
        client.send(q('SELECT * FROM items WHERE id = 1'))
        const told = await client.until('Z')
        await eventually(() => client.closed, { what: 'the end' })
        return [begun, told]
      })
    )
    t.same(proxied, plain)
  })

  for (const [title, exchanges] of [...STATE_CASES, ...COPY_CASES]) {
    await t.test(title, async (t) => {
      const [proxied, plain] = await Promise.all(
        [stage.proxy, peer].map((to) => converse(t, to, exchanges))
      )
      t.same(proxied, plain)
    })
  }
})
