// Deliveries taken past nats.js's parser. Goal: whatever a server sends, cut however, arrives in order,
// once, and as nats.js would have given it. Method: random frames in random pieces, through nats.js's
// own parser alone and through the one we stand in front of; and a connection of the nats.js we have.

import type { Msg, NatsConnection } from 'nats'
import { Kind, Parser } from 'nats/lib/nats-base-client/parser.js'
import type { ParserEvent } from 'nats/lib/nats-base-client/parser.js'
import t from 'tap'

import { deliveryAt } from '../../src/ingest/delivery.ts'
import { takeFrames } from '../../src/ingest/delivery-frames.ts'
import { connectNats, startNats, withoutNats } from '../support/nats-server.ts'
import { random, seeded } from '../support/random.ts'
import type { Random } from '../support/random.ts'

const OURS = 7
const SEEDS = 40

/** What a parser's user is told. */
const told = ({ kind, msg, data }: ParserEvent): string => {
  const payload = Buffer.from(data ?? []).toString('latin1')
  if (kind !== Kind.MSG || !msg) return `${kind} ${payload}`
  const words = [msg.subject, msg.reply ?? new Uint8Array()].map((word) => Buffer.from(word))
  return `${words.join(' ')} ${msg.sid} ${msg.hdr} ${payload}`
}

function frames(random: Random): Buffer {
  const payload = (): Buffer => random.bytes(random.int(0, 300))
  const makers: (() => (string | Buffer)[])[] = [
    () => ['PING\r\n'],
    () => ['+OK\r\n'],
    () => ["-ERR 'slow consumer'\r\n"],
    () => message(`MSG später ${OURS} `, payload()),
    () => message('MSG a.b 8 reply.to.me ', payload()),
    () => {
      const headers = Buffer.from('NATS/1.0 408 Request Timeout\r\n\r\n')
      return ['HMSG _INBOX.x ', `${OURS} ${headers.length} ${headers.length}\r\n`, headers, '\r\n']
    }
  ]
  const parts: (string | Buffer)[] = []
  for (let n = 1; n <= 60; n++) {
    const reply = `$JS.ACK.s.c.1.${n}.${n}.1700000000123456789.${random.int(0, 9)}`
    const ours = (): (string | Buffer)[] => message(`MSG sübject ${OURS} ${reply} `, payload())
    parts.push(...(random.bool(0.7) ? ours() : random.pick(makers)()))
  }
  return Buffer.concat(parts.map((part) => Buffer.from(part)))
}

const message = (head: string, payload: Buffer): (string | Buffer)[] => [
  head,
  `${payload.length}\r\n`,
  payload,
  '\r\n'
]

function* pieces(whole: Buffer, random: Random): Generator<Buffer> {
  const longest = random.bool() ? 5 : 2_000
  for (let at = 0; at < whole.length;) {
    const next = at + random.int(1, longest)
    yield Buffer.from(whole.subarray(at, next))
    at = next
  }
}

void t.test('random frames in random pieces', async (t) => {
  const first = random(t).seed
  let taken = 0
  for (let seed = first; seed < first + SEEDS; seed++) {
    const pieced = seeded(seed)
    const whole = frames(pieced)
    const want: string[] = []
    const got: string[] = []
    const into = (list: string[]) => ({ push: (e: ParserEvent) => list.push(told(e)) })
    new Parser(into(want)).parse(whole)
    const parser = new Parser(into(got))
    const connection = { protocol: { parser } } as unknown as NatsConnection
    const undo = takeFrames(connection, OURS, (frame) => {
      taken++
      const { chunk, replyStart, replyEnd, data } = frame
      const { reply = '', subject = '' } = deliveryAt(chunk, replyStart, replyEnd, frame) ?? {}
      got.push(`${subject} ${reply} ${OURS} -1 ${Buffer.from(data).toString('latin1')}`)
    })
    for (const piece of pieces(whole, pieced)) parser.parse(piece)
    t.same(got, want, `seed ${seed}`)
    undo()
    const before = taken
    parser.parse(whole)
    t.equal(taken, before, 'nothing is taken once it is undone')
    t.same(got.slice(want.length), want, 'and nothing is missing')
  }
  t.ok(taken > 0, `${taken} frames were taken`)
})

void t.test('a nats.js that is another one keeps its parser', async (t) => {
  for (const protocol of [undefined, {}, { parser: {} }, { parser: { parse: () => undefined } }]) {
    const undo = takeFrames({ protocol } as unknown as NatsConnection, OURS, () => undefined)
    t.doesNotThrow(undo)
  }
})

void t.test(
  'a connection of the nats.js we have is read past its parser',
  {
    skip: withoutNats()
  },
  async (t) => {
    const server = await startNats(t, { jetstream: false })
    const connection = await connectNats(t, server)
    const left: string[] = []
    const got: string[] = []
    const callback = (_error: unknown, message: Msg): unknown =>
      left.push(`${message.subject} ${message.string()}`)
    const subscription = connection.subscribe('some.*', { callback })
    takeFrames(connection, subscription.getID(), ({ subject, data }) => {
      got.push(`${subject} ${Buffer.from(data).toString()}`)
    })
    const deliveries = Array.from({ length: 100 }, (_, n) => `payload ${n}`)
    deliveries.forEach((each, n) => connection.publish(`some.${n}`, each, { reply: 'reply.to.me' }))
    await connection.flush()
    t.same(
      [...got, ...left].toSorted(),
      deliveries.map((each, n) => `some.${n} ${each}`).toSorted()
    )
    t.ok(got.length > 50, `${left.length} took the slow way, cut by the socket`)
  }
)
