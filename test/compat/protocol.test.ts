// Goal: message for message, a client gets from jetgres what it would get from Postgres, be the
// statement answered here, upstream, or some of each in one batch.
// Method: each case is a list of exchanges, each ending in a known reply. They are sent through
// jetgres to database "postgres", whose table "items" is an ingested relation, and directly to
// database "peer", whose "items" is an ordinary table with the same rows; all replies must be equal.

import t from 'tap'

import { frontend as f } from '../../src/wire/frontend.ts'
import { withoutNats } from '../support/nats-server.ts'
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

type Exchange = readonly Buffer[]

const sync = f.sync()
const flush = f.flush()
const q = (text: string): Buffer => f.query(text)
const parse = (text: string, name = '', types: number[] = []): Buffer => f.parse({ name, text, types })
/** `formats`: result formats. */
const bind = (values: unknown[] = [], formats: number[] = [], statement = '', portal = ''): Buffer =>
  bindBytes(portal, statement, values.map((value) => (value === null ? null : Buffer.from(String(value)))), formats)
const run = (rows = 0, portal = ''): Buffer => f.execute({ portal, rows: rows >>> 0 })
const portalOf = (name = ''): Buffer => f.describe({ type: 'P', name })
const statementOf = (name = ''): Buffer => f.describe({ type: 'S', name })
const closeStatement = (name: string): Buffer => f.close({ type: 'S', name })

function bindBytes(
  portal: string,
  statement: string,
  values: readonly (Buffer | null)[],
  formats: readonly number[],
  parameterFormats: readonly number[] = []
): Buffer {
  const int16 = (n: number): Buffer => Buffer.from([(n >> 8) & 255, n & 255])
  const int32 = (n: number): Buffer => Buffer.from([n >> 24, n >> 16, n >> 8, n].map((x) => x & 255))
  const body = Buffer.concat([
    Buffer.from(`${portal}\0${statement}\0`),
    ...[int16(parameterFormats.length), ...parameterFormats.map(int16)],
    int16(values.length),
    ...values.flatMap((value) => (value ? [int32(value.length), value] : [int32(-1)])),
    ...[int16(formats.length), ...formats.map(int16)]
  ])
  return Buffer.concat([Buffer.from('B'), int32(body.length + 4), body])
}

const ALL = 'SELECT * FROM items ORDER BY id'
const BY_ID = 'SELECT id, label FROM items WHERE id = $1'

