// Goal: what a server passes over, a reader gets all the same, before anything behind it. Method: a
// real server whose single subjects are purged and rolled up at random (seed printed) while a
// reader lags; nats-server 2.9 then moves the consumer past deliveries that the stream still holds.
// In the end everything that the stream holds must have come, in order, once.

import { headers } from 'nats'
import type { NatsConnection } from 'nats'
import t from 'tap'
import type { Test } from 'tap'

import { Consumption } from '../../src/ingest/consumption.ts'
import type { Delivery } from '../../src/ingest/delivery.ts'
import { readHole } from '../../src/ingest/hole.ts'
import { nextDelivery, streamInfo } from '../../src/ingest/jetstream.ts'
import { openConsumer } from '../../src/ingest/open-consumer.ts'
import { probe } from '../../src/ingest/probe.ts'
import type { StreamReader } from '../../src/ingest/reader.ts'
import { mayPassOver } from '../../src/ingest/stream-facts.ts'
import { limits } from '../../src/limits.ts'
import type { Delivered, Gap, NatsConnector } from '../../src/types/connector.ts'
import { eventually } from '../support/eventually.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { random } from '../support/random.ts'
import type { Random } from '../support/random.ts'
import { connectorTo, numbers, startNumbers, startReader } from './support.ts'

const skip = withoutNats()

const SUBJECTS = 8
const ROUNDS = 5
/** More than a paused reader still gets: what it has asked for already. */
const PER_ROUND = 2 * limits.pullBatch

for (const subjects of [['n.>'], ['n.1'], ['n.1', 'n.2', 'n.3']]) {
  const name = `nothing is passed over under purges, subjects ${subjects.join()}`
  void t.test(name, { skip }, async (t) => {
    const seeds = random(t)
    const config = { storage: 'memory', allow_rollup_hdrs: true }
    const { server, admin } = await startNumbers(t, config)
    const connector = connectorTo(server.port, { subjects })
    const came: number[] = []
    let interruptions = 0
    const reader = startReader(t, connector, (await probe(connector)).position, {
      onDelivery: ({ sequence }) => came.push(sequence),
      onDown: () => interruptions++
    })
    for (let round = 0; round < ROUNDS; round++) await disturb(admin, reader, seeds)
    reader.resume()
    const held = await heldSequences(admin, subjects)
    await eventually(() => missing(held, came).length === 0).catch(() => undefined)
    t.same(missing(held, came).slice(0, 10), [], 'all that the stream holds has come')
    t.ok(came.every((sequence, i) => i === 0 || sequence > came[i - 1]!), 'in order, each once')
    t.comment(`${came.length} came, ${held.length} held, ${interruptions} times read again`)
  })
}

/** Deliveries to all subjects, and in the middle of them one subject purged or rolled up. */
async function disturb(admin: NatsConnection, reader: StreamReader, seeds: Random): Promise<void> {
  if (seeds.bool(0.8)) reader.pause()
  const subject = (): string => `n.${seeds.int(0, SUBJECTS - 1)}`
  await publishJson(admin, subject, numbers(0, PER_ROUND))
  const manager = await admin.jetstreamManager()
  const keep = seeds.pick([0, 1, 3])
  if (seeds.bool()) await manager.streams.purge('N', { filter: subject(), keep })
  else await rollUp(admin, subject())
  await publishJson(admin, subject, numbers(0, seeds.int(0, PER_ROUND)))
  reader.resume()
}

async function rollUp(admin: NatsConnection, subject: string): Promise<void> {
  const rollup = headers()
  rollup.set('Nats-Rollup', 'sub')
  await admin.jetstream().publish(subject, '{"n":0}', { headers: rollup })
}

/** By a consumer made now, which nothing has moved. */
async function heldSequences(admin: NatsConnection, subjects: string[]): Promise<number[]> {
  const { messages } = (await (await admin.jetstreamManager()).streams.info('N')).state
  const consumer = await admin.jetstream().consumers.get('N')
  const sequences: number[] = []
  for await (const message of await consumer.fetch({ max_messages: messages, expires: 5_000 })) {
    const { subject, seq } = message
    if (subjects.includes('n.>') || subjects.includes(subject)) sequences.push(seq)
  }
  return sequences
}

function missing(held: readonly number[], came: readonly number[]): number[] {
  const has = new Set(came)
  return held.filter((sequence) => !has.has(sequence))
}

void t.test('a canary that is gone is replaced though deliveries never cease', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t, { storage: 'memory' })
  const connector = connectorTo(server.port, { subjects: ['n.1'] })
  if (!mayPassOver(admin.info?.version, connector.subjects)) return t.comment('needs no canary')
  const manager = await admin.jetstreamManager()
  const canary = async (): Promise<string | undefined> =>
    (await manager.consumers.list('N').next()).find(({ name }) => name.endsWith('_canary'))?.name
  const came: number[] = []
  startReader(t, connector, (await probe(connector)).position, {
    onDelivery: ({ sequence }) => came.push(sequence)
  })
  const first = await eventually(canary)
  await manager.consumers.delete('N', first)
  // Each delivery has one of another subject in front of it: all are jumps.
  let published = 0
  await eventually(async () => {
    for (let n = 0; n < 500; n++) {
      admin.publish('n.2', '{}')
      admin.publish('n.1', '{}')
    }
    await admin.flush()
    published += 500
    const now = await canary()
    return now !== undefined && now !== first
  })
  await eventually(() => came.length === published)
  t.ok(came.every((sequence, i) => sequence === 2 * (i + 1)), 'all of them, in order, each once')
})

