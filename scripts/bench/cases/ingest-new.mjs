// @ts-check
// 1 M × 200-byte JSON, every key new.

import { eventRow } from '../rows.mjs'
import { ingest, lastKey } from './ingest.mjs'

/** @param {import('../runner.mjs').Bench} bench */
export function run(bench) {
  const rows = Math.round(1_000_000 * bench.scale)
  const row = (/** @type {number} */ n) => eventRow(n, n === rows - 1 ? lastKey : n)
  return ingest(bench, 'ingest-new', { deliveries: rows, rows, row })
}
