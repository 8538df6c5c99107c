// Goal: of every reply it is known whose it is and when it ends, also behind errors.
// Method: tables of requests and of the message types that come back; `owed` is what is left.

import t from 'tap'

import { Replies } from '../../src/upstream/replies.ts'
import type { ReplySink, RequestKind } from '../../src/upstream/replies.ts'
import { code } from '../../src/wire/frames.ts'

const sinkOf = (events: string[], name: string): ReplySink => ({
  frame: (frame) => events.push(`${name} ${String.fromCharCode(frame.type)}`),
  failed: () => events.push(`${name} failed`),
  ended: () => events.push(`${name} ended`)
})

/** Feeds message types; returns what is owed afterwards. */
function feed(replies: Replies, types: string): number {
  for (const letter of types) {
    if (letter === 'E') replies.fail()
    else if (replies.ends(code(letter))) replies.advance()
  }
  return replies.size
}

const TABLE: readonly (readonly [requests: readonly RequestKind[], types: string, owed: number])[] =
  [
    [['query'], 'TDDC', 1],
    [['query'], 'TDDCZ', 0],
    [['query'], 'TCTCZ', 0],
    [['query'], 'EZ', 0],
    [['query'], 'E', 1],
    [['query', 'query'], 'EZIZ', 0],
    [['parse', 'bind', 'describe', 'execute', 'sync'], '12TDDCZ', 0],
    [['parse', 'bind', 'describe', 'execute', 'sync'], '12nCZ', 0],
    [['parse', 'bind', 'execute', 'sync'], '12DDs', 1],
    [['parse', 'bind', 'execute', 'sync'], '12IZ', 0],
    [['parse', 'describe', 'sync'], '1tTZ', 0],
    [['parse', 'bind', 'execute', 'sync'], 'E', 1],
    [['parse', 'bind', 'execute', 'sync', 'query'], '1E', 2],
    [['parse', 'bind', 'execute', 'sync', 'query'], '1EZCZ', 0],
    [['parse', 'query', 'sync'], 'E', 1],
    [['close', 'close', 'sync'], '33Z', 0],
    [['function'], 'VZ', 0],
    [['function'], 'EZ', 0],
    [['execute', 'sync'], 'HdddcCZ', 0],
    [['sync'], 'EZ', 0]
  ]

void t.test('each request is answered by its own messages', async (t) => {
  for (const [requests, types, owed] of TABLE) {
    const replies = new Replies()
    for (const kind of requests) replies.expect(kind)
    t.equal(feed(replies, types), owed, `${requests.join(', ')}: ${types}`)
  }
})

void t.test('a ReadyForQuery that nobody asked for is owed by nobody', async (t) => {
  const replies = new Replies()
  t.equal(replies.ends(code('Z')), false)
  replies.advance()
  replies.expect('query')
  t.equal(feed(replies, 'CZ'), 0)
})

void t.test("an exchange's replies are its own, and it ends once", async (t) => {
  const events: string[] = []
  const replies = new Replies()
  const [a, b] = [sinkOf(events, 'a'), sinkOf(events, 'b')]
  replies.expect('execute')
  replies.expect('parse', a)
  replies.expect('execute', a)
  replies.expect('parse', b)
  replies.expect('sync')
  t.equal(replies.sink, undefined)
  feed(replies, 'C')
  t.equal(replies.sink, a)
  feed(replies, '1')
  t.same(events, [], 'half of it does not end it')
  feed(replies, 'C')
  t.same(events, ['a ended'])
  t.equal(replies.sink, b)
  feed(replies, 'E')
  t.same(events, ['a ended', 'b ended'], 'an error ends it too')
  t.equal(replies.kind, 'sync')
})

void t.test('a lost connection ends everything that is owed', async (t) => {
  const events: string[] = []
  const replies = new Replies()
  for (const name of ['a', 'b']) replies.expect('sync', sinkOf(events, name))
  replies.expect('query')
  replies.abandon()
  t.same(events, ['a ended', 'b ended'])
  t.equal(replies.size, 0)
})

void t.test('COPY forgets the requests that the upstream will ignore', async (t) => {
  const replies = new Replies()
  for (const kind of ['bind', 'execute', 'sync', 'query'] as const) replies.expect(kind)
  feed(replies, '2')
  replies.keepFirst()
  t.equal(replies.size, 1)
  replies.expect('sync')
  t.equal(feed(replies, 'CZ'), 0)
})

void t.test(
  'a hundred thousand pipelined requests keep their order and leave nothing',
  async (t) => {
    const replies = new Replies()
    for (let i = 0; i < 100_000; i++) replies.expect(i % 2 ? 'bind' : 'execute')
    for (let i = 0; i < 100_000; i++) {
      if (replies.kind !== (i % 2 ? 'bind' : 'execute')) t.fail(`out of order at ${i}`)
      replies.advance()
    }
    t.equal(replies.size, 0)
  }
)
