// Goal: postgres_fdw and dblink of another database read a relation through jetgres as they read a
// table of a Postgres.
// Method: database "reader" has two foreign servers, jetgres and the Postgres behind it, where an
// ordinary table holds the same rows; each statement is run over either, and the rows, or the error,
// must be the same.

import type pg from 'pg'
import t from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { COLUMNS, DRIVEN_ROWS, fillDriven } from './support/driven.ts'
import { startPostgres15 } from './support/postgres15.ts'
import { lacksFile, PG_BIN, without } from './support/programs.ts'
import { startStage } from './support/stage.ts'
import type { Address } from './support/stage.ts'

/** Title → statements of one client, whose search_path finds one server's table. */
const FDW: readonly (readonly [title: string, ...statements: string[]])[] = [
  ['imports every type', 'SELECT * FROM driven ORDER BY id'],
  [
    'pushes conditions down',
    "SELECT id FROM driven WHERE label = 'row 3'",
    "SELECT id FROM driven WHERE at < '2024-01-01 00:00:03Z' AND amount > 0.1 ORDER BY id",
    "SELECT id FROM driven WHERE label LIKE '%3' OR note IS NULL AND ok ORDER BY id",
    "SELECT id FROM driven WHERE id = ANY('{1,3,99}') ORDER BY id",
    "SELECT id FROM driven WHERE doc = '{\"a\": [1, null]}' OR tags @> '{x}' ORDER BY id",
    "SELECT id FROM driven WHERE bytes = '\\x00ff27' OR key IS NULL AND id < 2 ORDER BY id"
  ],
  [
    'pushes aggregates, order and limits down',
    'SELECT count(*), sum(amount), avg(ratio), min(at), max(label) FROM driven',
    'SELECT ok, count(*) FROM driven GROUP BY ok HAVING count(*) > 4 ORDER BY ok',
    'SELECT id, label FROM driven ORDER BY label DESC LIMIT 3 OFFSET 1'
  ],
  [
    'pushes joins down',
    'SELECT a.id, b.label FROM driven a JOIN driven b ON a.id = b.id + 1 ORDER BY a.id',
    'SELECT a.id, b.id FROM driven a LEFT JOIN driven b ON a.id = b.small ORDER BY 1, 2',
    'SELECT id FROM driven a WHERE EXISTS (SELECT FROM driven b WHERE b.id = a.id * 2) ORDER BY id'
  ],
  [
    'joins with its own tables',
    'CREATE TEMP TABLE own AS SELECT generate_series(2, 4) AS a',
    'SELECT a, label FROM own JOIN driven ON id = a ORDER BY a',
    'INSERT INTO own SELECT id FROM driven WHERE id > 6',
    'SELECT a FROM own ORDER BY a'
  ],
  [
    'uses parameters',
    'PREPARE by_id (int, text) AS SELECT id, label FROM driven WHERE id >= $1 AND label < $2 ORDER BY id',
    ...Array.from({ length: 7 }, (_, id) => `EXECUTE by_id (${id}, 'row 6')`)
  ],
  [
    'reads through cursors in a transaction',
    'BEGIN ISOLATION LEVEL REPEATABLE READ',
    'DECLARE one CURSOR FOR SELECT id FROM driven ORDER BY id',
    'DECLARE two SCROLL CURSOR FOR SELECT label FROM driven ORDER BY id DESC',
    'FETCH 3 FROM one',
    'FETCH 2 FROM two',
    'FETCH BACKWARD 1 FROM two',
    'FETCH ALL FROM one',
    'SAVEPOINT here',
    'SELECT count(*) FROM driven',
    'SELECT 1/(id - 2) FROM driven ORDER BY id',
    'ROLLBACK TO here',
    'SELECT count(*) FROM driven',
    'FETCH 1 FROM two',
    'COMMIT'
  ],
  [
    'says what is wrong over there',
    'SELECT label::int FROM driven',
    'SELECT sqrt(amount - 1) FROM driven',
    'SELECT a FROM wrong',
    'SELECT count(*) FROM driven'
  ],
  [
    'estimates over there, and gathers statistics',
    "ALTER FOREIGN TABLE driven OPTIONS (ADD use_remote_estimate 'true', ADD fetch_size '2')",
    'SELECT id FROM driven WHERE id > 3 ORDER BY id',
    'SELECT a.id FROM driven a JOIN driven b USING (id) WHERE b.ok ORDER BY 1',
    'ANALYZE driven',
    "SELECT attname, null_frac FROM pg_stats WHERE (schemaname, tablename) = (current_schema(), 'driven') ORDER BY 1"
  ],
  ['locks rows', 'BEGIN', 'SELECT id FROM driven WHERE id = 1 FOR UPDATE', 'COMMIT']
]

