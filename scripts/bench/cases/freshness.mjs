// @ts-check
// 10,000 deliveries a second over 1 M rows, for a minute a side in five rounds; every now and then one
// is a probe: from the stream's ack of it until a SELECT by key shows it.

import { setTimeout as delay } from 'node:timers/promises'

import { openPublisher } from '../publisher.mjs'
import { eventJson, eventRow, mix, slices } from '../rows.mjs'
import { alternate, results } from '../runner.mjs'
import { percentile } from '../statistics.mjs'
import { caughtUp, makeStream } from '../streams.mjs'
import { endConsumer, startConsumer } from './ingest.mjs'
import { bothWithEvents } from './tables.mjs'

/** @typedef {import('../streams.mjs').Nats} Nats */

const perSecond = 10_000
const tickMs = 5
const probePauseMs = 20
const visibleMs = 120_000
const roundSeconds = 12

let probes = 0

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { cleanups } = bench
  const { nats, postgres, ours, theirs, rows } = await bothWithEvents(bench)
  await makeStream(nats, 'for_consumer')
  const consumer = await startConsumer(nats.url, postgres, 'for_consumer', 'events')
  cleanups.add(() => endConsumer(consumer))
  consumer.send(1)

  const work = { rows, seconds: roundSeconds }
  const sides = {
    jetgres: () => probe(ours, nats, { ...work, stream: 'events' }),
    consumer: () => probe(theirs, nats, { ...work, stream: 'for_consumer' })
  }
  const samples = await alternate(bench, sides, { isWarm: true })
  await endConsumer(consumer)
  await caughtUp(ours, 'SELECT 1 FROM events LIMIT 1', () => true)
  // The next case wants the rows that were there.
  for (const client of [ours, theirs]) await client.query('DELETE FROM events WHERE id < 0')
  const facts = { case: 'freshness', unit: 'ms', isMoreBetter: false }
  return results({ ...facts, peer: 'hand-written consumer' }, samples.jetgres, samples.consumer)
}

/**
 * @param {import('pg').Client} client
 * @param {Nats} nats
 * @param {{ stream: string, rows: number, seconds: number }} work
 */
export async function probe(client, nats, { stream, rows, seconds }) {
  // Rows are replaced by their like: the two sides see different numbers of them, and stay the same.
  const flow = startFlow(nats, stream, perSecond, (n) => eventRow(mix(n) % rows))
  // Even where a probe is still waited for: who cannot keep up is to be slow, not late for ever.
  const end = setTimeout(() => void flow.stop(), seconds * 1_000)
  const jetstream = nats.connection.jetstream()
  const waits = []
  const until = performance.now() + seconds * 1_000
  try {
    while (performance.now() < until) {
      const id = -1 - probes++
      await jetstream.publish(stream, JSON.stringify(eventRow(probes, id)))
      const acked = performance.now()
      await isVisible(client, id)
      waits.push(performance.now() - acked)
      await delay(probePauseMs)
    }
  } finally {
    clearTimeout(end)
    await flow.stop()
  }
  return { p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) }
}

/** @param {import('pg').Client} client @param {number} id */
async function isVisible(client, id) {
  const deadline = performance.now() + visibleMs
  for (;;) {
    const { rowCount } = await client.query(`SELECT id FROM events WHERE id = ${id}`)
    if (rowCount === 1) return
    if (performance.now() > deadline) throw new Error(`not visible within ${visibleMs} ms`)
  }
}

/**
 * Deliveries at the stated rate, until it is stopped: then all are stored.
 * @param {Nats} nats
 * @param {string} stream
 * @param {number} rate deliveries a second
 * @param {(n: number) => ReturnType<typeof eventRow>} row
 */
export function startFlow(nats, stream, rate, row) {
  const from = performance.now()
  let isOver = false
  const flow = async () => {
    const publisher = await openPublisher(nats, stream)
    for (let sent = 0; !isOver; await delay(tickMs)) {
      const due = Math.floor(((performance.now() - from) / 1_000) * rate)
      for (const payloads of slices(sent, due, (n) => eventJson(row(n)))) {
        await publisher.send(payloads)
      }
      sent = due
    }
    await publisher.end()
  }
  const over = flow()
  // Its case may have been given up meanwhile; who stops it hears of it.
  over.catch(() => undefined)
  return {
    stop: () => {
      isOver = true
      return over
    }
  }
}
