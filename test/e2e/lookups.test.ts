// Goal: a look-up by key answered from memory gives what the upstream gives that reads the rows
// through the live child, in every protocol, format and setting, and is as fresh as any other read.
// Method: the same statements through jetgres and on the upstream itself, often enough that the rows
// are in memory; deliveries published between them.

import type pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'

import { limits } from '../../src/limits.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { fedBy, lastRoute, openWorld, refusal, rowsOf, untilCount } from './world.ts'
import type { World } from './world.ts'

const skip = { skip: withoutNats() }

const TYPED = `(id bigint PRIMARY KEY, small smallint, label varchar, amount numeric(12,2), f real,
  g double precision, ok boolean, d date, ts timestamp, tz timestamptz, u uuid, j jsonb, raw bytea)`

const typedRow = (id: number) => ({
  id,
  small: id % 100,
  label: id % 7 === 0 ? null : `läbel ${id} 'quoted' \\`,
  amount: id % 5 === 0 ? null : `${id}.50`,
  f: id / 3,
  g: id / 7,
  ok: id % 2 === 0,
  d: '2024-02-29',
  ts: '2024-03-31 01:30:00.123456',
  tz: `2024-03-31T0${id % 10}:30:00Z`,
  u: '6ecd8c99-4036-403d-bf84-cf8400f67836',
  j: { id, b: [1, null] },
  raw: '\\x00ff10'
})

async function makeTyped({ client, connection, nats }: World): Promise<void> {
  await client.query(`CREATE TABLE typed ${TYPED} ${fedBy(nats, 'e2e.typed')}`)
  await publishJson(connection, 'e2e.typed', Array.from({ length: 200 }, (_, i) => typedRow(i - 5)))
  await untilCount(client, 'typed', 200)
}

/** Asks until the rows are in memory; from then on nothing tells but the time it takes. */
async function warm(client: pg.Client, table: string): Promise<void> {
  for (let asked = 0; asked < limits.rowCacheMisses * 2; asked++) {
    await client.query(`SELECT * FROM ${table} WHERE id = ${asked}`)
  }
}

const WAYS = [
  'SELECT max(v::int) FROM moving WHERE id = 1',
  'SELECT v FROM moving WHERE id = 1',
  'SELECT v FROM moving WHERE id IN (1, 7)',
  'SELECT v FROM moving WHERE id = 1 ORDER BY v LIMIT 1'
]

