// @ts-check
// A soak: jetgres under a steady stream of deliveries, with faults at random, while readers check by
// every route that no key's version ever goes back. Prints what jetgres holds as it goes; in the end
// compares the tables with what the stream acknowledged, and judges whether what it holds is flat.
// Exit code 1 where anything is lost, doubled, wrong, went back or grew. Needs `npm run build`.
//
//   node scripts/soak.mjs [--minutes=20 | --upserts=1000000 | --kills=100] [--rate=20000] [--keys=50000]
//                         [--faults=all | none | 'kill jetgres,delete consumers'] [--every=16] [--seed=1]
//                         [--report=60]
//
// jetgres itself is killed in the first half only: the second half is one life, which is judged. With
// --kills nothing but kill -9 of jetgres happens, until the end, what is held is not judged, and for
// every other ten seconds a twentieth of the rate comes: batches are small and large.

import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { DuckDBInstance } from '@duckdb/node-api'

import { Cleanups, until } from './bench/processes.mjs'
import { deadly, faults } from './soak/faults.mjs'
import { leaks, measure, rule } from './soak/meter.mjs'
import { Publisher } from './soak/publisher.mjs'
import { Readers } from './soak/readers.mjs'
import { World } from './soak/world.mjs'

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    upserts: { type: 'string' },
    kills: { type: 'string' },
    rate: { type: 'string', default: '20000' },
    keys: { type: 'string', default: '50000' },
    seed: { type: 'string', default: String(Math.trunc(Math.random() * 2 ** 31)) },
    report: { type: 'string', default: '60' },
    faults: { type: 'string', default: 'all' },
    every: { type: 'string', default: '16' }
  }
})
const rate = Number(flags.rate)
const onlyKills = flags.kills !== undefined
/** What ends it: how much of what is wanted. */
const goal = onlyKills
  ? { unit: 'kills', amount: Number(flags.kills) }
  : flags.upserts === undefined
    ? { unit: 'minutes', amount: Number(flags.minutes) }
    : { unit: 'upserts', amount: Number(flags.upserts) }
/** Between two faults, on average; each has its own duration besides. */
const pauseMs = Number(flags.every) * 1_000
/** More than jetgres may lag: under kills without pause, on a busy machine, that is minutes. */
const streamSeconds = onlyKills ? 3_600 : 300
/** From here on jetgres is not killed any more, and from there on its memory counts. */
const [lastLife, isWarm] = onlyKills ? [1, 1] : [0.5, 0.6]
/** Readings for each that is printed: of a few alone, one after a backlog would decide. */
const readingsEach = 6
/** A killed process's consumers: the server removes them after a while. */
const [consumersEach, orphanMs] = [4, 330_000]
/** @type {number[]} */ const killedAt = []
/** Milliseconds of each kill and the start after it. @type {number[]} */ const durations = []
/** Milliseconds, of each fault. @type {Map<string, number[]>} */ const silences = new Map()

const random = generator(Number(flags.seed))
const cleanups = new Cleanups()
/** A first signal ends it early, with a verdict; a second one at once. */
let isEnough = false
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (isEnough) void cleanups.run().then(() => process.exit(130))
    isEnough = true
  })
}
let isRight = false
try {
  isRight = await soak()
} catch (error) {
  console.error(error)
}
await cleanups.run()
process.exit(isRight ? 0 : 1)

async function soak() {
  const chosen = chooseFaults()
  const world = await World.open(cleanups, streamSeconds)
  const publisher = new Publisher(world.connection, Number(flags.keys), random)
  const readers = new Readers(() => world.connect(), Number(flags.keys), random)
  const amount = `${goal.amount} ${goal.unit}`
  console.log(`seed ${flags.seed}: ${rate}/s over ${flags.keys} keys, ${amount}\n${rule}`)
  const began = Date.now()
  /** How much of the goal is reached; 1: all. */
  const progress = () => {
    if (isEnough) return 1
    const reached = {
      minutes: (Date.now() - began) / 60_000,
      upserts: publisher.acknowledged,
      kills: killedAt.length
    }
    return reached[/** @type {keyof typeof reached} */ (goal.unit)] / goal.amount
  }
  const isOver = () => progress() >= 1
  console.log(`routes of the readers: ${(await readers.routes()).join(', ')}`)
  readers.start()
  const [, , readings] = await Promise.all([
    publisher.run(rateNow, isOver),
    disturb(world, readers, chosen, progress),
    observe(world, publisher, progress)
  ])
  await readers.stop()
  for (const [name, all] of silences) {
    console.log(`${name}: ${all.length} times, nothing new for ${spread(all)}`)
  }
  if (onlyKills) console.log(`of that, until jetgres was ready: ${spread(durations)}`)
  console.log('looks', readers.looks, 'errors', Object.fromEntries(readers.errors))
  const differences = await compare(world, publisher)
  const grown = await judge(world, readings)
  const faulty = [...differences, ...readers.wentBack, ...grown]
  for (const line of faulty) console.log(`WRONG: ${line}`)
  console.log(faulty.length === 0 ? 'all is right, and flat' : `${faulty.length} faults`)
  return faulty.length === 0
}

function rateNow() {
  const isLow = onlyKills && Math.trunc(performance.now() / 10_000) % 2 === 1
  return isLow ? rate / 20 : rate
}

/** @returns {string[]} */
function chooseFaults() {
  if (onlyKills) return deadly
  if (flags.faults === 'none') return []
  const named = flags.faults === 'all' ? Object.keys(faults) : flags.faults.split(',')
  const unknown = named.filter((name) => !(name in faults))
  if (unknown.length === 0) return named
  throw new Error(`no fault "${unknown[0]}"; there are: ${Object.keys(faults).join(', ')}`)
}

