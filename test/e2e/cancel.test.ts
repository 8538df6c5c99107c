// Goal: whatever ends a statement in Postgres ends one that is answered locally, as soon and in the
// same words, and never another one: CancelRequest, statement_timeout, pg_cancel_backend,
// pg_terminate_backend.
// Method: a join that would take hours, answered locally, on one session; the ending by another. Each
// is tried until it is quick enough, since the machine may be busy. (A client that leaves is
// test/faults/clients.test.ts's.)

import type pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'

import { eventually } from '../support/eventually.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { cancelRequest, fedBy, lastRoute, openWorld, pidOf, rowsOf, untilCount } from './world.ts'
import type { Key } from './world.ts'

const REACHED_MS = 100
const TRIES = 20
const LONG = `SELECT count(*) /* a note */ FROM small a JOIN small b ON a.id <> b.id
  JOIN small c ON c.id <> a.id JOIN small d ON d.id <> b.id`
const SHORT = LONG.replace('SELECT', 'SELECT 1 +').concat(' WHERE a.id < 2 AND b.id < 2 AND c.id < 2')

interface Ended {
  readonly code: string | undefined
  readonly message: string
  readonly at: number
}

/** How a statement ends that must fail. */
async function ended(statement: Promise<unknown>): Promise<Ended> {
  try {
    await statement
  } catch (error) {
    const { message, code } = error as pg.DatabaseError
    return { code, message, at: performance.now() }
  }
  throw new Error('this should have been ended')
}