/** Everything of it that a row can be made from. */
const told = ({ sequence, subject, payload, timestampMicros, headers }: Delivery): object => ({
  sequence,
  subject,
  payload: Buffer.from(payload).toString('hex'),
  timestampMicros,
  headers: [...headers]
})

/** Reads behind position 0 by a consumer that the server has moved: no canary beside it could tell. */
async function readMoved(
  t: Test,
  admin: NatsConnection,
  connector: NatsConnector,
  begin: number
): Promise<{ came: Delivery[]; gaps: Gap[]; pending: number[]; consumption: Consumption }> {
  const info = await streamInfo(admin, 'N')
  const consumer = { ...(await openConsumer(admin, info, connector, begin)), canary: undefined }
  const came: Delivery[] = []
  const gaps: Gap[] = []
  const pending: number[] = []
  const consumption = new Consumption({
    connection: admin,
    info,
    connector,
    consumer,
    sequence: 0,
    committed: 0,
    paused: false,
    onDelivery: (delivery) => {
      came.push(delivery)
      pending.push(delivery.pending)
    },
    onGap: (gap) => gaps.push(gap),
    onFilled: () => undefined,
    onIdle: () => undefined
  })
  t.teardown(() => consumption.end('the test is over'))
  return { came, gaps, pending, consumption }
}

void t.test('a hole is filled as if its deliveries had come, by the same consumer', { skip }, async (t) => {
  const { admin, server } = await startNumbers(t, { storage: 'memory' })
  if (!mayPassOver(admin.info?.version, [])) return t.comment('such a server is trusted')
  const made: string[] = []
  admin.subscribe('$JS.EVENT.ADVISORY.CONSUMER.CREATED.N.*', {
    callback: (_, { subject }) => made.push(subject)
  })
  const several = headers()
  several.append('Trace', 'one')
  several.append('Trace', ' two: 2 ')
  several.append('other', '')
  for (let n = 0; n < 60; n++) {
    const options = n % 3 === 0 ? { headers: several } : {}
    await admin.jetstream().publish(`n.${n % 2}`, Uint8Array.from([n, 0, 255]), options)
  }
  await admin.jetstream().publish('n.0', '')
  const manager = await admin.jetstreamManager()
  for (const sequence of [1, 17, 18, 19]) await manager.streams.deleteMessage('N', sequence)
  for (const subjects of [['n.>'], ['n.0'], ['n.0', 'n.1']]) {
    made.length = 0
    const connector = connectorTo(server.port, { subjects })
    const want = await readMoved(t, admin, connector, 0)
    const got = await readMoved(t, admin, connector, 40)
    await eventually(() => want.came.at(-1)?.sequence === 61 && got.came.at(-1)?.sequence === 61)
    t.same(got.came.map(told), want.came.map(told), `everything, of ${subjects.join()}`)
    t.same(got.pending, want.pending, 'and what is still to come')
    t.same(got.gaps, want.gaps)
    const readers = made.filter((subject) => !subject.endsWith('_canary'))
    t.equal(readers.length, 2, 'one consumer each')
  }
})

void t.test('a hole that is too large is not filled, nor counted as a gap', { skip }, async (t) => {
  const { admin, server } = await startNumbers(t, { storage: 'memory' })
  await publishJson(admin, 'n.1', numbers(0, 20))
  const before = (await nextDelivery(admin, 'N', 16, '>')) as Delivered
  const hole = {
    stream: 'N',
    filters: ['>'],
    from: 1,
    before: { ...before, consumerSequence: 1, pending: 4, reply: '' }
  }
  const sequences = async (deliveries: number, bytes: number): Promise<unknown> =>
    (await readHole(admin, hole, { deliveries, bytes }))?.map(({ sequence }) => sequence)
  const all = numbers(1, 16).map(({ n }) => n)
  t.same(await sequences(15, 1_000), all)
  t.equal(await sequences(14, 1_000), undefined, 'too many')
  t.equal(await sequences(15, 100), undefined, 'too many bytes')

  // What has to be acknowledged must come from the consumer: this one is given up at once.
  const durable = { name: 'D', ackPolicy: 'explicit' as const }
  const connector = connectorTo(server.port, { durable })
  if (!mayPassOver(admin.info?.version, [])) return t.comment('such a server is trusted')
  const { came, gaps, consumption } = await readMoved(t, admin, connector, 10)
  t.match((await consumption.ended).message, 'passed over sequence 1')
  t.same([came, gaps, consumption.sequence], [[], [], 0], 'nothing was handed on')
})

void t.test('only servers that are known to keep every delivery are trusted', async (t) => {
  const cases: [string | undefined, string[], boolean][] = [
    ['2.9.10', [], true],
    ['2.9.25', ['a'], true],
    ['2.10.0', ['a'], true],
    ['2.10.15', [], true],
    ['2.10.16', ['a'], false],
    ['2.11.0-RC.1', [], false],
    ['2.14.3', [], false],
    ['3.0.0', [], false],
    ['2.14.3', ['a', 'b'], true],
    [undefined, [], true]
  ]
  for (const [version, filters, want] of cases) {
    t.equal(mayPassOver(version, filters), want, `${version} with ${filters.length} filters`)
  }
})
