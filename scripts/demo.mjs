// @ts-check
// `npm run demo`: a NATS server, jetgres with its embedded Postgres, a live table, and rows that
// change while you watch. Everything lives in temporary folders and ends with Ctrl-C.
//
//   npm run demo                     its own nats-server (found or fetched by scripts/servers.mjs)
//   NATS_URL=host:4222 npm run demo  yours; JetStream must be on
//   npm run demo -- --seconds=10     ends by itself

import { spawn, spawnSync } from 'node:child_process'
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { connect as connectNats } from 'nats'
import pg from 'pg'

import { ensureNatsServer } from './servers.mjs'

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */
/**
 * What the demo's queries return, as `pg` decodes it.
 * @typedef {{
 *   video_id: string, viewers: number, likes: string, ts: Date, streams: string, newest: Date,
 *   country: string
 * }} Row
 */

const root = resolve(import.meta.dirname, '..')
const seconds = Number(/^--seconds=(\d+)$/.exec(process.argv[2] ?? '')?.[1] ?? Infinity)
const isTerminal = process.stdout.isTTY
const roundMs = isTerminal ? 1_000 : 2_000
const publishMs = 100
const natsMs = 10_000

const videos = ['tide', 'summit', 'harbour', 'night-train', 'aviary', 'forge', 'reef', 'orchard']
const subject = 'live'
const stream = 'metrics'

/** What to undo, last first. @type {(() => unknown)[]} */
const cleanups = []
let isEnding = false

