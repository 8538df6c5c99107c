// Goal: the embedded Postgres starts for every kind of user, keeps its data, leaves nothing behind
// and takes over from a killed run.
// Method: real servers in temporary folders; kills are real too, of a process started for it.

import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

import pg from 'pg'
import t, { type Test } from 'tap'

import { createLogger } from '../../src/log.ts'
import { startEmbedded, type EmbeddedPostgres } from '../../src/upstream/embedded.ts'
import { eventually } from '../support/eventually.ts'
import { startPostgres } from '../support/postgres-server.ts'

const log = createLogger({ level: 'fatal', format: 'json' })
const settings = { fsync: 'off', max_connections: '20', shared_buffers: '16MB' }
const isRoot = process.getuid?.() === 0
const asRoot = { skip: !isRoot && 'needs root' }
const asAnother = {
  skip: asRoot.skip || (!othersMayEnter(import.meta.dirname) && 'needs sources that others may read')
}

/** Not so below root's own home. */
function othersMayEnter(folder: string): boolean {
  const isOpen = (statSync(folder).mode & 0o001) !== 0
  return isOpen && (dirname(folder) === folder || othersMayEnter(dirname(folder)))
}

async function temporary(t: Test, under = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(under, 'jetgres-test-embedded-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function ask(server: { host: string; port: number; password?: string }, sql: string) {
  const client = new pg.Client({ user: 'postgres', database: 'postgres', ...server })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

void t.test('answers on the socket, has postgres_fdw, and keeps its data', async (t) => {
  const dataDir = await temporary(t)
  const start = () => startEmbedded({ dataDir, log, listen: { socket: true }, settings })

  const first = await start()
  t.equal(first.host, first.socketDir)
  await ask(first, 'CREATE TABLE kept AS SELECT 1 AS a')
  await ask(first, 'CREATE EXTENSION postgres_fdw')
  await first.stop()
  t.notOk(isAlive(first.pid), 'no process is left')

  const second = await start()
  t.teardown(() => second.stop('immediate'))
  t.same(await ask(second, 'SELECT a FROM kept'), [{ a: 1 }])
  const facts = await ask(
    second,
    `SELECT current_setting('server_version_num')::int / 10000 AS major, upper('é') AS upper,
            current_setting('listen_addresses') AS addresses, 'a' < 'B' COLLATE "default" AS folded`
  )
  t.same(facts, [{ major: 18, upper: 'É', addresses: '', folded: false }])
  t.equal((await stat(join(dataDir, 'postgres'))).mode & 0o077, 0, 'nobody else may look')
})

void t.test('a user without the password is refused, also one set later', async (t) => {
  const dataDir = await temporary(t)
  const start = async (password?: string): Promise<EmbeddedPostgres> => {
    const server = await startEmbedded({ dataDir, log, listen: { socket: true }, settings, password })
    t.teardown(() => server.stop('immediate'))
    return server
  }
  const open = await start()
  t.same(await ask(open, 'SELECT 1 AS a'), [{ a: 1 }])
  await open.stop()

  const password = 'it\'s "quoted" \\ and é'
  const closed = await start(password)
  await t.rejects(ask({ ...closed, password: 'wrong' }, 'SELECT 1'), { code: '28P01' })
  t.same(await ask({ ...closed, password }, 'SELECT 1 AS a'), [{ a: 1 }])
  await closed.stop()
  await t.rejects(start('two\nlines'), /must not contain line breaks/)
})

void t.test('uses a short temporary socket folder when the data directory is deep', async (t) => {
  const top = await temporary(t)
  await chmod(top, 0o755)
  const dataDir = join(top, 'x'.repeat(100))
  const server = await startEmbedded({ dataDir, log, listen: { socket: true }, settings })
  t.teardown(() => server.stop('immediate'))
  t.notOk(server.socketDir.startsWith(dataDir))
  t.equal((await stat(server.socketDir)).mode & 0o077, 0)
  t.same(await ask(server, 'SELECT 1 AS a'), [{ a: 1 }])
  await server.stop()
  await t.rejects(stat(server.socketDir), { code: 'ENOENT' })
})

void t.test('says why it could not start', async (t) => {
  const dataDir = await temporary(t)
  const start = startEmbedded({
    dataDir,
    log,
    listen: { socket: true },
    settings: { shared_buffers: 'many' }
  })
  await t.rejects(start, /did not start .*invalid value for parameter "shared_buffers"/)
})

void t.test('takes over from a killed run, whose file may by now name a stranger', async (t) => {
  const dataDir = await temporary(t)
  const options = { dataDir, log, listen: { socket: true }, settings } as const
  const orphan = await startEmbedded(options)
  await ask(orphan, 'CREATE TABLE kept AS SELECT 1 AS a')
  const heir = await startEmbedded(options)
  t.notOk(isAlive(orphan.pid), 'the orphan was stopped first')
  t.same(await ask(heir, 'SELECT a FROM kept'), [{ a: 1 }])
  process.kill(heir.pid, 'SIGKILL')
  t.equal(await heir.exited, 'SIGKILL', 'an unexpected end is told')

  const pidFile = join(dataDir, 'postgres/data/postmaster.pid')
  const stranger = spawn('sleep', ['60'])
  t.teardown(() => stranger.kill())
  const rest = (await readFile(pidFile, 'utf8')).split('\n').slice(1)
  await writeFile(pidFile, [String(stranger.pid), ...rest].join('\n'))
  const third = await startEmbedded(options)
  t.teardown(() => third.stop('immediate'))
  t.same(await ask(third, 'SELECT a FROM kept'), [{ a: 1 }])
  t.equal(stranger.exitCode, null, 'the stranger was left alone')
})

/** Runs a server in a process of its own, which prints the server's pid and then waits. */
async function startElsewhere(t: Test, dataDir: string, as?: { uid: number; gid: number }) {
  const script = `
    import { createLogger } from './src/log.ts'
    import { startEmbedded } from './src/upstream/embedded.ts'
    const log = createLogger({ level: 'fatal', format: 'json' })
    const server = await startEmbedded({
      dataDir: ${JSON.stringify(dataDir)}, log, listen: { socket: true },
      settings: ${JSON.stringify(settings)}
    })
    console.log(JSON.stringify({ pid: server.pid, host: server.host, port: server.port }))
    setInterval(() => undefined, 1e6)
  `
  const args = [...process.execArgv, '--input-type=module', '--eval', script]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: join(import.meta.dirname, '../..'),
    ...as
  })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })
  for await (const line of lines) {
    const facts = JSON.parse(line) as { pid: number; host: string; port: number }
    return { child, ...facts }
  }
  throw new Error('the process ended before its server was ready')
}

