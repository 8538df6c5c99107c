// @ts-check
// What both ingestion cases share: a stream is filled once; then each side makes its table anew and
// is timed from that statement until the last delivery's row is visible.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

import { until } from '../processes.mjs'
import { eventColumns } from '../rows.mjs'
import { alternate, results } from '../runner.mjs'
import { connect, Jetgres, Postgres, startNats } from '../servers.mjs'
import { caughtUp, createRelation, makeStream, publish } from '../streams.mjs'

/** @typedef {import('../runner.mjs').Bench} Bench */
/** @typedef {import('../servers.mjs').Postgres} PostgresServer */

const table = 'events'
/** The last delivery's key: its row is visible when all are. */
export const lastKey = -1
const lastIsThere = `SELECT id FROM ${table} WHERE id = ${lastKey}`

/**
 * @param {Bench} bench
 * @param {string} name
 * @param {{ deliveries: number, rows: number, row: (n: number) => object }} work
 */
export async function ingest(bench, name, { deliveries, rows, row }) {
  const { cleanups, say } = bench
  const nats = await startNats(cleanups)
  const jetgres = await Jetgres.start(cleanups, bench)
  const postgres = await Postgres.start(cleanups)
  say(`  publishing ${deliveries} deliveries`)
  await makeStream(nats, table)
  await publish(nats, table, deliveries, row)
  const ours = await connect(cleanups, jetgres)
  const theirs = await connect(cleanups, postgres)

  const sides = {
    jetgres: async () => {
      const from = performance.now()
      await ours.query(createRelation(nats, table, eventColumns))
      const to = await caughtUp(ours, lastIsThere, (found) => found.length === 1)
      await checkCount(ours, rows)
      await ours.query(`DROP TABLE ${table}`)
      return { 'deliveries/s': (deliveries / (to - from)) * 1_000 }
    },
    consumer: async () => {
      const consumer = await startConsumer(nats.url, postgres, table)
      const from = performance.now()
      await theirs.query(`CREATE TABLE ${table} (${eventColumns})`)
      consumer.send(1)
      const isThere = async () => (await theirs.query(lastIsThere)).rowCount === 1
      await until('the consumer', isThere, { deadlineMs: 600_000 })
      const to = performance.now()
      await endConsumer(consumer)
      await checkCount(theirs, rows)
      await theirs.query(`DROP TABLE ${table}`)
      return { 'deliveries/s': (deliveries / (to - from)) * 1_000 }
    }
  }
  const samples = await alternate(bench, sides, { isWarm: true })
  const facts = { case: name, unit: '1/s', isMoreBetter: true, peer: 'hand-written consumer' }
  return results(facts, samples.jetgres, samples.consumer)
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
 * @param {string} name of stream and table
 */
export async function startConsumer(natsUrl, { socketDir, port }, name) {
  const path = join(import.meta.dirname, '../consumer.mjs')
  const consumer = fork(path, [natsUrl, name, socketDir, String(port), name])
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
