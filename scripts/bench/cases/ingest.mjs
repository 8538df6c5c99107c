// @ts-check
// What both ingestion cases share: streams are filled once; then each side makes its table anew and
// is timed from that statement until the last delivery's row is visible.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

import { until } from '../processes.mjs'
import { eventColumns, eventJson } from '../rows.mjs'
import { alternate } from '../runner.mjs'
import { connect, Jetgres, Postgres, startNats } from '../servers.mjs'
import { caughtUp, createRelation, makeStream, publish } from '../streams.mjs'

/** @typedef {import('../runner.mjs').Bench} Bench */
/** @typedef {import('../runner.mjs').Figures} Figures */
/** @typedef {import('../servers.mjs').Postgres} PostgresServer */
/** @typedef {ReturnType<typeof import('../rows.mjs').eventRow>} EventRow */
/** How a stream's payloads are made, and what a relation says of them. */
/** @typedef {{ encode: (row: EventRow) => string | Uint8Array, stated: string }} Encoding */

const table = 'events'
/** The last delivery's key: its row is visible when all are. */
export const lastKey = -1
const lastIsThere = `SELECT id FROM ${table} WHERE id = ${lastKey}`

/**
 * jetgres with each of the encodings, whose streams have their names, and the consumer with JSON.
 * @param {Bench} bench
 * @param {{ deliveries: number, rows: number, row: (n: number) => EventRow }} work
 * @param {Record<string, Encoding>} [others] beside JSON
 * @returns {Promise<Record<string, Figures[]>>} of `json`, of each of the others, and of `consumer`
 */
export async function ingest(bench, { deliveries, rows, row }, others = {}) {
  const { cleanups, say } = bench
  const [nats, jetgres, postgres] = await Promise.all([
    startNats(cleanups),
    Jetgres.start(cleanups, bench),
    Postgres.start(cleanups)
  ])
  const ours = await connect(cleanups, jetgres)
  const theirs = await connect(cleanups, postgres)
  /** @type {Record<string, Encoding>} */
  const encodings = { json: { encode: eventJson, stated: 'JSON' }, ...others }
  for (const [name, { encode }] of Object.entries(encodings)) {
    say(`  publishing ${deliveries} deliveries of ${name}`)
    await makeStream(nats, name)
    await publish(nats, name, deliveries, (n) => encode(row(n)))
  }
  const rate = (/** @type {number} */ ms) => ({ 'deliveries/s': (deliveries / ms) * 1_000 })

  /** @param {string} name @param {string} stated */
  const jetgresReads = async (name, stated) => {
    const from = performance.now()
    await ours.query(createRelation(nats, table, eventColumns, name, stated))
    const to = await caughtUp(ours, lastIsThere, (found) => found.length === 1)
    await checkCount(ours, rows)
    await ours.query(`DROP TABLE ${table}`)
    return rate(to - from)
  }
  const consumerReads = async () => {
    const consumer = await startConsumer(nats.url, postgres, 'json', table)
    const from = performance.now()
    await theirs.query(`CREATE TABLE ${table} (${eventColumns})`)
    consumer.send(1)
    const isThere = async () => (await theirs.query(lastIsThere)).rowCount === 1
    await until('the consumer', isThere, { deadlineMs: 600_000 })
    const to = performance.now()
    await endConsumer(consumer)
    await checkCount(theirs, rows)
    await theirs.query(`DROP TABLE ${table}`)
    return rate(to - from)
  }
  const sides = Object.entries(encodings).map(([name, { stated }]) => {
    return [name, () => jetgresReads(name, stated)]
  })
  return alternate(bench, { ...Object.fromEntries(sides), consumer: consumerReads }, { isWarm: true })
}

/** @param {import('pg').Client} client @param {number} rows */
async function checkCount(client, rows) {
  const [{ count }] = (await client.query(`SELECT count(*) FROM ${table}`)).rows
  if (Number(count) !== rows) throw new Error(`${count} rows, not ${rows}`)
}

/**
 * Connected, and waiting for the first sequence to read.
 * @param {string} natsUrl
 * @param {PostgresServer} postgres
 * @param {string} stream
 * @param {string} into a table
 */
export async function startConsumer(natsUrl, { socketDir, port }, stream, into) {
  const path = join(import.meta.dirname, '../consumer.mjs')
  const consumer = fork(path, [natsUrl, stream, socketDir, String(port), into])
  await once(consumer, 'message', { signal: AbortSignal.timeout(20_000) })
  return consumer
}

/** @param {import('node:child_process').ChildProcess} consumer */
export async function endConsumer(consumer) {
  if (consumer.exitCode !== null || consumer.signalCode !== null) return
  const exited = once(consumer, 'exit')
  consumer.kill('SIGKILL')
  await exited
}
