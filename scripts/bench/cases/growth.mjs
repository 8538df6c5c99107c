// @ts-check
// One relation that grows a hundredfold: what a look-up, the dashboard and an upsert cost at each
// size; at the last also freshness, what jetgres holds in memory, and how soon it is back. No peer:
// exponents are the figures (0: the cost stays as it is; 1: it grows with the rows), or the bounds
// that were promised.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { pgbench, requirePgbench } from '../pgbench.mjs'
import { deviceColumns, deviceRow, devices, eventColumns, eventRow, mix } from '../rows.mjs'
import { results } from '../runner.mjs'
import { connect, Jetgres, startNats } from '../servers.mjs'
import { geometricMean, median } from '../statistics.mjs'
import { caughtUp, createRelation, hasRows, loadRelation, makeStream, publish } from '../streams.mjs'
import { measure as measureDashboard } from './analytics.mjs'
import { probe } from './freshness.mjs'
import { restarts } from './restart.mjs'

/** @typedef {import('../runner.mjs').Result} Result */
/** @typedef {Record<string, number[]>} Samples by what was measured, a figure a run */
/**
 * @typedef {{
 *   bench: import('../runner.mjs').Bench, nats: import('../streams.mjs').Nats,
 *   jetgres: Jetgres, client: import('pg').Client
 * }} World
 */

const largest = 10_000_000
const upserts = 50_000
/** Longer than the other measurements: a percentile wants many probes. */
const probingTimes = 6
const mebibyte = 1024 ** 2
/** The bound: half of the rows' JSON, and this. */
const baseMiB = 300

const lookup = 'look-up, 16 clients'
const dashboardMean = 'dashboard, geometric mean'
const upsert = 'upsert, CPU time a row'
/** @type {Record<string, string>} */
const units = { [lookup]: 'ms', [dashboardMean]: 'ms', [upsert]: 'µs' }

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  requirePgbench()
  const nats = await startNats(bench.cleanups)
  const jetgres = await Jetgres.start(bench.cleanups, bench)
  const client = await connect(bench.cleanups, jetgres)
  const world = { bench, nats, jetgres, client }
  await makeStream(nats, 'devices')
  await publish(nats, 'devices', devices, deviceRow)
  await loadRelation(client, nats, 'devices', deviceColumns, devices)
  await makeStream(nats, 'events')
  await client.query(createRelation(nats, 'events', eventColumns))

  /** @type {{ rows: number, samples: Samples }[]} */
  const steps = []
  let jsonBytes = 0
  let loaded = 0
  for (const rows of [0.01, 0.1, 1].map((part) => Math.round(largest * part * bench.scale))) {
    bench.say(`  loading up to ${rows} rows`)
    jsonBytes += await load(world, loaded, rows)
    loaded = rows
    steps.push({ rows, samples: await sample(world, rows) })
  }
  const fresh = await freshness(world, loaded)
  const memory = { case: 'memory', unit: 'MiB', isMoreBetter: false, peer: 'promised bound' }
  const bound = jsonBytes / 2 / mebibyte + baseMiB
  const held = { name: `resident set, ${loaded} rows`, ours: [jetgres.residentMiB()], theirs: [bound] }
  const peak = { name: 'its peak, load and queries', ours: [jetgres.residentMiB('VmHWM')], theirs: [bound] }
  const [counted] = (await client.query('SELECT count(*) FROM events')).rows
  await client.end()
  return [
    ...Object.keys(units).flatMap((name) => asResults(name, steps)),
    ...[held, peak].map((figures) => ({ ...memory, ...figures, note: undefined })),
    ...fresh,
    ...(await restarts(bench, jetgres, Number(counted.count)))
  ]
}

/** Under 10,000 deliveries a second. @param {World} world @param {number} rows */
async function freshness({ bench, nats, client }, rows) {
  const work = { stream: 'events', rows, seconds: bench.seconds * probingTimes }
  const figures = []
  for (let round = 1; round <= bench.runs; round++) figures.push(await probe(client, nats, work))
  const facts = { case: 'freshness', unit: 'ms', isMoreBetter: false }
  return results({ ...facts, prefix: `${rows.toLocaleString('en-US')} rows, ` }, figures)
}

/** Rows `from` to `to` (exclusive), in the stream and in the relation; returns their size as JSON. */
async function load(/** @type {World} */ { nats, client }, /** @type {number} */ from, /** @type {number} */ to) {
  let bytes = 0
  const encode = (/** @type {object} */ row) => {
    const text = JSON.stringify(row)
    bytes += text.length
    return text
  }
  await publish(nats, 'events', to - from, (n) => eventRow(from + n), encode)
  await hasRows(client, 'events', to)
  return bytes
}

/** @param {World} world @param {number} rows @returns {Promise<Samples>} */
async function sample({ bench, nats, jetgres, client }, rows) {
  const file = join(bench.cleanups.folder('pgbench'), 'lookup.sql')
  writeFileSync(file, `\\set id random(0, ${rows - 1})\nSELECT * FROM events WHERE id = :id;\n`)
  const work = { script: ['-f', file], seconds: bench.seconds, mode: /** @type {const} */ ('prepared') }
  /** @type {Record<string, () => Promise<number>>} */
  const measures = {
    [lookup]: async () => (await pgbench(jetgres, { ...work, clients: 16 })).latencyMs / 16,
    [dashboardMean]: async () => geometricMean(Object.values(await measureDashboard(client))),
    [upsert]: async () => {
      const before = jetgres.cpuSeconds()
      await publish(nats, 'events', upserts, (n) => eventRow(n, mix(n + rows) % rows))
      await caughtUp(client, 'SELECT 1 FROM events LIMIT 1', () => true)
      return ((jetgres.cpuSeconds() - before) / upserts) * 1e6
    }
  }
  /** @type {Samples} */
  const samples = {}
  for (const [name, once] of Object.entries(measures)) {
    samples[name] = []
    // The first is the warm-up.
    for (let round = 0; round <= bench.runs; round++) {
      const figure = await once()
      if (round > 0) samples[name]?.push(figure)
    }
    bench.say(`  ${rows} rows, ${name}: ${median(samples[name] ?? []).toPrecision(3)}`)
  }
  return samples
}

/** @param {string} name @param {{ rows: number, samples: Samples }[]} steps @returns {Result[]} */
function asResults(name, steps) {
  return steps.map(({ rows, samples }, n) => {
    const ours = samples[name] ?? []
    const before = steps[n - 1]
    const facts = { case: 'growth', unit: units[name] ?? '', isMoreBetter: false, peer: undefined }
    const named = { name: `${name}, ${rows.toLocaleString('en-US')} rows`, ours, theirs: [] }
    if (!before) return { ...facts, ...named, note: undefined }
    const times = median(ours) / median(before.samples[name] ?? [])
    const exponent = Math.log(times) / Math.log(rows / before.rows)
    return { ...facts, ...named, note: `${times.toFixed(2)}×, exponent ${exponent.toFixed(2)}` }
  })
}
