// Goal: psql through jetgres behaves as on Postgres, over an ingested relation too.
// Method: the same script is given to psql twice, connected through jetgres to database "postgres"
// and connected directly to database "peer" of the same server, where ordinary tables of the same
// names hold the same rows; what it prints must be the same, but for what is said to differ. What
// needs a keyboard runs on a pseudo-terminal.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type pg from 'pg'
import t from 'tap'

import { eventually } from '../support/eventually.ts'
import { withoutNats } from '../support/nats-server.ts'
import { startPostgres15 } from './support/postgres15.ts'
import { lacksFile, PG_BIN, PYTHON, run, without } from './support/programs.ts'
import { startStage } from './support/stage.ts'
import type { Address } from './support/stage.ts'
import { CTRL_C, openPsql } from './support/terminal.ts'

const COLUMNS = `id int PRIMARY KEY, sym varchar(10) COLLATE "C", price numeric(10,2),
  at timestamptz, note text COLLATE "C", tags text[] COLLATE "C"`
const ROWS = [
  {
    id: 1,
    sym: 'ACME',
    price: 10.5,
    at: '2024-02-29T12:00:00Z',
    note: 'first',
    tags: ['a', 'b c']
  },
  { id: 2, sym: 'Öl', price: 0.01, at: '2024-03-31T01:30:00.123456Z', note: null, tags: [] },
  { id: 3, sym: 'ACME', price: -7, at: null, note: 'tab\there "q"', tags: null }
]
const BIG_ROWS = 3_000
const CANCEL_MS = 5_000

/** psql's output for a script given on stdin, both streams in one. */
async function psql(to: Address, script: string): Promise<string> {
  const { host, port, user, database } = to
  const args = ['-X', '-h', host, '-p', String(port), '-U', user, '-d', database, '-f', '-']
  const outcome = await run('psql', args, { stdin: script, env: { PGOPTIONS: '' } })
  return `${outcome.stdout}${outcome.stderr}`.replaceAll(/PID \d+/g, 'PID #')
}