void t.test('does not outlive a jetgres that is killed', async (t) => {
  const dataDir = await temporary(t)
  const { child, pid } = await startElsewhere(t, dataDir)
  t.ok(isAlive(pid))
  child.kill('SIGKILL')
  await eventually(() => !isAlive(pid), { what: 'the end of the orphaned postgres' })
})

void t.test('runs as an ordinary user', asAnother, async (t) => {
  const nobody = { uid: 65534, gid: 65534 }
  const dataDir = await temporary(t)
  await chown(dataDir, nobody.uid, nobody.gid)
  const { host, port, child, pid } = await startElsewhere(t, dataDir, nobody)
  t.same(await ask({ host, port }, 'SELECT 1 AS a'), [{ a: 1 }])
  t.equal((await stat(join(dataDir, 'postgres/data'))).uid, nobody.uid)
  child.kill('SIGKILL')
  await eventually(() => !isAlive(pid), { what: 'the end of the orphaned postgres' })
})

void t.test('as root, owns only its own folder', asRoot, async (t) => {
  const dataDir = await temporary(t)
  const server = await startEmbedded({ dataDir, log, listen: { socket: true }, settings })
  t.teardown(() => server.stop('immediate'))
  const top = await stat(dataDir)
  t.equal(top.uid, 0)
  t.equal(top.mode & 0o777, 0o710, 'the data directory may be passed by one group, not read')
  t.not((await stat(join(dataDir, 'postgres'))).uid, 0)
  t.same(await ask(server, 'SELECT 1 AS a'), [{ a: 1 }])
})

void t.test('keeps a cluster elsewhere that its user could not reach', asRoot, async (t) => {
  const dataDir = join(await temporary(t), 'data')
  const start = () => startEmbedded({ dataDir, log, listen: { socket: true }, settings })
  const first = await start()
  const home = (await readFile(join(dataDir, 'postgres.location'), 'utf8')).trim()
  await ask(first, 'CREATE TABLE kept AS SELECT 1 AS a')
  await first.stop()
  const second = await start()
  t.teardown(async () => {
    await second.stop('immediate')
    await rm(home, { recursive: true, force: true })
  })
  t.same(await ask(second, 'SELECT a FROM kept'), [{ a: 1 }], 'and finds it again')
})

void t.test('the test server restarts on its port with its data', async (t) => {
  const server = await startPostgres(t)
  const client = await server.connect()
  await client.query('CREATE TABLE kept AS SELECT 1 AS a')
  const { pid } = server
  await server.restart()
  t.not(server.pid, pid)
  const again = await server.connect({ connectionString: server.url })
  t.same((await again.query('SELECT a FROM kept')).rows, [{ a: 1 }])
})
