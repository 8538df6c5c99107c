// pg-cursor, pg-query-stream and pg-copy-streams over pg: portals that stay open between messages,
// broken off and failing half way, alone and many at once.

import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'

import { ddl, fails, show, tables, untilMade, url } from './shared.mjs'

const client = new pg.Client({ connectionString: url })
await client.connect()
show('created', (await client.query(ddl)).command)
await untilMade(
  async () => (await client.query('SELECT count(*) FROM made_pg_streams')).rows[0].count
)

for (const table of tables) {
  const cursor = client.query(new Cursor(`SELECT * FROM ${table} WHERE id > $1 ORDER BY id`, [0]))
  show(`${table}: one row`, await cursor.read(1))
  show(`${table}: the rest`, await cursor.read(10))
  show(`${table}: nothing more`, await cursor.read(10))
  await cursor.close()
}

for (const size of [1, 7, 499, 500, 501]) {
  const cursor = client.query(
    new Cursor('SELECT id FROM many ORDER BY id', [], { rowMode: 'array' })
  )
  const sizes = []
  let sum = 0
  for (;;) {
    const rows = await cursor.read(size)
    if (rows.length === 0) break
    sizes.push(rows.length)
    sum += rows.reduce((total, [id]) => total + id, 0)
  }
  await cursor.close()
  show(`batches of ${size}`, [sum, sizes.length, Math.min(...sizes)])
}

const left = client.query(new Cursor('SELECT id FROM many ORDER BY id'))
show('broken off behind', await left.read(3))
await left.close()
const unread = client.query(new Cursor('SELECT id FROM many'))
await unread.close()
show('goes on', (await client.query('SELECT count(*) FROM many')).rows)

await fails('no column', () => client.query(new Cursor('SELECT nope FROM many')).read(1))
const failing = client.query(new Cursor('SELECT 1 / (3 - id) AS q FROM many ORDER BY id'))
await fails('a failure in the first batch', () => failing.read(10))
const later = client.query(new Cursor('SELECT 1 / (300 - id) AS q FROM many WHERE id >= $1', [0]))
await fails('a failure in a later batch', async () => {
  while ((await later.read(50)).length > 0);
})
show('goes on', (await client.query('SELECT max(id) FROM many')).rows)

await client.query('BEGIN')
const inside = client.query(new Cursor('SELECT id FROM many ORDER BY id DESC'))
show('in a transaction', await inside.read(2))
await inside.close()
await client
  .query('INSERT INTO made_by_streams VALUES (1)')
  .catch((error) => show('in it', error.code))
await fails('in a failed transaction', () =>
  client.query(new Cursor('SELECT id FROM many')).read(1)
)
show('ended', (await client.query('COMMIT')).command)

for (const options of [
  { batchSize: 1 },
  { batchSize: 64 },
  { highWaterMark: 2 },
  { rowMode: 'array' }
]) {
  const stream = client.query(new QueryStream('SELECT id FROM many WHERE id < $1', [250], options))
  let sum = 0
  for await (const row of stream) sum += Array.isArray(row) ? row[0] : row.id
  show(`streamed ${JSON.stringify(options)}`, sum)
}
let seen = 0
for await (const row of client.query(new QueryStream('SELECT id FROM many ORDER BY id'))) {
  seen += row.id
  if (row.id === 20) break
}
show('a stream broken off', seen)
await fails('a stream that fails', async () => {
  for await (const row of client.query(new QueryStream('SELECT 1 / (9 - id) AS q FROM many')))
    void row
})
show('goes on', (await client.query('SELECT min(id) FROM many')).rows)

const pool = new pg.Pool({ connectionString: url, max: 5 })
const sums = Array.from({ length: 20 }, async (_, i) => {
  const one = await pool.connect()
  let sum = 0
  const text = 'SELECT m.id FROM many m WHERE m.id % 20 = $1'
  for await (const row of one.query(new QueryStream(text, [i], { batchSize: 3 }))) sum += row.id
  one.release()
  return sum
})
show('many streams', await Promise.all(sums))
const stuck = await pool.connect()
const open = stuck.query(new Cursor('SELECT id FROM many'))
await open.read(1)
stuck.release(true)
show('beside a client that was destroyed', (await pool.query('SELECT 1 AS one')).rows)
await pool.end()

await client.query('CREATE TEMP TABLE copies (id int, a_text text)')
for (const format of ['text', 'csv', 'binary']) {
  for (const table of tables) {
    const out = client.query(
      copyTo(`COPY (SELECT id, a_text FROM ${table} ORDER BY id) TO STDOUT (FORMAT ${format})`)
    )
    const parts = []
    await pipeline(out, new Writable({ write: (part, _, done) => done(void parts.push(part)) }))
    const bytes = Buffer.concat(parts)
    show(`copied out, ${format}`, bytes.toString('hex'))
    const into = client.query(copyFrom(`COPY copies FROM STDIN (FORMAT ${format})`))
    await pipeline(Readable.from([bytes.subarray(0, 30), bytes.subarray(30)]), into)
    show('copied in', [into.rowCount, (await client.query('SELECT count(*) FROM copies')).rows])
  }
}
await fails('copied into no column', () =>
  pipeline(Readable.from(['9\n']), client.query(copyFrom('COPY copies (nope) FROM STDIN')))
)
show('dropped', (await client.query('DROP TABLE made_pg_streams')).command)
await client.end()
