// @ts-check
// A relation that grows a hundredfold: what a look-up, the dashboard and an upsert cost at each
// size; at the last also freshness, what jetgres holds in memory, and how soon it is back. No peer:
// exponents are the figures (0: the cost stays as it is; 1: it grows with the rows), or the bounds
// that were promised. The last size goes on with the events that other cases have left.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { pgbench, requirePgbench } from '../pgbench.mjs'
import { devices, eventColumns, eventJson, eventRow, mix } from '../rows.mjs'
import { measured, results } from '../runner.mjs'
import { geometricMean, median } from '../statistics.mjs'
import { caughtUp, createRelation, hasRows, makeStream, publish } from '../streams.mjs'
import { measure as measureDashboard } from './analytics.mjs'
import { probe } from './freshness.mjs'
import { warmUp } from './lookup.mjs'
import { restarts } from './restart.mjs'
import { oursWith, restartOurs } from './tables.mjs'

/** @typedef {import('../runner.mjs').Bench} Bench */
/** @typedef {import('../runner.mjs').Result} Result */
/** @typedef {import('./tables.mjs').Ours} Ours */
/** @typedef {Record<string, number[]>} Samples by what was measured, a figure a run */
/** @typedef {{ rows: number, samples: Samples }} Step */

const largest = 10_000_000
const small = 'grown'
const upserts = 50_000
const probingSeconds = 5
/** Rounds of what takes long and on which no pair hangs. */
const unpairedMax = 3
const mebibyte = 1024 ** 2
/** The bound: half of the rows' JSON, and this. */
const baseMiB = 300
/**
 * What an operator would set for that bound: look-ups take 256 MB, the process itself 150, and DuckDB's
 * sorts and groups were seen to take half as much again as it is told.
 */
const storeMemory = '384MB'

const lookup = 'look-up, 16 clients'
const dashboardMean = 'dashboard, geometric mean'
const upsert = 'upsert, CPU time a row'
/** @type {Record<string, string>} */
const units = { [lookup]: 'ms', [dashboardMean]: 'ms', [upsert]: 'µs' }

/** @param {Bench} bench */
export async function run(bench) {
  requirePgbench()
  await restartOurs(bench, storeMemory)
  const rows = Math.round(largest * bench.scale)
  const steps = await smallSteps(bench, [rows / 100, rows / 10].map(Math.round))
  const world = await oursWith(bench, { events: rows })
  const { jetgres, ours, jsonBytes } = world
  steps.push({ rows, samples: await sample(bench, world, 'events', rows) })
  const fresh = await freshness(bench, world, rows)
  const memory = { case: 'memory', unit: 'MiB', isMoreBetter: false, peer: 'promised bound' }
  const bound = jsonBytes.events / 2 / mebibyte + baseMiB
  const [now, most] = [jetgres.residentMiB(), jetgres.residentMiB('VmHWM')]
  const held = { name: `resident set, ${rows} rows`, ours: [now], theirs: [bound] }
  const peak = { name: 'its peak, load and queries', ours: [most], theirs: [bound] }
  const [counted] = (await ours.query('SELECT count(*) FROM events')).rows
  await ours.end()
  return [
    ...Object.keys(units).flatMap((name) => asResults(name, steps)),
    ...[held, peak].map((figures) => ({ ...memory, ...figures, note: undefined })),
    ...fresh,
    ...(await measured(bench, () => restarts(bench, jetgres, Number(counted.count))))
  ]
}

/**
 * A relation of its own, as `events` may be larger by now.
 * @param {Bench} bench
 * @param {number[]} sizes
 */
async function smallSteps(bench, sizes) {
  const world = await oursWith(bench, { devices })
  const { nats, ours } = world
  await makeStream(nats, small)
  await ours.query(createRelation(nats, small, eventColumns))
  /** @type {Step[]} */
  const steps = []
  let from = 0
  for (const rows of sizes) {
    const first = from
    bench.say(`  loading up to ${rows} rows`)
    await publish(nats, small, rows - first, (n) => eventJson(eventRow(first + n)))
    await hasRows(ours, small, rows)
    steps.push({ rows, samples: await sample(bench, world, small, rows) })
    from = rows
  }
  await ours.query(`DROP TABLE ${small}`)
  return steps
}

/**
 * Under 10,000 deliveries a second.
 * @param {Bench} bench
 * @param {Ours} world
 * @param {number} rows
 */
async function freshness(bench, { nats, ours }, rows) {
  const work = { stream: 'events', rows, seconds: probingSeconds }
  const figures = []
  for (let round = 1; round <= Math.min(bench.runs, unpairedMax); round++) {
    figures.push(await measured(bench, () => probe(ours, nats, work)))
  }
  const facts = { case: 'freshness', unit: 'ms', isMoreBetter: false }
  return results({ ...facts, prefix: `${rows.toLocaleString('en-US')} rows, ` }, figures)
}

/**
 * @param {Bench} bench
 * @param {Ours} world
 * @param {string} table also its stream
 * @param {number} rows
 * @returns {Promise<Samples>}
 */
async function sample(bench, { nats, jetgres, ours }, table, rows) {
  const file = join(bench.cleanups.folder('pgbench'), 'lookup.sql')
  writeFileSync(file, `\\set id random(0, ${rows - 1})\nSELECT * FROM ${table} WHERE id = :id;\n`)
  const work = { script: ['-f', file], seconds: bench.seconds, mode: /** @type {const} */ ('prepared') }
  await warmUp(jetgres, work.script, rows)
  let upserted = 0
  /** @type {Record<string, () => Promise<number>>} */
  const measures = {
    [lookup]: async () => (await pgbench(jetgres, { ...work, clients: 16 })).latencyMs / 16,
    [dashboardMean]: async () => geometricMean(Object.values(await measureDashboard(ours, { table }))),
    [upsert]: async () => {
      const before = jetgres.cpuSeconds()
      const first = upserted
      await publish(nats, table, upserts, (n) => eventJson(eventRow(n, mix(first + n) % rows)))
      upserted += upserts
      await caughtUp(ours, `SELECT 1 FROM ${table} LIMIT 1`, () => true)
      return ((jetgres.cpuSeconds() - before) / upserts) * 1e6
    }
  }
  /** @type {Samples} */
  const samples = {}
  for (const [name, once] of Object.entries(measures)) {
    samples[name] = []
    // At the last size the dashboard takes as long as all the rest.
    const rounds = name === dashboardMean ? Math.min(bench.runs, unpairedMax) : bench.runs
    for (let round = 1; round <= rounds; round++) {
      samples[name].push(await measured(bench, once))
    }
    bench.say(`  ${rows} rows, ${name}: ${median(samples[name] ?? []).toPrecision(3)}`)
  }
  return samples
}

/** @param {string} name @param {Step[]} steps @returns {Result[]} */
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
