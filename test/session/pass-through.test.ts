// Goal: frames that are the upstream's business go to it in the chunk they came in, as they came, and
// the first that may be ours stops that, with all behind it.
// Method: chunks of frames are given to a session that has nothing of ours, before an upstream that is
// played by the test; what it expects and sends is compared with tables, also of chunks cut anywhere.

import t from 'tap'

import type { Conversation } from '../../src/session/conversation.ts'
import { PassThrough } from '../../src/session/pass-through.ts'
import { NameScan } from '../../src/sql/classify.ts'
import { loadParser } from '../../src/sql/parser.ts'
import { frame } from '../../src/wire/backend.ts'
import { frontend } from '../../src/wire/frontend.ts'

await loadParser()

const parse = (text: string, name = ''): Buffer => frontend.parse({ name, text, types: [] })
const [bind, describe, execute] = [
  frontend.bind({}),
  frontend.describe({ type: 'P' }),
  frontend.execute({})
]
const [close, sync, flush] = [frontend.close({ type: 'S', name: 's' }), frontend.sync(), frontend.flush()]
const named = frontend.bind({ portal: 'p', statement: 's' })
/** Postgres says what is wrong with them. */
const damaged = [frame('P', Buffer.from('\0no end')), frame('E'), frame('D', Buffer.from('?'))]

interface Played {
  readonly passThrough: PassThrough
  readonly expected: string[]
  readonly link: { skipping: boolean; copying: boolean; closed: boolean; dirty: boolean; sent: Buffer }
  readonly c: { hasUnnamed: boolean; text: string; executions: number }
}

function play(): Played {
  const expected: string[] = []
  const link = {
    skipping: false,
    copying: false,
    closed: false,
    dirty: false,
    sent: Buffer.alloc(0),
    expect(kind: string): void {
      expected.push(kind)
      link.dirty = true
    },
    send: (bytes: Buffer): void => void (link.sent = Buffer.concat([link.sent, bytes]))
  }
  const names = new NameScan(['readings'])
  const c = {
    link,
    context: { names: () => names },
    hasUnnamed: false,
    text: '',
    executions: 0,
    batchStarted: () => undefined,
    batchEnded: () => undefined,
    sawRelayed: () => undefined,
    executed: () => void c.executions++
  }
  return { passThrough: new PassThrough(c as unknown as Conversation), expected, link, c }
}

void t.test('whole requests pass, and are expected to be answered', async (t) => {
  const { passThrough, expected, link, c } = play()
  const request = [parse('SELECT 1'), bind, describe, execute, close, sync]
  const chunk = Buffer.concat([...request, ...request])
  t.equal(passThrough.take(chunk), chunk.length)
  t.ok(link.sent.equals(chunk))
  const once = ['parse', 'bind', 'describe', 'execute', 'close', 'sync']
  t.same(expected, [...once, ...once])
  t.match(c, { hasUnnamed: true, text: 'SELECT 1', executions: 2 })
  t.equal(passThrough.frames, 12)
})

void t.test('names of statements and portals leave the unnamed ones as they were', async (t) => {
  const { passThrough, c } = play()
  passThrough.take(Buffer.concat([parse('SELECT 1', 's'), named]))
  t.equal(c.hasUnnamed, false)
})

for (const [what, stop] of Object.entries({
  'a relation in a Parse': parse('SELECT * FROM readings'),
  'a statement of ours': parse('CREATE TABLE t WITH (connector = 1)'),
  'a Query': frontend.query('SELECT 1'),
  'a Flush': flush,
  'COPY data': frame('d', Buffer.from('1\n')),
  'a Terminate': frontend.end(),
  'a text without end': damaged[0]!,
  'an impossible length': Buffer.from([0x42, 0, 0, 0, 3])
})) {
  void t.test(`${what} stops it, with all behind`, async (t) => {
    const { passThrough, expected, link } = play()
    const before = Buffer.concat([parse('SELECT 1'), bind])
    t.equal(passThrough.take(Buffer.concat([before, stop, execute, sync])), before.length)
    t.ok(link.sent.equals(before))
    t.same(expected, ['parse', 'bind'])
  })
}

void t.test('a Sync behind nothing is not the upstream’s', async (t) => {
  const { passThrough, expected } = play()
  t.equal(passThrough.take(sync), 0)
  t.equal(passThrough.take(Buffer.concat([bind, sync, sync])), bind.length + 2 * sync.length)
  t.same(expected, ['bind', 'sync', 'sync'], 'as long as the upstream owes an answer')
})

void t.test('what is damaged passes where only Postgres need understand it', async (t) => {
  const { passThrough, expected } = play()
  const chunk = Buffer.concat(damaged.slice(1))
  t.equal(passThrough.take(chunk), chunk.length)
  t.same(expected, ['execute', 'describe'])
})

for (const state of ['skipping', 'copying', 'closed'] as const) {
  void t.test(`nothing passes while the upstream is ${state}`, async (t) => {
    const { passThrough, link, expected } = play()
    link[state] = true
    t.equal(passThrough.take(Buffer.concat([bind, sync])), 0)
    t.same(expected, [])
  })
}

void t.test('wherever a chunk is cut, whole frames pass and no part of one', async (t) => {
  const request = [parse('SELECT 2'), bind, describe, execute, sync]
  const chunk = Buffer.concat(request)
  const ends = request.map((_, i) => Buffer.concat(request.slice(0, i + 1)).length)
  for (let cut = 0; cut <= chunk.length; cut++) {
    const { passThrough, link } = play()
    const wanted = Math.max(0, ...ends.filter((end) => end <= cut))
    const passed = passThrough.take(Buffer.from(chunk.subarray(0, cut)))
    if (passed !== wanted || !link.sent.equals(chunk.subarray(0, wanted))) t.fail(`cut at ${cut}`)
  }
  t.equal(ends.length, request.length)
})
