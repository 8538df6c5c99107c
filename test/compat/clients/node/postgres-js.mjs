// postgres.js: named statements and none, its own fetching of types, pipelining, cursors, COPY,
// notifications, transactions with savepoints, cancelling.

import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import postgres from 'postgres'

import { ddl, fails, show, tables, untilMade, url } from './shared.mjs'

const notices = []
const options = {
  max: 1,
  onnotice: (notice) => notices.push(`${notice.severity}: ${notice.message}`),
  connection: { application_name: 'postgres-js', statement_timeout: 20_000 }
}
const sql = postgres(url, options)
show('created', (await sql.unsafe(ddl)).command)
await untilMade(async () => (await sql`SELECT count(*) FROM made_postgres_js`)[0].count)

for (const [name, more] of Object.entries({
  prepared: {},
  unprepared: { prepare: false },
  'no types fetched': { fetch_types: false },
  transformed: { transform: postgres.camel }
})) {
  const one = postgres(url, { ...options, ...more })
  for (const table of tables) {
    const rows = await one`SELECT * FROM ${one(table)} ORDER BY id`
    show(`${name}, ${table}`, [...rows])
    show(
      `${name}, ${table}: columns`,
      rows.columns.map(({ name, type }) => [name, type])
    )
    const byArray = one`SELECT id FROM ${one(table)} WHERE id = ANY(${[1, 3]}) ORDER BY 1`
    show(`${name}, by array`, await byArray.catch(({ code }) => code))
    show(
      `${name}, by list`,
      await one`SELECT id FROM ${one(table)} WHERE id IN ${one([2, 3])} ORDER BY 1`
    )
    show(`${name}, by text`, await one`SELECT id FROM ${one(table)} WHERE a_text = ${'Grüße €😀'}`)
    show(
      `${name}, by date`,
      await one`
      SELECT id FROM ${one(table)} WHERE a_timestamptz = ${new Date('2024-03-30T23:30:00Z')}`
    )
    show(
      `${name}, by json`,
      await one`
      SELECT id FROM ${one(table)} WHERE a_jsonb = ${one.json({ b: [1, null, 'x'], a: { z: 1.5 } })}`
    )
  }
  for (let i = 0; i < 7; i++)
    show('again', [...(await one`SELECT id FROM many WHERE id = ${i * 11}`)])
  await one.end()
}

const big = postgres(url, { max: 1, types: { bigint: postgres.BigInt } })
for (const table of tables) {
  show('bigint', [
    ...(await big`SELECT a_int8 FROM ${big(table)} WHERE a_int8 > ${9007199254740992n}`)
  ])
}
await big.end()

const asked = Array.from({ length: 200 }, (_, i) =>
  i % 3 === 0
    ? sql`SELECT ${i}::int AS id`
    : i % 7 === 0
      ? sql`SELECT id, nope FROM many WHERE id = ${i}`.catch(({ code, position }) => [
          { code, position }
        ])
      : sql`SELECT id FROM many WHERE id = ${i}`
)
show(
  'pipelined',
  (await Promise.all(asked)).map((rows) => rows[0])
)
show('several at once', await sql`SELECT 1 AS a; SELECT count(*) FROM many; SELECT 2 AS b`.simple())
await fails('several, one bad', () => sql`SELECT 1 AS a; SELECT nope FROM many; SELECT 2`.simple())
show('values', [...(await sql`SELECT id, a_bool FROM every ORDER BY id`.values())])
show(
  'raw',
  (await sql`SELECT id, a_text FROM every ORDER BY id`.raw()).map((row) => row.map(String))
)
const described =
  await sql`SELECT id, a_text FROM every WHERE id = ${1} AND a_numeric > ${2}`.describe()
show('described', [described.types, described.columns.map(({ name, type }) => [name, type])])

for (const size of [2, 100, 1000]) {
  const sizes = []
  for await (const rows of sql`SELECT id FROM many ORDER BY id`.cursor(size))
    sizes.push(rows.length)
  show(`cursor of ${size}`, [sizes.length, sizes.at(-1)])
}
let behind = 0
await sql`SELECT id FROM many ORDER BY id`.cursor(10, ([row]) => {
  behind = row.id
  return row.id > 100 ? sql.CLOSE : undefined
})
show('a cursor closed', behind)
await fails('a cursor that fails', async () => {
  for await (const rows of sql`SELECT 1 / (30 - id) AS q FROM many`.cursor(7)) void rows
})
let each = 0
await sql`SELECT id FROM many`.forEach(({ id }) => (each += id))
show('each', each)

