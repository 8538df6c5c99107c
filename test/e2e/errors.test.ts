// Goal: every mistake in a CREATE gets its own clear error and leaves nothing behind: no twin, no
// live child, no definition, no consumer on the stream, no harm to the session or its transaction.
// Method: each mistake is made outside and inside a transaction, by the simple and by the extended
// protocol; afterwards the upstream's catalog, SHOW SOURCES and JetStream are looked at.

import pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'

import { freePort } from '../support/free-port.ts'
import { createStream, startNats, withoutNats } from '../support/nats-server.ts'
import { fedBy, liveChildren, openWorld, refusal, rowsOf, STREAM } from './world.ts'
import type { Told, World } from './world.ts'

interface Mistake {
  readonly name: string
  readonly sql: string
  readonly want: {
    readonly code: string
    readonly message: string | RegExp
    readonly hint?: string | RegExp
    readonly detail?: string | RegExp
    /** What the error's position points at; undefined: there is none. */
    readonly at?: RegExp
  }
}

const COLUMNS = '(id int PRIMARY KEY, v text)'

/** WITH whose options are the usual ones changed; undefined leaves one out. */
function statement(change: Record<string, string | undefined>, port: number): string {
  const usual = {
    connector: 'nats',
    server_url: `127.0.0.1:${port}`,
    subject: 'e2e.bad',
    stream: STREAM,
    connect_mode: 'plain'
  }
  const options = Object.entries({ ...usual, ...change }).filter(([, value]) => value !== undefined)
  const list = options.map(([key, value]) => `${key} = '${value}'`).join(', ')
  return `CREATE TABLE bad ${COLUMNS} WITH (${list}) FORMAT PLAIN ENCODE JSON`
}

