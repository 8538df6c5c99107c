// @ts-check
// 20 dashboard queries on 5 M rows. Both sides must give the same answers; a
// note tells which route jetgres took.

import { alternate, results } from '../runner.mjs'
import { dashboard } from './dashboard.mjs'
import { bothWithEvents } from './tables.mjs'

/** @typedef {import('../runner.mjs').Figures} Figures */
/** Rows by query. @typedef {Record<string, unknown[]>} Answers */

/** Of events. */
export const millions = 5

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { ours, theirs } = await bothWithEvents(bench, { millions, hasDevices: true })
  const notes = await routes(ours)
  /** @type {Record<'ours' | 'theirs', Answers>} */
  const answers = { ours: {}, theirs: {} }
  const sides = {
    jetgres: () => measure(ours, { answers: answers.ours }),
    postgres: () => measure(theirs, { answers: answers.theirs })
  }
  const samples = await alternate(bench, sides, { isWarm: true })
  compareAnswers(answers.ours, answers.theirs)
  bench.say(`  all ${Object.keys(dashboard).length} answers agree`)
  const facts = { case: 'analytics', unit: 'ms', isMoreBetter: false, peer: 'plain Postgres' }
  return results({ ...facts, notes }, samples.jetgres, samples.postgres)
}

/**
 * @param {import('pg').Client} ours
 * @returns {Promise<Record<string, string>>} where it isn't the local one
 */
async function routes(ours) {
  /** @type {Record<string, string>} */
  const notes = {}
  for (const [name, sql] of Object.entries(dashboard)) {
    await ours.query(sql)
    const [route] = (await ours.query({ text: 'SHOW jetgres.last_route', rowMode: 'array' })).rows
    const taken = String(route?.[0] ?? '')
    if (!taken.startsWith('local')) notes[name] = taken
  }
  return notes
}

/**
 * A fast wrong answer is no result: it ends the case.
 * @param {Answers} ours
 * @param {Answers} theirs
 */
function compareAnswers(ours, theirs) {
  for (const name of Object.keys(dashboard)) {
    const [answer, expected] = [ours[name], theirs[name]]
    if (isSame(answer, expected)) continue
    const [said, meant] = [answer, expected].map((rows) => JSON.stringify(rows).slice(0, 500))
    throw new Error(`"${name}" differs:\n${said}\n${meant}`)
  }
}

/** Sums of floating point numbers depend on the order of adding. */
const tolerance = 1e-9

/**
 * Of rows, their fields and whole answers.
 * @param {unknown} one
 * @param {unknown} other
 * @returns {boolean}
 */
function isSame(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, n) => isSame(item, other[n]))
  }
  if (typeof one === 'number' && typeof other === 'number') {
    return Math.abs(one - other) <= tolerance * Math.abs(other)
  }
  return JSON.stringify(one) === JSON.stringify(other)
}

/**
 * @param {import('pg').Client} client
 * @param {{ table?: string, answers?: Answers }} [options] a table in the place of `events`; where each
 *   query's answer is kept
 * @returns {Promise<Figures>} milliseconds a query
 */
export async function measure(client, { table = 'events', answers = {} } = {}) {
  /** @type {Figures} */
  const figures = {}
  for (const [name, sql] of Object.entries(dashboard)) {
    const text = sql.replaceAll('FROM events', `FROM ${table}`)
    const from = performance.now()
    const { rows } = await client.query({ text, rowMode: 'array' })
    figures[name] = performance.now() - from
    answers[name] = rows
  }
  return figures
}
