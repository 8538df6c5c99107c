// A driver's test: one program creates the table "driven" and prints all it reads. It runs twice,
// through jetgres where "driven" becomes an ingested relation, and directly in database "peer" of
// the same server, where it is an ordinary table; what it prints must be the same.

import type { Test } from 'tap'

import { eventually } from '../../support/eventually.ts'
import type { Outcome } from './programs.ts'
import { startStage } from './stage.ts'
import type { Address } from './stage.ts'

export const DRIVEN_ROWS = Array.from({ length: 9 }, (_, id) => ({
  id,
  label: `row ${id}`,
  amount: id / 4,
  ratio: id / 3,
  ok: id % 2 === 0,
  at: `2024-01-01T00:00:0${id}.5Z`,
  day: `2024-02-2${id}`,
  doc: id === 2 ? { a: [1, null] } : null,
  tags: id === 3 ? ['x', null, 'y z'] : id === 4 ? [] : null
}))

const COLUMNS = `id int PRIMARY KEY, label varchar(30) COLLATE "C", amount numeric(10,2),
  ratio double precision, ok boolean, at timestamptz, day date, doc jsonb, tags text[] COLLATE "C"`

/** Runs the program against an address, with the statement that creates its table. */
export type Drive = (to: Address, ddl: string, rows: number) => Promise<Outcome>

/** Asserts that both runs print the same, and `wanted` among it. */
export async function driveBoth(t: Test, drive: Drive, wanted: readonly RegExp[]): Promise<void> {
  const stage = await startStage(t)
  const admin = await stage.connect(stage.plain)
  await admin.query('CREATE DATABASE peer TEMPLATE template0')
  const peerAddress = { ...stage.plain, database: 'peer' }
  const peer = await stage.connect(peerAddress)
  const [proxied, plain] = await Promise.all([
    stage
      .publishOnly('driven', DRIVEN_ROWS)
      .then(() => drive(stage.proxy, stage.relationSql('driven', COLUMNS), DRIVEN_ROWS.length)),
    Promise.all([
      drive(peerAddress, `CREATE TABLE driven (${COLUMNS})`, DRIVEN_ROWS.length),
      eventually(
        async () => (await peer.query("SELECT to_regclass('driven') AS t")).rows[0].t !== null,
        {
          deadlineMs: 30_000,
          what: 'the table of the driver'
        }
      ).then(() =>
        peer.query(
          'INSERT INTO driven SELECT * FROM json_populate_recordset(NULL::driven, $1::json)',
          [JSON.stringify(DRIVEN_ROWS)]
        )
      )
    ]).then(([outcome]) => outcome)
  ])
  t.equal(plain.code, 0, `on Postgres: ${plain.stderr}`)
  t.equal(proxied.code, 0, `through jetgres: ${proxied.stderr}`)
  t.equal(unnamed(proxied.stdout), unnamed(plain.stdout))
  for (const pattern of wanted) t.match(proxied.stdout, pattern)
}

const unnamed = (text: string): string => text.replaceAll(/\b(postgres|peer)\b/g, 'db')
