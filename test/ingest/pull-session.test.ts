// Goal: a server that falls silent is noticed, and a reader that rests isn't taken for one whose
// server did; after a rest in which the server may have removed the consumer, another is wanted.
// Method: a connection over which nothing ever comes, as when a pull runs out without a word.

import type { NatsConnection } from 'nats'
import t from 'tap'

import { PullSession, RENEWED } from '../../src/ingest/pull-session.ts'
import { limits } from '../../src/limits.ts'

/** Takes whatever is sent, and answers nothing. */
function silence(): { connection: NatsConnection; sent: string[] } {
  const sent: string[] = []
  const connection = {
    subscribe: () => ({ unsubscribe: () => undefined, getID: () => 1 }),
    publish: (subject: string) => sent.push(subject),
    isClosed: () => false
  }
  return { connection: connection as unknown as NatsConnection, sent }
}

const startSession = (connection: NatsConnection): PullSession =>
  new PullSession({
    connection,
    stream: 'S',
    consumer: 'C',
    paused: false,
    onDelivery: () => undefined,
    onIdle: () => undefined
  })

void t.test('only who waits for something notices silence', async (t) => {
  const { connection, sent } = silence()
  // Its ticks come first.
  const resting = startSession(connection)
  resting.pause()
  let end: string | undefined
  void resting.ended.then(({ message }) => (end = message))
  const waiting = startSession(connection)
  t.equal((await waiting.ended).message, 'the server fell silent')
  t.equal(end, undefined)
  t.equal(sent.length, 2)
  resting.resume()
  t.equal(sent.length, 3, 'what had run out is asked for again')
  resting.end('over')
  t.equal((await resting.ended).message, 'over')
})

void t.test('after a long rest another consumer is wanted', async (t) => {
  const { connection, sent } = silence()
  const session = startSession(connection)
  session.pause()
  const now = performance.now.bind(performance)
  t.intercept(performance, 'now', { value: () => now() + limits.consumerInactiveMs })
  session.resume()
  t.equal((await session.ended).message, RENEWED)
  t.equal(sent.length, 1, 'nothing is asked of the old one')
})
