// Goal: pg_dump, in its forms, works through jetgres as against Postgres, and what it dumps is restored
// into a Postgres that knows nothing of jetgres.
// Method: database "peer" has, as ordinary tables, what database "postgres" has with an ingested
// relation. What a tool makes of "postgres" through jetgres must equal what it makes of "peer"
// without.

import { join } from 'node:path'

import t from 'tap'
import type { Test } from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { COLUMNS, DRIVEN_ROWS, fillDriven } from './support/driven.ts'
import { startPostgres15 } from './support/postgres15.ts'
import { lacksFile, PG_BIN, run, without } from './support/programs.ts'
import type { Outcome } from './support/programs.ts'
import { startStage } from './support/stage.ts'
import type { Address, Stage } from './support/stage.ts'

/** Of the user's own, beside the relation: none of it may be taken for jetgres's. */
const BESIDE = `
  CREATE SCHEMA other;
  CREATE TABLE other.notes (id serial PRIMARY KEY, about int, note text CHECK (note <> ''));
  INSERT INTO other.notes (about, note) VALUES (3, 'three'), (4, 'four');
  CREATE VIEW totals AS SELECT ok, sum(amount) AS total FROM driven GROUP BY ok;
  CREATE FUNCTION other.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER stamp BEFORE INSERT ON other.notes FOR EACH ROW EXECUTE FUNCTION other.stamp();
  CREATE EXTENSION dblink;
  CREATE FOREIGN DATA WRAPPER nothing;
  CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing;
  CREATE FOREIGN TABLE other.far (a int) SERVER elsewhere;
  COMMENT ON TABLE driven IS 'all types';
  GRANT SELECT ON driven TO PUBLIC`

const FORMS: readonly (readonly string[])[] = [
  [],
  ['--inserts', '--rows-per-insert=4'],
  ['--column-inserts', '--table=driven'],
  ['--clean', '--if-exists', '--no-owner'],
  ['--schema-only'],
  ['--data-only']
]
const ROWS = 'SELECT d FROM driven d ORDER BY id'

void t.test('tools through jetgres', without(withoutNats(), lacksFile(PG_BIN)), async (t) => {
  const stage = await startStage(t, startPostgres15)
  const admin = await stage.connect(stage.plain)
  await admin.query('CREATE DATABASE peer')
  await stage.createRelation('driven', COLUMNS)
  await stage.publish('driven', DRIVEN_ROWS)
  const peerAddress = { ...stage.plain, database: 'peer' }
  const peer = await stage.connect(peerAddress)
  await peer.query(`CREATE TABLE driven (${COLUMNS})`)
  await fillDriven(peer)
  const client = await stage.connect(stage.proxy)
  await client.query(BESIDE)
  await peer.query(BESIDE)
  const tools = { stage, peerAddress }

  for (const form of FORMS) {
    await t.test(`pg_dump ${form.join(' ')}`, async (t) => {
      const [proxied, plain] = await both(tools, (to) => dump(to, form))
      t.equal(proxied!.stderr, plain!.stderr)
      t.equal(proxied!.code, 0)
      t.equal(comparable(proxied!.stdout), comparable(plain!.stdout))
      t.equal(form.includes('--schema-only'), !/Grüße €😀/.test(proxied!.stdout), 'rows are in it')
    })
  }
  await t.test('pg_dump | psql', (t) => piped(t, tools))
  for (const format of ['custom', 'directory', 'tar']) {
    await t.test(`pg_dump --format=${format}, pg_restore`, (t) => restored(t, tools, format))
  }
})

interface Tools {
  readonly stage: Stage
  readonly peerAddress: Address
}

const both = <T>({ stage, peerAddress }: Tools, act: (to: Address) => Promise<T>): Promise<T[]> =>
  Promise.all([act(stage.proxy), act(peerAddress)])

const place = ({ host, port, user, database }: Address): string[] =>
  ['-h', host, '-p', String(port), '-U', user, '-d', database]

const dump = (from: Address, args: readonly string[]): Promise<Outcome> =>
  run(join(PG_BIN, 'pg_dump'), [...place(from), ...args])

/** Each dump has a key of its own against what may be smuggled into it. */
const comparable = (text: string): string => text.replaceAll(/^\\(un)?restrict .*$/gm, '')

async function piped(t: Test, { stage }: Tools): Promise<void> {
  const { stdout } = await dump(stage.proxy, [])
  const to = await emptyDatabase(stage, 'piped')
  const args = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...place(to)]
  const { code, stderr } = await run(join(PG_BIN, 'psql'), args, { stdin: stdout })
  t.equal(stderr, '')
  t.equal(code, 0)
  await holdsAll(t, stage, to)
}

async function restored(t: Test, { stage }: Tools, format: string): Promise<void> {
  const file = join(t.testdir(), 'dump')
  const jobs = format === 'directory' ? ['--jobs=2'] : []
  const dumped = await dump(stage.proxy, [`--format=${format}`, `--file=${file}`, ...jobs])
  t.equal(dumped.stderr, '')
  const to = await emptyDatabase(stage, `restored_${format}`)
  const args = ['--exit-on-error', ...place(to), ...jobs, file]
  const { code, stderr } = await run(join(PG_BIN, 'pg_restore'), args)
  t.equal(stderr, '')
  t.equal(code, 0)
  await holdsAll(t, stage, to)
}

async function emptyDatabase(stage: Stage, database: string): Promise<Address> {
  const admin = await stage.connect(stage.plain)
  await admin.query(`CREATE DATABASE ${database} TEMPLATE template0`)
  return { ...stage.plain, database }
}

/** The restored table is an ordinary one, with the relation's rows. */
async function holdsAll(t: Test, stage: Stage, restored: Address): Promise<void> {
  const rowsOf = async (at: Address): Promise<unknown[]> =>
    (await (await stage.connect(at)).query(ROWS)).rows
  t.same(await rowsOf(restored), await rowsOf(stage.proxy))
  const client = await stage.connect(restored)
  t.equal((await client.query('INSERT INTO driven (id) VALUES (99)')).rowCount, 1)
  t.same((await client.query("SELECT FROM pg_namespace WHERE nspname = 'jetgres_live'")).rows, [])
}
