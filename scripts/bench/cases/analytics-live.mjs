// @ts-check
// The queries of `analytics` while 20,000 deliveries a second replace rows, against the same server
// left alone; and how long what came meanwhile takes to be there, which tells whether it kept up.

import { eventRow, mix } from '../rows.mjs'
import { alternate, results } from '../runner.mjs'
import { caughtUp } from '../streams.mjs'
import { measure, millions } from './analytics.mjs'
import { startFlow } from './freshness.mjs'
import { bothWithEvents } from './tables.mjs'

const perSecond = 20_000

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { nats, ours, rows } = await bothWithEvents(bench, { millions, hasDevices: true })
  const settle = async () => {
    const from = performance.now()
    const to = await caughtUp(ours, 'SELECT 1 FROM events LIMIT 1', () => true)
    return { 'caught up after': to - from }
  }
  const live = async () => {
    const flow = startFlow(nats, 'events', perSecond, (n) => eventRow(n, mix(n) % rows))
    let figures
    try {
      figures = await measure(ours)
    } finally {
      await flow.stop()
    }
    return { ...figures, ...(await settle()) }
  }
  const idle = async () => ({ ...(await measure(ours)), ...(await settle()) })
  const samples = await alternate(bench, { jetgres: live, idle }, { isWarm: true })
  const facts = { case: 'analytics-live', unit: 'ms', isMoreBetter: false, peer: 'idle' }
  return results(facts, samples.jetgres, samples.idle)
}
