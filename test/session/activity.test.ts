// Goal: statements are counted by route, what is kept of them is bounded and holds no constant, and
// slow ones are logged once.
// Method: tables of texts; more reasons and statements than are kept.

import t from 'tap'

import { limits } from '../../src/limits.ts'
import { createLogger } from '../../src/log.ts'
import { Activity, withoutConstants } from '../../src/session/activity.ts'

function open(slowMs = Infinity) {
  const lines: string[] = []
  const log = createLogger({ level: 'info', format: 'json', destination: { write: (line) => lines.push(line) } })
  return { activity: new Activity({ slowMs, log }), lines }
}

void t.test('no constant of a statement is kept', async (t) => {
  const table = [
    [`SELECT * FROM t WHERE id = 'o''neil' AND n > 12.5e3`, 'SELECT * FROM t WHERE id = ? AND n > ?'],
    ['SELECT c1, "x2" FROM r7 WHERE a = $1 LIMIT 10', 'SELECT c1, "x2" FROM r7 WHERE a = $1 LIMIT ?'],
    [`SELECT 'never closed`, 'SELECT ?'],
    [`  SELECT\n\n 1 `, 'SELECT ?'],
    [`SELECT E'it\\'s a secret'`, 'SELECT …'],
    ['SELECT $q$ hidden $q$', 'SELECT …'],
    [`ALTER ROLE a PASSWORD 'p'`, 'ALTER …'],
    ['', '']
  ] as const
  for (const [text, want] of table) t.equal(withoutConstants(text), want, text)
  const long = withoutConstants(`SELECT '${'x'.repeat(5_000)}'`)
  t.equal(long, 'SELECT ? …')
})

void t.test('counts routes and reasons, so many and no more', async (t) => {
  const { activity } = open()
  activity.routed({ to: 'local' })
  activity.routed({ to: 'relay' })
  for (let i = 0; i < limits.relayReasonsKept + 50; i++) activity.routed({ to: 'relay', reason: `r${i}` })
  activity.routed({ to: 'relay', reason: 'r3' })
  t.same(activity.counts, { local: 1, relay: limits.relayReasonsKept + 52, define: 0 })
  const reasons = activity.reasons()
  t.same(reasons.slice(0, 2), [{ reason: 'other reasons', count: 50 }, { reason: 'r3', count: 2 }])
  t.equal(reasons.length, limits.relayReasonsKept + 1)
})

void t.test('keeps the slowest, and logs what is slow', async (t) => {
  const { activity, lines } = open(100)
  for (let ms = 1; ms <= 60; ms++) activity.took('local', ms, `SELECT ${ms}`, 5)
  activity.took('relay', 100.4, `SELECT 'x'`, 42)
  const slowest = activity.slowest()
  t.equal(slowest.length, limits.slowStatementsKept)
  t.match(slowest[0], { route: 'relay', ms: 100.4, text: 'SELECT ?' })
  t.equal(slowest.at(-1)?.ms, 61 - (limits.slowStatementsKept - 1))
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] ?? '{}'), {
    msg: 'slow statement',
    session: 42,
    route: 'relay',
    ms: 100,
    statement: 'SELECT ?'
  })
})
