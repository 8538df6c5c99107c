// Goal: no bytes of one client's crash the server, hang it, or reach another session.
// Method: frames of real conversations, damaged in every way there is, sent by the hundred: on sessions,
// which must answer in sense right behind them; in place of a start-up; to the back channel. A session
// beside them must get right answers all along. FUZZ_INPUTS sets how many.

import { once } from 'node:events'

import t from 'tap'
import type { Test } from 'tap'

import { frontend } from '../../src/wire/frontend.ts'
import { fedBy, lastRoute, openWorld, rowsOf, untilCount } from '../e2e/world.ts'
import type { World } from '../e2e/world.ts'
import { eventually } from '../support/eventually.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { openSocket, ProtocolClient, startup } from '../support/protocol-client.ts'
import { random, seeded } from '../support/random.ts'
import type { Random } from '../support/random.ts'
import { damagedFrames, damagedStart, ending, LOCAL } from './fuzz-inputs.ts'

const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 20_000)
const AT_ONCE = 6
const FRAMES = 400
const STARTS = 10
const ROWS = Array.from({ length: 20 }, (_, id) => ({ id, body: `row ${id}` }))

const WANTED = JSON.stringify(ROWS)

interface Place {
  readonly host: string
  readonly port: number
}

/** Where postgres_fdw goes, and what it says there to be let in. */
interface BackChannel extends Place {
  readonly password: string
  readonly live: string
}

/** Their sockets are theirs to end: thousands of teardowns would be more than tap likes. */
const OWN: Pick<Test, 'teardown'> = { teardown: () => undefined }

async function opened(to: Place): Promise<ProtocolClient> {
  const peer = new ProtocolClient(await openSocket(OWN, to))
  peer.write(startup())
  return peer
}

/** Damaged frames on one session, then what it must still answer, then what ends it. */
async function attackSession(r: Random, to: Place): Promise<number> {
  const peer = await opened(to)
  await peer.until('Z')
  const alive = [frontend.copyFail('enough'), frontend.sync(), frontend.sync(), frontend.query('ROLLBACK')]
  peer.write(...damagedFrames(r, FRAMES), ...alive, frontend.query(`SELECT 'alive'`))
  const isAlive = (): boolean => {
    const last = peer.frames.findLast(({ letter }) => letter === 'D')
    return last?.body.toString('latin1', 6) === 'alive'
  }
  await eventually(() => isAlive() || peer.isClosed, {
    deadlineMs: 30_000,
    what: `an answer behind the frames of seed ${r.seed}`
  })
  if (!isAlive()) {
    const replies = peer.frames.map(({ letter }) => letter).join('').slice(-40)
    throw new Error(`sound frames ended a session (seed ${r.seed}): "${peer.errorText}" after ${replies}`)
  }
  peer.write(ending(r))
  peer.socket.end()
  await peer.closed(30_000)
  return FRAMES + 1
}

/** Damaged first packets, each on a connection of its own. */
async function attackStart(r: Random, to: Place): Promise<number> {
  const first = Array.from({ length: STARTS }, () => damagedStart(r))
  await Promise.all(
    first.map(async (bytes) => {
      const socket = await openSocket(OWN, to)
      // Protocols before 3 are answered in another form: nothing here reads it.
      socket.resume().end(bytes)
      if (!socket.closed) await once(socket, 'close', { signal: AbortSignal.timeout(30_000) })
    })
  )
  return STARTS
}

/** Damaged frames to the back channel, mostly behind the right password. */
async function attackBackChannel(r: Random, to: BackChannel): Promise<number> {
  const peer = await opened(to)
  await peer.until('R')
  if (r.bool(0.9)) {
    peer.write(frontend.password(to.password))
    await peer.until('Z')
  }
  peer.write(...damagedFrames(r, FRAMES, to.live), ending(r))
  peer.socket.end()
  await peer.closed(30_000)
  return FRAMES + 1
}

async function backChannelOf({ direct }: World): Promise<BackChannel> {
  const [[options, password] = []] = (await rowsOf(
    direct,
    `SELECT s.srvoptions, split_part(m.umoptions[2], '=', 2)
     FROM pg_foreign_server s JOIN pg_user_mappings m ON m.srvid = s.oid`
  )) as [string[], string][]
  const option = (name: string): string =>
    options?.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
  const [[live] = []] = await rowsOf(direct, 'SELECT ftrelid::regclass::text FROM pg_foreign_table')
  return { host: option('host'), port: Number(option('port')), password: password ?? '', live: String(live) }
}

void t.test('damaged frames', { skip: withoutNats(), timeout: 540_000 }, async (t) => {
  const r = random(t)
  const world = await openWorld(t)
  const { jetgres, client, direct } = world
  await client.query(`CREATE TABLE fuzzed (id int PRIMARY KEY, body varchar) ${fedBy(world.nats, 'e2e.fuzzed')}`)
  await publishJson(world.connection, 'e2e.fuzzed', ROWS)
  await untilCount(client, 'fuzzed', ROWS.length)
  await client.query({ text: LOCAL, values: [20] })
  t.equal(await lastRoute(client), 'local', 'the seeds reach both routes')

  // Nearly each input is an error that Postgres would log.
  await direct.query(`ALTER SYSTEM SET log_min_messages = 'panic'`)
  await direct.query('SELECT pg_reload_conf()')
  const back = await backChannelOf(world)
  const began = performance.now()
  let sent = 0
  let answered = 0
  const worker = async (): Promise<void> => {
    while (sent < INPUTS) {
      const dice = r.next()
      // Of its own, so that it can be told, and what others do meanwhile doesn't matter.
      const own = seeded(r.int(1, 2 ** 31))
      if (dice < 0.2) sent += await attackStart(own, jetgres)
      else if (dice < 0.3) sent += await attackBackChannel(own, back)
      else sent += await attackSession(own, jetgres)
    }
  }
  const beside = async (): Promise<void> => {
    while (sent < INPUTS) {
      const { rows: seen } = await client.query({ text: LOCAL, values: [20] })
      if (JSON.stringify(seen) !== WANTED) throw new Error('a wrong answer beside')
      answered++
    }
  }
  await Promise.all([beside(), ...Array.from({ length: AT_ONCE }, worker)])
  t.comment(`${sent} inputs in ${Math.round(performance.now() - began)} ms, ${answered} answers beside them`)
  t.ok(answered > 10)
  t.same(jetgres.lines.filter(({ level }) => level === 'fatal'), [])
  t.same(jetgres.lines.filter(({ msg }) => msg === 'internal error'), [])
  t.same(await rowsOf(direct, 'SELECT count(*)::int FROM fuzzed'), [[ROWS.length]], 'whole, from outside too')
})
