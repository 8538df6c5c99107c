// The check of a connector when a relation is created: everything that can be wrong is told now, in
// words of its own, and the start position becomes a sequence so that no restart depends on a
// policy. Leaves nothing on the server but a stream it was allowed to make, keeps no connection.

import { connect, nuid } from 'nats'
import type { Msg, NatsConnection } from 'nats'

import {
  connectorObjectMissing,
  duplicateObject,
  featureNotSupported,
  invalidParameterValue
} from '../errors.ts'
import { limits } from '../limits.ts'
import type { DurableConsumer, NatsConnector, StreamPosition } from '../types/connector.ts'
import { connectOptions } from './connect-options.ts'
import {
  consumerInfo,
  createConsumer,
  createStream,
  deleteConsumer,
  nextSequence,
  nextSubject,
  streamInfo
} from './jetstream.ts'
import type { ConsumerStart, StreamInfo } from './jetstream.ts'
import { isConsumerMissing, isStreamMissing, natsFailure } from './nats-errors.ts'
import { coversAll, mayPassOver, retentionOf, takesFilters } from './stream-facts.ts'
import { filtersAreDisjoint, isSubjectFilter, minimalFilters, subjectsOverlap } from './subjects.ts'

/** Stands long enough for the trial, and goes by itself when we die in the middle of it. */
const TRIAL_CONSUMER_MS = 5_000
const STREAM_NAME = /^[^\s.*>/\\]+$/

/** Where a relation begins, and how it will read. */
export interface Probed {
  /** The last sequence NOT to be read, in the stream's present life. */
  readonly position: StreamPosition
  /** The one given, with the durable consumer that it will read by, if it takes one. */
  readonly connector: NatsConnector
}

/** A durable consumer that is the asking relation's already, in this life of its stream. */
export interface OwnConsumer {
  readonly name: string
  readonly created: string
}

/**
 * @throws PgError HV00N unreachable or no JetStream, 28P01 or 28000 refused, 42501 not permitted,
 *   HV00R no such stream or subject, 0A000 retention that can't be read so, 22023 bad option,
 *   42710 the durable consumer is there already.
 */
export async function probe(connector: NatsConnector, known?: OwnConsumer): Promise<Probed> {
  validate(connector)
  const options = connectOptions(connector)
  let connection: NatsConnection | undefined
  try {
    connection = await connect({ ...options, reconnect: false })
    const info = await findStream(connection, connector)
    checkSubjects(connector, info)
    const own = known?.created === info.created ? known.name : undefined
    const durable = durableOf(connector, info, own)
    if (durable) await checkDurable(connection, connector, info, durable.name, own)
    const sequence = await resolveStart(connection, connector, info)
    if (retentionOf(info) === 'limits') await tryReading(connection, connector, sequence + 1)
    const position = { sequence, created: info.created }
    return { position, connector: durable ? { ...connector, durable } : connector }
  } catch (error) {
    throw natsFailure(error, connector)
  } finally {
    await connection?.close()
  }
}

async function findStream(
  connection: NatsConnection,
  { stream, subjects, createStream: limited }: NatsConnector
): Promise<StreamInfo> {
  try {
    return await streamInfo(connection, stream)
  } catch (error) {
    if (!limited || !isStreamMissing(error)) throw error
    return createStream(connection, stream, minimalFilters(subjects), limited)
  }
}

function validate(connector: NatsConnector): void {
  if (!STREAM_NAME.test(connector.stream)) {
    throw invalidParameterValue(`invalid stream name "${connector.stream}"`)
  }
  const invalid = connector.subjects.find((subject) => !isSubjectFilter(subject))
  if (invalid !== undefined) throw invalidParameterValue(`invalid subject "${invalid}"`)
  const { start } = connector
  if (start.mode === 'timestamp' && Number.isNaN(new Date(start.millis).getTime())) {
    throw invalidParameterValue('start timestamp is out of range')
  }
}

/** Undefined where jetgres keeps the position by itself. */
function durableOf(
  { consumer }: NatsConnector,
  info: StreamInfo,
  own: string | undefined
): DurableConsumer | undefined {
  const keepsAll = retentionOf(info) === 'limits'
  if (keepsAll && consumer?.name === undefined) return undefined
  return {
    ...consumer,
    name: consumer?.name ?? own ?? `jetgres_${nuid.next()}`,
    // A work queue takes nothing else, and each delivery stands for itself where others read too.
    ackPolicy: keepsAll ? (consumer?.ackPolicy ?? 'all') : 'explicit'
  }
}

