// Goal: whatever statement comes, each bad one gets an error with an SQLSTATE and a place, the server
// lives on, and nothing is left behind: upstream, in the data directory, on the stream.
// Method: seeded mutations of good statements through a real jetgres (STATEMENTS of them; 10,000 go
// through the readers alone in test/sql/fuzz.test.ts). What is still good is undone at once.

import pg from 'pg'
import t from 'tap'

import { createLogger } from '../../src/log.ts'
import { Store } from '../../src/store/store.ts'
import { eventually } from '../support/eventually.ts'
import { random } from '../support/random.ts'
import { withoutNats } from '../support/nats-server.ts'
import { mutated } from '../sql/mutations.ts'
import { openWorld, rowsOf, STREAM, untilCount } from './world.ts'
import type { World } from './world.ts'

const STATEMENTS = Number(process.env['STATEMENTS'] ?? 500)

const good = (port: number): string[] => {
  const fed = `WITH (connector = 'nats', server_url = '127.0.0.1:${port}', subject = 'e2e.z',
    stream = '${STREAM}', connect_mode = 'plain')`
  return [
    `CREATE TABLE z (id int PRIMARY KEY, "é😀" text COLLATE "C" NOT NULL, n numeric(8, 2) DEFAULT 1,
      at timestamptz, WATERMARK FOR at AS at - INTERVAL '5' SECOND, s struct<a int, b map<text, int>>)
      ON CONFLICT DO UPDATE FULL WITH VERSION COLUMN (at) INCLUDE subject AS subj INCLUDE header 'H'
      ${fed} FORMAT PLAIN ENCODE JSON (timestamptz.handling.mode = 'milli')`,
    `CREATE SOURCE IF NOT EXISTS z (v bytea) INCLUDE offset INCLUDE timestamp AS at
      ${fed} FORMAT PLAIN ENCODE BYTES`,
    `CREATE OR REPLACE TABLE z (v int) INCLUDE key AS k ${fed} FORMAT UPSERT ENCODE JSON`,
    `CREATE SOURCE z (id int, PRIMARY KEY (id)) ${fed} ROW FORMAT JSON`,
    'DROP SOURCE IF EXISTS nothing, "z" CASCADE',
    'ALTER SOURCE kept RENAME TO z',
    'GRANT SELECT (id) ON SOURCE nothing, "z" TO postgres',
    "SHOW SOURCES FROM public LIKE 'z%'",
    'SHOW CREATE TABLE kept',
    'DESCRIBE kept'
  ]
}

interface Outcome {
  readonly text: string
  readonly code: string | undefined
  readonly message: string
  readonly position: number | undefined
  /** Postgres says where in its source it comes from; jetgres doesn't. */
  readonly isPostgres: boolean
}

async function outcomeOf(client: pg.ClientBase, text: string): Promise<Outcome | undefined> {
  try {
    await client.query(text)
    return undefined
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    const { code, message, position, file } = error
    const isPostgres = file !== undefined
    return { text, code, message, position: position ? Number(position) : undefined, isPostgres }
  }
}

/** Errors of ours that concern no token: bytes that are no text, what has to stay as it is. */
const PLACELESS = /^(?:22021|25P02|0A000)$/

/** What is wrong with how a statement was refused; undefined: nothing. */
function fault({ text, code = '', message, position, isPostgres }: Outcome): string | undefined {
  if (!/^[0-9A-Z]{5}$/.test(code) || code === 'XX000') return `${code} ${message}`
  if (position !== undefined) {
    const isInside = position >= 1 && position <= Array.from(text).length + 1
    return isInside ? undefined : `position ${position}`
  }
  // Of names that are taken or missing Postgres often tells no place; of grammar it always does.
  if (isPostgres && code !== '42601') return undefined
  return PLACELESS.test(code) ? undefined : `${code} without a position: ${message}`
}

/** All that a statement could have made upstream. */
const UPSTREAM = `
SELECT 'class', relname::text FROM pg_class UNION ALL SELECT 'schema', nspname FROM pg_namespace
UNION ALL SELECT 'type', typname FROM pg_type UNION ALL SELECT 'function', proname FROM pg_proc
UNION ALL SELECT 'trigger', tgname FROM pg_trigger UNION ALL SELECT 'server', srvname
FROM pg_foreign_server ORDER BY 1, 2`

/** Undoes what a statement that was still good has done. */
async function undo({ client }: World): Promise<void> {
  const rows = await rowsOf(client, `SELECT relname FROM pg_class JOIN pg_namespace n
    ON n.oid = relnamespace WHERE nspname = 'public' AND relkind IN ('r', 'v', 'm')`)
  const names = rows.map(([name]) => String(name))
  if (!names.includes('kept')) throw new Error(`the kept relation is gone: ${names.join()}`)
  const sources = (await rowsOf(client, 'SHOW SOURCES')).map(([name]) => String(name).slice(7))
  for (const name of names.filter((other) => other !== 'kept')) {
    const quoted = `"${name.replaceAll('"', '""')}"`
    if (!sources.includes(name)) await client.query(`DROP TABLE ${quoted}`)
    else await client.query(`DROP TABLE ${quoted}`).catch(() => client.query(`DROP SOURCE ${quoted}`))
  }
}

void t.test('bad statements leave an error and nothing else', { skip: withoutNats() }, async (t) => {
  const world = await openWorld(t)
  const { client, connection, direct, jetgres, nats } = world
  const statements = good(nats.port)
  await client.query(
    statements[0]!.replace('TABLE z', 'TABLE kept').replace('NOT NULL', '')
  )
  await untilCount(client, 'kept', 0)
  const before = await rowsOf(direct, UPSTREAM)
  const rnd = random(t)
  const faults: (Outcome & { fault: string })[] = []
  const codes = new Map<string, number>()
  for (let i = 0; i < STATEMENTS; i++) {
    let text = rnd.pick(statements)
    for (let n = rnd.int(1, 3); n > 0; n--) text = mutated(rnd, text)
    const outcome = await outcomeOf(client, text.replaceAll('\0', ''))
    const found = outcome && fault(outcome)
    if (outcome && found !== undefined) faults.push({ ...outcome, fault: found })
    const code = outcome?.code ?? 'good'
    codes.set(code, (codes.get(code) ?? 0) + 1)
    if (!outcome) await undo(world)
  }
  t.comment(JSON.stringify(Object.fromEntries(codes)))
  t.same(faults, [])
  t.ok((codes.get('42601') ?? 0) > STATEMENTS / 4, 'most are refused')

  t.same(await rowsOf(client, 'SHOW SOURCES'), [['public.kept']])
  t.same(await rowsOf(direct, UPSTREAM), before, 'nothing upstream')
  const manager = await connection.jetstreamManager()
  const readers = async (): Promise<string[]> =>
    (await manager.consumers.list(STREAM).next())
      .map(({ name }) => name)
      .filter((name) => !name.endsWith('_canary'))
  await eventually(async () => (await readers()).length <= 1, {
    what: 'nothing on the stream but the consumer of the relation that is kept'
  })
  t.equal(await jetgres.stop(), 0)
  const store = await Store.open({
    path: `${jetgres.dataDir}/store.duckdb`,
    log: createLogger({ level: 'silent' })
  })
  t.equal((await store.definitions()).length, 1, 'nothing in the data directory')
  await store.close()
})
