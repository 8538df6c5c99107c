// @ts-check
// 20 dashboard queries on 5 M rows. Both sides must give the same answers; a
// note tells which route jetgres took.

import { alternate, results } from '../runner.mjs'
import { dashboard } from './dashboard.mjs'
import { bothWithEvents } from './tables.mjs'

/** @typedef {import('../runner.mjs').Figures} Figures */

/** Of events. */
export const millions = 5

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { ours, theirs } = await bothWithEvents(bench, { millions, hasDevices: true })
  // This is the warm-up as well.
  const notes = await compareAnswers(bench, ours, theirs)
  const sides = { jetgres: () => measure(ours), postgres: () => measure(theirs) }
  const samples = await alternate(bench, sides, { isWarm: true })
  const facts = { case: 'analytics', unit: 'ms', isMoreBetter: false, peer: 'plain Postgres' }
  return results({ ...facts, notes }, samples.jetgres, samples.postgres)
}

/**
 * Every query once on both sides. A fast wrong answer is no result: it ends the case.
 * @param {import('../runner.mjs').Bench} bench
 * @param {import('pg').Client} ours
 * @param {import('pg').Client} theirs
 * @returns {Promise<Record<string, string>>} the route, where it isn't the local one
 */
async function compareAnswers({ say }, ours, theirs) {
  /** @type {Record<string, string>} */
  const notes = {}
  for (const [name, sql] of Object.entries(dashboard)) {
    const answer = await answerOf(ours, sql)
    const [route] = (await ours.query({ text: 'SHOW jetgres.last_route', rowMode: 'array' })).rows
    const expected = await answerOf(theirs, sql)
    if (answer !== expected) {
      throw new Error(`"${name}" differs:\n${answer.slice(0, 500)}\n${expected.slice(0, 500)}`)
    }
    const taken = String(route?.[0] ?? '')
    if (!taken.startsWith('local')) notes[name] = taken
  }
  say(`  all ${Object.keys(dashboard).length} answers agree`)
  return notes
}

/** Sums of floating point numbers depend on the order of adding. */
const digits = 9

/** @param {import('pg').Client} client @param {string} sql */
async function answerOf(client, sql) {
  const { rows } = await client.query({ text: sql, rowMode: 'array' })
  return JSON.stringify(rows, (_, value) =>
    typeof value === 'number' ? Number(value.toPrecision(digits)) : value
  )
}

/**
 * @param {import('pg').Client} client
 * @param {string} [table] in the place of `events`
 * @returns {Promise<Figures>} milliseconds a query
 */
export async function measure(client, table = 'events') {
  /** @type {Figures} */
  const figures = {}
  for (const [name, sql] of Object.entries(dashboard)) {
    const from = performance.now()
    await client.query(sql.replaceAll('FROM events', `FROM ${table}`))
    figures[name] = performance.now() - from
  }
  return figures
}
