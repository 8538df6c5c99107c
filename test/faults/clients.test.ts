// Goal: clients that come all at once, die, or leave without a word, and an upstream that hangs, cost
// nobody else anything, and what they held is given back.
// Method: many bare clients, a psql that is killed, sockets that just end, a stopped postmaster; what
// the upstream runs is asked of itself, what jetgres runs is read off its processor time.

import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'

import t from 'tap'
import type { Test } from 'tap'

import { lacksFile, PG_BIN, without } from '../compat/support/programs.ts'
import { limits } from '../../src/limits.ts'
import { frontend } from '../../src/wire/frontend.ts'
import { fedBy, lastRoute, untilCount } from '../e2e/world.ts'
import { eventually } from '../support/eventually.ts'
import { startJetgres } from '../support/jetgres.ts'
import { connectNats, createStream, publishJson, startNats, withoutNats } from '../support/nats-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { residentBytes } from '../support/memory.ts'
import { openSocket, ProtocolClient, startup } from '../support/protocol-client.ts'

const MAX_CONNECTIONS = 40
const CROWD = 2_000
const MB = 1024 * 1024
/** For what 2,000 sessions leave to the collector; a session itself holds more than this 1/2,000th. */
const GROWN_MB_MAX = 128
const postgres = await startPostgres(t, {
  settings: { max_connections: String(MAX_CONNECTIONS), superuser_reserved_connections: '5' }
})
const jetgres = await startJetgres(t, {
  upstream: postgres.url,
  args: ['--authentication-timeout', '3']
})
const watch = await postgres.connect()
await watch.query('CREATE ROLE app LOGIN')
const APP = { user: 'app', database: 'postgres' }

async function arrived(t: Test, at = jetgres): Promise<ProtocolClient> {
  const peer = new ProtocolClient(await openSocket(t, at))
  peer.write(startup(APP))
  await peer.until('Z', 1, 120_000)
  return peer
}

/** Backends of user app; `where` narrows it. */
async function backends(where = 'true'): Promise<number> {
  const { rows } = await watch.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'app' AND ${where}`
  )
  return rows[0]!.n
}

const noBackends = () =>
  eventually(async () => (await backends()) === 0, { what: 'the backends to go' })

const openFiles = async (pid: number): Promise<number> => (await readdir(`/proc/${pid}/fd`)).length

/** How often in a row a process must be seen to work, or not to. */
const SAMPLES = 6

/** Does a thread of it but the first, which answers, want a processor? However many others want one. */
async function isWorking(pid: number): Promise<boolean> {
  const threads = (await readdir(`/proc/${pid}/task`)).filter((thread) => Number(thread) !== pid)
  const states = threads.map(async (thread) => {
    const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => ') S')
    return stat.slice(stat.lastIndexOf(')') + 2)[0]
  })
  return (await Promise.all(states)).includes('R')
}

async function untilWorking(pid: number, wanted: boolean, what: string): Promise<void> {
  let row = 0
  const check = async (): Promise<boolean> => {
    row = (await isWorking(pid)) === wanted ? row + 1 : 0
    return row === SAMPLES
  }
  await eventually(check, { what, deadlineMs: 60_000 })
}

void t.test('2,000 clients at once: as many as the upstream takes, 53300 for the rest', async (t) => {
  const { socketDir, port } = postgres
  // By its Unix socket, which refuses where TCP would wait.
  const upstream = `postgresql://postgres@/postgres?host=${socketDir}&port=${port}`
  const crowded = await startJetgres(t, { upstream })
  const before = { files: await openFiles(crowded.pid), bytes: await residentBytes(crowded.pid) }
  const began = performance.now()
  const peers = await Promise.all(Array.from({ length: CROWD }, () => arrived(t, crowded)))
  const took = Math.round(performance.now() - began)
  const served = peers.filter((peer) => peer.frames.some(({ letter }) => letter === 'Z'))
  const refused = peers.filter((peer) => peer.errorText.startsWith('FATAL 53300 '))
  t.comment(`${served.length} of ${CROWD} were served, all were answered within ${took} ms`)
  const others = peers.filter((peer) => !served.includes(peer) && !refused.includes(peer))
  t.same(others.map(({ errorText }) => errorText), [], 'each is told one or the other')
  t.ok(served.length > 10 && served.length <= MAX_CONNECTIONS)
  for (const peer of served) peer.write(frontend.query('SELECT 42 AS answer'))
  for (const peer of served) t.ok(await peer.until('D'))
  for (const peer of served) peer.write(frontend.end())
  await noBackends()
  const later = await arrived(t, crowded)
  t.equal(later.errorText, '', 'those who come later are served')
  later.write(frontend.end())
  await noBackends()
  const isGivenBack = async () => (await openFiles(crowded.pid)) <= before.files
  await eventually(isGivenBack, { what: 'the sockets to be given back' })
  const grown = Math.round(((await residentBytes(crowded.pid)) - before.bytes) / MB)
  t.comment(`grown by ${grown} MB`)
  t.ok(grown < GROWN_MB_MAX, `memory: ${grown} MB`)
})

