// @ts-check
// pgbench by key on 1 M rows, in all modes, with 1 and 16 clients.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { pgbench, requirePgbench, shapeName, shapes } from '../pgbench.mjs'
import { alternate, results } from '../runner.mjs'
import { bothWithEvents } from './tables.mjs'

/** Both read rows into memory as they are asked for; a million take jetgres some five. */
export const warmUpSeconds = { ours: 8, theirs: 1 }

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  requirePgbench()
  const { jetgres, postgres, rows } = await bothWithEvents(bench)
  const file = join(bench.cleanups.folder('pgbench'), 'lookup.sql')
  writeFileSync(file, `\\set id random(0, ${rows - 1})\nSELECT * FROM events WHERE id = :id;\n`)
  const work = { script: ['-f', file], seconds: bench.seconds }
  const warmUp = { ...work, mode: /** @type {const} */ ('simple'), clients: 1 }
  await pgbench(jetgres, { ...warmUp, seconds: warmUpSeconds.ours })
  await pgbench(postgres, { ...warmUp, seconds: warmUpSeconds.theirs })
  const all = []
  for (const shape of shapes.filter((each) => shapeName(each).includes(bench.match))) {
    /** @param {{ host: string, port: number }} server */
    const measure = async (server) => {
      const { tps } = await pgbench(server, { ...shape, ...work })
      return { [shapeName(shape)]: tps }
    }
    const sides = { jetgres: () => measure(jetgres), postgres: () => measure(postgres) }
    const samples = await alternate(bench, sides, { isWarm: true })
    const facts = { case: 'lookup', unit: '1/s', isMoreBetter: true, peer: 'plain Postgres' }
    all.push(...results(facts, samples.jetgres, samples.postgres))
  }
  return all
}
