// Goal: a stream is taken for another one only where it is. Method: what servers say, as they say it.

import t from 'tap'

import { anotherLife, isSameLife } from '../../src/ingest/stream-life.ts'

const BEFORE = '2026-11-21T20:30:00Z'
const CREATED = '2026-11-21T20:47:38.649578266Z'

void t.test('a stream is as old as what it holds, whatever it says', async (t) => {
  const cases: [string, string, object, boolean][] = [
    ['edited, then restarted', '2026-11-21T20:40:00.1Z', {}, true],
    ['made now', '2026-11-21T20:47:38.65Z', {}, false],
    ['made now, by a server whose clock is behind', '2026-11-21T20:47:35Z', {}, false],
    ['a mirror made now', '2026-11-21T20:40:00Z', { mirror: { name: 'M' } }, false],
    ['made now, from others', '2026-11-21T20:40:00Z', { sources: [{ name: 'M' }] }, false]
  ]
  for (const [name, first_ts, config, want] of cases) {
    const state = { first_seq: 1, last_seq: 9, first_ts }
    t.equal(isSameLife({ created: CREATED, config, state }, BEFORE), want, name)
  }
  for (const last_seq of [0, 9]) {
    const empty = { first_seq: last_seq, last_seq, first_ts: '0001-01-01T00:00:00Z' }
    const info = { created: CREATED, config: {}, state: empty }
    t.equal(isSameLife(info, BEFORE), false, 'an empty one')
    t.equal(isSameLife(info, CREATED), true, 'the same')
    t.equal(isSameLife(info, anotherLife(info)), true, 'the same, once restored')
  }
})
