// @ts-check
// A relation of 1 M rows joined with an upstream table of 10,000, grouped: again and again, as a
// dashboard asks, and each time after a transaction upstream, with which jetgres forgets what it has read
// there. Both sides must give the same answer; plain Postgres has both tables inside.

import { copyIn, deviceColumns, deviceRow, devices } from '../rows.mjs'
import { alternate, results } from '../runner.mjs'
import { median } from '../statistics.mjs'
import { bothWithEvents } from './tables.mjs'

const sql = `SELECT p.site, count(*), sum(e.duration) FROM events e JOIN places p ON p.id = e.device
  GROUP BY p.site ORDER BY p.site`

/** Of each kind, by each side in each round. */
const times = 5

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { ours, theirs } = await bothWithEvents(bench)
  for (const client of [ours, theirs]) {
    await client.query(`CREATE TABLE places (${deviceColumns})`)
    await copyIn(client, 'places', devices, deviceRow)
    await client.query('CREATE TABLE ticks AS SELECT 0 AS n')
  }
  const [answer, expected] = [await ours.query(sql), await theirs.query(sql)]
  if (JSON.stringify(answer.rows) !== JSON.stringify(expected.rows)) {
    throw new Error(`${JSON.stringify(answer.rows)} is not ${JSON.stringify(expected.rows)}`)
  }
  const samples = await alternate(bench, {
    jetgres: () => measure(ours),
    postgres: () => measure(theirs)
  })
  const facts = { case: 'mixed', unit: 'ms', isMoreBetter: false, peer: 'plain Postgres' }
  return results(facts, samples.jetgres, samples.postgres)
}

/** @param {import('pg').Client} client */
async function measure(client) {
  const idle = []
  const busy = []
  for (let i = 0; i < times; i++) idle.push(await joined(client))
  for (let i = 0; i < times; i++) {
    await client.query('UPDATE ticks SET n = n + 1')
    busy.push(await joined(client))
  }
  return { 'join and group': median(idle), 'join and group, after a commit': median(busy) }
}

/** Milliseconds. @param {import('pg').Client} client */
async function joined(client) {
  const from = performance.now()
  await client.query(sql)
  return performance.now() - from
}
