// @ts-check
// A soak: jetgres under a steady stream of deliveries, with faults at random, until the time is over.
// Prints memory, file size, descriptors and consumers as it goes, and in the end whether anything was
// lost, doubled or wrong (exit code 1). Everything lives in temporary folders.
//
//   node scripts/soak.mjs [--minutes=20] [--rate=20000] [--keys=50000] [--seed=1]

import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

import { connect } from 'nats'
import pg from 'pg'

import { ensureNatsServer } from './servers.mjs'

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

const main = resolve(import.meta.dirname, '../dist/main.js')
const minutes = flag('minutes', 20)
const rate = flag('rate', 20_000)
const keys = flag('keys', 50_000)
const seed = flag('seed', Math.trunc(Math.random() * 2 ** 31))
const random = generator(seed)
/** One in so many goes to the table that keeps a row a delivery. */
const SAMPLE = 100
const REPORT_MS = 10_000
const WINDOW = 500

const folder = mkdtempSync(join(tmpdir(), 'jetgres-soak-'))
/** @type {ChildProcess} */ let nats
/** @type {ChildProcess} */ let jetgres
let jetgresPort = 0
let next = 0
// A script that fails must not leave its servers behind.
process.on('exit', () => [nats, jetgres].forEach((child) => child?.kill('SIGKILL')))
let acknowledged = 0
/** The last v of each key, and every v of the sample. */
const last = new Int32Array(keys).fill(-1)
/** @type {Set<number>} */ const sampled = new Set()

