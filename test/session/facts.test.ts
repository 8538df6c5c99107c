// Goal: what the upstream says of a session is understood, whatever its settings and names.
// Method: the question is put to a real Postgres under changing settings, and its answer read.

import t from 'tap'

import { askFacts, askState, readFacts, readState } from '../../src/session/facts.ts'
import type { SessionFacts, State } from '../../src/session/facts.ts'
import { Overloads } from '../../src/session/overloads.ts'
import { dial } from '../../src/upstream/dial.ts'
import { Link } from '../../src/upstream/link.ts'
import { frontend } from '../../src/wire/frontend.ts'
import { startPostgres } from '../support/postgres-server.ts'

void t.test('facts of a session', async (t) => {
  const postgres = await startPostgres(t)
  const { host, port, user, database } = postgres
  const { socket } = await dial({ host, port, user, database, password: undefined })
  const link = new Link(socket, {
    relay: () => true,
    ready: () => undefined,
    parameter: () => undefined,
    key: () => undefined,
    closed: () => undefined
  })
  t.teardown(() => link.destroy())
  link.send(frontend.startup({ user, database }))
  await link.started()

  const run = async (sql: string): Promise<void> => {
    const { error } = await link.exchange([{ kind: 'query', bytes: frontend.query(sql) }], 'flush')
    t.equal(error, undefined, sql)
  }
  const ask = async (...names: string[]): Promise<SessionFacts> => {
    const { frames } = await link.exchange(askFacts(names), 'sync')
    return readFacts(frames)!
  }

  await t.test('settings as the session has them', async (t) => {
    t.match(await ask(), {
      isolation: 'read committed',
      clientEncoding: 'UTF8',
      statementTimeoutMs: 0,
      standardStrings: true,
      consistency: 'received',
      output: {
        dateStyle: 'ISO, MDY',
        intervalStyle: 'postgres',
        extraFloatDigits: 1,
        byteaOutput: 'hex'
      },
      names: []
    })
    await run(`BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL timezone = 'Asia/Tokyo';
      SET LOCAL datestyle = 'German'; SET LOCAL extra_float_digits = -3; SET LOCAL bytea_output = 'escape';
      SET LOCAL jetgres.consistency = 'STREAM'; SET LOCAL standard_conforming_strings = off`)
    t.match(await ask(), {
      isolation: 'repeatable read',
      standardStrings: false,
      consistency: 'stream',
      output: {
        timeZone: 'Asia/Tokyo',
        dateStyle: 'German, DMY',
        extraFloatDigits: -3,
        byteaOutput: 'escape'
      }
    })
    await run('ROLLBACK')
    t.match(await ask(), { isolation: 'read committed', consistency: 'received' })
    await run("SET jetgres.consistency = 'soon'")
    await t.rejects(ask(), { code: '22023', message: /"soon"/ })
    await run('RESET jetgres.consistency')
  })

  await t.test('times in every unit', async (t) => {
    for (const [setting, ms] of [
      ['20001', 20_001],
      ['30250ms', 30_250],
      ['40s', 40_000],
      ['2min', 120_000],
      ['1h', 3_600_000],
      ['1d', 86_400_000]
    ] as const) {
      await run(`SET statement_timeout = '${setting}'`)
      t.equal((await ask()).statementTimeoutMs, ms, setting)
    }
    await run('RESET statement_timeout')
  })

  await t.test('names as the session resolves them, in the order asked', async (t) => {
    await run(`CREATE TABLE a (i int); CREATE SCHEMA "O""dd, \\"; CREATE TABLE "O""dd, \\"."a b" (i int);
      CREATE TABLE guarded (i int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
      CREATE POLICY jetgres_guard ON guarded USING (true);
      CREATE TABLE secured (i int); ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
      CREATE ROLE reader; GRANT SELECT ON guarded TO reader`)
    const { names } = await ask('"a"', '"nowhere"', '"O""dd, \\"."a b"', '"guarded"', '"secured"')
    t.match(names, [
      { oid: Number, maySelect: true, rowSecurity: false },
      { oid: undefined },
      { oid: Number, maySelect: true, rowSecurity: false },
      { oid: Number, rowSecurity: false },
      { oid: Number, rowSecurity: true }
    ])
    await run('CREATE TEMP TABLE a (i int)')
    t.not((await ask('"a"')).names[0]?.oid, names[0]?.oid, 'a temporary table comes first')
    await run('SET ROLE reader')
    t.match((await ask('"public"."a"', '"guarded"')).names, [
      { maySelect: false },
      { maySelect: true }
    ])
    await run('RESET ROLE')
  })

  await t.test('what a function or an operator may mean besides', async (t) => {
    const overloaded = async (...used: string[]): Promise<string | undefined> => {
      const overloads = new Overloads()
      const { frames, error } = await link.exchange(overloads.ask(used, 1), 'sync')
      t.equal(error, undefined)
      const answer = overloads.read(used, frames)
      t.same(overloads.ask(used, 1), [], 'it is not asked twice')
      return answer
    }
    await run(`CREATE TYPE own AS (i int); CREATE SCHEMA elsewhere;
      CREATE FUNCTION length(varchar) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 7';
      CREATE FUNCTION upper(own) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 7';
      CREATE FUNCTION elsewhere.lower(varchar) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 7';
      CREATE OPERATOR + (LEFTARG = text, RIGHTARG = text, FUNCTION = textcat)`)
    t.equal(await overloaded('length', 'lower', 'upper', '='), 'length')
    t.equal(await overloaded('lower', 'upper', '=', 'sum'), undefined, 'elsewhere, or of own types')
    t.equal(await overloaded('+', '-'), '+')
    await run('SET search_path = elsewhere')
    t.equal(await overloaded('length', 'lower', '+'), 'lower')
    await run('RESET search_path')
  })

  await t.test('a state that is another one after whatever changes', async (t) => {
    const stateNow = async (): Promise<State> =>
      readState((await link.exchange(askState(), 'sync')).frames)!
    const other = await postgres.connect()
    const before = await stateNow()
    t.same((await ask('"a"')).state, before, 'known with the facts, too')
    t.ok(before.isWhole)
    await other.query('BEGIN; CREATE TABLE later (i int)')
    t.same(await stateNow(), before, 'nothing is committed')
    const changes = [
      () => other.query('COMMIT'),
      () => other.query('GRANT SELECT ON later TO reader'),
      () => other.query('CREATE FUNCTION later() RETURNS int LANGUAGE sql RETURN 1'),
      () => run('SET search_path = elsewhere'),
      () => run("SET timezone = 'Asia/Tokyo'"),
      () => run("SET jetgres.consistency = 'committed'"),
      () => run("SET jetgres.float_aggregates = 'relay'"),
      () => run('SET ROLE reader'),
      () => run('RESET ROLE; CREATE TEMPORARY TABLE mine (i int)')
    ]
    const seen = new Set([`${before.snapshot} ${before.session}`])
    for (const change of changes) {
      await change()
      const { snapshot, session, isWhole } = await stateNow()
      t.notOk(seen.has(`${snapshot} ${session}`), String(change))
      t.ok(isWhole)
      seen.add(`${snapshot} ${session}`)
    }
    await run('RESET ALL; BEGIN; SELECT 1')
    t.ok((await stateNow()).isWhole, 'a transaction that has done nothing')
    await run('SAVEPOINT a; CREATE TABLE mine_too (i int)')
    t.notOk((await stateNow()).isWhole, 'one that has')
    await run('ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ')
    t.notOk((await stateNow()).isWhole, 'one that keeps its snapshot')
    await run('ROLLBACK')
  })

  await t.test('nothing, behind an error', async (t) => {
    await run('BEGIN')
    const failing = await link.exchange(
      [{ kind: 'query', bytes: frontend.query('SELECT 1/0') }],
      'flush'
    )
    t.not(failing.error, undefined)
    const { frames, error } = await link.exchange(askFacts([]), 'sync')
    t.not(error, undefined)
    t.equal(readFacts(frames), undefined)
  })
})
