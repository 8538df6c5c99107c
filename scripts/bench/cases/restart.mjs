// @ts-check
// From starting the program until the first answer is right, after a clean stop and after `kill -9`.
// No case of its own: `growth` has the rows that make it worth measuring.

import pg from 'pg'

import { clientOf } from '../servers.mjs'

const secondsPromised = 3
/** Of each way: no pair hangs on them. */
const roundsMax = 3

/**
 * @param {import('../runner.mjs').Bench} bench
 * @param {import('../servers.mjs').Jetgres} jetgres with nobody connected
 * @param {number} rows that `events` has
 * @returns {Promise<import('../runner.mjs').Result[]>}
 */
export async function restarts({ runs, say }, jetgres, rows) {
  const rounds = Math.min(runs, roundsMax)
  /** @type {[string, NodeJS.Signals][]} */
  const ways = [
    ['clean stop', 'SIGTERM'],
    ['kill -9', 'SIGKILL']
  ]
  const facts = { case: 'restart', unit: 's', isMoreBetter: false, peer: 'promised bound' }
  const found = []
  for (const [name, signal] of ways) {
    const ours = []
    for (let round = 1; round <= rounds; round++) ours.push(await restarted(jetgres, signal, rows))
    say(`  restart after ${name}: ${ours.map((seconds) => seconds.toFixed(2)).join(', ')} s`)
    const theirs = ours.map(() => secondsPromised)
    const row = { name: `after ${name}, ${rows.toLocaleString('en-US')} rows`, ours, theirs }
    found.push({ ...facts, ...row, note: `${rounds} rounds` })
  }
  return found
}

/**
 * In seconds.
 * @param {import('../servers.mjs').Jetgres} jetgres
 * @param {NodeJS.Signals} signal
 * @param {number} rows
 */
async function restarted(jetgres, signal, rows) {
  await jetgres.stop(signal)
  // A supervisor restarts at once; what the killed run left behind is ours to deal with.
  const from = performance.now()
  await jetgres.start()
  const client = new pg.Client(clientOf(jetgres))
  await client.connect()
  try {
    const [{ count }] = (await client.query('SELECT count(*) FROM events')).rows
    if (Number(count) !== rows) throw new Error(`${count} rows after a restart, not ${rows}`)
    return (performance.now() - from) / 1_000
  } finally {
    await client.end()
  }
}
