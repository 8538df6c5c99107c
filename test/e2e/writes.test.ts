// Goal: what SQL writes to a connector table is Postgres's to judge and the store's to keep: it is
// there on both routes from COMMIT on, goes with ROLLBACK and stays over a restart, and the stream's
// next delivery for its key replaces it.
// Method: one world; statements through jetgres and on the upstream itself, both routes compared.

import { finished } from 'node:stream/promises'

import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import t from 'tap'
import type { Test } from 'tap'

import { publishJson, withoutNats } from '../support/nats-server.ts'
import { eventually } from '../support/eventually.ts'
import { bothRoutes, fedBy, lastRoute, openWorld, refusal, rowsOf, untilCount } from './world.ts'
import type { World } from './world.ts'

const skip = { skip: withoutNats() }

const COLUMNS = `(id int PRIMARY KEY, name text, price numeric(10,2), code char(3), at timestamptz,
  tags text[], raw bytea, doc jsonb, source json, much float8, exact numeric, span interval,
  kind text DEFAULT 'plain')`

/** Values that lose something where they are not carried as they are. */
const DELIVERED = {
  name: ' a"b\\c\t',
  price: '1.50',
  code: 'a',
  at: '2024-02-29T23:59:59.123456Z',
  tags: ['x y', null, 'NULL', '{"', ''],
  raw: '\\x00ff',
  doc: { b: [1.0, 'é'], a: null },
  source: { b: 1, a: 2 },
  much: 0.1,
  exact: '12345678901234567890.100',
  span: '1 mon -2 days 03:04:05.6',
  kind: 'delivered'
}

const BRIEF = 'SELECT id, name, kind FROM live ORDER BY id'

const afresh = async ({ client, connection, nats }: World, subject: string): Promise<void> => {
  await publishJson(
    connection,
    subject,
    [1, 2, 3].map((id) => ({ id, ...DELIVERED }))
  )
  await client.query(`CREATE OR REPLACE TABLE live ${COLUMNS} ${fedBy(nats, subject)}`)
  await untilCount(client, 'live', 3)
}

async function copyIn(client: pg.Client, rows: string): Promise<void> {
  const stream = client.query(copyFrom('COPY live (id, name) FROM STDIN'))
  stream.end(rows)
  await finished(stream)
}

void t.test('what SQL writes', skip, async (t) => {
  const world = await openWorld(t)
  await t.test('is there at once, on both routes', (t) => isThere(t, world))
  await t.test('is its transaction\'s', (t) => isTransactional(t, world))
  await t.test('conflicts with what has changed meanwhile', (t) => conflicts(t, world))
  await t.test('is refused where it cannot be kept', (t) => isRefused(t, world))
  await t.test('stays until the next delivery for its key', (t) => staysUntil(t, world))
})

async function isThere(t: Test, world: World): Promise<void> {
  await afresh(world, 'e2e.there')
  const { client, direct } = world
  const delivered = await bothRoutes(t, world, 'SELECT * FROM live ORDER BY id')
  const whole = `id, ${Object.keys(DELIVERED).join(', ')}`

  const inserted = await client.query(
    `INSERT INTO live (id, name) VALUES ($1, $2), (5, NULL) RETURNING id, kind`,
    [4, 'four']
  )
  t.same(inserted.rows, [{ id: 4, kind: 'plain' }, { id: 5, kind: 'plain' }], 'defaults, RETURNING')
  await client.query(`INSERT INTO live (${whole}) SELECT id + 10, ${whole.slice(4)} FROM live
    WHERE md5(id::text) <> '' AND id < 3`)
  await copyIn(client, '6\tsix\n')
  t.same(await bothRoutes(t, world, BRIEF), [
    ...[1, 2, 3].map((id) => [id, DELIVERED.name, 'delivered']),
    [4, 'four', 'plain'],
    [5, null, 'plain'],
    [6, 'six', 'plain'],
    ...[11, 12].map((id) => [id, DELIVERED.name, 'delivered'])
  ])
  t.equal(await lastRoute(client), 'local')
  const copies = 'SELECT * FROM live WHERE id IN (11, 12) ORDER BY id'
  const moved = delivered.slice(0, 2).map(([id, ...rest]) => [Number(id) + 10, ...rest])
  t.same(await bothRoutes(t, world, copies), moved, 'each type is carried as it is')

  const updated = await client.query(
    'UPDATE live SET name = upper($1 || id), id = id + 1 WHERE id IN (4, 5, 6) RETURNING id, name, at',
    ['n']
  )
  t.equal(updated.rowCount, 3)
  t.same(
    updated.rows.toSorted((a: { id: number }, b: { id: number }) => a.id - b.id),
    [5, 6, 7].map((id) => ({ id, name: `N${id - 1}`, at: null })),
    'rows that change keys with each other'
  )
  await client.query("UPDATE live SET kind = 'joined' FROM generate_series(11, 12) i WHERE i = id")
  const gone = await client.query("DELETE FROM live WHERE md5(kind) = md5('joined') RETURNING id")
  t.equal(gone.rowCount, 2, 'rows with a value of each type, by a condition only Postgres knows')
  await direct.query('DELETE FROM live USING generate_series(6, 7) i WHERE i = id')
  await direct.query("INSERT INTO live (id, name) VALUES (8, 'past jetgres')")
  t.equal((await direct.query('UPDATE live SET name = name WHERE false')).rowCount, 0)
  t.same((await bothRoutes(t, world, BRIEF)).slice(3), [
    [5, 'N4', 'plain'],
    [8, 'past jetgres', 'plain']
  ])
  t.same(await rowsOf(direct, 'SELECT count(*) FROM ONLY live'), [['0']], 'the twin is empty')
}