const natsPort = await freePort()
startNats()
const connection = await eventually(() =>
  connect({ servers: `127.0.0.1:${natsPort}`, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
)
const manager = await eventually(() => connection.jetstreamManager())
await manager.streams.add({
  name: 'S',
  subjects: ['s.>'],
  max_age: 120e9,
  duplicate_window: 60e9
})
await startJetgres()
await createTables()
console.log(`seed ${seed}: ${rate}/s over ${keys} keys for ${minutes} minutes`)
const until = Date.now() + minutes * 60_000
const reporting = setInterval(() => void report().catch(() => undefined), REPORT_MS)
await Promise.all([publish(), disturb()])
clearInterval(reporting)
const isRight = await judge()
await report()
await connection.close()
await end(jetgres)
await end(nats)
rmSync(folder, { recursive: true, force: true })
process.exit(isRight ? 0 : 1)

/** @param {string} name @param {number} fallback */
function flag(name, fallback) {
  const given = process.argv.find((argument) => argument.startsWith(`--${name}=`))
  return given === undefined ? fallback : Number(given.slice(name.length + 3))
}

async function publish() {
  const began = Date.now()
  while (Date.now() < until) {
    const due = ((Date.now() - began) / 1_000) * rate
    if (next >= due) await delay(2)
    else await publishWindow()
  }
}

/** Keys within a window differ, so that the order of a key's deliveries is known. */
async function publishWindow() {
  const from = Math.trunc(random() * keys)
  const window = Array.from({ length: WINDOW }, (_, i) => ({ k: (from + i) % keys, v: next + i }))
  next += WINDOW
  await Promise.all(window.map(publishOne))
  for (const { k, v } of window) {
    last[k] = v
    if (v % SAMPLE === 0) sampled.add(v)
  }
  acknowledged += WINDOW
}

/** The same id with each try: what was stored already is not stored again. @param {object} row */
async function publishOne(row) {
  const { v } = /** @type {{ v: number }} */ (row)
  const subject = v % SAMPLE === 0 ? 's.sample' : 's.rest'
  const payload = JSON.stringify(row)
  for (;;) {
    try {
      await connection.jetstream({ timeout: 3_000 }).publish(subject, payload, { msgID: `${v}` })
      return
    } catch {
      await delay(50)
    }
  }
}

async function disturb() {
  const faults = [killJetgres, killNats, hangNats, deleteConsumers]
  while (Date.now() < until) {
    await delay(Math.min(10_000 + random() * 20_000, Math.max(0, until - Date.now())))
    const fault = faults[Math.trunc(random() * faults.length)]
    if (!fault || Date.now() >= until) continue
    console.log(`  ${fault.name}`)
    await fault()
  }
}

async function killJetgres() {
  await end(jetgres, 'SIGKILL')
  await startJetgres()
}

async function killNats() {
  await end(nats, 'SIGKILL')
  startNats()
}

async function hangNats() {
  const hung = nats
  hung.kill('SIGSTOP')
  await delay(4_000)
  hung.kill('SIGCONT')
}

async function deleteConsumers() {
  for (const { name } of await consumers()) {
    await manager.consumers.delete('S', name).catch(() => false)
  }
}

/** @returns {Promise<{ name: string }[]>} */
function consumers() {
  return manager.consumers.list('S').next()
}

function startNats() {
  const config = join(folder, 'nats.conf')
  const store = `jetstream { store_dir: "${join(folder, 'nats')}" }`
  writeFileSync(config, `listen: "127.0.0.1:${natsPort}"\n${store}\n`)
  nats = spawn(ensureNatsServer(console.log), ['-c', config], { stdio: 'ignore' })
}

async function startJetgres() {
  const where = ['--listen', `127.0.0.1:${jetgresPort}`, '--data-dir', join(folder, 'data')]
  const child = spawn(process.execPath, [main, ...where, '--http', 'off', '--log-format', 'json'], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  jetgres = child
  for await (const line of createInterface({ input: child.stderr })) {
    const { msg, listen } = JSON.parse(line)
    if (msg !== 'ready') continue
    jetgresPort = Number(listen.split(':').at(-1))
    break
  }
  child.stderr.resume()
}

async function createTables() {
  const fedBy = (/** @type {string} */ subject) =>
    `WITH (connector = 'nats', server_url = '127.0.0.1:${natsPort}', subject = '${subject}',
           stream = 'S', connect_mode = 'plain') FORMAT PLAIN ENCODE JSON`
  await ask(`CREATE TABLE last (k int PRIMARY KEY, v int) ${fedBy('s.>')}`)
  await ask(`CREATE TABLE sample (v int) ${fedBy('s.sample')}`)
}

/** @param {string} text @returns {Promise<any[]>} */
async function ask(text) {
  const client = new pg.Client({ host: '127.0.0.1', port: jetgresPort, user: 'postgres' })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function report() {
  const [facts] = await ask(`SELECT sum(lag) AS lag, string_agg(state, ', ') AS state,
    sum(gaps) AS gaps FROM jetgres.relations`)
  const status = readFileSync(`/proc/${jetgres.pid}/status`, 'utf8')
  const memory = Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024)
  const files = readdirSync(`/proc/${jetgres.pid}/fd`).length
  const size = ['store.duckdb', 'store.duckdb.wal']
    .map((name) => statSync(join(folder, 'data', name), { throwIfNoEntry: false })?.size ?? 0)
    .map((bytes) => `${Math.round(bytes / 1e6)} MB`)
  console.log(
    `${acknowledged} acknowledged, lag ${facts.lag}, ${facts.state}, gaps ${facts.gaps}, ` +
      `memory ${memory} MB, store ${size.join(' + ')}, descriptors ${files}, ` +
      `consumers ${(await consumers()).length}`
  )
}

async function judge() {
  const want = last.filter((v) => v >= 0).length
  await eventually(async () => {
    const [found] = await ask('SELECT max(v) AS newest FROM last')
    return Number(found.newest) === next - 1
  }).catch(() => undefined)
  const rows = await ask('SELECT k, v FROM last')
  const wrong = rows.filter(({ k, v }) => last[k] !== v).length + Math.abs(rows.length - want)
  const seen = (await ask('SELECT v FROM sample')).map(({ v }) => v)
  const distinct = new Set(seen)
  const lost = [...sampled].filter((v) => !distinct.has(v)).length
  const doubled = seen.length - distinct.size
  console.log(`${next} published: lost ${lost}, doubled ${doubled}, wrong ${wrong}`)
  return lost + doubled + wrong === 0
}

/** @param {ChildProcess} child @param {NodeJS.Signals} [signal] @returns {Promise<void>} */
function end(child, signal = 'SIGTERM') {
  return new Promise((settle) => {
    if (child.exitCode !== null || child.signalCode !== null) return settle()
    child.once('exit', () => settle())
    child.kill(signal)
  })
}

/** @template T @param {() => T | Promise<T>} check @returns {Promise<T>} */
async function eventually(check, deadline = Date.now() + 120_000) {
  for (;;) {
    const got = await Promise.resolve().then(check).catch(() => undefined)
    if (got) return got
    if (Date.now() > deadline) throw new Error('it did not come about')
    await delay(100)
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((settle) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => settle(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/** mulberry32. @param {number} from */
function generator(from) {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}