async function checkDurable(
  connection: NatsConnection,
  connector: NatsConnector,
  info: StreamInfo,
  name: string,
  own: string | undefined
): Promise<void> {
  checkRetention(connection, connector, info)
  if (name === own) return
  const { stream } = connector
  const found = await consumerInfo(connection, stream, name).catch((error: unknown) => {
    if (!isConsumerMissing(error)) throw error
    return undefined
  })
  if (!found) return
  throw duplicateObject(`consumer "${name}" of stream "${stream}" exists already`, {
    detail: 'jetgres keeps its consumers for itself, and makes them anew when it has to.',
    hint: 'Choose another "consumer.durable_name", or delete that consumer.'
  })
}

/** What would make the stream delete what nobody has read. */
function checkRetention(
  connection: NatsConnection,
  { stream, subjects, start }: NatsConnector,
  info: StreamInfo
): void {
  const retention = retentionOf(info)
  if (retention === 'limits') return
  if (retention === 'workqueue' && start.mode !== 'earliest') {
    throw featureNotSupported(`stream "${stream}" is a work queue, which is read from its start`, {
      hint: "Leave scan.startup.mode out, or set it to 'earliest'."
    })
  }
  const minimal = minimalFilters(subjects)
  const isPlain = minimal.length === 1 || coversAll(minimal, info)
  if (isPlain || (filtersAreDisjoint(minimal) && takesFilters(connection.info?.version))) return
  throw featureNotSupported(`stream "${stream}" has "${retention}" retention`, {
    detail: 'These subjects could be read only together with others, which it would then remove.',
    hint: 'Use one subject for a relation, or subjects that do not overlap and nats-server 2.10.'
  })
}

/** A mirror or an aggregate holds the subjects of its origins, which it does not list. */
function checkSubjects(connector: NatsConnector, info: StreamInfo): void {
  const held = info.config.subjects ?? []
  if (info.config.mirror !== undefined || (info.config.sources ?? []).length > 0) return
  const outside = connector.subjects.find(
    (subject) => !held.some((other) => subjectsOverlap(subject, other))
  )
  if (outside === undefined) return
  throw connectorObjectMissing(`subject "${outside}" is not in stream "${connector.stream}"`, {
    detail: `The stream's subjects are ${held.map((subject) => `"${subject}"`).join(', ')}.`
  })
}

async function resolveStart(
  connection: NatsConnection,
  connector: NatsConnector,
  { state }: StreamInfo
): Promise<number> {
  switch (connector.start.mode) {
    case 'earliest':
      return Math.max(state.first_seq - 1, 0)
    case 'latest':
      return state.last_seq
    default:
      return sequenceBefore(connection, connector.stream, connector.start.millis)
  }
}

/**
 * Without filters: servers up to 2.10.22 lose deliveries when both are given (nats-server #6076).
 * The reply tells where the consumer stands: just before its first delivery.
 */
async function sequenceBefore(
  connection: NatsConnection,
  stream: string,
  millis: number
): Promise<number> {
  const start: ConsumerStart = {
    deliver_policy: 'by_start_time',
    opt_start_time: new Date(millis).toISOString()
  }
  const trial = { stream, name: nuid.next(), filters: [], start, inactiveMs: TRIAL_CONSUMER_MS }
  const consumer = await createConsumer(connection, trial)
  await deleteConsumer(connection, stream, consumer.name)
  return consumer.delivered.stream_seq
}

/** Goes once through what the reader will do, so that missing permissions show now. */
async function tryReading(
  connection: NatsConnection,
  connector: NatsConnector,
  sequence: number
): Promise<void> {
  const { stream } = connector
  const minimal = minimalFilters(connector.subjects)
  const filters = filtersAreDisjoint(minimal) ? minimal : []
  const start: ConsumerStart = { deliver_policy: 'by_start_sequence', opt_start_seq: sequence }
  const trial = { stream, name: nuid.next(), filters, start, inactiveMs: TRIAL_CONSUMER_MS }
  const consumer = await createConsumer(connection, trial)
  try {
    await pullOnce(connection, nextSubject(stream, consumer.name))
    if (!mayPassOver(connection.info?.version, filters)) return
    // What a reader asks to know that nothing was passed over.
    await consumerInfo(connection, stream, consumer.name)
    await nextSequence(connection, stream, sequence, minimal[0] ?? '>')
  } finally {
    await deleteConsumer(connection, stream, consumer.name)
  }
}

/**
 * Any answer will do: a delivery, or the status that there is none. Without nats.js's shared inbox:
 * a delivery carries its own subject, by which the shared one could not tell whose it is.
 */
const pullOnce = (connection: NatsConnection, subject: string): Promise<Msg> =>
  connection.request(subject, JSON.stringify({ batch: 1, no_wait: true }), {
    timeout: limits.jetStreamRequestMs,
    noMux: true
  })
