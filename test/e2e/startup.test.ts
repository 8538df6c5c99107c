// Goal: the start of a session is Postgres's own, whatever version and parameters a client names;
// what is malformed is refused without waiting for more, and nobody may take for ever.
// Method: the same packets to Postgres 18 and through jetgres, replies compared; replication clients
// of Postgres 15; an upstream that wants a password from a client that gives none.

import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'
import type { Test } from 'tap'

import { startPostgres15 } from '../compat/support/postgres15.ts'
import { lacksFile, PG_BIN, run, without } from '../compat/support/programs.ts'
import { encodeCancel } from '../../src/wire/startup.ts'
import { frontend } from '../../src/wire/frontend.ts'
import { eventually } from '../support/eventually.ts'
import { startJetgres } from '../support/jetgres.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { nextBytes, openSocket, ProtocolClient, startup, version } from '../support/protocol-client.ts'

const plain = await startPostgres(t)
const jetgres = await startJetgres(t, { upstream: plain.url })

interface Place {
  readonly host: string
  readonly port: number
}

async function greeted(t: Test, to: Place, bytes: Buffer): Promise<ProtocolClient> {
  const peer = new ProtocolClient(await openSocket(t, to))
  peer.write(bytes)
  await peer.until('Z')
  return peer
}

/** What a start is answered with, less what differs from one session to the next. */
function told(peer: ProtocolClient): string[] {
  return peer.frames.map(({ letter, body }) => {
    if (letter === 'K') return `K ${body.length}`
    if (letter === 'E') return peer.errorText
    return `${letter} ${body.toString('latin1')}`
  })
}

const me = { user: 'postgres', database: 'postgres' }

const packets: readonly (readonly [what: string, packet: Buffer, want: RegExp])[] = [
  ['3.0', startup(me), /^R.*\nS.*K 8\nZ I$/s],
  ['3.2: a long cancel key', startup(me, version(3, 2)), /^R.*K 36\nZ I$/s],
  ['an unknown minor version', startup(me, version(3, 9999)), /^v.*K 36\nZ I$/s],
  ['unknown protocol options', startup({ ...me, '_pq_.grease': 'x' }, version(3, 0)), /^v.*_pq_\.grease.*Z I$/s],
  ['protocol 4.0', startup(me, version(4, 0)), /^FATAL 0A000 unsupported frontend protocol 4\.0/],
  ['settings', startup({ ...me, options: '-c work_mem=99kB', application_name: 'me', DateStyle: 'German' }), /German, DMY.*Z I$/s],
  ['a wrong setting', startup({ ...me, options: '-c nonsense=1' }), /^R .*FATAL 42704 /s],
  ['no user', startup({ database: 'postgres' }), /^FATAL 28000 no PostgreSQL user name/],
  ['no such role', startup({ user: 'nobody' }), /FATAL 28000 role "nobody" does not exist/],
  ['no such database', startup({ user: 'postgres', database: 'none' }), /FATAL 3D000 /],
  ['a wrong replication', startup({ ...me, replication: 'perhaps' }), /^FATAL 22023 /]
]

void t.test('every start is answered as by Postgres', async (t) => {
  for (const [what, packet, want] of packets) {
    const [direct, through] = await Promise.all([greeted(t, plain, packet), greeted(t, jetgres, packet)])
    t.match(told(through).join('\n'), want, what)
    t.same(told(through), told(direct), what)
    for (const peer of [direct, through]) peer.socket.destroy()
  }
})

void t.test('a protocol before 3 is refused in its own form', async (t) => {
  for (const number of [version(2, 0), version(1, 0), version(0, 0)]) {
    const [direct, through] = await Promise.all(
      [plain, jetgres].map(async (to) => {
        const socket = await openSocket(t, to)
        socket.write(startup(me, number))
        return nextBytes(socket)
      })
    )
    t.match(direct, /unsupported frontend protocol \d\.0: server supports 3\.0 to 3\.2/)
    t.equal(through, direct)
  }
})

function prefixed(length: number, rest: string): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(length)
  return Buffer.concat([bytes, Buffer.from(rest, 'latin1')])
}