process.on('SIGINT', () => void end(0))
process.on('SIGTERM', () => void end(0))
process.on('SIGHUP', () => void end(0))
// As when its output is piped into head.
process.stdout.on('error', () => void end(0))
main().catch((error) => {
  if (isEnding) return
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : error}`)
  void end(1)
})

async function main() {
  if (!existsSync(join(root, 'dist/jetgres.cjs'))) throw new Error('run "npm run build" first')
  const natsUrl = await openNats()
  const { port } = await openJetgres()
  const address = { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }
  const client = new pg.Client({ ...address, query_timeout: 30_000 })
  client.on('error', () => undefined)
  await client.connect()
  cleanups.push(() => client.end())
  await define(client, natsUrl)
  await startPublishing(natsUrl)
  // Each SELECT then sees all that was published before it.
  await client.query("SET jetgres.consistency = 'stream'")
  explain(port)
  await watch(client)
  await end(0)
}

async function openNats() {
  const given = process.env.NATS_URL
  if (given) return given.replace(/^nats:\/\//, '')
  const server = ensureNatsServer((line) => console.log(line))
  const store = temporary('nats')
  const port = await freePort(4222)
  const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', store]
  start('nats-server', server, args, join(store, 'server.log'))
  return `127.0.0.1:${port}`
}

async function openJetgres() {
  const dataDir = temporary('data')
  const [port, httpPort] = [await freePort(6432), await freePort(6480)]
  const log = join(temporary('log'), 'jetgres.log')
  const options = ['--listen', `127.0.0.1:${port}`, '--http', `127.0.0.1:${httpPort}`]
  const args = [join(root, 'dist/jetgres.cjs'), ...options, '--data-dir', dataDir]
  console.log('starting jetgres with its embedded Postgres …')
  const child = start('jetgres', process.execPath, args, log)
  const deadline = Date.now() + 60_000
  while (!(await isReady(httpPort))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`jetgres did not start; its log:\n${readFileSync(log, 'utf8')}`)
    }
    await delay(100)
  }
  return { port }
}

/** @param {number} port */
async function isReady(port) {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
  return answer?.status === 200
}

/**
 * @param {pg.Client} client
 * @param {string} natsUrl
 */
async function define(client, natsUrl) {
  await makeStream(natsUrl)
  const text = `CREATE TABLE live_stream_metrics (
  id        varchar PRIMARY KEY,
  video_id  varchar,
  viewers   int,
  likes     bigint,
  ts        timestamptz
) WITH (
  connector = 'nats',
  server_url = '${natsUrl}',
  subject = '${subject}',
  stream = '${stream}',
  connect_mode = 'plain'
) FORMAT PLAIN ENCODE JSON`
  console.log(`\n${text};\n`)
  await client.query(text)
  await client.query('CREATE TABLE videos (id varchar PRIMARY KEY, title text, country text)')
  for (const [i, id] of videos.entries()) {
    const values = [id, `The ${id.replace('-', ' ')} channel`, ['NZ', 'CH', 'JP'][i % 3]]
    await client.query('INSERT INTO videos VALUES ($1, $2, $3)', values)
  }
}

/** @param {string} natsUrl */
async function makeStream(natsUrl) {
  const nats = await openClient(natsUrl)
  const manager = await nats.jetstreamManager()
  const exists = await manager.streams.info(stream).then(
    () => true,
    () => false
  )
  if (!exists) {
    await manager.streams.add({ name: stream, subjects: [subject], max_msgs: 100_000 })
    // On a server that isn't ours, what we made goes when we go.
    if (process.env.NATS_URL) cleanups.push(() => dropStream(natsUrl))
  }
  await nats.drain()
}

/** @param {string} natsUrl */
async function dropStream(natsUrl) {
  const nats = await openClient(natsUrl)
  await (await nats.jetstreamManager()).streams.delete(stream)
  await nats.drain()
}

/**
 * Asked again for a while: our own server may still be starting.
 * @param {string} servers
 * @returns {Promise<import('nats').NatsConnection>}
 */
async function openClient(servers) {
  const deadline = Date.now() + natsMs
  for (;;) {
    try {
      return await connectNats({ servers })
    } catch (error) {
      if (Date.now() < deadline) await delay(100)
      else throw new Error(`no NATS server answers at ${servers}`, { cause: error })
    }
  }
}

/** One delivery each `publishMs`: some video's viewers change. @param {string} natsUrl */
async function startPublishing(natsUrl) {
  const nats = await openClient(natsUrl)
  const jetstream = nats.jetstream()
  const viewers = new Map(videos.map((id) => [id, 200 + Math.floor(Math.random() * 800)]))
  const likes = new Map(videos.map((id) => [id, 0]))
  /** @param {string} id */
  const publish = async (id) => {
    viewers.set(id, Math.max(0, (viewers.get(id) ?? 0) + Math.round((Math.random() - 0.48) * 60)))
    likes.set(id, (likes.get(id) ?? 0) + Math.floor(Math.random() * 5))
    const row = { id: `live-${id}`, video_id: id, viewers: viewers.get(id), likes: likes.get(id) }
    await jetstream.publish(subject, JSON.stringify({ ...row, ts: new Date().toISOString() }))
  }
  for (const id of videos) await publish(id)
  const timer = setInterval(() => {
    publish(videos[Math.floor(Math.random() * videos.length)] ?? 'tide').catch(() => undefined)
  }, publishMs)
  cleanups.push(async () => {
    clearInterval(timer)
    await nats.close()
  })
}

/** @param {number} port */
function explain(port) {
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`
  const sql = 'SELECT * FROM live_stream_metrics ORDER BY viewers DESC LIMIT 3'
  const hasPsql = spawnSync('psql', ['--version']).status === 0
  const program =
    `import pg from 'pg'; const c = new pg.Client('${url}'); await c.connect(); ` +
    `console.table((await c.query('${sql}')).rows); await c.end()`
  console.log('Deliveries arrive ten times a second. Look for yourself, in another terminal:\n')
  if (hasPsql) console.log(`  psql ${url}\n  psql ${url} -c '${sql}'\n`)
  else console.log(`  node --input-type=module -e "${program}"\n`)
  console.log('Ctrl-C ends everything.\n')
}