void t.test('a local statement is ended', { skip: withoutNats() }, async (t) => {
  const { client, connection, direct, jetgres, nats } = await openWorld(t)
  await client.query(`CREATE TABLE small (id int PRIMARY KEY) ${fedBy(nats, 'e2e.small')}`)
  await publishJson(connection, 'e2e.small', Array.from({ length: 3_000 }, (_, id) => ({ id })))
  await untilCount(client, 'small', 3_000)
  await client.query(SHORT)
  t.equal(await lastRoute(client), 'local')

  /** A statement that somebody else can see running. */
  const watched = async (victim: pg.Client): Promise<{ end: Promise<Ended>; pid: number }> => {
    const pid = await pidOf(victim)
    const end = ended(victim.query({ text: LONG }))
    const seen = `SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND query LIKE '/* SELECT count(*) / * a note%'`
    await eventually(async () => (await direct.query(seen, [pid])).rowCount === 1, {
      what: 'the statement in pg_stat_activity'
    })
    return { end, pid }
  }
  /** Tries until one is quick enough; an attempt resolves to the time from the order to the error. */
  const quickest = async (t: Test, attempt: () => Promise<number>): Promise<void> => {
    const took: number[] = []
    do took.push(await attempt())
    while (took.at(-1)! >= REACHED_MS && took.length < TRIES)
    t.comment(`${took.map(Math.round).join(', ')} ms`)
    t.ok(Math.min(...took) < REACHED_MS, `within ${Math.round(Math.min(...took))} ms`)
  }

  await t.test('by CancelRequest', async (t) => {
    const victim = await jetgres.connect()
    await quickest(t, async () => {
      const { end } = await watched(victim)
      const began = performance.now()
      await cancelRequest(victim)
      const { at, ...told } = await end
      t.same(told, { code: '57014', message: 'canceling statement due to user request' })
      return at - began
    })
    await cancelRequest(victim)
    t.same(await rowsOf(victim, 'SELECT count(*)::int FROM small'), [[3_000]], 'one too late hits nothing')
  })

  await t.test('by pg_cancel_backend, from within jetgres and past it', async (t) => {
    const victim = await jetgres.connect()
    for (const other of [client, direct]) {
      await quickest(t, async () => {
        const { end, pid } = await watched(victim)
        const began = performance.now()
        await other.query('SELECT pg_cancel_backend($1)', [pid])
        const { at, ...told } = await end
        t.same(told, { code: '57014', message: 'canceling statement due to user request' })
        return at - began
      })
    }
    await victim.query('BEGIN')
    const { end, pid } = await watched(victim)
    await direct.query('SELECT pg_cancel_backend($1)', [pid])
    t.equal((await end).code, '57014')
    t.equal((await ended(victim.query(SHORT))).code, '25P02', 'the transaction has failed with it')
    await victim.query('ROLLBACK')
    t.equal((await victim.query(SHORT)).rowCount, 1)
    // Cancelled in a block, a session may keep the lock of its gate until it ends (watch.ts).
    await victim.end()
  })

  await t.test('by pg_terminate_backend', async (t) => {
    await quickest(t, async () => {
      const victim = await jetgres.connect()
      await victim.query(SHORT)
      const { end, pid } = await watched(victim)
      const began = performance.now()
      await direct.query('SELECT pg_terminate_backend($1)', [pid])
      const { at, ...told } = await end
      t.same(told, { code: '57P01', message: 'terminating connection due to administrator command' })
      return at - began
    })
  })

  await t.test('while the upstream is asked what it means', async (t) => {
    const asking = `SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'`
    for (const [end, code] of [['pg_cancel_backend', '57014'], ['pg_terminate_backend', '57P01']] as const) {
      for (const text of [SHORT, 'SELECT id FROM small; SHOW jetgres.last_route', { name: 'one', text: SHORT }]) {
        const victim = await jetgres.connect()
        const pid = await pidOf(victim)
        await direct.query('BEGIN; LOCK TABLE small IN ACCESS EXCLUSIVE MODE')
        const over = ended(victim.query(text as string))
        await eventually(async () => (await direct.query(asking, [pid])).rowCount === 1, { what: 'the wait' })
        await direct.query(`SELECT ${end}($1)`, [pid])
        t.equal((await over).code, code, `${end}, ${JSON.stringify(text)}`)
        await direct.query('ROLLBACK')
      }
    }
  })

  await t.test('by statement_timeout, however short', async (t) => {
    const victim = await jetgres.connect()
    for (const limitMs of [20, 200]) {
      await victim.query(`SET statement_timeout = ${limitMs}`)
      await quickest(t, async () => {
        const began = performance.now()
        const { at, ...told } = await ended(victim.query(LONG))
        t.same(told, { code: '57014', message: 'canceling statement due to statement timeout' })
        return at - began - limitMs
      })
    }
    await victim.query('BEGIN; SET LOCAL statement_timeout = 20')
    t.equal((await ended(victim.query(LONG))).code, '57014')
    t.equal((await ended(victim.query('SELECT 1'))).code, '25P02')
    await victim.query('ROLLBACK')
    await victim.end()
  })

  await t.test('while it waits for the stream’s end', async (t) => {
    const victim = await jetgres.connect()
    await victim.query(`SET jetgres.consistency = 'stream'`)
    nats.pause()
    const end = ended(victim.query('SELECT count(*) FROM small'))
    const pid = (victim as pg.Client & Key).processID
    const isSeen = async () =>
      (await direct.query(`SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'advisory'`, [pid])).rowCount === 1
    await eventually(isSeen, { what: 'the statement in pg_stat_activity' })
    await direct.query('SELECT pg_cancel_backend($1)', [pid])
    t.equal((await end).code, '57014')
    nats.resume()
  })

  await t.test('and no other is', async (t) => {
    const [victim, neighbour] = [await jetgres.connect(), await jetgres.connect()]
    const one = await watched(victim)
    const two = await watched(neighbour)
    let isOver = false
    void two.end.then(() => (isOver = true))
    await cancelRequest(victim)
    await one.end
    t.same(await rowsOf(victim, 'SELECT count(*)::int FROM small'), [[3_000]])
    t.equal(isOver, false, 'the neighbour goes on')
    await cancelRequest(neighbour)
    t.equal((await two.end).code, '57014')
    const locks = `SELECT FROM pg_locks WHERE locktype = 'advisory'`
    await eventually(async () => (await direct.query(locks)).rowCount === 0, { what: 'all gates to open' })
  })

  await t.test('but not when it ends by itself, by either protocol', async (t) => {
    const slow = LONG.replace('SELECT', 'SELECT 2 *') + ' WHERE a.id < 20 AND b.id < 20 AND c.id < 10'
    const want = [[2 * 19 * (10 * 9 + 10 * 10) * 2_999]]
    await client.query(`SET lock_timeout = '1ms'`)
    for (const text of [slow, { name: 'slow', text: slow, rowMode: 'array' as const }]) {
      const rows = typeof text === 'string' ? await rowsOf(client, text) : (await client.query(text)).rows
      t.same((rows as unknown[][]).map((row) => row.map(Number)), want)
      t.equal(await lastRoute(client), 'local')
    }
    t.same(await rowsOf(client, 'SHOW lock_timeout'), [['1ms']])
  })
})
