// Goal: a relation that mirrors its stream is told where that begins, soon after it moved, again while
// older deliveries may still come, and not for a stream in another life than the relation's; and
// what was deleted from its middle, once; and in another life all rows of the former one go.
// Method: an ingestion over a real stream that is purged, with a sink that remembers.

import t from 'tap'

import { Ingestion } from '../../src/ingest/ingestion.ts'
import { NatsConnections } from '../../src/ingest/connection.ts'
import { ConsumerLives } from '../../src/ingest/consumer-names.ts'
import { ShownMarks } from '../../src/ingest/shown-marks.ts'
import { probe } from '../../src/ingest/probe.ts'
import { eventually } from '../support/eventually.ts'
import { connectNats, createStream, publishJson, startNats, withoutNats } from '../support/nats-server.ts'
import { connectorTo, decode, keyless, log, MemorySink, numbers } from './support.ts'

void t.test('trims where the stream begins', { skip: withoutNats() }, async (t) => {
  const nats = await startNats(t)
  const connection = await connectNats(t, nats)
  await createStream(connection, 'N', ['n.>'])
  await publishJson(connection, 'n.a', numbers(0, 10))
  const manager = await connection.jetstreamManager()
  const connector = connectorTo(nats.port)
  const connections = new NatsConnections(log)
  const sink = new MemorySink()
  const trimmed: number[] = []
  const deleted: number[] = []
  const ingestion = new Ingestion({
    schema: keyless,
    connector,
    decode,
    store: sink,
    connections,
    position: (await probe(connector)).position,
    names: new ConsumerLives().of(keyless.id),
    shown: new ShownMarks().of(keyless.id),
    trim: async (first, these) => {
      trimmed.push(first)
      deleted.push(...these)
    },
    log
  })
  t.teardown(async () => {
    await ingestion.stop()
    await connections.close()
  })
  ingestion.start()
  await eventually(() => sink.values.length === 10)
  await manager.streams.purge('N', { seq: 6 })
  await eventually(() => trimmed.includes(6), { what: 'trimming to 6' })
  await manager.streams.deleteMessage('N', 8)
  await eventually(() => deleted.includes(8), { what: 'one from the middle' })
  await manager.streams.deleteMessage('N', 7)
  await eventually(() => deleted.includes(7), { what: 'another' })
  t.same(deleted, [8, 7], 'each once')
  await manager.streams.purge('N')
  await eventually(() => trimmed.includes(11), { what: 'an empty stream' })
  t.same(trimmed, trimmed.toSorted((a, b) => a - b), 'in order')

  await manager.streams.delete('N')
  await eventually(() => createStream(connection, 'N', ['n.>']).then(() => true))
  await publishJson(connection, 'n.a', numbers(10, 20))
  await eventually(() => sink.values.length === 20)
  const { created } = (await manager.streams.info('N'))
  const clearing = sink.batches.filter(({ cutsBehind }) => cutsBehind === 0)
  t.same(clearing.map(({ position }) => position.created), [created], 'the first of another life clears')
  t.equal(clearing[0], sink.batches.find(({ position }) => position.created === created))
  await manager.streams.purge('N', { seq: 4 })
  await eventually(() => trimmed.at(-1) === 4, { what: 'trimming in another life' })
  t.pass('in the stream that was made again too')
})