/** Title → exchanges, each waited for up to its ReadyForQuery (or, ending in Flush, to `until`). */
const CASES: readonly (readonly [title: string, exchanges: readonly Exchange[]])[] = [
  ['answers a simple query', [[q(ALL)], [q('SELECT count(*) FROM items')]]],
  ['answers in text, in binary, and in a format for each column', [
    [parse(ALL), bind(), portalOf(), run(), sync],
    [parse(ALL), bind([], [1]), portalOf(), run(), sync],
    [parse(ALL), bind([], [0, 1, 0, 1]), portalOf(), run(), sync],
    [parse(ALL), bind([], [0, 0, 0, 0]), run(), sync]
  ]],
  ['takes parameters in text and in binary', [
    [parse(BY_ID), statementOf(), bind([3]), run(), sync],
    [parse(BY_ID), bindBytes('', '', [Buffer.from([0, 0, 0, 3])], [1], [1]), portalOf(), run(), sync],
    [parse(BY_ID, '', [21]), statementOf(), bindBytes('', '', [Buffer.from([0, 3])], [], [1]), run(), sync],
    [parse(BY_ID), bind([null]), run(), sync],
    [parse('SELECT count(*) FROM items WHERE label = $1 OR amount > $2'), statementOf(), bind(['row 1', 1.5]), run(), sync]
  ]],
  ['says what is wrong with a Bind', [
    [parse(BY_ID), bind(['x']), run(), sync],
    [parse(BY_ID), bind([]), run(), sync],
    [parse(BY_ID), bind([1, 2]), run(), sync],
    [parse(BY_ID), bind([99999999999]), run(), sync],
    [parse(BY_ID), bind([1], [0, 0, 0]), run(), sync],
    [parse(BY_ID), bind([1], [2]), run(), sync],
    [parse(BY_ID), bindBytes('', '', [Buffer.from('1')], [], [0, 0]), run(), sync],
    [parse(BY_ID), bindBytes('', '', [Buffer.from('1')], [], [2]), run(), sync],
    [parse(BY_ID), bindBytes('', '', [Buffer.from([0, 3])], [], [1]), run(), sync],
    [parse(BY_ID), bindBytes('', '', [Buffer.from([0xff])], [], [0]), run(), sync],
    [bind([1], [], 'nowhere'), run(), sync]
  ]],
  ['suspends a portal at its row limit and goes on across Syncs in a transaction', [
    [q('BEGIN')],
    [parse(ALL), bind([], [], '', 'p'), portalOf('p'), run(3, 'p'), sync],
    [run(3, 'p'), sync],
    [q('SELECT 1')],
    [q('SELECT count(*) FROM items')],
    [portalOf('p'), run(3, 'p'), sync],
    [run(3, 'p'), sync],
    [run(3, 'p'), sync],
    [run(0, 'p'), f.close({ type: 'P', name: 'p' }), sync],
    [run(0, 'p'), sync],
    [q('ROLLBACK')]
  ]],
  ['ends a suspended portal with its transaction', [
    [parse(ALL), bind(), run(4), run(4), run(4), sync],
    [run(), sync],
    [q('BEGIN')],
    [parse(ALL), bind([], [], '', 'p'), run(1, 'p'), sync],
    [q('COMMIT')],
    [run(1, 'p'), sync]
  ]],
  ['takes a row limit that is met exactly, and one below zero', [
    [parse(ALL), bind(), run(10), run(10), sync],
    [parse(ALL), bind(), run(-1), sync]
  ]],
  ['keeps order in a pipeline of statements answered here and there', [
    [
      ...[parse(BY_ID, 's1'), bind([1], [], 's1'), run()],
      ...[parse('SELECT 1'), bind(), run()],
      ...[parse(ALL), bind(), portalOf(), run(2)],
      ...[bind([2], [], 's1'), run(), parse('SELECT now() IS NULL'), bind(), run()],
      ...[bind([3], [], 's1'), portalOf(), run(), closeStatement('s1'), sync]
    ],
    [bind([4], [], 's1'), run(), sync]
  ]],
  ['skips to Sync behind an error, wherever that arose', [
    [parse('SELECT nope FROM items'), bind(), run(), parse(ALL), bind(), run(), sync],
    [parse('SELECT 1/(id - 2) FROM items ORDER BY id'), bind(), run(), parse(ALL), bind(), run(), q(ALL), sync],
    [parse('SELECT 1/0'), bind(), run(), parse(ALL), bind(), run(), sync],
    [parse(ALL), bind(), run(), sync]
  ]],
  ['undoes a batch that an error ends', [
    [q('CREATE TEMP TABLE w (a int)')],
    [
      ...[parse('INSERT INTO w VALUES (1)'), bind(), run(), parse(ALL), bind(), run(1)],
      ...[parse('SELECT 1/(id - 2) FROM items'), bind(), run(), sync]
    ],
    [q('SELECT count(*) FROM w')]
  ]],
  ['sends what is asked for at a Flush, before any Sync', [
    [parse(BY_ID, 'fl'), statementOf('fl'), flush],
    [bind([5], [1], 'fl'), portalOf(), run(), flush],
    [sync]
  ]],
  ['knows prepared statements by protocol and by SQL alike', [
    [parse(BY_ID, 'k'), sync],
    [q('EXECUTE k(4)')],
    [q('DEALLOCATE k')],
    [bind([4], [], 'k'), run(), sync],
    [q('PREPARE k(int) AS SELECT label, id FROM items WHERE id = $1')],
    [statementOf('k'), bind([4], [], 'k'), portalOf(), run(), sync],
    [q('DISCARD ALL')],
    [bind([4], [], 'k'), run(), sync]
  ]],
  ['keeps the statement whose name is given twice', [
    [parse('SELECT id FROM items WHERE id < 2 ORDER BY 1', 'd'), sync],
    [parse('SELECT id FROM items WHERE id > 7 ORDER BY 1', 'd'), sync],
    [bind([], [], 'd'), run(), sync],
    [q('DEALLOCATE ALL')],
    [parse('SELECT id FROM items WHERE id = 5', 'd'), bind([], [], 'd'), run(), sync],
    [closeStatement('d'), parse('SELECT id FROM items WHERE id = 6', 'd'), bind([], [], 'd'), run(), sync]
  ]],
  ['forgets a name whose Parse failed', [
    [parse('SELECT nope FROM items', 'bad'), sync],
    [bind([], [], 'bad'), run(), sync],
    [parse(ALL, 'bad'), bind([], [], 'bad'), run(1), sync]
  ]],
  ['loses the unnamed statement to a simple query', [
    [parse(ALL), sync],
    [q('SELECT count(*) FROM items')],
    [bind(), run(), sync],
    [parse(ALL), sync],
    [q('SELECT 1')],
    [bind(), run(), sync]
  ]],
  ['reports failed transactions in every ReadyForQuery', [
    [q('BEGIN')],
    [q('SELECT count(*) FROM items')],
    [q('SELECT nope FROM items')],
    [q('SELECT count(*) FROM items')],
    [parse(ALL), bind(), run(), sync],
    [sync],
    [q('COMMIT')],
    [q('BEGIN; SELECT count(*) FROM items; SELECT 1/0; SELECT 2')],
    [q('ROLLBACK')]
  ]],
  ['answers what says nothing', [
    [q('')],
    [q(' ; ; ')],
    [parse(''), bind(), portalOf(), run(), sync],
    [sync],
    [flush, sync],
    [parse('-- items'), bind(), run(), sync]
  ]],
  ['runs a portal twice, and describes it after', [
    [q('BEGIN')],
    [parse(ALL), bind([], [1], '', 'z'), run(0, 'z'), run(0, 'z'), portalOf('z'), sync],
    [q('COMMIT')]
  ]],
  ['takes the place of a portal of the same name', [
    [q('BEGIN')],
    [parse(ALL), bind([], [], '', ''), run(2), bind(), run(2), sync],
    [parse(ALL), bind([], [], '', 'n'), bind([], [], '', 'n'), run(0, 'n'), sync],
    [q('ROLLBACK')]
  ]],
  ['copies by the extended protocol', [
    [q('CREATE TEMP TABLE cp (a int)')],
    [parse('COPY cp FROM STDIN'), bind(), run(), sync, f.copyData(Buffer.from('1\n2\n')), f.copyDone(), sync],
    [parse('COPY (SELECT id FROM items ORDER BY 1) TO STDOUT'), bind(), run(), sync],
    [q('SELECT count(*) FROM cp')],
    [parse(ALL), bind(), run(1), sync]
  ]],
  ['fails a copy and goes on', [
    [q('CREATE TEMP TABLE cp2 (a int)')],
    [q('COPY cp2 FROM STDIN'), f.copyData(Buffer.from('x\n')), f.copyDone()],
    [q('COPY cp2 FROM STDIN'), f.copyFail('no more')],
    [q('SELECT count(*) FROM items')]
  ]],
  ['reads a second time what changed the first time', [
    [parse(BY_ID, 'r'), bind([1], [], 'r'), run(), sync],
    [q('CREATE TEMP TABLE items (id text, label text)')],
    [parse('SELECT * FROM items'), bind(), portalOf(), run(), sync],
    [q('DROP TABLE pg_temp.items')],
    [bind([1], [], 'r'), run(), sync]
  ]],
  ['refuses a message of no known type', [[Buffer.from([121, 0, 0, 0, 4])]]]
]