show(
  'a transaction',
  await sql.begin(async (tx) => {
    const [{ count }] = await tx`SELECT count(*) FROM every`
    const inner = await tx
      .savepoint(async (sp) => {
        await sp`SELECT 1 / (id - 1) FROM every`
      })
      .catch(({ code }) => code)
    return [count, inner, await tx`SELECT max(id) FROM every`]
  })
)
show(
  'a pipelined transaction',
  await sql.begin((tx) => [
    tx`SELECT count(*) FROM many`,
    tx`INSERT INTO ordinary (id, a_text) SELECT id + 100, a_text FROM every RETURNING id`,
    tx`DELETE FROM ordinary WHERE id > ${100} RETURNING a_text`
  ])
)
await fails('a pipelined transaction that fails', () =>
  sql.begin((tx) => [
    tx`SELECT count(*) FROM many`,
    tx`SELECT 1 / (id - 1) AS q FROM many`,
    tx`SELECT 1`
  ])
)
show(
  'at one snapshot',
  await sql.begin('isolation level repeatable read read only', async (tx) => [
    await tx`SELECT count(*) FROM many`,
    await tx`SELECT count(*) FROM many JOIN ordinary USING (id)`
  ])
)
await fails('read only', () => sql.begin('read only', (tx) => tx`DELETE FROM ordinary`))

const insert = await sql`INSERT INTO ordinary ${sql([
  { id: 7, a_text: 'seven' },
  { id: 8, a_text: null }
])} RETURNING id, a_text`
show('inserted', [insert.count, [...insert]])
show('updated', [
  ...(await sql`UPDATE ordinary SET ${sql({ a_bool: true })} WHERE id = 7 RETURNING a_bool`)
])
show('joined', [
  ...(await sql`SELECT e.id, o.a_text FROM every e JOIN ordinary o ON o.id = e.id + 5 ORDER BY e.id`)
])
show('deleted', (await sql`DELETE FROM ordinary WHERE id IN (7, 8)`).count)

await sql`CREATE TEMP TABLE copies (id int, a_text text)`
const written = await sql`COPY copies FROM STDIN`.writable()
await pipeline(Readable.from(['1\tone\n', '2\t\\N\n']), written)
show('copied in', [...(await sql`SELECT * FROM copies`)])
for (const text of [
  'COPY (SELECT id FROM many WHERE id < 5 ORDER BY id) TO STDOUT',
  'COPY copies TO STDOUT'
]) {
  const parts = []
  const collect = new Writable({ write: (part, _, done) => done(void parts.push(part)) })
  await pipeline(await sql.unsafe(text).readable(), collect)
  show('copied out', String(Buffer.concat(parts)))
}

const heard = []
const listening = await sql.listen('news', (payload) => heard.push(payload))
await sql.notify('news', 'one')
await sql`SELECT count(*) FROM many`
await sql.notify('news', 'two')
while (heard.length < 2) await new Promise((resolve) => setTimeout(resolve, 10))
show('heard', heard)
await listening.unlisten()

const slow = postgres(url, { max: 1 })
const sleeping = slow`SELECT pg_sleep(20)`
const ended = fails('cancelled', () => sleeping)
const other = postgres(url, { max: 1 })
while (
  (
    await other`SELECT FROM pg_stat_activity
      WHERE query = 'SELECT pg_sleep(20)' AND state = 'active' AND datname = current_database()`
  ).count === 0
);
sleeping.cancel()
await ended
show('goes on', [...(await slow`SELECT count(*) FROM many`)])
await slow.end()
await other.end()

await fails('no column', () => sql`SELECT nope FROM every`)
await fails('no table', () => sql`SELECT * FROM nowhere`)
await fails('a bad value', () => sql`SELECT id FROM every WHERE id = ${'x'}`)
await fails('too few values', () => sql.unsafe('SELECT id FROM every WHERE id = $1'))
const reserved = await sql.reserve()
show('reserved', [...(await reserved`SHOW application_name`)])
reserved.release()
show('dropped', (await sql`DROP TABLE made_postgres_js`).command)
show('notices', notices)
await sql.end()