/** Title and script; the output must be the same through jetgres and without. */
const SAME: readonly (readonly [title: string, ...lines: string[]])[] = [
  ['lists tables', '\\dt', '\\dt tra*', '\\du'],
  ['lists databases', '\\l'],
  ['describes an ordinary table', '\\d ordinary', '\\d+ ordinary', '\\d ordinary_pkey'],
  ['says what it does not find', '\\d nowhere', '\\dt nowhere'],
  ['shows rows', 'SELECT * FROM trades ORDER BY id;'],
  [
    'shows rows expanded',
    '\\x',
    'SELECT * FROM trades ORDER BY id;',
    'SELECT * FROM trades WHERE id = 2 \\gx'
  ],
  ['describes a result', 'SELECT id, sym, price * 2 AS twice, tags[1] FROM trades \\gdesc'],
  ['stores a result', 'SELECT count(*) AS n, min(sym) AS s FROM trades \\gset', '\\echo :n :s'],
  ['runs a result', "SELECT 'SELECT ' || id FROM trades ORDER BY id \\gexec"],
  ['pivots a result', 'SELECT sym, id, price FROM trades ORDER BY 1, 2 \\crosstabview'],
  [
    'runs several statements at once',
    'SELECT 1 AS a \\; SELECT count(*) FROM trades \\; SELECT 2 AS b;'
  ],
  [
    'stops several statements at the first error',
    'SELECT 1 \\; SELECT 1/0 FROM trades \\; SELECT 2;',
    'SELECT 3;'
  ],
  [
    'reads through a cursor by FETCH_COUNT',
    '\\set FETCH_COUNT 2',
    'SELECT id, sym FROM trades ORDER BY id;'
  ],
  [
    'prepares and executes',
    'PREPARE p(int) AS SELECT sym FROM trades WHERE id = $1;',
    'EXECUTE p(2);',
    'DEALLOCATE p;',
    'EXECUTE p(1);'
  ],
  [
    'points at an unknown column',
    'SELECT nope FROM trades;',
    'SELECT id,',
    '  t.nope FROM trades t;'
  ],
  ['points at a syntax error', 'SELECT * FROM trades WHERE;', 'SELEC 1;', 'SELECT id FRM trades;'],
  ['points at a bad literal', "SELECT * FROM trades WHERE id = 'x';", '\\errverbose'],
  [
    'says what fails while it runs',
    'SELECT 1/(id - 1) FROM trades;',
    'SELECT sqrt(price) FROM trades;',
    'SELECT note::int FROM trades;'
  ],
  ['points behind letters of several bytes', "SELECT 'äöü€😀' AS x, nope FROM trades;"],
  [
    'fails a transaction and goes on after it',
    'BEGIN;',
    'SELECT count(*) FROM trades;',
    'SELECT 1/0 FROM trades;',
    'SELECT count(*) FROM trades;',
    'COMMIT;',
    'SELECT count(*) FROM trades;'
  ],
  [
    'goes back to a savepoint',
    'BEGIN;',
    'SAVEPOINT s;',
    'SELECT nope FROM trades;',
    'ROLLBACK TO s;',
    'SELECT count(*) FROM trades;',
    'COMMIT;'
  ],
  [
    'rolls single errors back by itself',
    '\\set ON_ERROR_ROLLBACK on',
    'BEGIN;',
    'SELECT nope FROM trades;',
    'SELECT count(*) FROM trades;',
    'COMMIT;'
  ],
  [
    'follows the settings of its session',
    "SET timezone = 'America/New_York';",
    "SET datestyle = 'German';",
    'SELECT at FROM trades ORDER BY id;',
    "SET LOCAL timezone = 'UTC';",
    'SET search_path = pg_catalog;',
    'SELECT * FROM trades;'
  ],
  [
    'copies out',
    '\\copy trades TO STDOUT',
    '\\copy trades (id, sym) TO STDOUT CSV HEADER',
    '\\copy (SELECT id FROM trades ORDER BY id DESC) TO STDOUT',
    'COPY trades TO STDOUT;'
  ],
  [
    'copies in',
    'CREATE TEMP TABLE c (a int, b text);',
    '\\copy c FROM STDIN',
    '1\tone',
    '2\t\\N',
    '\\.',
    'COPY c FROM STDIN CSV;',
    '3,"th,ree"',
    '\\.',
    'SELECT * FROM c ORDER BY 1;',
    '\\copy c FROM STDIN',
    'x\ty',
    '\\.',
    'SELECT count(*) FROM c;'
  ],
  [
    'listens',
    'LISTEN chan;',
    "NOTIFY chan, 'hello';",
    'SELECT count(*) FROM trades;',
    'UNLISTEN chan;'
  ],
  [
    'connects again',
    '\\c',
    'SELECT count(*) FROM trades;',
    '\\c nowhere',
    'SELECT count(*) FROM trades;'
  ],
  [
    'reads views and tables made from it',
    'CREATE TEMP VIEW v AS SELECT sym, sum(price) FROM trades GROUP BY sym;',
    'SELECT * FROM v ORDER BY 1;',
    'CREATE TEMP TABLE x AS SELECT * FROM trades;',
    'SELECT count(*) FROM x;'
  ],
  [
    'reads with a cursor',
    'BEGIN;',
    'DECLARE k SCROLL CURSOR FOR SELECT id FROM trades ORDER BY id;',
    'FETCH 2 FROM k;',
    'MOVE BACKWARD ALL IN k;',
    'FETCH ALL FROM k;',
    'COMMIT;'
  ],
  [
    'gives an empty result its columns',
    'SELECT * FROM trades WHERE false;',
    'SELECT FROM trades;',
    '\\pset null NULL',
    'SELECT note, max(at) FROM trades WHERE id > 9 GROUP BY 1;'
  ],
  ['answers empty statements', ';', '/* nothing */;', '-- trades', ';', 'SELECT 1;']
]