function mistakes(port: number, lockedPort: number, deadPort: number): Mistake[] {
  const withOption = (change: Record<string, string | undefined>) => statement(change, port)
  const secured = { server_url: `127.0.0.1:${lockedPort}` }
  return [
    {
      name: 'unknown option',
      sql: withOption({ subjet: 'e2e.bad' }),
      want: {
        code: 'HV00D',
        message: 'invalid option "subjet"',
        hint: 'Perhaps you meant the option "subject".',
        detail: /^Valid options are: connector, server_url, /,
        at: /^subjet = /
      }
    },
    {
      name: 'missing option',
      sql: withOption({ server_url: undefined }),
      want: {
        code: '22023',
        message: 'missing field `server_url`',
        hint: /Add server_url = /,
        at: /^WITH \(/
      }
    },
    {
      name: 'missing stream option',
      sql: withOption({ stream: undefined }),
      want: { code: '22023', message: 'missing field `stream`', hint: /Add stream/, at: /^WITH/ }
    },
    {
      name: 'wrong connect_mode',
      sql: withOption({ connect_mode: 'open' }),
      want: {
        code: '22023',
        message:
          'NATS connect mode must be one of `user_and_password`, `credential`, or `plain`',
        at: /^'open'/
      }
    },
    {
      name: 'unreachable server',
      sql: withOption({ server_url: `127.0.0.1:${deadPort}` }),
      want: {
        code: 'HV00N',
        message: `could not connect to NATS server "127.0.0.1:${deadPort}"`,
        detail: /ECONNREFUSED/,
        hint: /Check "server_url"/
      }
    },
    {
      name: 'no password where one is wanted',
      sql: withOption(secured),
      want: { code: '28000', message: /requires authentication/, hint: /Set "connect_mode"/ }
    },
    {
      name: 'wrong password',
      sql: withOption({
        ...secured,
        connect_mode: 'user_and_password',
        username: 'amy',
        password: 'wrong'
      }),
      want: {
        code: '28P01',
        message: `NATS server "127.0.0.1:${lockedPort}" refused user "amy"`,
        hint: 'Check "username" and "password".'
      }
    },
    {
      name: 'missing stream',
      sql: withOption({ stream: 'NOWHERE' }),
      want: {
        code: 'HV00R',
        message: 'stream "NOWHERE" not found',
        hint: 'Create the stream first, or let jetgres do it: allow_create_stream = true.'
      }
    },
    {
      name: 'subject outside the stream',
      sql: withOption({ subject: 'other.x' }),
      want: {
        code: 'HV00R',
        message: `subject "other.x" is not in stream "${STREAM}"`,
        detail: 'The stream\'s subjects are "e2e.>".'
      }
    },
    {
      name: 'unknown type',
      sql: withOption({}).replace('v text', 'v textt'),
      want: { code: '42704', message: 'type "textt" does not exist', at: /^textt/ }
    },
    {
      name: 'a type that cannot be held',
      sql: withOption({}).replace('v text', 'v point'),
      want: {
        code: '0A000',
        message: /column "v" has type point/,
        hint: /jsonb/,
        at: /^(v )?point/
      }
    },
    {
      name: 'a column twice',
      sql: withOption({}).replace('v text', 'id text'),
      want: { code: '42701', message: 'column "id" specified more than once' }
    },
    {
      name: 'duplicate table',
      sql: withOption({}).replace('bad', 'taken'),
      want: { code: '42P07', message: 'relation "taken" already exists' }
    },
    {
      name: 'missing schema',
      sql: withOption({}).replace('bad', 'nowhere.bad'),
      want: { code: '3F000', message: 'schema "nowhere" does not exist', at: /^nowhere\.bad/ }
    },
    {
      name: 'malformed FORMAT clause',
      sql: withOption({}).replace('FORMAT PLAIN ENCODE JSON', 'FORMAT PLAIN ENCODING JSON'),
      want: { code: '42601', message: /ENCODING/, at: /^ENCODING/ }
    },
    {
      name: 'unsupported encoding',
      sql: withOption({}).replace('ENCODE JSON', 'ENCODE PARQUET'),
      want: { code: '0A000', message: /parquet/i, at: /PARQUET/ }
    }
  ]
}

/** All that a CREATE makes anywhere. */
async function leftBehind({ direct, client, connection }: World): Promise<unknown> {
  const manager = await connection.jetstreamManager()
  return {
    tables: await rowsOf(direct, `SELECT relname FROM pg_class WHERE relname ~ '^bad'`),
    children: await liveChildren(direct),
    sources: await rowsOf(client, 'SHOW SOURCES'),
    consumers: (await manager.consumers.list(STREAM).next()).map(({ name }) => name)
  }
}

const NOTHING = { tables: [], children: [], sources: [], consumers: [] }

function checkTold(t: Test, told: Told, { want, name }: Mistake): void {
  t.match(told, { code: want.code, message: want.message }, `${name}: code and message`)
  if (want.hint) t.match(told.hint, want.hint, `${name}: hint`)
  if (want.detail) t.match(told.detail, want.detail, `${name}: detail`)
  if (want.at) t.match(told.at ?? 'no position', want.at, `${name}: position`)
}

const skip = { skip: withoutNats() }

void t.test('each mistake has its own error and leaves nothing behind', skip, async (t) => {
  const world = await openWorld(t)
  const { client, direct } = world
  const locked = await startNats(t, { auth: { user: 'amy', password: 'right' } })
  await direct.query('CREATE TABLE taken (id int)')
  const all = mistakes(world.nats.port, locked.port, await freePort())

  await t.test('outside a transaction', async (t) => {
    for (const mistake of all) {
      checkTold(t, await refusal(client, mistake.sql), mistake)
      t.same(await rowsOf(client, 'SELECT 1 AS usable'), [[1]], `${mistake.name}: goes on`)
    }
    t.same(await leftBehind(world), NOTHING)
  })

  await t.test('inside a transaction, which then has failed', async (t) => {
    for (const mistake of all) {
      await client.query('BEGIN')
      await client.query('CREATE TABLE bad_neighbour (id int)')
      checkTold(t, await refusal(client, mistake.sql), mistake)
      t.equal((await refusal(client, 'SELECT 1')).code, '25P02', `${mistake.name}: is aborted`)
      await client.query('ROLLBACK')
    }
    t.same(await leftBehind(world), NOTHING)
  })

  await t.test('under a savepoint, to which one can go back', async (t) => {
    for (const mistake of all) {
      await client.query('BEGIN')
      await client.query('SAVEPOINT s')
      checkTold(t, await refusal(client, mistake.sql), mistake)
      await client.query('ROLLBACK TO s')
      t.same(await rowsOf(client, 'SELECT 1 AS usable'), [[1]], `${mistake.name}: goes on`)
      await client.query('COMMIT')
    }
    t.same(await leftBehind(world), NOTHING)
  })

  await t.test('by the extended protocol', async (t) => {
    for (const mistake of all) {
      // A name makes node-postgres prepare the statement.
      const query = { name: mistake.name, text: mistake.sql }
      const error = await client.query(query).catch((caught: unknown) => caught)
      t.ok(error instanceof pg.DatabaseError, `${mistake.name}: fails`)
      t.match(error, { code: mistake.want.code, message: mistake.want.message })
    }
    t.same(await leftBehind(world), NOTHING)
  })

  await t.test('among several statements, of which none then holds', async (t) => {
    for (const { sql, name, want } of all) {
      const told = await refusal(client, `CREATE TABLE bad_first (id int); ${sql}; SELECT 1`)
      t.match(told, { code: want.code, message: want.message }, name)
      if (want.at) t.match(told.at ?? 'no position', want.at, `${name}: position`)
    }
    t.same(await leftBehind(world), NOTHING)
  })
})

void t.test('who may not create tables is told so by Postgres', skip, async (t) => {
  const world = await openWorld(t)
  const { jetgres, direct, nats } = world
  await direct.query('CREATE ROLE reader LOGIN')
  const reader = await jetgres.connect({ user: 'reader' })
  const sql = `CREATE TABLE bad ${COLUMNS} ${fedBy(nats, 'e2e.bad')}`
  const told = await refusal(reader, sql)
  t.match(told, { code: '42501', message: 'permission denied for schema public', at: /^bad/ })
  t.same(await leftBehind(world), NOTHING)
  t.same(await rowsOf(reader, 'SELECT 1'), [[1]])
})

void t.test('a work queue is read from its start or not at all', skip, async (t) => {
  const world = await openWorld(t)
  await createStream(world.connection, 'WORK', ['work'], { retention: 'workqueue' as never })
  const sql = `CREATE TABLE bad ${COLUMNS} ${fedBy(world.nats, 'work', 'WORK')}`
  const latest = sql.replace('WITH (', "WITH (scan.startup.mode = 'latest', ")
  t.match(await refusal(world.client, latest), { code: '0A000', message: /work queue/ })
  t.same(await leftBehind(world), NOTHING)
})
