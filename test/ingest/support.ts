// What the ingestion tests share: a relation of one bigint, a sink in memory that can be slow or
// fail, and an ingestion over a real server.

import type { Test } from 'tap'

import { NatsConnections } from '../../src/ingest/connection.ts'
import { ConsumerLives } from '../../src/ingest/consumer-names.ts'
import type { ConsumerNames } from '../../src/ingest/consumer-names.ts'
import { ShownMarks } from '../../src/ingest/shown-marks.ts'
import { Ingestion } from '../../src/ingest/ingestion.ts'
import type { BatchSink } from '../../src/ingest/ingestion.ts'
import type { IngestionState } from '../../src/ingest/ingestion-status.ts'
import type { Delivery } from '../../src/ingest/delivery.ts'
import { probe } from '../../src/ingest/probe.ts'
import { OrderedReader } from '../../src/ingest/reader.ts'
import type { ReaderEvents, StreamReader } from '../../src/ingest/reader.ts'
import type { Trim } from '../../src/ingest/trimmer.ts'
import { createLogger } from '../../src/log.ts'
import type { Batch, Decoded, Delivered, NatsConnector, StreamPosition } from '../../src/types/connector.ts'
import { OID } from '../../src/types/oids.ts'
import type { RelationSchema } from '../../src/types/value.ts'
import { eventually } from '../support/eventually.ts'
import { startStream } from '../support/nats-server.ts'
import type { NatsServerOptions, StreamServer } from '../support/nats-server.ts'

export const log = createLogger({ level: 'silent', format: 'json' })

export const schema: RelationSchema = {
  id: 7,
  columns: [{ attnum: 1, name: 'n', type: { oid: OID.int8, typmod: -1 }, notNull: true }],
  key: [1]
}

export const keyless: RelationSchema = { ...schema, key: [] }

/** Of ten bytes that nobody reads. */
export const delivery = (sequence: number): Delivery => ({
  sequence,
  consumerSequence: sequence,
  subject: 'n',
  payload: new Uint8Array(10),
  pending: 0,
  reply: '',
  timestampMicros: 0n,
  headers: new Map()
})

/** {"n": 1} becomes the row (1); anything else is refused. */
export function decode({ payload }: Pick<Delivered, 'payload'>): Decoded {
  try {
    const { n } = JSON.parse(Buffer.from(payload).toString()) as { n?: unknown }
    return typeof n === 'number' ? { ok: true, row: [n] } : { ok: false, error: 'n is missing' }
  } catch {
    return { ok: false, error: 'no JSON' }
  }
}

/** Keeps what was applied; `gate` runs before each apply, and may wait or throw. */
export class MemorySink implements BatchSink {
  readonly values: number[] = []
  readonly sequences: number[] = []
  readonly batches: Batch[] = []
  gate: (batch: Batch) => Promise<void> | void = () => undefined

  async apply(batch: Batch): Promise<void> {
    await this.gate(batch)
    this.batches.push(batch)
    for (const value of batch.columns[0] ?? []) this.values.push(value as number)
    for (const sequence of batch.sequences) this.sequences.push(sequence)
  }

  get position(): StreamPosition | undefined {
    return this.batches.at(-1)?.position
  }
}

export const connectorTo = (
  port: number,
  change: Partial<NatsConnector> = {}
): NatsConnector => ({
  servers: [`127.0.0.1:${port}`],
  subjects: ['n.>'],
  stream: 'N',
  authentication: { mode: 'plain' },
  start: { mode: 'earliest' },
  ...change
})

export interface Running {
  readonly ingestion: Ingestion
  readonly sink: MemorySink
  readonly states: IngestionState[]
  readonly connections: NatsConnections
  /** Waits until so many rows are in the sink. */
  readonly rows: (count: number, deadlineMs?: number) => Promise<void>
}

/** Probes, then ingests until the test's end. */
export async function ingest(
  t: Test,
  connector: NatsConnector,
  options: { schema?: RelationSchema; sink?: MemorySink; position?: StreamPosition; trim?: Trim } = {}
): Promise<Running> {
  const { sink = new MemorySink(), trim } = options
  const { position, connector: probed } = options.position
    ? { position: options.position, connector }
    : await probe(connector)
  const connections = new NatsConnections(log)
  const states: IngestionState[] = []
  const ingestion = new Ingestion({
    schema: options.schema ?? schema,
    connector: probed,
    decode,
    store: sink,
    connections,
    position,
    names: new ConsumerLives().of(schema.id),
    shown: new ShownMarks().of(schema.id),
    trim,
    log,
    onState: (state) => states.push(state)
  })
  t.teardown(async () => {
    await ingestion.stop()
    await connections.close()
  })
  ingestion.start()
  const rows = async (count: number, deadlineMs = 20_000) => {
    const what = `${count} rows in the sink`
    await eventually(() => sink.values.length >= count, { deadlineMs, what })
  }
  return { ingestion, sink, states, connections, rows }
}

/** A server of the test's own with the stream that connectorTo reads. */
export const startNumbers = (
  t: Test,
  config: object = {},
  server: NatsServerOptions = {}
): Promise<StreamServer> => startStream(t, 'N', ['n.>'], { config, server })

/** { n: from } … { n: to - 1 } */
export const numbers = (from: number, to: number): { n: number }[] =>
  Array.from({ length: to - from }, (_, i) => ({ n: from + i }))

/** Whether the values are from, from + 1, … in this order, `count` of them. */
export const inOrder = (values: readonly number[], from: number, count: number): boolean =>
  values.length === count && values.every((value, i) => value === from + i)

/** A reader alone, until the test's end. */
export function startReader(
  t: Test,
  connector: NatsConnector,
  position: StreamPosition,
  events: Partial<ReaderEvents>,
  names: ConsumerNames = new ConsumerLives().of(schema.id)
): StreamReader {
  const none = (): void => undefined
  const connections = new NatsConnections(log)
  const reader = new OrderedReader({
    connector,
    connections,
    position,
    names,
    readsAgain: true,
    log,
    events: {
      onDelivery: none,
      onGap: none,
      onTurn: none,
      onOpen: none,
      onIdle: none,
      onDown: none,
      onFatal: none,
      ...events
    }
  })
  t.teardown(async () => {
    await reader.stop()
    await connections.close()
  })
  reader.start()
  return reader
}
