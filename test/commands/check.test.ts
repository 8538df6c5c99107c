// Goal: `jetgres check` finds each of many planted misconfigurations and says what to do; it finds
// nothing where there is nothing; and it leaves no trace.
// Method: each is planted into a real Postgres, NATS server, certificate or data directory, and the
// command is run in this process; what it prints is compared, verdict, reason and advice.

import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'
import type { Test } from 'tap'

import { checkWay } from '../../src/commands/check-backchannel.ts'
import { openUpstream } from '../../src/commands/check-upstream.ts'
import { check } from '../../src/commands/check.ts'
import { readConfig } from '../../src/config.ts'
import { lockDataDir } from '../../src/lock.ts'
import { createLogger } from '../../src/log.ts'
import { definitionsPath } from '../../src/store/definitions-copy.ts'
import { storePathIn } from '../../src/store/store-options.ts'
import { Store } from '../../src/store/store.ts'
import { fedBy, rowsOf } from '../e2e/world.ts'
import { certificateAuthority } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { startJetgres } from '../support/jetgres.ts'
import { connectNats, createStream, startNats, withoutNats } from '../support/nats-server.ts'
import { startPostgres } from '../support/postgres-server.ts'

const log = createLogger({ level: 'silent' })

async function folder(t: Pick<Test, 'teardown'>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'jetgres-test-check-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Runs the command as a shell would; resolves to its exit code and what it printed. */
async function run(argv: readonly string[]): Promise<{ code: number; text: string }> {
  let text = ''
  const given = new Set(argv)
  const free = ['--listen', '--http'].filter((flag) => !given.has(flag))
  const all = [...argv, ...free.flatMap((flag) => [flag, '127.0.0.1:0'])]
  const code = await check({
    config: readConfig(all, {}),
    operands: [],
    log,
    print: (said) => (text += said),
    signalled: () => new Promise(() => undefined),
    onHangup: () => undefined
  })
  return { code, text }
}

/** One thing is wrong: the reason, and on the next line the advice. */
async function finds(t: Test, argv: readonly string[], reason: RegExp, advice: RegExp): Promise<void> {
  const { code, text } = await run(argv)
  const lines = text.split('\n')
  const wrong = lines.filter((line) => line.startsWith('wrong'))
  t.equal(code, 1, text)
  t.equal(wrong.length, 1, text)
  t.match(wrong[0], reason)
  t.match(lines[lines.indexOf(wrong[0] ?? '') + 1], advice)
}

void t.test('of this machine: addresses, certificates, the data directory', async (t) => {
  const dataDir = await folder(t)
  const own = ['--data-dir', dataDir]
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const authority = await certificateAuthority(t)
  const [expired, other] = [
    await authority.issue('expired', { isExpired: true }),
    await authority.issue('other')
  ]
  const file = join(dataDir, 'file')
  await writeFile(file, '')

  t.match(await run(own), { code: 0, text: /\njetgres can serve\n$/ })
  t.match(await run(['--data-dir', join(dataDir, 'new/deep')]), { code: 0, text: /will be made/ })
  const tls = (cert: string, key: string) => [...own, '--tls-cert', cert, '--tls-key', key]
  t.match(await run(tls(other.cert, other.key)), { code: 0, text: /is valid until 20/ })

  const listen = (address: string) => [...own, '--listen', address]
  await finds(t, listen(`127.0.0.1:${port}`), /another program listens/, /another port with --listen/)
  await finds(t, [...own, '--http', '192.0.2.1:80'], /no such address/, /address of this machine/)
  await finds(t, tls(expired.cert, expired.key), /has expired on 20/, /renewed, then send SIGHUP/)
  await finds(t, tls(other.cert, expired.key), /key/i, /its own key/)
  await finds(t, ['--data-dir', join(file, 'x')], /is not a directory/, /--data-dir/)
  const secret = join(dataDir, 'backchannel-secret')
  await writeFile(secret, '')
  await finds(t, own, /backchannel-secret" is damaged: it should hold 64 hex/, /remove that file, with jetgres stopped/)
  await rm(secret)
  const lock = await lockDataDir(dataDir)
  t.teardown(() => lock.release())
  await finds(t, own, /in use by another jetgres \(process/, /ask the jetgres that runs/)
})

void t.test('of the store: what serve says of it', async (t) => {
  const dataDir = await folder(t)
  const own = ['--data-dir', dataDir]
  const path = storePathIn(dataDir)
  /** What serve ends with. */
  const refusal = () => Store.open({ path, log }).then(
    () => t.fail('the store was opened'),
    (error: unknown) => String(error)
  )
  const relations = [{ id: 1, definition: '{}' }]
  await writeFile(definitionsPath(path), JSON.stringify({ version: 1, nextId: 2, relations }))
  const missing = /store\.duckdb" is missing/
  await finds(t, own, missing, /do: run "jetgres rebuild" to read .*, or remove ".*definitions\.json" to begin/)
  t.match(await refusal(), /"[^"]*store\.duckdb" is missing: run "jetgres rebuild" to read/)
  t.same(await readdir(dataDir), ['store.duckdb.definitions.json'], 'nothing is made')

  await writeFile(path, 'x'.repeat(20_000))
  await finds(t, own, /the store cannot be read: .*not a valid DuckDB/, /do: "jetgres rebuild", with jetgres stopped/)
  t.match(await refusal(), /the file is damaged: "jetgres rebuild", with jetgres stopped/)
})

void t.test('of the upstream, and of the way back from it', async (t) => {
  const postgres = await startPostgres(t, { password: 'right' })
  const { port, url } = postgres
  const direct = await postgres.connect()
  const dataDir = await folder(t)
  const upstream = (address: string) => ['--data-dir', dataDir, '--upstream', address]
  const as = (role: string, database = 'postgres') =>
    upstream(`postgresql://${role}:p@127.0.0.1:${port}/${database}`)
  await direct.query(`CREATE ROLE plain LOGIN PASSWORD 'p'; CREATE ROLE maker LOGIN PASSWORD 'p';
    CREATE ROLE able LOGIN PASSWORD 'p';
    GRANT CREATE ON DATABASE postgres TO maker, able;
    CREATE ROLE careful SUPERUSER LOGIN PASSWORD 'p';
    ALTER ROLE careful SET default_transaction_read_only = on`)
  await direct.query(`CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)

  t.match(await run(upstream(url)), { code: 0, text: /ok +back channel: the upstream reaches/ })
  const closed = await freePort()
  await finds(
    t,
    upstream(`postgresql://postgres:right@127.0.0.1:${closed}/postgres`),
    /ECONNREFUSED/,
    /start that Postgres, or correct host, port/
  )
  await finds(t, upstream(url.replace('right', 'false')), /password auth/, /password in --upstream/)
  await finds(t, as('careful', 'nowhere'), /"nowhere" does not exist/, /database that exists/)
  await finds(t, upstream(`${url.slice(0, url.lastIndexOf('/'))}/latin`), /its encoding is LATIN1/, /encoding UTF8/)
  await finds(t, as('careful'), /transactions are read-only/, /RESET default_transaction_read_only/)
  await finds(t, as('maker'), /may not install it/, /CREATE EXTENSION postgres_fdw; GRANT USAGE/)
  await direct.query('CREATE EXTENSION postgres_fdw')
  await finds(t, as('maker'), /"maker" may not use it/, /GRANT USAGE ON FOREIGN DATA WRAPPER/)
  await direct.query('GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO able, plain')
  await finds(t, as('plain'), /make no schema/, /GRANT CREATE ON DATABASE "postgres" TO "plain"/)
  t.match(await run(as('able')), { code: 0, text: /ok +back channel: the upstream reaches/ })

  const client = await openUpstream(url)
  if ('verdict' in client) throw new Error(client.told)
  t.teardown(() => client.end())
  // As if the upstream were on another machine, where this address is its own.
  const lost = await checkWay(client, { host: '127.0.0.1', port: 0 }, '127.0.0.2')
  t.match(lost, { verdict: 'wrong', told: /cannot reach 127\.0\.0\.2/, advice: /--backchannel HOST:PORT/ })
  const left = await rowsOf(direct, `SELECT srvname FROM pg_foreign_server`)
  t.same(left, [], 'nothing is left behind')
})

void t.test('of the NATS side of what is stored', { skip: withoutNats() }, async (t) => {
  const auth = { user: 'feed', password: 'right' }
  const [nats, dataDir] = [await startNats(t, { auth }), await folder(t)]
  const connection = await connectNats(t, nats, { user: auth.user, pass: auth.password })
  await createStream(connection, 'CHECK', ['check.>'])
  const jetgres = await startJetgres(t, { dataDir })
  const client = await jetgres.connect()
  const login = `'user_and_password', username = 'feed', password = 'right'`
  const fed = fedBy(nats, 'check.a', 'CHECK').replace(`'plain'`, login)
  await client.query(`CREATE TABLE a (id int PRIMARY KEY) ${fed}`)
  await client.end()
  await jetgres.stop()
  const argv = ['--data-dir', dataDir]

  t.match(await run(argv), { code: 0, text: /ok +relation public\.a: stream "CHECK" can be read/ })
  await (await connection.jetstreamManager()).streams.delete('CHECK')
  await finds(t, argv, /relation public\.a: .*"CHECK"/, /./)
  await connection.close()
  await nats.stop()
  await finds(t, argv, /relation public\.a: /, /./)
})