async function isTransactional(t: Test, world: World): Promise<void> {
  await afresh(world, 'e2e.transaction')
  const { client, direct, jetgres } = world
  const other = await jetgres.connect()
  const before = await bothRoutes(t, world, BRIEF)
  await client.query('BEGIN')
  await client.query("INSERT INTO live (id) VALUES (4)")
  await client.query('SAVEPOINT s')
  await client.query("INSERT INTO live (id) VALUES (5)")
  const told = await refusal(client, 'DELETE FROM live WHERE id = 1')
  t.match(told, UNREADABLE, 'a row of it cannot be looked for')
  await client.query('ROLLBACK TO s')
  t.match(await refusal(client, BRIEF), UNREADABLE, 'nor read')
  await client.query('ROLLBACK TO s')
  await client.query('INSERT INTO live (id) VALUES (6)')
  t.same(await rowsOf(other, BRIEF), before, 'nobody sees it before COMMIT')
  await client.query('COMMIT')
  const after = [...before, [4, null, 'plain'], [6, null, 'plain']]
  t.same(await bothRoutes(t, world, BRIEF), after, 'what was not rolled back is there')
  t.same(await rowsOf(other, BRIEF), after)

  await client.query('BEGIN; UPDATE live SET name = NULL; ROLLBACK')
  t.match(await refusal(client, 'INSERT INTO live (id) VALUES (9), (1 / 0)'), { code: '22012' })
  t.match(await refusal(client, 'INSERT INTO live (id) VALUES (9); SELECT 1 / 0'), { code: '22012' })
  t.same(await bothRoutes(t, world, BRIEF), after, 'ROLLBACK leaves nothing')

  await direct.query(`CREATE FUNCTION add_live(int) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO live (id) SELECT generate_series(7, 6 + $1) $$`)
  await client.query('SELECT add_live(2)')
  await client.query('WITH gone AS (DELETE FROM live WHERE id > 3 RETURNING id) SELECT * FROM gone')
  t.same(await bothRoutes(t, world, BRIEF), before, 'by a function and a WITH')
  await other.end()
}

const UNREADABLE = {
  code: '0A000',
  message: 'rows of "live" cannot be read in a transaction that has written some',
  hint: 'They can be read after COMMIT.'
}

async function conflicts(t: Test, world: World): Promise<void> {
  await afresh(world, 'e2e.conflict')
  const { client, connection, jetgres } = world
  const before = await rowsOf(client, BRIEF)
  for (const sql of ['INSERT INTO live (id) VALUES (9), (2)', 'UPDATE live SET id = 2 WHERE id = 1'])
    t.match(await refusal(client, sql), {
      code: '23505',
      message: 'duplicate key value violates the primary key of "live"',
      detail: 'Key (id)=(2) already exists.'
    })
  t.equal((await refusal(client, 'INSERT INTO live (id) VALUES (9), (9)')).code, '23505')
  t.equal((await refusal(client, 'INSERT INTO live (id) VALUES (NULL)')).code, '23502')
  t.equal(
    (await refusal(client, 'INSERT INTO live (id) VALUES (2) ON CONFLICT DO NOTHING')).code,
    '23505',
    'what is there is not seen by ON CONFLICT'
  )
  t.same(await bothRoutes(t, world, BRIEF), before)

  const other = await jetgres.connect()
  await client.query("BEGIN; UPDATE live SET name = 'lost' WHERE id = 2")
  await other.query("UPDATE live SET name = 'other' WHERE id = 2")
  const told = await refusal(client, 'COMMIT')
  t.match(told, { code: '40001', message: 'could not serialize access due to concurrent update' })
  t.same((await rowsOf(client, BRIEF))[1], [2, 'other', 'delivered'])

  await client.query('BEGIN; DELETE FROM live WHERE id = 3')
  await publishJson(connection, 'e2e.conflict', [{ id: 3, name: 'newer' }])
  await eventually(
    async () => (await rowsOf(other, 'SELECT name FROM live WHERE id = 3'))[0]?.[0] === 'newer',
    { what: 'the delivery has come' }
  )
  t.equal((await refusal(client, 'COMMIT')).code, '40001', 'a delivery came between')
  t.same((await bothRoutes(t, world, BRIEF))[2], [3, 'newer', null])
  await other.end()
}

