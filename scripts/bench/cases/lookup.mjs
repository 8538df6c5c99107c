// @ts-check
// pgbench by key on 1 M rows, in all modes, with 1 and 16 clients.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { pgbench, requirePgbench, shapeName, shapes } from '../pgbench.mjs'
import { alternate, results } from '../runner.mjs'
import { bothWithEvents } from './tables.mjs'

/** Answers a second to one client that only memory gives; half of its rows there, and it grows on. */
const fromMemory = 1_000
const stillGrows = 1.1
const warmUpSecondsMin = 30
const warmUpSecondsAMillion = 10

/**
 * Sixteen sessions begin with as many descriptions, and with code that V8 has not compiled yet: a run of
 * less than a second would measure those. The first one is a warm-up.
 */
const crowdSecondsMin = 1

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  requirePgbench()
  const { jetgres, postgres, rows } = await bothWithEvents(bench)
  const file = join(bench.cleanups.folder('pgbench'), 'lookup.sql')
  writeFileSync(file, `\\set id random(0, ${rows - 1})\nSELECT * FROM events WHERE id = :id;\n`)
  const script = ['-f', file]
  for (const server of [jetgres, postgres]) await warmUp(server, script, rows)
  const all = []
  for (const shape of shapes.filter((each) => shapeName(each).includes(bench.match))) {
    const isCrowd = shape.clients > 1
    const seconds = isCrowd ? Math.max(crowdSecondsMin, bench.seconds) : bench.seconds
    /** @param {{ host: string, port: number }} server */
    const measure = async (server) => {
      const { tps } = await pgbench(server, { ...shape, script, seconds })
      return { [shapeName(shape)]: tps }
    }
    const sides = { jetgres: () => measure(jetgres), postgres: () => measure(postgres) }
    const samples = await alternate(bench, sides, { isWarm: !isCrowd })
    const facts = { case: 'lookup', unit: '1/s', isMoreBetter: true, peer: 'plain Postgres' }
    all.push(...results(facts, samples.jetgres, samples.postgres))
  }
  return all
}

/**
 * Until look-ups are answered from memory, all of them: jetgres reads a million rows in two seconds,
 * on a busy machine in more.
 * @param {{ host: string, port: number }} server
 * @param {string[]} script
 * @param {number} rows
 */
export async function warmUp(server, script, rows) {
  const work = { script, mode: /** @type {const} */ ('simple'), clients: 1, seconds: 1 }
  const secondsMax = Math.max(warmUpSecondsMin, (rows / 1e6) * warmUpSecondsAMillion)
  let before = 0
  for (let second = 0; second < secondsMax; second++) {
    const { tps } = await pgbench(server, work)
    if (tps >= fromMemory && tps < before * stillGrows) return
    before = tps
  }
}