/** @param {World} world @param {Readers} readers @param {string[]} chosen @param {() => number} progress */
async function disturb(world, readers, chosen, progress) {
  const harmless = chosen.filter((name) => !deadly.includes(name))
  while (chosen.length > 0) {
    const end = Date.now() + pauseMs * (0.5 + random())
    while (Date.now() < end && progress() < 1) await delay(100)
    if (progress() >= 1) return
    const able = progress() < lastLife ? chosen : harmless
    const name = able[Math.trunc(random() * able.length)]
    if (name === undefined) return
    await suffer(world, readers, name)
  }
}

/** @param {World} world @param {Readers} readers @param {string} name */
async function suffer(world, readers, name) {
  readers.reset()
  const began = Date.now()
  if (deadly.includes(name)) killedAt.push(began)
  await faults[name]?.(world)
  const tookMs = Date.now() - began
  const { newest } = readers
  const isNew = () => readers.newest > newest || world.jetgres.isOver
  await until('anything new', isNew, { deadlineMs: 60_000 }).catch(() => undefined)
  if (world.jetgres.isOver) throw new Error(`jetgres ended by itself:\n${world.jetgres.said}`)
  const silenceMs = Math.round(readers.silenceMs)
  if (onlyKills) durations.push(tookMs)
  silences.set(name, [...(silences.get(name) ?? []), silenceMs])
  if (!onlyKills) console.log(`  ${name}: took ${tookMs} ms, nothing new for ${silenceMs} ms`)
}

/** @param {number[]} all */
function spread(all) {
  const median = all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]
  return `${median} ms (median), ${Math.max(...all)} ms (worst)`
}

/**
 * Readings of the last life, once warm.
 * @param {World} world
 * @param {Publisher} publisher
 * @param {() => number} progress
 */
async function observe(world, publisher, progress) {
  const kept = []
  const everyMs = (Number(flags.report) * 1_000) / readingsEach
  for (let at = Date.now() + everyMs, n = 1; progress() < 1; ) {
    await delay(200)
    if (Date.now() < at) continue
    at += everyMs
    const before = progress()
    const held = await measure(world).catch(() => undefined)
    if (held && n++ % readingsEach === 0)
      console.log(`${shareOf(before)} ${await state(world, publisher)} ${inWords(held)}`)
    if (held && before > isWarm) kept.push(held)
  }
  return kept
}

/** @param {number} progress */
function shareOf(progress) {
  return `${Math.round(progress * 100)} %`
}

/** @param {World} world @param {Publisher} publisher */
async function state(world, { acknowledged }) {
  const [row] = await world
    .ask(`SELECT sum(lag) AS lag, sum(gaps) AS gaps FROM jetgres.relations`)
    .catch(() => [{}])
  return `${acknowledged} acknowledged, lag ${row.lag}, gaps ${row.gaps},`
}

/** @param {object} held */
function inWords(held) {
  return Object.entries(held)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

/** @param {World} world @param {Publisher} publisher @returns {Promise<string[]>} */
async function compare(world, publisher) {
  const newest = publisher.next - 1
  const isThere = async () => {
    const [row] = await world.ask('SELECT max(v) AS newest FROM latest').catch(() => [{}])
    return Number(row.newest) === newest
  }
  await until('the last delivery', isThere, { pauseMs: 100 }).catch(() => undefined)
  const [{ gaps, dropped }] = await world.ask(`SELECT sum(gaps)::int AS gaps,
    sum(dropped)::int AS dropped FROM jetgres.relations`)
  const want = publisher.last.filter((v) => v >= 0).length
  const rows = await world.ask('SELECT k, v FROM latest')
  const differing = rows.filter(({ k, v }) => publisher.last[k] !== v).length
  const wrong = differing + Math.abs(rows.length - want)
  const seen = (await world.ask('SELECT v FROM sample')).map(({ v }) => v)
  const distinct = new Set(seen)
  const lost = [...publisher.sampled].filter((v) => !distinct.has(v)).length
  const found = { lost, doubled: seen.length - distinct.size, wrong, gaps, dropped }
  console.log(`${newest + 1} published, ${rows.length + seen.length} rows:`, found)
  if (gaps + wrong + lost > 0) await explain(world)
  return Object.entries(found).flatMap(([name, n]) => (n === 0 ? [] : [`${n} ${name}`]))
}

/** What a reader of a failed run wants to know. @param {World} world */
async function explain(world) {
  for (const gap of await world.ask('SELECT * FROM jetgres.gaps')) {
    const seq = Number(gap.first_sequence)
    const isHeld = await world.manager.streams.getMessage('S', { seq }).then(
      () => true,
      () => false
    )
    console.log('gap', gap, isHeld ? 'the stream holds its first one' : 'its first one is gone')
  }
  console.log('stream', (await world.manager.streams.info('S')).state)
  console.log(`nats-server:\n${world.nats.said}\njetgres:\n${world.jetgres.said}`)
}

/** @param {World} world @param {Awaited<ReturnType<typeof measure>>[]} readings */
async function judge(world, readings) {
  await world.jetgres.stop('SIGTERM')
  const left = (await world.consumers()).length
  const orphans = killedAt.filter((at) => at > Date.now() - orphanMs).length * consumersEach
  const instance = await DuckDBInstance.create(world.storePath, { access_mode: 'READ_ONLY' })
  const store = await instance.connect()
  const tables = await store.runAndReadAll('SELECT table_name FROM duckdb_tables()')
  store.closeSync()
  instance.closeSync()
  const names = tables.getRows().map(String).toSorted().join(', ')
  console.log(`left: ${left} consumers, tables ${names}`)
  const stayed = left > orphans ? [`${left} consumers stayed, ${orphans} might`] : []
  return [...(onlyKills ? [] : leaks(readings)), ...stayed]
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
