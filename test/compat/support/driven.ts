// A driver's test: one program creates the table "driven", prints all it reads and drops it. It
// runs three times: through jetgres, where "driven" becomes an ingested relation; directly in a
// database of the same server, where it is an ordinary table; and through jetgres on an ordinary
// table. What it prints must be the same each time.

import type pg from 'pg'
import type { Test } from 'tap'

import { eventually } from '../../support/eventually.ts'
import { run } from './programs.ts'
import type { Outcome } from './programs.ts'
import { startStage } from './stage.ts'
import type { Address, Stage } from './stage.ts'

export const COLUMNS = `id int PRIMARY KEY, label varchar(30) COLLATE "C", amount numeric(10,2),
  ratio double precision, ok boolean, at timestamptz, day date, doc jsonb, tags text[] COLLATE "C",
  small smallint, big bigint, single real, exact numeric, bytes bytea, clock time, moment timestamp,
  span interval, key uuid, raw json, note text COLLATE "C", code char(4) COLLATE "C",
  ints int[], floats double precision[], exacts numeric[], times timestamptz[], flags boolean[],
  keys uuid[]`

const EDGES = [
  {
    small: -32768,
    big: '9007199254740993',
    single: 1.5,
    exact: '12345678901234567890.123456789',
    bytes: '\\x00ff27',
    clock: '23:59:59.999999',
    moment: '2024-03-31 01:30:00.5',
    span: '2 mons -3 days 04:05:06.7',
    key: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    raw: { b: 1, a: [true, null] },
    note: 'Grüße €😀',
    code: 'ab',
    ints: [1, -2, null],
    floats: [1e300, -0.5],
    exacts: ['1.10', '-2'],
    times: ['2024-01-01T00:00:00Z', null],
    flags: [true, false],
    keys: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']
  },
  {
    small: 32767,
    big: '-9223372036854775808',
    single: -3.25e-10,
    exact: '0.000000000000000001',
    bytes: '\\x',
    clock: '00:00',
    moment: '1969-12-31 23:59:59',
    span: '-00:00:01',
    key: '00000000-0000-0000-0000-000000000000',
    raw: 'text',
    note: 'tab\t\\ "q" \'s\' %s $1',
    code: '',
    ints: [],
    floats: [],
    exacts: [],
    times: [],
    flags: [],
    keys: []
  }
]

export const DRIVEN_ROWS = Array.from({ length: 9 }, (_, id) => ({
  id,
  label: `row ${id}`,
  amount: id / 4,
  ratio: id / 3,
  ok: id % 2 === 0,
  at: `2024-01-01T00:00:0${id}.5Z`,
  day: `2024-02-2${id}`,
  doc: id === 2 ? { a: [1, null] } : null,
  tags: id === 3 ? ['x', null, 'y z'] : id === 4 ? [] : null,
  ...EDGES[id - 3]
}))

/** Runs the program against an address, with the statement that creates its table. */
export type Drive = (to: Address, ddl: string, rows: number) => Promise<Outcome>

/** What a program prints of `SHOW jetgres.last_route`, where SHOWS_ROUTE=1 asks for it. */
const ROUTE_LINE = /^route .*\n/gm

/** The three databases; names are as long as each other, because clients align what they print. */
const RELATION = 'db_relation'
const TABLE = 'db_ordinary'
const TABLE_THROUGH = 'db_through_'

/** The servers for any number of drivers, one after the other. */
export interface Circuit {
  readonly stage: Stage
  /** Asserts that all runs print the same, `wanted` among it, and that each shown route is local. */
  drive(t: Test, drive: Drive, wanted: readonly RegExp[]): Promise<void>
}