/** @param {pg.Client} client */
async function watch(client) {
  const until = Date.now() + seconds * 1_000
  let drawn = 0
  while (Date.now() < until && !isEnding) {
    const lines = await look(client)
    if (isTerminal && drawn > 0) process.stdout.write(`\x1b[${drawn}A\x1b[0J`)
    console.log(lines.join('\n'))
    drawn = lines.length
    await delay(roundMs)
  }
}

/**
 * A row query, an aggregate, and a join with an ordinary Postgres table.
 * @param {pg.Client} client
 */
async function look(client) {
  const rows = await ask(
    client,
    'SELECT video_id, viewers, likes, ts FROM live_stream_metrics ORDER BY viewers DESC, id LIMIT 4'
  )
  const [sums] = await ask(
    client,
    'SELECT count(*) AS streams, sum(viewers) AS viewers, max(ts) AS newest FROM live_stream_metrics'
  )
  const sumRoute = await lastRoute(client)
  const joined = await ask(
    client,
    `SELECT v.country, sum(m.viewers) AS viewers
       FROM live_stream_metrics m JOIN videos v ON v.id = m.video_id GROUP BY 1 ORDER BY 1`
  )
  const joinRoute = await lastRoute(client)
  const clock = (/** @type {Date | undefined} */ ts) => ts?.toISOString().slice(11, 23) ?? '-'
  return [
    ...rows.map((r) => cells([r.video_id, `${r.viewers} viewers`, `${r.likes} likes`, clock(r.ts)])),
    `  all: ${sums?.streams} streams, ${sums?.viewers} viewers, newest ${clock(sums?.newest)}`,
    `  by country: ${joined.map((r) => `${r.country} ${r.viewers}`).join(', ')}`,
    `  routes: the sums ${sumRoute}, the join ${joinRoute}`,
    ''
  ]
}

/** @param {pg.Client} client */
async function lastRoute(client) {
  const [row = {}] = await ask(client, 'SHOW jetgres.last_route')
  return Object.values(row).join(' ')
}

/** @param {unknown[]} values */
function cells(values) {
  return `  ${values.map((value) => String(value).padEnd(15)).join(' ')}`.trimEnd()
}

/**
 * @param {pg.Client} client
 * @param {string} sql
 * @returns {Promise<Row[]>}
 */
async function ask(client, sql) {
  return (await client.query(sql)).rows
}

/** @param {string} name */
function temporary(name) {
  const folder = mkdtempSync(join(tmpdir(), `jetgres-demo-${name}-`))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Starts a server out of the terminal's reach: Ctrl-C is for the demo, which ends its servers in order.
 * @param {string} name
 * @param {string} program
 * @param {string[]} args
 * @param {string} logPath
 */
function start(name, program, args, logPath) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const log = createWriteStream(logPath)
  child.stdout.pipe(log, { end: false })
  child.stderr.pipe(log, { end: false })
  child.on('error', (error) => console.error(`${name}: ${error.message}`))
  child.on('exit', (code, signal) => {
    if (isEnding) return
    console.error(`${name} ended (${signal ?? code}); its log:\n${readFileSync(logPath, 'utf8')}`)
    void end(1)
  })
  cleanups.push(() => stop(child))
  return child
}

/** @param {ChildProcess} child */
async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = new Promise((done) => child.on('exit', done))
  child.kill('SIGTERM')
  const patience = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await exited
  clearTimeout(patience)
}

/** @param {number} code */
async function end(code) {
  if (isEnding) return
  isEnding = true
  console.log('\ncleaning up …')
  for (let undo = cleanups.pop(); undo; undo = cleanups.pop()) {
    await Promise.resolve(undo()).catch(() => undefined)
  }
  process.exit(code)
}

/**
 * The wanted port if it is free, else any.
 * @param {number} wanted
 * @returns {Promise<number>}
 */
function freePort(wanted) {
  return new Promise((done) => {
    const probe = createServer()
    probe.on('error', () => done(freePort(0)))
    probe.listen(wanted, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => done(typeof address === 'object' && address ? address.port : wanted))
    })
  })
}
