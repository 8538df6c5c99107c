// @ts-check
// All of 1 M rows to a client that decodes nothing: SELECT * in text and binary, COPY.

import { rawClient } from '../raw-client.mjs'
import { alternate, results } from '../runner.mjs'
import { bothWithEvents } from './tables.mjs'

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { jetgres, postgres, rows } = await bothWithEvents(bench)
  const ours = await rawClient(jetgres)
  const theirs = await rawClient(postgres)
  bench.cleanups.add(() => ours.end())
  bench.cleanups.add(() => theirs.end())

  /** @param {Awaited<ReturnType<typeof rawClient>>} client */
  const measure = async (client) => ({
    'SELECT *, text': await rate(() => client.query('SELECT * FROM events')),
    'SELECT *, binary': await rate(() => client.binary('SELECT * FROM events')),
    'COPY': await rate(() => client.query('COPY events TO STDOUT'))
  })
  /** @param {() => Promise<{ tag: string }>} scan */
  const rate = async (scan) => {
    const from = performance.now()
    const { tag } = await scan()
    if (Number(tag.split(' ')[1]) !== rows) throw new Error(`"${tag}" instead of ${rows} rows`)
    return (rows / (performance.now() - from)) * 1_000
  }
  const sides = { jetgres: () => measure(ours), postgres: () => measure(theirs) }
  const samples = await alternate(bench, sides, { isWarm: true })
  const facts = { case: 'scan', unit: 'rows/s', isMoreBetter: true, peer: 'plain Postgres' }
  return results(facts, samples.jetgres, samples.postgres)
}
