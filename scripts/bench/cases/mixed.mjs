// @ts-check
// A relation of 1 M rows joined with an upstream table of 10,000, grouped. Both sides must give the
// same answer; plain Postgres has both tables inside.

import { copyIn, deviceColumns, deviceRow, devices } from '../rows.mjs'
import { alternate, results } from '../runner.mjs'
import { bothWithEvents } from './tables.mjs'

const sql = `SELECT p.site, count(*), sum(e.duration) FROM events e JOIN places p ON p.id = e.device
  GROUP BY p.site ORDER BY p.site`

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { ours, theirs } = await bothWithEvents(bench)
  for (const client of [ours, theirs]) {
    await client.query(`CREATE TABLE places (${deviceColumns})`)
    await copyIn(client, 'places', devices, deviceRow)
  }
  const [answer, expected] = [await ours.query(sql), await theirs.query(sql)]
  if (JSON.stringify(answer.rows) !== JSON.stringify(expected.rows)) {
    throw new Error(`${JSON.stringify(answer.rows)} is not ${JSON.stringify(expected.rows)}`)
  }
  /** @param {import('pg').Client} client */
  const measure = async (client) => {
    const from = performance.now()
    await client.query(sql)
    return { 'join and group': performance.now() - from }
  }
  const samples = await alternate(bench, {
    jetgres: () => measure(ours),
    postgres: () => measure(theirs)
  })
  const facts = { case: 'mixed', unit: 'ms', isMoreBetter: false, peer: 'plain Postgres' }
  return results(facts, samples.jetgres, samples.postgres)
}
