// @ts-check
// Both sides with the same rows: jetgres by a stream, plain Postgres by COPY, with the indexes that
// its user would make, vacuumed and analysed.

import { copyIn, deviceColumns, deviceRow, devices, eventColumns, eventRow } from '../rows.mjs'
import { connect, Jetgres, Postgres, startNats } from '../servers.mjs'
import { loadRelation, makeStream, publish } from '../streams.mjs'

/**
 * @param {import('../runner.mjs').Bench} bench
 * @param {{ hasDevices?: boolean }} [options]
 */
export async function bothWithEvents(bench, { hasDevices = false } = {}) {
  const { cleanups, say, scale } = bench
  const rows = Math.round(1_000_000 * scale)
  const nats = await startNats(cleanups)
  const jetgres = await Jetgres.start(cleanups, bench)
  const postgres = await Postgres.start(cleanups)
  const ours = await connect(cleanups, jetgres)
  const theirs = await connect(cleanups, postgres)
  /**
   * @param {string} name
   * @param {string} columns
   * @param {number} count
   * @param {(n: number) => object} row
   */
  const load = async (name, columns, count, row) => {
    say(`  loading ${count} rows of ${name} into both`)
    await makeStream(nats, name)
    await publish(nats, name, count, row)
    await loadRelation(ours, nats, name, columns, count)
    await theirs.query(`CREATE TABLE ${name} (${columns})`)
    await copyIn(theirs, name, count, row)
  }
  await load('events', eventColumns, rows, (n) => eventRow(n))
  if (hasDevices) {
    await load('devices', deviceColumns, devices, deviceRow)
    for (const column of ['ts', 'device', 'kind, country']) {
      await theirs.query(`CREATE INDEX ON events (${column})`)
    }
    await theirs.query('ANALYZE events')
  }
  return { nats, jetgres, postgres, ours, theirs, rows }
}
