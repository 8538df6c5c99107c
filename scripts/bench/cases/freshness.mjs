// @ts-check
// 10,000 deliveries a second over 1 M rows; every now and then one is a probe: from the stream's
// ack of it until a SELECT by key shows it.

import { copyIn, eventColumns, eventRow, mix } from '../rows.mjs'
import { alternate, results } from '../runner.mjs'
import { connect, Jetgres, Postgres, startNats } from '../servers.mjs'
import { percentile } from '../statistics.mjs'
import { loadRelation, makeStream, publish } from '../streams.mjs'
import { endConsumer, startConsumer } from './ingest.mjs'

/** @typedef {import('../streams.mjs').Nats} Nats */

const perSecond = 10_000
const tickMs = 5
const probePauseMs = 20
const visibleMs = 30_000
/** Measured this many times longer than the other cases' unit: a percentile wants many probes. */
const longer = 12

let probes = 0

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { cleanups, say } = bench
  const rows = Math.round(1_000_000 * bench.scale)
  const nats = await startNats(cleanups)
  const jetgres = await Jetgres.start(cleanups, bench)
  const postgres = await Postgres.start(cleanups)
  const ours = await connect(cleanups, jetgres)
  const theirs = await connect(cleanups, postgres)
  say(`  loading ${rows} rows into both`)
  await makeStream(nats, 'ours')
  await makeStream(nats, 'theirs')
  await publish(nats, 'ours', rows, (n) => eventRow(n))
  await loadRelation(ours, nats, 'ours', eventColumns, rows)
  await theirs.query(`CREATE TABLE theirs (${eventColumns})`)
  await copyIn(theirs, 'theirs', rows, (n) => eventRow(n))
  const consumer = await startConsumer(nats.url, postgres, 'theirs')
  cleanups.add(() => endConsumer(consumer))
  consumer.send(1)

  const seconds = bench.seconds * longer
  const sides = {
    jetgres: () => probe(ours, nats, { stream: 'ours', rows, seconds }),
    consumer: () => probe(theirs, nats, { stream: 'theirs', rows, seconds })
  }
  const samples = await alternate(bench, sides, { isWarm: true })
  const facts = { case: 'freshness', unit: 'ms', isMoreBetter: false }
  return results({ ...facts, peer: 'hand-written consumer' }, samples.jetgres, samples.consumer)
}

/**
 * @param {import('pg').Client} client
 * @param {Nats} nats
 * @param {{ stream: string, rows: number, seconds: number }} work `stream`: also the table
 */
export async function probe(client, nats, { stream, rows, seconds }) {
  const flow = startFlow(nats, stream, rows, perSecond)
  const jetstream = nats.connection.jetstream()
  const waits = []
  const until = performance.now() + seconds * 1_000
  try {
    while (performance.now() < until) {
      const id = -1 - probes++
      await jetstream.publish(stream, JSON.stringify(eventRow(probes, id)))
      const acked = performance.now()
      await isVisible(client, stream, id)
      waits.push(performance.now() - acked)
      await new Promise((done) => setTimeout(done, probePauseMs))
    }
  } finally {
    flow.stop()
  }
  return { p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) }
}

/** @param {import('pg').Client} client @param {string} table @param {number} id */
async function isVisible(client, table, id) {
  const deadline = performance.now() + visibleMs
  for (;;) {
    const { rowCount } = await client.query(`SELECT id FROM ${table} WHERE id = ${id}`)
    if (rowCount === 1) return
    if (performance.now() > deadline) throw new Error(`not visible within ${visibleMs} ms`)
  }
}

/**
 * Updates of rows at random, at the stated rate.
 * @param {Nats} nats
 * @param {string} stream
 * @param {number} rows
 * @param {number} rate deliveries a second
 */
export function startFlow({ connection }, stream, rows, rate) {
  const from = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    // Its case may have been given up meanwhile.
    if (connection.isClosed()) return clearInterval(timer)
    const due = ((performance.now() - from) / 1_000) * rate
    for (; sent < due; sent++) {
      connection.publish(stream, JSON.stringify(eventRow(sent, mix(sent) % rows)))
    }
  }, tickMs)
  return { stop: () => clearInterval(timer) }
}
