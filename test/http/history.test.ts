// Goal: the curves show what came in the last hour, and no more is kept.
// Method: samples with known counts.

import t from 'tap'

import { History, SAMPLES } from '../../src/http/history.ts'

void t.test('rates are made of counts; a count that begins again is no loss', async (t) => {
  const history = new History(10)
  const samples = [0, 100, 100, 350, 20]
  for (const received of samples) history.add(new Map([[1, { received, lag: received === 350 ? 5 : 0 }]]))
  t.same(history.of(1), { rate: [null, 10, 0, 25, 2], lag: [0, 0, 0, 5, 0] })
  history.add(new Map([[1, { received: 20, lag: undefined }]]))
  t.same(history.of(1).lag.at(-1), null)
  t.same(history.of(2), { rate: [], lag: [] })
})

void t.test('an hour is kept, of relations that are there', async (t) => {
  const history = new History(10)
  for (let i = 0; i < SAMPLES + 10; i++) history.add(new Map([[1, { received: i * 10, lag: i }]]))
  t.equal(history.of(1).rate.length, SAMPLES)
  t.equal(history.of(1).lag.at(-1), SAMPLES + 9)
  history.add(new Map())
  t.same(history.of(1), { rate: [], lag: [] })
})
