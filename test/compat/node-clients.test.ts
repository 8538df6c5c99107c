// Goal: what Node programs reach Postgres with works through jetgres as against Postgres: drivers
// with cursors, streams, pipelining and COPY, query builders, and ORMs with their metadata queries.
// Method: a program a client (clients/node/) creates a table and prints all it reads. It runs twice,
// through jetgres, where what it creates and "every" and "many" are ingested relations, and directly
// in database "peer", where they are ordinary tables; "ordinary" is one on both sides. Both must
// print the same. What they may differ in is left out in the programs, each time with its reason.

import t from 'tap'
import type { Test } from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { EVERY, EVERY_COLUMNS, openPeer } from './support/every.ts'
import { client, lacksFile, run, without } from './support/programs.ts'
import type { Outcome } from './support/programs.ts'
import { startStage } from './support/stage.ts'
import type { Address, Stage } from './support/stage.ts'

/** A program, and what it must have seen: that both sides say nothing at all is no success. */
const PROGRAMS: readonly (readonly [name: string, ...wanted: RegExp[]])[] = [
  ['pg-streams', /^batches of 7: \[ 124750, 72, 3 \]/m, /^copied out, binary: '5047434f5059/m],
  ['postgres-js', /^unprepared, every: \[ \{ id: 1, /m, /^cursor of 2: \[ 250, 2 \]/m],
  ['knex', /^every: columns: \{ id: \{ type: 'integer'/m, /^cancelled: .*KnexTimeoutError/m],
  ['kysely', /^tables: .*name: 'every', schema: 'public'/m, /^nested: \[ \{ id: 1, more: \[ \{/m],
  ['sequelize', /^tables: .*'every'/m, /^included: '\[\{"id":1,.*"twin":\{"id":1/m],
  [
    'typeorm',
    /^every: columns: \[ \{ name: 'id', type: 'integer'/m,
    /^joined: .*twin: \{ id: 1, /m
  ],
  ['drizzle', /^pg, every: rows: \[ \{ id: 1, /m, /^postgres\.js: related: .*twin: \{ id: 1/m]
]

const MANY = Array.from({ length: 500 }, (_, id) => ({ id }))
const MADE = Array.from({ length: 3 }, (_, id) => ({ id, a_text: `made ${id}` }))
const MADE_COLUMNS = 'id int PRIMARY KEY, a_text text'

/** In "peer" nobody publishes: what a program creates is filled by the statement itself. */
const FILL_MADE = `
  CREATE FUNCTION fill_made() RETURNS event_trigger LANGUAGE plpgsql AS $$
    DECLARE made text;
    BEGIN
      FOR made IN SELECT object_identity FROM pg_event_trigger_ddl_commands()
        WHERE object_type = 'table' AND object_identity LIKE 'public.made\\_%'
      LOOP EXECUTE format(
        'INSERT INTO %s SELECT id, ''made '' || id FROM generate_series(0, ${MADE.length - 1}) id', made);
      END LOOP;
    END $$;
  CREATE EVENT TRIGGER fill_made ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION fill_made()`

const skip = without(withoutNats(), lacksFile(client('node/node_modules')))

void t.test("Node's clients", skip, async (t) => {
  const stage = await startStage(t)
  const peer = await fill(stage)
  for (const [name, ...wanted] of PROGRAMS) {
    await t.test(`${name} sees relations as it sees tables`, async (t) => {
      const table = `made_${name.replaceAll('-', '_')}`
      const [proxied, plain] = await Promise.all([
        stage
          .publishOnly(table, MADE)
          .then(() => drive(name, stage.proxy, stage.relationSql(table, MADE_COLUMNS))),
        drive(name, peer, `CREATE TABLE ${table} (${MADE_COLUMNS})`)
      ])
      compare(t, proxied, plain, wanted)
    })
  }
  await t.test('tools that list functions find none of ours in public', async (t) => {
    const here = await stage.connect(stage.proxy)
    const listed = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    t.same((await here.query(listed)).rows, [])
  })
})

/** Resolves to where the ordinary tables are. */
async function fill(stage: Stage): Promise<Address> {
  await stage.createRelation('every', EVERY_COLUMNS)
  await stage.publish('every', EVERY)
  await stage.createRelation('many', 'id int PRIMARY KEY')
  await stage.publish('many', MANY)
  const peer = await openPeer(stage)
  await peer.query('CREATE TABLE many AS SELECT generate_series(0, 499) AS id')
  await peer.query('ALTER TABLE many ADD PRIMARY KEY (id)')
  await peer.query(FILL_MADE)
  for (const side of [peer, await stage.connect(stage.plain)]) {
    await side.query(`CREATE TABLE ordinary (${EVERY_COLUMNS})`)
    const rows = 'SELECT * FROM json_populate_recordset(NULL::ordinary, $1::json)'
    await side.query(`INSERT INTO ordinary ${rows}`, [JSON.stringify(EVERY)])
  }
  return { ...stage.plain, database: 'peer' }
}

function drive(name: string, to: Address, ddl: string): Promise<Outcome> {
  const url = `postgresql://${to.user}@${to.host}:${to.port}/${to.database}`
  const args = ['--no-deprecation', client(`node/${name}.mjs`), url, ddl, String(MADE.length)]
  // Dates are printed in UTC but made of what is local to Node.
  return run(process.execPath, args, { env: { TZ: 'Europe/Berlin', NODE_OPTIONS: '' } })
}

function compare(t: Test, proxied: Outcome, plain: Outcome, wanted: readonly RegExp[]): void {
  t.equal(plain.code, 0, `on Postgres: ${plain.stderr}`)
  t.equal(proxied.code, 0, `through jetgres: ${proxied.stderr}`)
  t.equal(unnamed(proxied.stdout), unnamed(plain.stdout))
  for (const pattern of wanted) t.match(proxied.stdout, pattern)
}

const unnamed = (text: string): string => text.replaceAll(/\b(postgres|peer)\b/g, 'db')