void t.test('the protocol', without(withoutNats()), async (t) => {
  const stage = await startStage(t)
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
    const messages = [parse(BY_ID), bind([7]), portalOf(), run(), sync, q('SELECT count(*) FROM items')]
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
    t.same(rows, Array.from({ length: count }, (_, i) => (i % 2 ? `D ${i % 10}|row ${i % 10}` : `D ${i % 10}`)))
  })

  await t.test('keeps a transaction open over both routes and shows both their work', async (t) => {
    const client = await openRaw(t, stage.proxy)
    client.send(q('BEGIN'), q('CREATE TEMP TABLE both_ (a int)'), q('SELECT count(*) FROM items'))
    client.send(q('SELECT count(*) FROM both_'), q('SHOW jetgres.last_route'), q('COMMIT'))
    const replies = await client.until('Z', 6)
    t.same(replies.filter((reply) => reply.startsWith('Z')), ['Z T', 'Z T', 'Z T', 'Z T', 'Z T', 'Z I'])
    t.same(replies.filter((reply) => reply.startsWith('D')), ['D 10', 'D 0', 'D relay'])
  })
})

/** The replies to each exchange. */
async function converse(
  t: Parameters<typeof openRaw>[0],
  to: Address,
  exchanges: readonly Exchange[]
): Promise<string[][]> {
  const client = await openRaw(t, to)
  const replies: string[][] = []
  for (const messages of exchanges) {
    client.send(...messages)
    const last = messages.at(-1)
    if (last === flush) {
      // What ends the reply to the exchange's last request but the Flush: one CommandComplete, or
      // the RowDescription of a Describe.
      const isRun = messages.some((message) => message[0] === 'E'.charCodeAt(0))
      replies.push(await client.until(isRun ? 'C' : 'T'))
    } else {
      const isSync = (message: Buffer): boolean => message === sync || message[0] === 'Q'.charCodeAt(0)
      const copies = messages.some((message) => message[0] === 'd'.charCodeAt(0) && messages.includes(sync))
      const wanted = copies ? 1 : messages.some((m) => m === sync) ? messages.filter((m) => m === sync).length : messages.filter(isSync).length
      replies.push(await client.until('Z', wanted))
    }
  }
  return replies
}