void t.test('a malformed start is refused at once', async (t) => {
  const unterminated = startup(me).subarray(0, -1)
  unterminated.writeInt32BE(unterminated.length)
  const table: [what: string, bytes: Buffer, want: RegExp][] = [
    ['negative', prefixed(-1, '\0\x03\0\0'), /^$/],
    ['zero', prefixed(0, '\0\x03\0\0'), /^$/],
    ['too short', prefixed(7, '\0\x03\0'), /^$/],
    ['too long', prefixed(10_005, '\0\x03\0\0'), /^$/],
    ['huge', prefixed(0x7fffffff, '\0\x03\0\0'), /^$/],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /^$/],
    ['Terminate', Buffer.from('X\0\0\0\x04', 'latin1'), /^$/],
    ['unterminated', unterminated, /^FATAL 08P01 invalid startup packet layout: expected terminator as last byte$/],
    ['a cancel without a key', prefixed(8, '\x04\xd2\x16\x2e'), /^$/]
  ]
  for (const [what, bytes, want] of table) {
    const [direct, through] = await Promise.all([plain, jetgres].map((to) => greeted(t, to, bytes)))
    await Promise.all([direct!.closed(), through!.closed()])
    t.match(through!.errorText, want, what)
    t.equal(through!.errorText, direct!.errorText, what)
  }
})

void t.test('a packet of the greatest length, cut at every byte', async (t) => {
  const filled = startup({ ...me, application_name: '' })
  const packet = startup({ ...me, application_name: 'x'.repeat(10_004 - filled.length) })
  t.equal(packet.length, 10_004)
  const whole = await greeted(t, jetgres, packet)
  t.match(told(whole).at(-1), /^Z I/)
  const socket = await openSocket(t, jetgres)
  const peer = new ProtocolClient(socket)
  for (const byte of startup(me)) await new Promise((done) => socket.write(Buffer.from([byte]), done))
  t.ok(await peer.until('Z'))
})

void t.test('a long cancel key cancels, a wrong one does not', async (t) => {
  const peer = await greeted(t, jetgres, startup(me, version(3, 2)))
  const { body } = (await peer.until('K'))!
  const [pid, secret] = [body.readInt32BE(0), body.subarray(4)]
  t.equal(secret.length, 32)
  peer.write(frontend.query('SELECT pg_sleep(60)'))
  const watch = await plain.connect()
  const state = async () =>
    (await watch.query<{ state: string }>('SELECT state FROM pg_stat_activity WHERE pid = $1', [pid])).rows[0]?.state
  await eventually(async () => (await state()) === 'active', { what: 'the statement to run' })
  const cancel = async (key: Buffer): Promise<void> => {
    const other = new ProtocolClient(await openSocket(t, jetgres))
    other.write(encodeCancel(pid, key))
    await other.closed()
    t.same(other.frames, [], 'a cancel request is never answered')
  }
  await cancel(Buffer.alloc(32))
  await cancel(secret.subarray(0, 4))
  t.equal(await state(), 'active')
  await cancel(secret)
  await peer.until('Z', 2)
  t.match(peer.errorText, /^ERROR 57014 /)
})

void t.test('replication passes as it is', without(lacksFile(`${PG_BIN}/pg_basebackup`)), async (t) => {
  const upstream = await startPostgres15(t)
  const { host, port, user } = upstream
  const to = await startJetgres(t, { upstream: `postgresql://${user}@${host}:${port}/postgres` })
  const folder = await mkdtemp(join(tmpdir(), 'jetgres-test-backup-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const where = ['-h', to.host, '-p', String(to.port), '-U', user]
  const backup = await run(`${PG_BIN}/pg_basebackup`, [...where, '-D', folder, '-X', 'stream', '-c', 'fast'])
  t.equal(backup.code, 0, backup.stderr)
  t.ok((await stat(join(folder, 'PG_VERSION'))).isFile())
  const target = `host=${to.host} port=${to.port} user=${user} dbname=postgres replication=database`
  const system = await run(`${PG_BIN}/psql`, ['-XAtc', 'IDENTIFY_SYSTEM', target])
  t.match(system.stdout, /^\d+\|1\|[0-9A-F/]+\|postgres\n$/, system.stderr)
  const ordinary = await run(`${PG_BIN}/psql`, ['-XAtc', 'SELECT 1', target.replace('=database', '=off')])
  t.equal(ordinary.stdout, '1\n', ordinary.stderr)
})

void t.test('a client that never authenticates is dropped, and its backend with it', async (t) => {
  const closed = await startJetgres(t, {
    args: ['--embedded-password', 'x', '--authentication-timeout', '1']
  })
  const peer = new ProtocolClient(await openSocket(t, closed))
  peer.write(startup(me))
  t.equal((await peer.until('R'))?.body.readInt32BE(0), 10, 'asked for a password')
  await peer.closed()
  t.match(peer.errorText, /^FATAL 57014 canceling authentication due to timeout$/)
  const flood = new ProtocolClient(await openSocket(t, closed))
  flood.write(startup(me))
  await flood.until('R')
  flood.write(prefixed(0x3fffffff, ''), Buffer.alloc(8 * 1024 * 1024))
  await flood.closed()
  const control = await closed.connect({ password: 'x' })
  const others = `SELECT FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name = ''`
  await eventually(async () => (await control.query(others)).rowCount === 0, { what: 'the backends to go' })
})
