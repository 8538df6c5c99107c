// Goal: a stream that removes what was acknowledged loses nothing by us: nothing is acknowledged
// before it is on disk, everything is afterwards, and no redelivery becomes a second row. Method:
// real streams of every retention, sinks that hold commits back, readers that vanish before a commit.

import type { ConsumerInfo, NatsConnection } from 'nats'
import t from 'tap'
import type { Test } from 'tap'

import { makeDurable, removeDurable } from '../../src/ingest/durable.ts'
import { probe } from '../../src/ingest/probe.ts'
import type { NatsConnector } from '../../src/types/connector.ts'
import { eventually } from '../support/eventually.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import {
  connectorTo,
  ingest,
  inOrder,
  keyless,
  MemorySink,
  numbers,
  startNumbers,
  startReader
} from './support.ts'

const skip = withoutNats()

type Retention = 'limits' | 'interest' | 'workqueue'

const COUNT = 3_000

async function setup(
  t: Test,
  retention: Retention,
  change: Partial<NatsConnector> = {}
): Promise<{ admin: NatsConnection; connector: NatsConnector }> {
  const { server, admin } = await startNumbers(t, { retention })
  const given = connectorTo(server.port, { subjects: ['n.a'], consumer: { name: 'd' }, ...change })
  const { connector, position } = await probe(given)
  await makeDurable(connector, position)
  return { admin, connector }
}

const consumerOf = async (admin: NatsConnection): Promise<ConsumerInfo> =>
  (await admin.jetstreamManager()).consumers.info('N', 'd')

const streamState = async (admin: NatsConnection) =>
  (await (await admin.jetstreamManager()).streams.info('N')).state

const start = async (admin: NatsConnection) => ({
  sequence: 0,
  created: (await (await admin.jetstreamManager()).streams.info('N')).created
})

for (const retention of ['limits', 'interest', 'workqueue'] as const) {
  void t.test(`${retention}: acknowledged once committed, not before`, { skip }, async (t) => {
    const { admin, connector } = await setup(t, retention)
    let open = (): void => undefined
    const sink = new MemorySink()
    const gate = new Promise<void>((resolve) => (open = resolve))
    sink.gate = () => gate
    const { ingestion, rows } = await ingest(t, connector, { sink, position: await start(admin) })
    await publishJson(admin, 'n.a', numbers(0, COUNT))
    await eventually(() => ingestion.status().received === COUNT)
    t.equal((await consumerOf(admin)).ack_floor.stream_seq, 0, 'nothing before the commit')
    t.equal((await streamState(admin)).messages, COUNT, 'and the stream has it all')
    open()
    await rows(COUNT)
    await eventually(async () => (await consumerOf(admin)).ack_floor.stream_seq === COUNT)
    const left = retention === 'limits' ? COUNT : 0
    await eventually(async () => (await streamState(admin)).messages === left)
    t.equal((await consumerOf(admin)).num_ack_pending, 0, 'nothing is left open')
    t.ok(inOrder(sink.values, 0, COUNT), 'every row, in order')
  })

  void t.test(`${retention}: what was read and not committed comes again`, { skip }, async (t) => {
    const { admin, connector } = await setup(t, retention)
    const position = await start(admin)
    let came = 0
    const reader = startReader(t, connector, position, { onDelivery: () => came++ })
    await publishJson(admin, 'n.a', numbers(0, COUNT))
    await eventually(() => came === COUNT)
    const committed = { ...position, sequence: 1_000 }
    reader.committed(committed)
    await eventually(async () => (await consumerOf(admin)).ack_floor.stream_seq === 1_000)
    // As after kill -9: read, acknowledged in part, the rest never committed.
    await reader.stop()
    await publishJson(admin, 'n.a', numbers(COUNT, COUNT + 10))
    const { sink, rows, ingestion } = await ingest(t, connector, {
      position: { ...position, sequence: 900 },
      schema: keyless
    })
    const again = retention === 'limits' ? 900 : 1_000
    await rows(COUNT + 10 - again)
    t.ok(inOrder(sink.values, again, COUNT + 10 - again), 'in order, new ones behind old ones')
    await eventually(() => ingestion.status().state === 'live')
    await eventually(async () => (await consumerOf(admin)).num_ack_pending === 0)
  })

  void t.test(`${retention}: redelivered, it is no second row`, { skip }, async (t) => {
    const { admin, connector } = await setup(t, retention, {
      consumer: { name: 'd', ackWaitSeconds: 1 }
    })
    const sink = new MemorySink()
    let commits = 0
    sink.gate = async () => {
      if (commits++ > 0) return
      await eventually(async () => (await consumerOf(admin)).num_redelivered > 0)
    }
    const { rows } = await ingest(t, connector, {
      sink,
      position: await start(admin),
      schema: keyless
    })
    await publishJson(admin, 'n.a', numbers(0, 100))
    await rows(100)
    await publishJson(admin, 'n.a', numbers(100, 200))
    await rows(200)
    t.ok(inOrder(sink.values, 0, 200), 'each once')
    await eventually(async () => (await consumerOf(admin)).num_ack_pending === 0)
  })
}

void t.test('acknowledgements that were lost are made up for', { skip }, async (t) => {
  const { admin, connector } = await setup(t, 'workqueue')
  await publishJson(admin, 'n.a', numbers(0, 100))
  const position = { ...(await start(admin)), sequence: 60 }
  const { sink, rows } = await ingest(t, connector, { position })
  await rows(40)
  t.ok(inOrder(sink.values, 60, 40), 'what was committed is not read again')
  await eventually(async () => (await streamState(admin)).messages === 0)
})

void t.test('few open acknowledgements do not stop the reading', { skip }, async (t) => {
  const { admin, connector } = await setup(t, 'limits', {
    consumer: { name: 'd', ackPendingMax: 50 }
  })
  const { sink, rows } = await ingest(t, connector, { position: await start(admin) })
  await publishJson(admin, 'n.a', numbers(0, 2_000))
  const began = performance.now()
  await rows(2_000)
  t.ok(performance.now() - began < 10_000, `${Math.round(performance.now() - began)} ms`)
  t.ok(inOrder(sink.values, 0, 2_000), 'in order')
})

void t.test('interest is kept while the consumer is made anew', { skip }, async (t) => {
  const { admin, connector } = await setup(t, 'interest')
  const position = await start(admin)
  let over = false
  let published = 0
  const publishing = (async () => {
    while (!over) await publishJson(admin, 'n.a', numbers(published, (published += 20)))
  })()
  const came: number[] = []
  for (let life = 0; life < 10; life++) {
    const before = came.length
    const reader = startReader(t, connector, position, {
      onDelivery: ({ sequence }) => came.push(sequence)
    })
    await eventually(() => came.length > before)
    await reader.stop()
    came.length = before
  }
  over = true
  await publishing
  const { sink, rows } = await ingest(t, connector, { position, schema: keyless })
  await rows(published)
  t.ok(inOrder(sink.values, 0, published), `${published} published`)
})

void t.test('a relation that goes takes its consumers along', { skip }, async (t) => {
  const { admin, connector } = await setup(t, 'interest')
  await removeDurable(connector)
  const manager = await admin.jetstreamManager()
  t.same(await manager.consumers.list('N').next(), [], 'none is left')
})
