// @ts-check
// Both sides with the same rows: jetgres by a stream, plain Postgres by COPY, with the indexes that
// its user would make, vacuumed and analysed. Cases that run one after the other share them, and the
// next one adds what it wants more of: loading takes longer than most of what is measured.

import { copyIn, deviceColumns, deviceRow, devices, eventColumns, eventRow } from '../rows.mjs'
import { connect, Jetgres, Postgres, startNats } from '../servers.mjs'
import { createRelation, hasRows, makeStream, publish } from '../streams.mjs'

/** @typedef {import('../runner.mjs').Bench} Bench */
/** @typedef {keyof typeof tables} Table */
/** @typedef {Awaited<ReturnType<typeof openOurs>>} Ours */
/** @typedef {Awaited<ReturnType<typeof openTheirs>>} Theirs */

const tables = {
  events: { columns: eventColumns, row: (/** @type {number} */ n) => eventRow(n) },
  devices: { columns: deviceColumns, row: deviceRow }
}
/** Made when the rows are there; what reads by key or everything has no use for them. */
const indexes = {
  events_ts: 'ts',
  events_device: 'device',
  events_kind: 'kind, country',
  events_country: 'country, device'
}

/** By what ends it. @type {WeakMap<import('../processes.mjs').Cleanups, Ours>} */
const oursOf = new WeakMap()
/** @type {WeakMap<import('../processes.mjs').Cleanups, Theirs>} */
const theirsOf = new WeakMap()

/**
 * @param {Bench} bench
 * @param {{ millions?: number, hasDevices?: boolean }} [options] `millions` of events at scale 1
 */
export async function bothWithEvents(bench, { millions = 1, hasDevices = false } = {}) {
  const [ours, theirs] = await Promise.all([oursIn(bench), theirsIn(bench)])
  const rows = Math.round(millions * 1_000_000 * bench.scale)
  /** @type {Partial<Record<Table, number>>} */
  const wanted = hasDevices ? { events: rows, devices } : { events: rows }
  for (const [name, count] of Object.entries(wanted)) {
    await fill(bench, ours, theirs, /** @type {Table} */ (name), count)
  }
  if (hasDevices) {
    for (const [name, columns] of Object.entries(indexes)) {
      await theirs.theirs.query(`CREATE INDEX IF NOT EXISTS ${name} ON events (${columns})`)
    }
    await theirs.theirs.query('ANALYZE events')
  }
  return { ...ours, ...theirs, rows }
}

/**
 * jetgres alone. `jsonBytes`: of what was published of each table.
 * @param {Bench} bench
 * @param {Partial<Record<Table, number>>} wanted rows
 */
export async function oursWith(bench, wanted) {
  const ours = await oursIn(bench)
  for (const [name, count] of Object.entries(wanted)) {
    await fill(bench, ours, undefined, /** @type {Table} */ (name), count)
  }
  return ours
}

/**
 * The same jetgres from now on with a bound of its store's memory, and nothing in memory yet.
 * @param {Bench} bench
 * @param {string} storeMemory
 */
export async function restartOurs(bench, storeMemory) {
  const ours = await oursIn(bench)
  await ours.ours.end()
  await ours.jetgres.stop()
  ours.jetgres.options = { ...ours.jetgres.options, storeMemory }
  await ours.jetgres.start()
  ours.ours = await connect(bench.shared, ours.jetgres)
}

/** @param {Bench} bench */
async function oursIn(bench) {
  const ours = oursOf.get(bench.shared) ?? (await openOurs(bench))
  oursOf.set(bench.shared, ours)
  return ours
}

/** @param {Bench} bench */
async function theirsIn(bench) {
  const theirs = theirsOf.get(bench.shared) ?? (await openTheirs(bench))
  theirsOf.set(bench.shared, theirs)
  return theirs
}

/** @param {Bench} bench */
async function openOurs({ shared, nodeArgs }) {
  const nats = await startNats(shared)
  const jetgres = await Jetgres.start(shared, { nodeArgs })
  const ours = await connect(shared, jetgres)
  return { nats, jetgres, ours, counts: none(), jsonBytes: none() }
}

/** @param {Bench} bench */
async function openTheirs({ shared }) {
  const postgres = await Postgres.start(shared)
  return { postgres, theirs: await connect(shared, postgres), theirCounts: none() }
}

/** @returns {Record<Table, number>} */
const none = () => ({ events: 0, devices: 0 })

/**
 * Up to `count` rows, on both sides or on ours.
 * @param {Bench} bench
 * @param {Ours} ours
 * @param {Theirs | undefined} theirs
 * @param {Table} name
 * @param {number} count
 */
async function fill({ say }, ours, theirs, name, count) {
  const { counts, nats, jsonBytes } = ours
  const from = counts[name]
  const theyHave = theirs ? theirs.theirCounts[name] : count
  if (from > count) throw new Error(`${name} have ${from} rows already, not ${count}`)
  if (from === count && theyHave === count) return
  say(`  loading up to ${count} rows of ${name}`)
  if (from === 0) {
    await makeStream(nats, name)
    await ours.ours.query(createRelation(nats, name, tables[name].columns))
  }
  const next = (/** @type {number} */ n) => tables[name].row(from + n)
  jsonBytes[name] += await publish(nats, name, count - from, next)
  // jetgres goes on reading meanwhile.
  if (theirs && theyHave < count) await copyRest(theirs, name, count)
  await hasRows(ours.ours, name, count)
  counts[name] = count
}

/** @param {Theirs} theirs @param {Table} name @param {number} count */
async function copyRest({ theirs, theirCounts }, name, count) {
  const from = theirCounts[name]
  const { columns, row } = tables[name]
  if (from === 0) await theirs.query(`CREATE TABLE ${name} (${columns})`)
  await copyIn(theirs, name, count - from, (/** @type {number} */ n) => row(from + n))
  theirCounts[name] = count
}