void t.test(
  'psql through jetgres',
  without(withoutNats(), lacksFile(PG_BIN), lacksFile(PYTHON)),
  async (t) => {
    const stage = await startStage(t, startPostgres15)
    await stage.createRelation('trades', COLUMNS)
    await stage.publish('trades', ROWS)
    const client = await stage.connect(stage.proxy)
    const ordinary =
      'CREATE TABLE ordinary (id serial PRIMARY KEY, a text NOT NULL DEFAULT 1, CHECK (id > 0))'
    await client.query(ordinary)
    await client.query('CREATE DATABASE peer TEMPLATE template0')
    const peerAddress = { ...stage.plain, database: 'peer' }
    const peer = await stage.connect(peerAddress)
    await peer.query(ordinary)
    await copyRows(peer)
    const both = (script: string): Promise<string[]> =>
      Promise.all([psql(stage.proxy, script), psql(peerAddress, script)])

    for (const [title, ...lines] of SAME) {
      await t.test(title, async (t) => {
        const [proxied, plain] = await both(lines.join('\n'))
        t.equal(unnamed(proxied!), unnamed(plain!))
      })
    }

    await t.test('describes a relation as a table with one child and two triggers', async (t) => {
      for (const command of ['\\d trades', '\\d+ trades']) {
        const [proxied, plain] = await both(command)
        const isOurs = (line: string): boolean => /^Triggers:|refuse_write|_written|hild tables: /.test(line)
        const lines = proxied!.split('\n')
        t.equal(lines.filter((line) => !isOurs(line)).join('\n'), plain)
        t.match(lines.filter(isOurs), [
          'Triggers:',
          /^ +jetgres_refuse_write BEFORE TRUNCATE ON trades/,
          /^ +jetgres_written AFTER INSERT ON trades/,
          /^Number of child tables: 1 |^Child tables: jetgres_live\.r1/
        ])
      }
    })

    await t.test('copies a relation to a file and back into a table', async (t) => {
      const file = join(t.testdir(), 'trades.copy')
      await psql(stage.proxy, `\\copy trades TO '${file}'`)
      t.equal((await readFile(file, 'utf8')).split('\n').length, ROWS.length + 1)
      const script = `CREATE TEMP TABLE back (LIKE trades);\n\\copy back FROM '${file}'
      SELECT count(*) FROM back JOIN trades USING (id)
      WHERE back.at IS NOT DISTINCT FROM trades.at;`
      t.match(await psql(stage.proxy, script), /COPY 3\n count \n-+\n +3\n/)
    })

    await t.test('writes to a relation', async (t) => {
      for (const [sql, want] of [
        ['INSERT INTO trades (id) VALUES (9)', /INSERT 0 1/],
        ['UPDATE trades SET id = 10 WHERE id = 9', /UPDATE 1/],
        ['DELETE FROM trades WHERE id = 10', /DELETE 1/],
        ['TRUNCATE trades', /ERROR: +cannot truncate "trades".*\nHINT: +Use DELETE/s]
      ] as const) {
        t.match(await psql(stage.proxy, `${sql};`), want, sql)
      }
      t.match(await psql(stage.plain, 'SELECT count(*) FROM ONLY trades;'), /\n +0\n/)
    })

    await t.test('completes names by Tab', async (t) => {
      const terminal = await openPsql(t, stage.proxy)
      terminal.type('SELECT count(*) FROM trad\t')
      await terminal.see(/FROM trades $/)
      terminal.type('WHERE sy\t')
      await terminal.see(/WHERE sym $/)
      terminal.type("= 'ACME';\n")
      await terminal.see(/\n +2\n/)
      terminal.type('\\d trad\t\t')
      await terminal.see(/trades/)
    })

    await t.test('watches a query until Ctrl-C', async (t) => {
      const terminal = await openPsql(t, stage.proxy)
      terminal.type("SELECT 'n=' || count(*) FROM trades \\watch 0.2\n")
      for (let seen = 0; seen < 3; seen++) await terminal.see(/\n n=3\n/)
      terminal.type(CTRL_C)
      await terminal.see(/> $/)
      terminal.type('SELECT 40 + 2;\n')
      await terminal.see(/\n +42\n/)
    })

    await t.test('Ctrl-C ends a statement within a second, upstream and here', async (t) => {
      const rows = Array.from({ length: BIG_ROWS }, (_, i) => ({ id: i }))
      await stage.createRelation('big', 'id int PRIMARY KEY')
      await stage.publish('big', rows)
      const terminal = await openPsql(t, stage.proxy)
      terminal.type('\\set VERBOSITY verbose\n')
      const local = 'SELECT count(*) FROM big a, big b, big c WHERE a.id + b.id + c.id < 0;'
      const relayed =
        'SELECT count(*) FROM big a, big b, big c WHERE (a.id + b.id + c.id)::oid::int < 0;'
      for (const [sql, route] of [
        ['SELECT pg_sleep(60);', 'relay'],
        [local, 'local'],
        [relayed, 'relay']
      ] as const) {
        terminal.type(`${sql}\n`)
        await running(client, sql, route)
        const start = Date.now()
        terminal.type(CTRL_C)
        await terminal.see(/57014: canceling statement due to user request/)
        t.ok(Date.now() - start < CANCEL_MS, `${route}: ${Date.now() - start} ms`)
        terminal.type('SHOW jetgres.last_route;\n')
        await terminal.see(new RegExp(`jetgres.last_route.*\\n-+\\n ${route}`))
        terminal.type('SELECT 40 + 2;\n')
        await terminal.see(/\n +42\n/)
      }
    })
  }
)

/**
 * Waits until psql's statement runs: upstream, or here when all it asked upstream is answered; soon
 * its backend waits at a gate.
 */
async function running(client: pg.Client, sql: string, route: 'relay' | 'local'): Promise<void> {
  const [state, text] = route === 'relay' ? ['active', sql] : ['idle', '%jetgres.consistency%']
  const find = `SELECT FROM pg_stat_activity WHERE application_name = 'psql'
    AND (state = $1 AND query LIKE $2 OR query LIKE '%pg_advisory_xact_lock_shared%')`
  await eventually(async () => (await client.query(find, [state, text])).rowCount === 1, {
    what: `running: ${sql}`
  })
}

/** Makes the same table, with the same rows, of nothing but Postgres. */
async function copyRows(peer: pg.Client): Promise<void> {
  await peer.query(`CREATE TABLE trades (${COLUMNS})`)
  for (const { id, sym, price, at, note, tags } of ROWS) {
    await peer.query('INSERT INTO trades VALUES ($1, $2, $3, $4, $5, $6)', [
      id,
      sym,
      price,
      at,
      note,
      tags
    ])
  }
}

/** Ports and database names differ between the two sides. */
const unnamed = (text: string): string =>
  text.replaceAll(/port "?\d+"?/g, 'port #').replaceAll(/"(postgres|peer)"/g, '"db"')