void t.test('look-ups', skip, async (t) => {
  const world = await openWorld(t)
  const { client, direct, jetgres, connection, nats } = world
  await makeTyped(world)
  await warm(client, 'typed')

  /** The same on both sides, and answered here. */
  const same = async (t: Test, text: string, values: unknown[] = [], name?: string) => {
    const query = { text, values, rowMode: 'array' as const, ...(name ? { name } : {}) }
    const [ours, theirs] = [await client.query(query), await direct.query(query)]
    const inOrder = (rows: unknown[][]): string[] => rows.map((row) => JSON.stringify(row)).toSorted()
    t.strictSame(inOrder(ours.rows), inOrder(theirs.rows), `${text} ${JSON.stringify(values)}`)
    t.strictSame(
      ours.fields.map((field) => [field.name, field.dataTypeID, field.tableID, field.format]),
      theirs.fields.map((field) => [field.name, field.dataTypeID, field.tableID, field.format])
    )
    t.equal(await lastRoute(client), 'local', text)
  }

  await t.test('constants of every spelling, one after the other', async (t) => {
    for (const id of ['0', '7', '-3', '- 3', '190', '999', '-999', "'12'", '99999999999']) {
      await same(t, `SELECT * FROM typed WHERE id = ${id}`)
      await same(t, `select label, tz, id, id from public.typed as x where x.id=${id};`)
      await same(t, `SELECT raw FROM typed WHERE ${id} = id`)
    }
  })

  await t.test('parameters, named and unnamed', async (t) => {
    for (const id of [1, -4, 35, 5_000, '44', null]) {
      await same(t, 'SELECT * FROM typed WHERE id = $1', [id])
      await same(t, 'SELECT label, j FROM typed WHERE id = $1', [id], 'named')
    }
  })

  await t.test('as mappers write them', async (t) => {
    for (const id of [3, -4, 999]) {
      await same(t, `SELECT "typed"."id", "typed"."label" FROM "typed" WHERE "typed"."id" = ${id} LIMIT 21`)
      await same(t, `SELECT * FROM "typed" WHERE "typed"."id" = ${id} ORDER BY "typed"."id" LIMIT 1`)
      await same(t, 'SELECT t.* FROM typed t WHERE (t.id = $1) LIMIT $2', [id, 1], 'limited')
      await same(t, 'SELECT label FROM typed WHERE id = $1 LIMIT $2 OFFSET $3', [id, 2, 0])
      await same(t, 'SELECT label FROM typed WHERE id = $1::INTEGER', [id])
    }
    for (const [limit, offset] of [[0, 0], [1, 1], [null, null]]) {
      await same(t, 'SELECT label FROM typed WHERE id = $1 LIMIT $2 OFFSET $3', [3, limit, offset])
      await same(t, `SELECT label FROM typed WHERE id = 3 LIMIT ${limit} OFFSET ${offset}`)
    }
    const text = 'SELECT label FROM typed WHERE id = $1 LIMIT $2'
    for (const side of [client, direct]) await t.rejects(side.query(text, [3, -1]), { code: '2201W' })
  })

  await t.test('several at once', async (t) => {
    const all = 'SELECT id, label, amount FROM typed WHERE id'
    for (const ids of [[1, 2, 3], [5, 5, 999, -5], [7], [100, 150, 50]]) {
      const list = ids.join(', ')
      await same(t, `${all} IN (${list})`)
      await same(t, `${all} = ANY(ARRAY[${list}])`)
      await same(t, `SELECT "typed"."label" FROM "typed" WHERE "typed"."id" IN (${list})`)
      await same(t, `${all} IN (${ids.map((_, i) => `$${i + 1}`).join(', ')})`, ids)
      await same(t, `${all} IN (${ids.map((_, i) => `$${i + 1}::bigint`).join(', ')}) LIMIT 9`, ids)
      for (const name of [undefined, 'several']) await same(t, `${all} = ANY($1)`, [ids], name)
    }
    for (const ids of [[], [null, 4], null]) {
      await same(t, `${all} = ANY($1::bigint[])`, [ids])
      await same(t, `${all} = ANY($1)`, [ids], 'any')
    }
    const nested = { text: `${all} = ANY($1::bigint[]) ORDER BY id`, values: ['{{1,2},{3,4}}'] }
    t.strictSame((await client.query(nested)).rows, (await direct.query(nested)).rows)
    const many = Array.from({ length: limits.lookupKeysMax * 2 }, (_, i) => i)
    await same(t, `${all} = ANY($1)`, [many])
    await same(t, `${all} = ANY($1) LIMIT 200`, [many.slice(0, 150)])
  })

  await t.test('what Postgres refuses is refused by it, again and again', async (t) => {
    for (const constant of ["'x'", "'1.5'", "'99999999999999999999'"]) {
      const text = `SELECT * FROM typed WHERE id = ${constant}`
      await client.query("SELECT * FROM typed WHERE id = '1'")
      t.strictSame(await refusal(client, text), await refusal(direct, text), constant)
    }
    await same(t, "SELECT label FROM typed WHERE id = '5'")
  })

  await t.test('settings print rows as they say', async (t) => {
    for (const setting of [
      "TimeZone = 'Europe/Zurich'",
      "TimeZone = 'Etc/UTC'",
      "bytea_output = 'escape'",
      'extra_float_digits = 3'
    ]) {
      for (const each of [client, direct]) await each.query(`SET ${setting}`)
      for (const id of [1, 2]) await same(t, `SELECT * FROM typed WHERE id = ${id}`)
    }
    for (const each of [client, direct]) await each.query('RESET ALL')
  })

  await t.test('binary is what Postgres sends', async (t) => {
    const read = async (side: pg.Client) => {
      const query = { text: 'SELECT * FROM typed WHERE id = $1', values: [3], binary: true }
      const types = { getTypeParser: () => (bytes: Buffer) => bytes.toString('hex') }
      return (await side.query({ ...query, types, rowMode: 'array' })).rows
    }
    t.strictSame(await read(client), await read(direct))
  })

  await t.test('row limits suspend and end as Postgres does', async (t) => {
    const read = async (side: pg.Client) => {
      const query = { text: 'SELECT label FROM typed WHERE id = $1', values: [3], rows: 1 }
      return (await side.query(query)).rows
    }
    t.strictSame(await read(client), await read(direct))
  })

  await t.test('a key of two columns', async (t) => {
    await client.query(
      `CREATE TABLE pairs (a text, b int, v text, PRIMARY KEY (b, a)) ${fedBy(nats, 'e2e.pairs')}`
    )
    const pairs = Array.from({ length: 50 }, (_, i) => ({ a: `k${i % 10}`, b: i, v: `v${i}` }))
    await publishJson(connection, 'e2e.pairs', pairs)
    await untilCount(client, 'pairs', 50)
    for (let i = 0; i < 40; i++) {
      await same(t, `SELECT v FROM pairs WHERE a = 'k${i % 11}' AND b = ${i}`)
      await same(t, 'SELECT b, v FROM pairs WHERE b = $1 AND a = $2', [i, `k${i % 10}`])
    }
    await same(t, "SELECT v FROM pairs WHERE a = 'k1'")
    await same(t, "SELECT v FROM pairs WHERE a = 'k1' OR b = 1 ORDER BY v")
    await same(t, "SELECT v FROM pairs AS p(b, a, v) WHERE b = 'k1' AND a = 1")
  })

  await t.test('a session reads what it has seen published', async (t) => {
    await client.query(
      `CREATE TABLE moving (id int PRIMARY KEY, v text) ${fedBy(nats, 'e2e.moving')}`
    )
    await publishJson(connection, 'e2e.moving', [{ id: 1, v: '0' }])
    await untilCount(client, 'moving', 1)
    await warm(client, 'moving')
    await client.query("SET jetgres.consistency = 'stream'")
    for (let n = 1; n <= 30; n++) {
      await publishJson(connection, 'e2e.moving', [{ id: n % 3, v: String(n) }])
      t.strictSame(await rowsOf(client, `SELECT v FROM moving WHERE id = ${n % 3}`), [[String(n)]])
      const several = await rowsOf(client, 'SELECT v FROM moving WHERE id = ANY($1)', [[0, 1, 2]])
      t.strictSame(Math.max(...several.map(([v]) => Number(v))), n, 'among several')
    }
    await client.query('RESET jetgres.consistency')
  })

  await t.test('reads by key never go back, whichever way they are answered', async (t) => {
    const reader = await jetgres.connect()
    let isOver = false
    const writing = (async () => {
      for (let n = 100; n < 400; n++) await publishJson(connection, 'e2e.moving', [{ id: 1, v: String(n) }])
      isOver = true
    })()
    let last = 0
    let back = 0
    for (let n = 0; !isOver; n++) {
      const text = WAYS[n % WAYS.length]!
      const seen = Number((await rowsOf(reader, text))[0]?.[0])
      if (seen < last) back++
      last = seen
    }
    await writing
    t.equal(back, 0)
    await reader.end()
  })

  await t.test('one session’s change of privileges counts for the others at once', async (t) => {
    await direct.query('CREATE ROLE looker LOGIN')
    await client.query('GRANT SELECT ON typed TO looker')
    const looker = await jetgres.connect({ user: 'looker' })
    const text = (id: number): string => `SELECT label FROM typed WHERE id = ${id}`
    t.equal((await rowsOf(looker, text(1))).length, 1)
    await client.query('REVOKE SELECT ON typed FROM looker')
    t.equal((await refusal(looker, text(2))).code, '42501')
    await client.query('GRANT SELECT ON typed TO looker')
    t.equal((await rowsOf(looker, text(2))).length, 1)
    await looker.end()
  })

  await t.test('what is renamed or dropped is not found any more', async (t) => {
    const other = await jetgres.connect()
    t.equal((await rowsOf(other, 'SELECT v FROM moving WHERE id = 1')).length, 1)
    await client.query('ALTER TABLE moving RENAME TO moved')
    t.equal((await refusal(other, 'SELECT v FROM moving WHERE id = 2')).code, '42P01')
    t.equal((await rowsOf(other, 'SELECT v FROM moved WHERE id = 1')).length, 1)
    await client.query('DROP TABLE moved')
    t.equal((await refusal(other, 'SELECT v FROM moved WHERE id = 1')).code, '42P01')
    await other.end()
  })
})