/** As above; the connection has the server's name. */
const DBLINK: readonly (readonly [title: string, ...statements: string[]])[] = [
  [
    'asks once and over a connection',
    "SELECT * FROM dblink(current_schema(), 'SELECT id, label, tags FROM driven ORDER BY 1') AS t(id int, label text, tags text[])",
    'SELECT dblink_connect(current_schema(), current_schema())',
    "SELECT * FROM dblink(current_schema(), 'SELECT count(*), max(at) FROM driven') AS t(n bigint, at timestamptz)",
    "SELECT dblink_exec(current_schema(), 'CREATE TEMP TABLE w AS SELECT id FROM driven WHERE id < 3')",
    "SELECT * FROM dblink(current_schema(), 'SELECT d.label FROM w JOIN driven d USING (id)') AS t(l text) ORDER BY 1"
  ],
  [
    'opens cursors',
    "SELECT dblink_open(current_schema(), 'c', 'SELECT id FROM driven ORDER BY id')",
    "SELECT * FROM dblink_fetch(current_schema(), 'c', 4) AS t(id int)",
    "SELECT * FROM dblink_fetch(current_schema(), 'c', 9) AS t(id int)",
    "SELECT dblink_close(current_schema(), 'c')"
  ],
  [
    'asks and looks later',
    "SELECT dblink_send_query(current_schema(), 'SELECT 1 AS a; SELECT id FROM driven WHERE id < 2')",
    'SELECT * FROM dblink_get_result(current_schema()) AS t(a int)',
    'SELECT * FROM dblink_get_result(current_schema()) AS t(a int)',
    'SELECT * FROM dblink_get_result(current_schema()) AS t(a int)',
    "SELECT dblink_send_query(current_schema(), 'SELECT pg_sleep(60)')",
    'SELECT dblink_cancel_query(current_schema())',
    'SELECT * FROM dblink_get_result(current_schema()) AS t(a text)'
  ],
  [
    'says what is wrong over there',
    "SELECT * FROM dblink(current_schema(), 'SELECT nope FROM driven') AS t(a int)",
    "SELECT * FROM dblink(current_schema(), 'SELECT 1/(id - 2) FROM driven') AS t(a int)",
    "SELECT dblink_exec(current_schema(), 'SELECT FROM nowhere', false)",
    "SELECT dblink_error_message(current_schema()) LIKE '%nowhere%'",
    'SELECT dblink_disconnect(current_schema())'
  ]
]

const ready = without(withoutNats(), lacksFile(PG_BIN))

void t.test('a relation as a foreign table', ready, async (t) => {
  const stage = await startStage(t, startPostgres15)
  const admin = await stage.connect(stage.plain)
  for (const name of ['peer', 'reader']) await admin.query(`CREATE DATABASE ${name}`)
  await stage.createRelation('driven', COLUMNS)
  await stage.publish('driven', DRIVEN_ROWS)
  const peerAddress = { ...stage.plain, database: 'peer' }
  const peer = await stage.connect(peerAddress)
  await peer.query(`CREATE TABLE driven (${COLUMNS})`)
  await fillDriven(peer)
  const reader = { ...stage.plain, database: 'reader' }
  const installer = await stage.connect(reader)
  await installer.query('CREATE EXTENSION postgres_fdw; CREATE EXTENSION dblink')
  await point(installer, 'far_jetgres', stage.proxy)
  await point(installer, 'far_plain', peerAddress)
  const [proxied, plain] = [await stage.connect(reader), await stage.connect(reader)]
  await proxied.query('SET search_path = far_jetgres, public')
  await plain.query('SET search_path = far_plain, public')

  for (const [title, ...statements] of [...FDW, ...DBLINK]) {
    await t.test(title, async (t) => {
      for (const text of statements) {
        const [got, wanted] = [await seen(proxied, text), await seen(plain, text)]
        t.same(got, wanted, text)
      }
    })
  }
})

/** A server, and a schema of the same name with its tables. */
async function point(client: pg.Client, name: string, to: Address): Promise<void> {
  await client.query(`
    CREATE SERVER ${name} FOREIGN DATA WRAPPER postgres_fdw
      OPTIONS (host '${to.host}', port '${to.port}', dbname '${to.database}');
    CREATE USER MAPPING FOR CURRENT_USER SERVER ${name} OPTIONS (user '${to.user}');
    CREATE SCHEMA ${name};
    IMPORT FOREIGN SCHEMA public LIMIT TO (driven) FROM SERVER ${name} INTO ${name};
    CREATE FOREIGN TABLE ${name}.wrong (a int) SERVER ${name} OPTIONS (table_name 'nowhere')`)
}

/** Rows and columns, or the error. */
async function seen(client: pg.Client, text: string): Promise<unknown> {
  try {
    const { rows, fields, command } = await client.query({ text, rowMode: 'array' })
    return { rows, command, fields: fields.map(({ name, dataTypeID }) => ({ name, dataTypeID })) }
  } catch (error) {
    const { code, message, detail, hint, where } = error as pg.DatabaseError
    return [code, message, detail, hint, where].map(unnamed)
  }
}

const unnamed = (text: string | undefined): string | undefined =>
  text?.replaceAll(/far_(jetgres|plain)/g, 'far')
