// @ts-check
// 100,000 keys once each, then 1 M deliveries over them at random: the table is full for 10 of 11.

import { eventRow, mix } from '../rows.mjs'
import { results } from '../runner.mjs'
import { ingest, ownServers } from './ingest.mjs'

/** No other delivery's. */
const lastKey = -1

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const keys = Math.round(100_000 * bench.scale)
  const deliveries = keys * 11
  /** @param {number} n */
  const key = (n) => (n === deliveries - 1 ? lastKey : n < keys ? n : mix(n) % keys)
  const row = (/** @type {number} */ n) => eventRow(n, key(n))
  const work = { deliveries, rows: keys + 1, row, lastKey }
  const { json = [], consumer } = await ingest(bench, await ownServers(bench), work)
  const facts = { case: 'ingest-upsert', unit: '1/s', isMoreBetter: true }
  return results({ ...facts, peer: 'hand-written consumer' }, json, consumer)
}
