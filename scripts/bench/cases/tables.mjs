// @ts-check
// Both sides with the same rows: jetgres by a stream, plain Postgres by COPY, with the indexes that
// its user would make, vacuumed and analysed. Cases that run one after the other share them, and the
// next one adds what it wants more of: loading takes longer than most of what is measured.

import { openPublisher } from '../publisher.mjs'
import {
  deviceColumns,
  deviceRow,
  devices,
  eventColumns,
  eventJson,
  eventRow,
  openCopy,
  slices
} from '../rows.mjs'
import { connect, Jetgres, Postgres, startNats } from '../servers.mjs'
import { createRelation, hasRows, makeStream } from '../streams.mjs'

/** @typedef {import('../runner.mjs').Bench} Bench */
/** @typedef {keyof typeof tables} Table */
/**
 * `indexes` are made when the rows are there, for the dashboard alone: what reads by key or everything has
 * no use for them.
 * @typedef {{
 *   columns: string, row: (n: number) => object, json: (row: object) => string,
 *   indexes: Record<string, string>
 * }} Kind
 */
/** @typedef {Awaited<ReturnType<typeof openOurs>>} Ours */
/** @typedef {Awaited<ReturnType<typeof openTheirs>>} Theirs */

/** @type {Record<'events' | 'devices', Kind>} */
const tables = {
  events: {
    columns: eventColumns,
    row: (n) => eventRow(n),
    json: /** @type {Kind['json']} */ (eventJson),
    indexes: {
      ts: 'ts',
      device: 'device',
      kind: 'kind, country',
      country: 'country, device',
      note: 'note'
    }
  },
  devices: { columns: deviceColumns, row: deviceRow, json: JSON.stringify, indexes: {} }
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
  const wanted = hasDevices ? { devices, events: rows } : { events: rows }
  for (const [name, count] of Object.entries(wanted)) {
    const sides = { ours, theirs: theirs.theirs, isIndexed: hasDevices }
    await fill(bench, sides, /** @type {Table} */ (name), count)
  }
  return { ...ours, ...theirs, rows }
}

/** With whatever is there. @param {Bench} bench */
export async function bothServers(bench) {
  const [ours, theirs] = await Promise.all([oursIn(bench), theirsIn(bench)])
  return { ...ours, ...theirs }
}

/**
 * Events that a case has left on both sides are as good as loaded.
 * @param {Bench} bench
 * @param {number} count the first so many
 */
export async function adoptEvents(bench, count) {
  const { counts, jsonBytes } = await oursIn(bench)
  const { theirs } = await theirsIn(bench)
  await theirs.query('VACUUM (ANALYZE) events')
  const { row, json } = tables.events
  for (let n = 0; n < count; n++) jsonBytes.events += json(row(n)).length
  counts.events = count
}

/**
 * jetgres alone. `jsonBytes`: of what was published of each table.
 * @param {Bench} bench
 * @param {Partial<Record<Table, number>>} wanted rows
 */
export async function oursWith(bench, wanted) {
  const ours = await oursIn(bench)
  for (const [name, count] of Object.entries(wanted)) {
    await fill(bench, { ours }, /** @type {Table} */ (name), count)
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
  return { postgres, theirs: await connect(shared, postgres) }
}

/** @returns {Record<Table, number>} */
const none = () => ({ events: 0, devices: 0 })

/**
 * Up to `count` rows on both sides, which have the same, or on ours. Each is made once, for both.
 * @param {Bench} bench
 * @param {{ ours: Ours, theirs?: import('pg').Client, isIndexed?: boolean }} sides
 * @param {Table} name
 * @param {number} count
 */
async function fill({ say }, { ours, theirs, isIndexed }, name, count) {
  const { counts, nats, jsonBytes } = ours
  const { columns, row, json } = tables[name]
  const from = counts[name]
  if (from > count) throw new Error(`${name} have ${from} rows already, not ${count}`)
  if (from === count) return
  say(`  loading up to ${count} rows of ${name}`)
  if (from === 0) {
    await makeStream(nats, name)
    await ours.ours.query(createRelation(nats, name, columns))
    await theirs?.query(`CREATE TABLE ${name} (${columns})`)
  }
  const publisher = await openPublisher(nats, name)
  const copy = theirs && openCopy(theirs, name)
  for (const rows of slices(from, count, row)) {
    jsonBytes[name] += await publisher.send(rows.map(json))
    await copy?.send(rows)
  }
  await publisher.end()
  const theyAreReady = async () => {
    await copy?.end()
    if (theirs && isIndexed) await index(theirs, name)
  }
  // jetgres has still some to read.
  await Promise.all([hasRows(ours.ours, name, count), theyAreReady()])
  counts[name] = count
}

/** @param {import('pg').Client} client @param {Table} name */
async function index(client, name) {
  for (const [suffix, columns] of Object.entries(tables[name].indexes)) {
    await client.query(`CREATE INDEX IF NOT EXISTS ${name}_${suffix} ON ${name} (${columns})`)
  }
}
