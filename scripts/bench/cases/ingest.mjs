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
/**
 * @typedef {{
 *   nats: import('../streams.mjs').Nats, postgres: PostgresServer,
 *   ours: import('pg').Client, theirs: import('pg').Client
 * }} Servers
 */
/** How a stream's payloads are made, and what a relation says of them. */
/** @typedef {{ encode: (row: EventRow) => string | Uint8Array, stated: string }} Encoding */

/** Also the stream of JSON. */
const table = 'events'

/** @param {Bench} bench @returns {Promise<Servers>} that end with the case */
export async function ownServers({ cleanups, nodeArgs }) {
  const [nats, jetgres, postgres] = await Promise.all([
    startNats(cleanups),
    Jetgres.start(cleanups, { nodeArgs }),
    Postgres.start(cleanups)
  ])
  const [ours, theirs] = [await connect(cleanups, jetgres), await connect(cleanups, postgres)]
  return { nats, postgres, ours, theirs }
}

/**
 * jetgres with each of the encodings, whose streams have their names, and the consumer with JSON.
 * What each side made last is left.
 * @param {Bench} bench
 * @param {Servers} servers
 * @param {{
 *   deliveries: number, rows: number, row: (n: number) => EventRow, lastKey: number
 * }} work `lastKey`: the last delivery's, whose row is visible when all are
 * @param {Record<string, Encoding>} [others] beside JSON
 * @returns {Promise<Record<string, Figures[]>>} of `json`, of each of the others, and of `consumer`
 */
export async function ingest(bench, { nats, postgres, ours, theirs }, work, others = {}) {
  const { deliveries, rows, row, lastKey } = work
  const lastIsThere = `SELECT id FROM ${table} WHERE id = ${lastKey}`
  /** @type {Record<string, Encoding>} */
  const encodings = { json: { encode: eventJson, stated: 'JSON' }, ...others }
  for (const [name, { encode }] of Object.entries(encodings)) {
    bench.say(`  publishing ${deliveries} deliveries of ${name}`)
    await makeStream(nats, streamOf(name))
    await publish(nats, streamOf(name), deliveries, (n) => encode(row(n)))
  }
  const rate = (/** @type {number} */ ms) => ({ 'deliveries/s': (deliveries / ms) * 1_000 })

  const passesLeft = { ours: bench.runs * Object.keys(encodings).length, theirs: bench.runs }

  /** @param {string} name @param {string} stated */
  const jetgresReads = async (name, stated) => {
    const from = performance.now()
    await ours.query(createRelation(nats, table, eventColumns, streamOf(name), stated))
    const to = await caughtUp(ours, lastIsThere, (found) => found.length === 1)
    await checkCount(ours, rows)
    if (--passesLeft.ours > 0) await ours.query(`DROP TABLE ${table}`)
    return rate(to - from)
  }
  const consumerReads = async () => {
    const consumer = await startConsumer(nats.url, postgres, streamOf('json'), table)
    const from = performance.now()
    await theirs.query(`CREATE TABLE ${table} (${eventColumns})`)
    consumer.send(1)
    const isThere = async () => (await theirs.query(lastIsThere)).rowCount === 1
    await until('the consumer', isThere, { deadlineMs: 600_000 })
    const to = performance.now()
    await endConsumer(consumer)
    await checkCount(theirs, rows)
    if (--passesLeft.theirs > 0) await theirs.query(`DROP TABLE ${table}`)
    return rate(to - from)
  }
  const sides = Object.entries(encodings).map(([name, { stated }]) => {
    return [name, () => jetgresReads(name, stated)]
  })
  return alternate(bench, { ...Object.fromEntries(sides), consumer: consumerReads }, { isWarm: true })
}

/** @param {string} encoding */
const streamOf = (encoding) => (encoding === 'json' ? table : encoding)

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
