// @ts-check
// 1 M rows: from starting the program until the first answer is right, after a clean stop and after
// `kill -9`. The peer is a plain Postgres with the same rows, stopped and crashed alike.

import pg from 'pg'

import { alternate, results } from '../runner.mjs'
import { clientOf } from '../servers.mjs'
import { bothWithEvents } from './tables.mjs'

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { jetgres, postgres, ours, theirs, rows } = await bothWithEvents(bench)
  await ours.end()
  await theirs.end()
  /** @param {typeof jetgres | typeof postgres} server */
  const started = async (server) => {
    const from = performance.now()
    await server.start()
    await firstAnswer(server, rows)
    return (performance.now() - from) / 1_000
  }
  const samples = await alternate(bench, {
    jetgres: async () => {
      await jetgres.stop()
      const clean = await started(jetgres)
      await jetgres.stop('SIGKILL')
      // A supervisor restarts at once; what the killed run left behind is ours to deal with.
      return { 'clean stop': clean, 'kill -9': await started(jetgres) }
    },
    postgres: async () => {
      await postgres.stop()
      const clean = await started(postgres)
      await postgres.crash()
      return { 'clean stop': clean, 'kill -9': await started(postgres) }
    }
  })
  const facts = { case: 'restart', unit: 's', isMoreBetter: false, peer: 'plain Postgres' }
  return results(facts, samples.jetgres, samples.postgres)
}

/** @param {{ host: string, port: number }} server @param {number} rows */
async function firstAnswer(server, rows) {
  const client = new pg.Client(clientOf(server))
  await client.connect()
  try {
    const [{ count }] = (await client.query('SELECT count(*) FROM events')).rows
    if (Number(count) !== rows) throw new Error(`${count} rows after a restart, not ${rows}`)
  } finally {
    await client.end()
  }
}
