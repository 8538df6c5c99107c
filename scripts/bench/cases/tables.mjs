// @ts-check
// Both sides with the same rows: jetgres by a stream, plain Postgres by COPY, with the indexes that
// its user would make, vacuumed and analysed. Cases that run one after the other share them: loading
// takes longer than most of what is measured.

import { copyIn, deviceColumns, deviceRow, devices, eventColumns, eventRow } from '../rows.mjs'
import { connect, Jetgres, Postgres, startNats } from '../servers.mjs'
import { createRelation, hasRows, makeStream, publish } from '../streams.mjs'

/** @typedef {import('../runner.mjs').Bench} Bench */
/** @typedef {Awaited<ReturnType<typeof open>>} Both */

const tables = {
  events: { columns: eventColumns, row: (/** @type {number} */ n) => eventRow(n) },
  devices: { columns: deviceColumns, row: deviceRow }
}
/** Made when the rows are there; what reads by key or everything has no use for them. */
const indexes = { events_ts: 'ts', events_device: 'device', events_kind: 'kind, country' }

/** By what ends it. @type {WeakMap<import('../processes.mjs').Cleanups, Both>} */
const opened = new WeakMap()

/**
 * @param {Bench} bench
 * @param {{ millions?: number, hasDevices?: boolean }} [options] `millions` of events at scale 1
 */
export async function bothWithEvents(bench, { millions = 1, hasDevices = false } = {}) {
  const both = opened.get(bench.shared) ?? (await open(bench))
  opened.set(bench.shared, both)
  const rows = Math.round(millions * 1_000_000 * bench.scale)
  await fill(bench, both, 'events', rows)
  if (hasDevices) {
    await fill(bench, both, 'devices', devices)
    for (const [name, columns] of Object.entries(indexes)) {
      await both.theirs.query(`CREATE INDEX IF NOT EXISTS ${name} ON events (${columns})`)
    }
    await both.theirs.query('ANALYZE events')
  }
  return { ...both, rows }
}

/** @param {Bench} bench */
async function open({ shared, nodeArgs }) {
  const nats = await startNats(shared)
  const jetgres = await Jetgres.start(shared, { nodeArgs })
  const postgres = await Postgres.start(shared)
  const ours = await connect(shared, jetgres)
  const theirs = await connect(shared, postgres)
  return { nats, jetgres, postgres, ours, theirs, counts: { events: 0, devices: 0 } }
}

/**
 * Up to `rows`, on both sides.
 * @param {Bench} bench
 * @param {Both} both
 * @param {'events' | 'devices'} name
 * @param {number} rows
 */
async function fill({ say }, { nats, ours, theirs, counts }, name, rows) {
  const from = counts[name]
  if (from > rows) throw new Error(`${name} have ${from} rows already, not ${rows}`)
  if (from === rows) return
  const { columns, row } = tables[name]
  const next = (/** @type {number} */ n) => row(from + n)
  say(`  loading ${rows} rows of ${name} into both`)
  if (from === 0) {
    await makeStream(nats, name)
    await ours.query(createRelation(nats, name, columns))
    await theirs.query(`CREATE TABLE ${name} (${columns})`)
  }
  await publish(nats, name, rows - from, next)
  // jetgres goes on reading meanwhile.
  await copyIn(theirs, name, rows - from, next)
  await hasRows(ours, name, rows)
  counts[name] = rows
}
