// Goal: how far a catch-up has come is told truly, and asked of the server no more than is needed.
// Method: arrivals counted by hand, and a stream's end that counts who asks.

import t from 'tap'

import { Arrivals } from '../../src/ingest/arrivals.ts'
import { CatchUp } from '../../src/ingest/catch-up.ts'
import type { Delivery } from '../../src/ingest/delivery.ts'

const DELIVERY = { timestampMicros: 0n } as unknown as Delivery
const NOTHING = { target: undefined, progress: undefined, secondsLeft: undefined }

void t.test('progress is of what this catch-up has to receive', async (t) => {
  let asked = 0
  const end = Promise.resolve(1_500)
  const catchUp = new CatchUp(() => {
    asked++
    return end
  })
  const before = { received: 70, applied: 60, dropped: 10, gaps: 0, restarts: 0, lastDeliveryAt: undefined }
  const arrivals = new Arrivals(before)
  t.same(arrivals.counts, before, 'counts go on')
  const at = (received: number, lag: number | undefined): void => {
    while (arrivals.received < received) arrivals.add(DELIVERY)
    arrivals.behind(lag)
    catchUp.behind(500 + received, arrivals.received)
  }
  t.same(catchUp.facts(arrivals), NOTHING, 'nothing waits')
  for (const [received, lag, progress] of [
    [70, 1_000, 0],
    [320, 750, 25],
    [1_069, 1, 99.9],
    [1_069, undefined, undefined]
  ] as const) {
    at(received, lag)
    await end
    t.same(catchUp.facts(arrivals), { target: 1_500, progress, secondsLeft: undefined }, `${progress} %`)
  }
  t.equal(asked, 1, 'asked once, and not again so soon')
  catchUp.over()
  t.same(catchUp.facts(arrivals), NOTHING)
})

void t.test('a server that does not answer leaves the rest', async (t) => {
  const catchUp = new CatchUp(() => Promise.reject(new Error('gone')))
  const arrivals = new Arrivals()
  arrivals.behind(10)
  catchUp.behind(0, 0)
  await Promise.resolve()
  t.same(catchUp.facts(arrivals), { target: undefined, progress: 0, secondsLeft: undefined })
})
