// The fuzzer's inputs: frames of real conversations and how they are damaged. Everything follows from
// the given randomness.

import { frontend } from '../../src/wire/frontend.ts'
import { GSSENC_REQUEST, SSL_REQUEST, startup, version } from '../support/protocol-client.ts'
import type { Random } from '../support/random.ts'

const FUNCTION_CALL = 0x46
const VERSION_OID = 89
const EXECUTE = 0x45
const BIND_UNNAMED = frontend.bind({ values: ['5'] })

export const LOCAL = 'SELECT id, body FROM fuzzed WHERE id < $1 ORDER BY id'

/** What takes its time: one frame in so many. */
const COSTLY: readonly Buffer[] = [
  frontend.query('SELECT id FROM fuzzed'),
  frontend.query(`SELECT body FROM fuzzed WHERE id = 3; SELECT 'two'`),
  frontend.query('COPY fuzzed TO STDOUT'),
  frontend.query('DECLARE c CURSOR WITH HOLD FOR SELECT id FROM fuzzed')
]
const COSTLY_SHARE = 0.02

/** Each other frame a session may hear, with and without sense in its place, that doesn't end it. */
export const SESSION: readonly Buffer[] = [
  frontend.query('BEGIN; SAVEPOINT a'),
  frontend.query('ROLLBACK'),
  frontend.query('COPY (SELECT 1) TO STDOUT'),
  frontend.query('SHOW jetgres.last_route'),
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
  Buffer.concat([Buffer.from('F'), int32(14), int32(VERSION_OID), Buffer.alloc(6)])
]

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** What ends a session that is let in, or does when damaged: COPY bears no frames but its own. */
const ENDING: readonly Buffer[] = [
  Buffer.concat([
    frontend.query('CREATE TEMP TABLE IF NOT EXISTS f (a int); COPY f FROM STDIN'),
    frontend.copyData(Buffer.from('1\n')),
    frontend.query(`SELECT 'in the midst'`),
    frontend.copyDone()
  ]),
  frontend.password('x'),
  frontend.sendSCRAMClientFinalMessage('c=biws'),
  frontend.end()
]

/** What postgres_fdw says, and what nobody should. */
const backChannel = (live: string): readonly Buffer[] => [
  frontend.query('START TRANSACTION ISOLATION LEVEL REPEATABLE READ'),
  frontend.query("SET timezone = 'GMT'"),
  frontend.query('SAVEPOINT s2'),
  frontend.query('ROLLBACK TO SAVEPOINT s2; RELEASE SAVEPOINT s2'),
  frontend.query(`DECLARE c1 CURSOR FOR\nSELECT c1, c2 FROM ${live} WHERE ((c1 < 9))`),
  frontend.query('FETCH 5 FROM c1'),
  frontend.query('MOVE BACKWARD ALL IN c1'),
  frontend.query('CLOSE c1'),
  frontend.query('COMMIT TRANSACTION'),
  frontend.query('SELECT 1'),
  frontend.parse({ text: `DECLARE c2 CURSOR FOR\nSELECT c1 FROM ${live} WHERE ((c1 = $1::integer))` }),
  frontend.bind({ values: ['3'] }),
  frontend.describe({ type: 'P' }),
  frontend.execute({}),
  frontend.sync()
]

/** What may come first of all. */
const START: readonly Buffer[] = [
  SSL_REQUEST,
  GSSENC_REQUEST,
  startup({ user: 'postgres', database: 'nowhere' }),
  startup({ user: 'postgres', database: 'nowhere' }, version(3, 2)),
  startup({ user: '', options: '-c a=b', '_pq_.x': '1' }, version(3, 9)),
  startup({ user: 'postgres', replication: 'maybe', database: 'nowhere' }),
  startup({ user: 'postgres' }, version(2, 0)),
  Buffer.concat([int32(16), int32(80_877_102), int32(1), int32(2)])
]

/** Whole frames, damaged inside; sometimes sound ones, so that what follows is reached. */
export const damagedFrames = (r: Random, count: number, live?: string): Buffer[] => {
  const seeds = live === undefined ? SESSION : backChannel(live)
  const seed = (): Buffer =>
    r.pick(live === undefined && r.bool(COSTLY_SHARE) ? COSTLY : seeds)
  return Array.from({ length: count }, () => harmless(framed(r, Buffer.from(seed()))))
}

/**
 * What crashes Postgres 18 itself is left out. A superuser's calls of just any function: it stays
 * version(). Execute of the unnamed portal that a failed Query has left in its transaction, whose text
 * and statements are freed (BEGIN; DISCARD ALL; Parse, Sync, Execute): it comes behind a Bind.
 */
function harmless(frame: Buffer): Buffer {
  if (frame[0] === FUNCTION_CALL && frame.length >= 9) frame.writeInt32BE(VERSION_OID, 5)
  if (frame[0] === EXECUTE && frame[5] === 0) return Buffer.concat([BIND_UNNAMED, frame])
  return frame
}

/** What ends a session: a frame that does, or what is none. */
export const ending = (r: Random): Buffer =>
  r.bool(0.3) ? r.pick(ENDING) : broken(r, Buffer.from(r.pick(SESSION)))

/** A first packet, damaged; its length may be true or not. */
export function damagedStart(r: Random): Buffer {
  const seed = Buffer.from(r.pick(START))
  for (let i = 4; i < seed.length; i++) if (r.bool(0.05)) seed[i] = r.pick([0, 1, 0x7f, 0xff])
  if (r.bool(0.7)) return seed
  return r.bool() ? broken(r, seed) : Buffer.concat([seed, r.bytes(r.int(1, 30))])
}

/** No longer frames. */
function broken(r: Random, seed: Buffer): Buffer {
  const at = r.int(0, seed.length - 1)
  switch (r.int(0, 3)) {
    case 0:
      return seed.subarray(0, at)
    case 1:
      if (seed.length < 5) return seed
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