/** An established TCP connection, as the kernel shows it. */
interface Connection {
  readonly local: string
  readonly remote: string
  /** Milliseconds until the peer is probed; undefined where no probe is due. */
  readonly dueMs: number | undefined
}

/** Of a process's whole network. @see proc_pid_net(5), and get_tcp4_sock() for the timers */
async function connections(pid: number): Promise<Connection[]> {
  const lines = (await readFile(`/proc/${pid}/net/tcp`, 'utf8')).trim().split('\n').slice(1)
  const established = lines.map((line) => line.trim().split(/\s+/)).filter(([, , , state]) => state === '01')
  return established.map(([, local = '', remote = '', , , timer = '']) => {
    const [kind, due] = timer.split(':').map((hex) => Number.parseInt(hex, 16))
    return { local, remote, dueMs: kind === KEEPALIVE_TIMER ? due! * 10 : undefined }
  })
}

const KEEPALIVE_TIMER = 2

const portOf = (address: string): number => Number.parseInt(address.split(':')[1] ?? '', 16)

void t.test('idle connections are probed on both legs, so that a peer without FIN is missed', async (t) => {
  const peer = await arrived(t)
  const client = peer.socket.localPort!
  const [{ client_port: upstream } = { client_port: 0 }] = (
    await watch.query<{ client_port: number }>(
      `SELECT client_port FROM pg_stat_activity WHERE usename = 'app'`
    )
  ).rows
  const legs: [what: string, is: (it: Connection) => boolean][] = [
    ["the client's", ({ local, remote }) => portOf(local) === jetgres.port && portOf(remote) === client],
    ["the upstream's", ({ local, remote }) => portOf(local) === upstream && portOf(remote) === postgres.port]
  ]
  for (const [what, is] of legs) {
    // What was just sent keeps another timer until it is acknowledged.
    const dueMs = await eventually(async () => (await connections(jetgres.pid)).find(is)?.dueMs, { what })
    t.ok(dueMs > 0 && dueMs <= limits.keepAliveMs, `${what}: in ${dueMs} ms`)
  }
  peer.write(frontend.end())
  await noBackends()
})

void t.test('psql killed in a statement: its backend goes', without(lacksFile(`${PG_BIN}/psql`)), async (t) => {
  const target = `host=${jetgres.host} port=${jetgres.port} user=app dbname=postgres`
  for (const sql of ['SELECT pg_sleep(600)', 'BEGIN; SELECT pg_sleep(600)']) {
    const psql = spawn(`${PG_BIN}/psql`, ['-X', '-c', sql, target], { stdio: 'ignore' })
    t.teardown(() => psql.kill('SIGKILL'))
    await eventually(async () => (await backends(`state = 'active'`)) === 1, { what: 'the statement' })
    psql.kill('SIGKILL')
    await noBackends()
  }
})

