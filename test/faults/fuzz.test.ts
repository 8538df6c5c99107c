// Goal: no bytes of one client's crash the server, hang it, or reach another session.
// Method: frames of real conversations, damaged in every way there is, sent in batches on sessions of
// their own; a session beside them must go on being answered. FUZZ_INPUTS sets how many.

import t from 'tap'
import type { Test } from 'tap'

import { frontend } from '../../src/wire/frontend.ts'
import { fedBy, lastRoute, openWorld, untilCount } from '../e2e/world.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { openSocket, ProtocolClient, startup } from '../support/protocol-client.ts'
import { random } from '../support/random.ts'
import type { Random } from '../support/random.ts'

const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 20_000)
const BATCH = 25
const AT_ONCE = 8

const LOCAL = 'SELECT id, body FROM fuzzed WHERE id < $1 ORDER BY id'

/** Each frame a session may hear, with and without sense in its place. */
const SEEDS: readonly Buffer[] = [
  frontend.query('SELECT id FROM fuzzed'),
  frontend.query(`SELECT body FROM fuzzed WHERE id = 3; SELECT 'two'`),
  frontend.query('BEGIN; SAVEPOINT a'),
  frontend.query('ROLLBACK'),
  frontend.query('COPY fuzzed TO STDOUT'),
  frontend.query('COPY (SELECT 1) TO STDOUT'),
  frontend.query('CREATE TEMP TABLE IF NOT EXISTS f (a int); COPY f FROM STDIN'),
  frontend.query('SHOW jetgres.last_route'),
  frontend.query('DECLARE c CURSOR WITH HOLD FOR SELECT id FROM fuzzed'),
  frontend.query('DISCARD ALL'),
  frontend.query(''),
  frontend.parse({ text: LOCAL, types: [23] }),
  frontend.parse({ name: 's', text: LOCAL }),
  frontend.parse({ name: 'r', text: 'SELECT $1::text' }),
  frontend.bind({ values: ['5'] }),
  frontend.bind({ portal: 'p', statement: 's', values: ['5'], binary: true }),
  frontend.bind({ statement: 'r', values: [null] }),
  frontend.describe({ type: 'S', name: 's' }),
  frontend.describe({ type: 'P', name: '' }),
  frontend.execute({}),
  frontend.execute({ portal: 'p', rows: 2 }),
  frontend.close({ type: 'S', name: 's' }),
  frontend.close({ type: 'P', name: 'p' }),
  frontend.flush(),
  frontend.sync(),
  frontend.sync(),
  frontend.copyData(Buffer.from('1\n')),
  frontend.copyDone(),
  frontend.copyFail('enough'),
  frontend.password('x'),
  frontend.sendSCRAMClientFinalMessage('c=biws'),
  Buffer.concat([Buffer.from('F'), int32(14), int32(89), Buffer.alloc(6)])
]

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/**
 * One damaged input; sometimes a sound one, so that what follows is reached. Few of them break the
 * framing: that ends the session, and nothing behind is looked at.
 */
function damaged(r: Random): Buffer {
  const seed = Buffer.from(r.pick(SEEDS))
  return r.bool(0.06) ? broken(r, seed) : framed(r, seed)
}

/** No longer frames. */
function broken(r: Random, seed: Buffer): Buffer {
  const at = r.int(0, seed.length - 1)
  switch (r.int(0, 3)) {
    case 0:
      return seed.subarray(0, at)
    case 1:
      seed.writeInt32BE(r.pick([-1, 0, 3, 4, 5, 1_000, 0x3fffffff, 0x7fffffff, -2_147_483_648]), 1)
      return seed
    case 2:
      seed[0] = r.int(0, 255)
      return seed
    default:
      return r.bytes(r.int(1, 64))
  }
}

/** Whole frames with another inside. */
function framed(r: Random, seed: Buffer): Buffer {
  const at = r.int(Math.min(5, seed.length - 1), seed.length - 1)
  switch (r.int(0, 5)) {
    case 0:
      if (at >= 5) seed[at] = r.int(0, 255)
      return seed
    case 1:
      return repaired(Buffer.concat([seed.subarray(0, at), r.bytes(r.int(1, 20)), seed.subarray(at)]))
    case 2:
      return repaired(seed.subarray(0, Math.max(at, 5)))
    case 3:
      // Counts and lengths inside the body.
      for (let i = 5; i < seed.length; i++) if (r.bool(0.1)) seed[i] = r.pick([0, 1, 0x7f, 0x80, 0xff])
      return seed
    default:
      return seed
  }
}

/** The same body with the length that belongs to it: only the inside is wrong. */
function repaired(frame: Buffer): Buffer {
  const bytes = Buffer.from(frame)
  if (bytes.length >= 5) bytes.writeInt32BE(bytes.length - 1, 1)
  return bytes
}

interface Place {
  readonly host: string
  readonly port: number
}

/** A session (or, now and then, just a socket) that sends a batch and leaves. */
async function attack(t: Pick<Test, 'teardown'>, to: Place, inputs: readonly Buffer[], isStarted: boolean): Promise<void> {
  const socket = await openSocket(t, to)
  const peer = new ProtocolClient(socket)
  if (isStarted) {
    peer.write(startup())
    await peer.until('Z')
  }
  peer.write(...inputs)
  socket.end()
  await peer.closed(30_000)
}

void t.test('damaged frames', { skip: withoutNats() }, async (t) => {
  const r = random(t)
  const world = await openWorld(t)
  const { jetgres, client, postgres } = world
  await client.query(`CREATE TABLE fuzzed (id int PRIMARY KEY, body varchar) ${fedBy(world.nats, 'e2e.fuzzed')}`)
  const rows = Array.from({ length: 20 }, (_, id) => ({ id, body: `row ${id}` }))
  await publishJson(world.connection, 'e2e.fuzzed', rows)
  await untilCount(client, 'fuzzed', rows.length)
  await client.query({ text: LOCAL, values: [20] })
  t.equal(await lastRoute(client), 'local', 'the seeds reach both routes')

  // Their sockets are theirs to end: 800 teardowns would be more than tap likes.
  const own = { teardown: () => undefined }
  let left = Math.ceil(INPUTS / BATCH)
  let answered = 0
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const inputs = Array.from({ length: BATCH }, () => damaged(r))
      await attack(own, jetgres, inputs, r.bool(0.9))
    }
  }
  const beside = async (): Promise<void> => {
    while (left > 0) {
      const { rows: seen } = await client.query({ text: LOCAL, values: [20] })
      if (seen.length !== rows.length || seen[7]?.body !== 'row 7') throw new Error('a wrong answer beside')
      answered++
    }
  }
  await Promise.all([beside(), ...Array.from({ length: AT_ONCE }, worker)])
  t.comment(`${answered} answers beside them`)
  t.ok(answered > 10)
  t.same(jetgres.lines.filter(({ level }) => level === 'fatal'), [])
  t.same(jetgres.lines.filter(({ msg }) => msg === 'internal error'), [])
  const direct = await postgres.connect()
  const { rows: same } = await direct.query('SELECT count(*)::int AS n FROM fuzzed')
  t.same(same, [{ n: rows.length }], 'the relation is whole, from outside too')
})