async function isRefused(t: Test, world: World): Promise<void> {
  await afresh(world, 'e2e.refused')
  const { client, direct, nats, jetgres } = world
  await client.query(`CREATE TABLE keyless (id int) ${fedBy(nats, 'e2e.refused')}`)
  await untilCount(client, 'keyless', 3)
  await client.query('INSERT INTO keyless VALUES (1), (7)')
  t.same(await bothRoutes(t, world, 'SELECT id FROM keyless ORDER BY id'), [[1], [1], [2], [3], [7]])
  const cases = [
    ['UPDATE keyless SET id = 2', '55000', 'cannot update or delete rows of "keyless": it has no primary key'],
    ['DELETE FROM keyless WHERE id = 7', '55000', 'cannot update or delete rows of "keyless": it has no primary key'],
    ['TRUNCATE keyless', '55000', 'cannot truncate "keyless": its rows come from a NATS stream'],
    ['TRUNCATE live', '55000', 'cannot truncate "live": its rows come from a NATS stream'],
    ['MERGE INTO live USING (SELECT 7 AS i) s ON id = i WHEN NOT MATCHED THEN INSERT (id) VALUES (i)', '0A000', 'cannot execute MERGE on relation "live"'],
    ['BEGIN; ALTER TABLE live ADD COLUMN more int; INSERT INTO live (id) VALUES (9)', '55000', 'relation "live" cannot be written to yet']
  ] as const
  for (const [sql, code, message] of cases) {
    const told = await refusal(client, sql)
    t.match(told, { code }, sql)
    if (code !== '0A000') t.equal(told.message, message)
    await client.query('ROLLBACK')
  }
  await direct.query('CREATE ROLE writer LOGIN; GRANT SELECT, INSERT (id) ON live TO writer')
  const writer = await jetgres.connect({ user: 'writer' })
  await writer.query('INSERT INTO live (id) VALUES (8)')
  for (const sql of [
    "INSERT INTO live (id, name) VALUES (9, 'x')",
    'UPDATE live SET name = NULL',
    'DELETE FROM live',
    "INSERT INTO jetgres_live.changes VALUES (1, NULL, '{1}')",
    'SELECT jetgres_live.fields(1, $$x$$)',
    'CREATE TEMP TABLE mine (id int); CREATE TRIGGER x AFTER INSERT ON mine FOR EACH STATEMENT EXECUTE FUNCTION jetgres_live.written(1)'
  ]) {
    t.equal((await refusal(writer, sql)).code, '42501', sql)
  }
  t.equal((await bothRoutes(t, world, BRIEF)).length, 4)
  await writer.end()
  await client.query('DROP TABLE keyless')
}

async function staysUntil(t: Test, world: World): Promise<void> {
  await afresh(world, 'e2e.stays')
  const { connection } = world
  await world.client.query("INSERT INTO live (id, name) VALUES (8, 'by SQL'), (9, 'by SQL')")
  await world.client.query("UPDATE live SET name = 'by SQL' WHERE id < 3")
  await world.client.query('DELETE FROM live WHERE id = 3')
  const written = [1, 2, 8, 9].map((id) => [id, 'by SQL', id < 3 ? 'delivered' : 'plain'])
  t.same(await bothRoutes(t, world, BRIEF), written)
  const client = await world.restart()
  t.same(await bothRoutes(t, world, BRIEF), written, 'over a restart')
  await publishJson(
    connection,
    'e2e.stays',
    [2, 3, 8].map((id) => ({ id, name: 'newer' }))
  )
  const want = [
    [1, 'by SQL', 'delivered'],
    [2, 'newer', null],
    [3, 'newer', null],
    [8, 'newer', null],
    [9, 'by SQL', 'plain']
  ]
  await untilCount(client, "live WHERE name = 'newer'", 3)
  t.same(await bothRoutes(t, world, BRIEF), want, 'deliveries replace what they have the key of')
  await client.query('ALTER TABLE live DROP CONNECTOR')
  await client.query('INSERT INTO live (id) VALUES (1) ON CONFLICT DO NOTHING')
  await client.query('DELETE FROM live WHERE id = 9')
  t.same(await bothRoutes(t, world, BRIEF), want.slice(0, 4), 'and DROP CONNECTOR keeps them')
}