void t.test('an end without Terminate, in every state', async (t) => {
  const states: [what: string, messages: Buffer[], where: string][] = [
    ['idle', [], `state = 'idle'`],
    ['in a transaction', [frontend.query('BEGIN')], `state = 'idle in transaction'`],
    ['in a statement', [frontend.query('SELECT pg_sleep(600)')], `state = 'active'`],
    ['in a batch', [frontend.parse({ text: 'SELECT 1' }), frontend.flush()], `true`],
    ['in a half frame', [frontend.query('SELECT 1').subarray(0, 7)], `state = 'idle'`],
    ['in a COPY', [frontend.query('CREATE TEMP TABLE c (a int); COPY c FROM STDIN')], `query LIKE '%COPY c%'`]
  ]
  for (const [what, messages, where] of states) {
    for (const end of ['FIN', 'RST'] as const) {
      const peer = await arrived(t)
      for (const message of messages) peer.write(message)
      await eventually(async () => (await backends(where)) === 1, { what })
      if (end === 'FIN') peer.socket.end()
      else peer.socket.resetAndDestroy()
      await noBackends()
      t.pass(`${what}, ${end}`)
    }
  }
})

void t.test('what is sent with a Terminate behind it is carried out, answer wanted or not', async (t) => {
  await watch.query('CREATE TABLE forgotten (n int); GRANT ALL ON forgotten TO app')
  const peer = await arrived(t)
  peer.write(frontend.query('INSERT INTO forgotten SELECT 1 FROM pg_sleep(0.3)'), frontend.end())
  peer.socket.end()
  await noBackends()
  t.equal((await watch.query('SELECT FROM forgotten')).rowCount, 1)
})

void t.test('a local statement stops with its client', { skip: withoutNats() }, async (t) => {
  const nats = await startNats(t)
  const connection = await connectNats(t, nats)
  await createStream(connection, 'E2E', ['e2e.>'])
  const client = await jetgres.connect()
  await client.query(`CREATE TABLE small (id int PRIMARY KEY) ${fedBy(nats, 'e2e.small')}`)
  await client.query('GRANT SELECT ON small TO app')
  await publishJson(connection, 'e2e.small', Array.from({ length: 3_000 }, (_, id) => ({ id })))
  await untilCount(client, 'small', 3_000)
  const long = 'SELECT count(*) FROM small a JOIN small b ON a.id <> b.id JOIN small c ON c.id <> a.id'
  await client.query(`${long} WHERE a.id < 2 AND b.id < 2 AND c.id < 9`)
  t.equal(await lastRoute(client), 'local')
  for (const end of ['FIN', 'RST', 'Terminate'] as const) {
    const peer = await arrived(t)
    await untilWorking(jetgres.pid, false, 'quiet before')
    peer.write(frontend.query(long))
    await untilWorking(jetgres.pid, true, 'the statement to run')
    if (end === 'RST') peer.socket.resetAndDestroy()
    else if (end === 'FIN') peer.socket.end()
    else peer.socket.end(frontend.end())
    await untilWorking(jetgres.pid, false, `quiet after ${end}`)
    await noBackends()
    t.pass(end)
  }
})

void t.test('an upstream that hangs: new clients are told, old ones go on', async (t) => {
  const old = await arrived(t)
  process.kill(postgres.pid, 'SIGSTOP')
  t.teardown(() => process.kill(postgres.pid, 'SIGCONT'))
  const began = Date.now()
  const peers = await Promise.all(Array.from({ length: 5 }, () => arrived(t)))
  for (const peer of peers) t.match(peer.errorText, /^FATAL (08001|57014) /)
  t.ok(Date.now() - began < 40_000, `after ${Date.now() - began} ms`)
  old.write(frontend.query('SELECT 1'))
  await old.until('Z', 2)
  t.equal(old.errorText, '')
  process.kill(postgres.pid, 'SIGCONT')
  const next = await arrived(t)
  t.equal(next.errorText, '')
  for (const peer of [old, next]) peer.write(frontend.end())
  await noBackends()
})

void t.test('an upstream that dies in a statement: the client is told and let go', async (t) => {
  const peer = await arrived(t)
  peer.write(frontend.query('SELECT pg_sleep(600)'))
  await eventually(async () => (await backends(`state = 'active'`)) === 1, { what: 'the statement' })
  await watch.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`)
  await peer.closed()
  t.match(peer.errorText, /^FATAL 57P01 /)
})
