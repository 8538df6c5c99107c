// @ts-check
// `npm run example NAME`: a nats-server and a jetgres of its own, the folder's setup.sql, its feed, its
// look.sql with the answers and their routes; then everything ends and is removed.

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'

import { connect } from 'nats'
import pg from 'pg'

import { ensureNatsServer } from '../servers.mjs'

/** @typedef {{ make(nats: import('nats').NatsConnection): Promise<void>,
 *   feed(nats: import('nats').NatsConnection): Promise<void> }} Example */

const startMs = 60_000
const root = resolve(import.meta.dirname, '../..')
/** @type {(() => unknown)[]} */
const cleanups = []

const name = process.argv[2] ?? ''
const folder = join(import.meta.dirname, name)
if (name === '' || !existsSync(join(folder, 'setup.sql'))) {
  const entries = readdirSync(import.meta.dirname, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  console.error(`Which example? One of: ${names.join(', ')}`)
  process.exit(2)
}
process.on('SIGINT', () => void end(130))
main().then(
  () => end(0),
  (error) => {
    console.error(error instanceof Error ? error.message : error)
    return end(1)
  }
)

async function main() {
  /** @type {Example} */
  const example = await import(pathToFileURL(join(folder, 'feed.mjs')).href)
  const temporary = mkdtempSync(join(tmpdir(), 'jetgres-example-'))
  cleanups.push(() => rmSync(temporary, { recursive: true, force: true }))
  const natsPort = await freePort()
  const store = join(temporary, 'nats')
  start(ensureNatsServer((line) => console.log(line)), ['-a', '127.0.0.1', '-p', `${natsPort}`, '-js', '-sd', store])
  const nats = await connect({
    servers: `127.0.0.1:${natsPort}`,
    waitOnFirstConnect: true,
    maxReconnectAttempts: 100,
    reconnectTimeWait: 100
  })
  cleanups.push(() => nats.close())
  const client = await openJetgres(join(temporary, 'data'))
  await example.make(nats)
  for (const sql of statements('setup.sql')) {
    console.log(`${sql};\n`)
    await client.query(sql.replaceAll('NATS_SERVER', `127.0.0.1:${natsPort}`))
  }
  await example.feed(nats)
  // Each SELECT waits for all that has been published.
  await client.query("SET jetgres.consistency = 'stream'")
  for (const sql of statements('look.sql')) await show(client, sql)
}

/** @param {string} dataDir */
async function openJetgres(dataDir) {
  const [port, httpPort] = [await freePort(), await freePort()]
  const options = ['--listen', `127.0.0.1:${port}`, '--http', `127.0.0.1:${httpPort}`, '--data-dir', dataDir]
  const child = start(process.execPath, [join(root, 'dist/jetgres.cjs'), ...options, '--log-level', 'warn'])
  const deadline = Date.now() + startMs
  while ((await fetch(`http://127.0.0.1:${httpPort}/readyz`).catch(() => undefined))?.status !== 200) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('jetgres did not start')
    await delay(100)
  }
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  client.on('error', () => undefined)
  await client.connect()
  cleanups.push(() => client.end())
  return client
}

/** Separated by a line that ends in a semicolon. @param {string} file */
function statements(file) {
  const text = readFileSync(join(folder, file), 'utf8')
  return text.split(/;\s*\n/).map((sql) => sql.trim()).filter((sql) => sql !== '')
}

/** @param {pg.Client} client @param {string} sql */
async function show(client, sql) {
  const { rows } = await client.query(sql)
  const [route = {}] = (await client.query('SHOW jetgres.last_route')).rows
  console.log(`${sql};`)
  console.table(rows)
  console.log(`route: ${Object.values(route).join()}\n`)
}

/** @param {string} program @param {string[]} args */
function start(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', args.includes('-js') ? 'ignore' : 'inherit'] })
  child.on('error', (error) => console.error(error.message))
  cleanups.push(async () => {
    if (child.exitCode !== null || child.pid === undefined) return
    const gone = new Promise((done) => child.on('exit', done))
    child.kill('SIGTERM')
    await gone
  })
  return child
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((done, fail) => {
    const server = createServer()
    server.on('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/** @param {number} code */
async function end(code) {
  for (let undo = cleanups.pop(); undo; undo = cleanups.pop()) {
    await Promise.resolve(undo()).catch(() => undefined)
  }
  process.exit(code)
}