/** Starts servers, and publishes the rows: each relation reads the stream from its beginning. */
export async function openCircuit(t: Test): Promise<Circuit> {
  const stage = await startStage(t)
  const admin = await stage.connect(stage.plain)
  for (const database of [RELATION, TABLE, TABLE_THROUGH]) {
    await admin.query(`CREATE DATABASE ${database} TEMPLATE template0`)
  }
  await stage.publishOnly('driven', DRIVEN_ROWS)
  const [table, through] = await Promise.all(
    [TABLE, TABLE_THROUGH].map((database) => stage.connect({ ...stage.plain, database }))
  )
  const fillers = { [TABLE]: table!, [TABLE_THROUGH]: through! }

  const runOne = async (drive: Drive, to: Address): Promise<Outcome> => {
    const filler = fillers[to.database as keyof typeof fillers]
    if (filler === undefined) {
      return drive(to, stage.relationSql('driven', COLUMNS), DRIVEN_ROWS.length)
    }
    const running = drive(to, `CREATE TABLE driven (${COLUMNS})`, DRIVEN_ROWS.length)
    // A driver that ends before it has created its table is not waited for any longer.
    await Promise.race([running, fill(filler)])
    return running
  }
  return {
    stage,
    drive: async (t, drive, wanted) => {
      const [relation, plain, through] = await Promise.all([
        runOne(drive, { ...stage.proxy, database: RELATION }),
        runOne(drive, { ...stage.plain, database: TABLE }),
        runOne(drive, { ...stage.proxy, database: TABLE_THROUGH })
      ])
      t.equal(plain.code, 0, `on Postgres: ${plain.stderr}`)
      t.equal(through.code, 0, `through jetgres: ${through.stderr}`)
      t.equal(relation.code, 0, `on a relation: ${relation.stderr}`)
      t.same(differences(through.stdout, plain.stdout), [], 'on a table through jetgres')
      t.same(differences(relation.stdout, plain.stdout), [], 'on a relation')
      const routes = relation.stdout.match(ROUTE_LINE) ?? []
      t.same(
        routes.filter((line) => !line.endsWith(': local\n')),
        [],
        'routes'
      )
      for (const pattern of wanted) t.match(relation.stdout, pattern)
    }
  }
}

/** Puts the rows into the ordinary table as soon as the driver has created it. */
async function fill(filler: pg.Client): Promise<void> {
  const isThere = async (): Promise<boolean> =>
    (await filler.query("SELECT to_regclass('driven') AS t")).rows[0].t !== null
  await eventually(isThere, { deadlineMs: 30_000, what: 'the table of the driver' })
  await fillDriven(filler)
}

/** Puts the rows into an ordinary table, by Postgres's own reading of JSON. */
export async function fillDriven(client: pg.Client): Promise<void> {
  await client.query(
    'INSERT INTO driven SELECT * FROM json_populate_recordset(NULL::driven, $1::json)',
    [JSON.stringify(DRIVEN_ROWS)]
  )
}

/**
 * Is backend PID at one of the statements that the programs run to cancel them? The server paces the
 * asking.
 */
const RUNNING = `SELECT count(*) FROM pg_stat_activity, pg_sleep(0.01)
  WHERE pid = PID AND state = 'active' AND query ~ 'driven d13|pg_sleep.60'`

/** For a test of one driver, with servers of its own. */
export async function driveBoth(t: Test, drive: Drive, wanted: readonly RegExp[]): Promise<void> {
  const circuit = await openCircuit(t)
  await circuit.drive(t, drive, wanted)
}

/** A program that finds the address in libpq's variables, the rest in those that begin with DRIVEN. */
export const driven =
  (program: string, ...args: readonly string[]): Drive =>
  ({ host, port, user, database }, ddl, rows) =>
    run(program, args, {
      env: {
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: user,
        PGDATABASE: database,
        DRIVEN_DDL: ddl,
        DRIVEN_ROWS: String(rows),
        DRIVEN_RUNNING: RUNNING,
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONHASHSEED: '0',
        SHOWS_ROUTE: database === RELATION ? '1' : ''
      }
    })

/** The lines in which two outputs differ, each as it is in either. */
function differences(through: string, plain: string): { through?: string; plain?: string }[] {
  const [a, b] = [comparable(through).split('\n'), comparable(plain).split('\n')]
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => ({
    ...(a[i] !== undefined && { through: a[i] }),
    ...(b[i] !== undefined && { plain: b[i] })
  })).filter(({ through, plain }) => through !== plain)
}

const comparable = (text: string): string =>
  text
    .replaceAll(ROUTE_LINE, '')
    .replaceAll(/\bport \d+/g, 'port #')
    .replaceAll(new RegExp(`\\b(${RELATION}|${TABLE}|${TABLE_THROUGH})\\b`, 'g'), 'db')
