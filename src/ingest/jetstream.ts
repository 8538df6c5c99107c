// The few requests of the JetStream API that ingestion needs, over core NATS: what a stream is now,
// a stream made, a consumer made and deleted. Owns subjects and JSON shapes of that API (nats-server's api.go).
// Must never keep state; a consumer's life is its caller's.

import type { NatsConnection } from 'nats'

import { limits } from '../limits.ts'
import type { Delivered, DurableConsumer, StreamLimits } from '../types/connector.ts'
import { JetStreamError } from './nats-errors.ts'
import type { ApiErrorReply } from './nats-errors.ts'

/** What STREAM.INFO says, as far as we care. */
export interface StreamInfo {
  /** Verbatim; a stream that is deleted and made again has another one. */
  readonly created: string
  readonly config: {
    readonly subjects?: readonly string[]
    readonly retention?: string
    readonly max_msgs_per_subject?: number
    readonly num_replicas?: number
    readonly mirror?: unknown
    readonly sources?: readonly unknown[]
  }
  readonly state: {
    /** 0 or last_seq + 1 while the stream is empty. */
    readonly first_seq: number
    readonly last_seq: number
    /** RFC 3339; the year 1 while the stream is empty. */
    readonly first_ts?: string
    /** Deliveries that are gone from between these two. */
    readonly num_deleted?: number
    /** Which; only where it was asked for. */
    readonly deleted?: readonly number[] | null
  }
}

export interface ConsumerInfo {
  readonly name: string
  readonly num_pending: number
  readonly delivered: { readonly consumer_seq: number; readonly stream_seq: number }
  readonly config: { readonly filter_subject?: string; readonly filter_subjects?: string[] }
}

/** Where a consumer begins. */
export type ConsumerStart =
  | { readonly deliver_policy: 'all' }
  | { readonly deliver_policy: 'by_start_sequence'; readonly opt_start_seq: number }
  | { readonly deliver_policy: 'by_start_time'; readonly opt_start_time: string }

export interface ConsumerRequest {
  readonly stream: string
  readonly name: string
  /** None: every delivery of the stream. */
  readonly filters: readonly string[]
  readonly start: ConsumerStart
  /** Milliseconds without a reader after which the server removes it. */
  readonly inactiveMs: number
  /** Set for one that stays and is acknowledged. */
  readonly durable?: DurableConsumer
}

interface ApiReply {
  readonly error?: ApiErrorReply
}

const NANOS_PER_MILLI = 1_000_000
const UNLIMITED = -1
const DESCRIPTION = 'jetgres'

/** @throws JetStreamError when the server says no; NatsError when it cannot be asked. */
export function streamInfo(connection: NatsConnection, stream: string): Promise<StreamInfo> {
  return call<StreamInfo>(connection, `$JS.API.STREAM.INFO.${stream}`)
}

/** Sequences that were deleted from the middle of the stream. @throws as streamInfo */
export async function deletedSequences(
  connection: NatsConnection,
  stream: string
): Promise<readonly number[]> {
  const details = { deleted_details: true }
  const info = await call<StreamInfo>(connection, `$JS.API.STREAM.INFO.${stream}`, details)
  return info.state.deleted ?? []
}

/** A stream in files, one replica. @throws JetStreamError, also when it is there otherwise */
export function createStream(
  connection: NatsConnection,
  name: string,
  subjects: readonly string[],
  limited: StreamLimits
): Promise<StreamInfo> {
  return call<StreamInfo>(connection, `$JS.API.STREAM.CREATE.${name}`, {
    name,
    subjects,
    retention: 'limits',
    storage: 'file',
    num_replicas: 1,
    max_bytes: limited.maxBytes ?? UNLIMITED,
    max_msgs: limited.maxMessages ?? UNLIMITED,
    max_msgs_per_subject: limited.maxMessagesPerSubject ?? UNLIMITED,
    max_consumers: limited.maxConsumers ?? UNLIMITED,
    max_msg_size: limited.maxMessageSize ?? UNLIMITED
  })
}

/** A pull consumer: ephemeral, in memory and without acknowledgements, or a durable one. */
export function createConsumer(
  connection: NatsConnection,
  request: ConsumerRequest
): Promise<ConsumerInfo> {
  const { stream, name, filters, durable } = request
  // Servers allow or deny consumers by filter through this subject, where there is just one.
  const filter = filters.length === 1 ? `.${filters[0]}` : ''
  return call<ConsumerInfo>(connection, `$JS.API.CONSUMER.CREATE.${stream}.${name}${filter}`, {
    stream_name: stream,
    config: {
      name,
      ...request.start,
      ...(filters.length === 1 ? { filter_subject: filters[0] } : {}),
      ...(filters.length > 1 ? { filter_subjects: filters } : {}),
      replay_policy: 'instant',
      ...(durable ? durableConfig(name, durable) : ephemeralConfig(request.inactiveMs))
    }
  })
}

const ephemeralConfig = (inactiveMs: number): object => ({
  description: DESCRIPTION,
  ack_policy: 'none',
  max_deliver: 1,
  mem_storage: true,
  num_replicas: 1,
  inactive_threshold: inactiveMs * NANOS_PER_MILLI
})

const durableConfig = (name: string, durable: DurableConsumer): object => ({
  durable_name: name,
  description: durable.description ?? DESCRIPTION,
  ack_policy: durable.ackPolicy,
  ack_wait: seconds(durable.ackWaitSeconds),
  max_deliver: -1,
  max_ack_pending: durable.ackPendingMax ?? limits.ackPendingMax,
  inactive_threshold: seconds(durable.inactiveSeconds),
  num_replicas: durable.replicas ?? 0,
  ...(durable.inMemory ? { mem_storage: true } : {}),
  ...(durable.sampled === undefined ? {} : { sample_freq: `${durable.sampled}%` })
})

/** In nanoseconds; undefined, which JSON leaves out, is the server's default. */
const seconds = (count: number | undefined): number | undefined =>
  count === undefined ? undefined : count * 1_000 * NANOS_PER_MILLI

/** @throws JetStreamError, also when it isn't there */
export function consumerInfo(
  connection: NatsConnection,
  stream: string,
  name: string
): Promise<ConsumerInfo> {
  return call<ConsumerInfo>(connection, `$JS.API.CONSUMER.INFO.${stream}.${name}`)
}

/** Best effort: a consumer that stays is removed by the server for inactivity. */
export async function deleteConsumer(
  connection: NatsConnection,
  stream: string,
  name: string
): Promise<void> {
  await call(connection, `$JS.API.CONSUMER.DELETE.${stream}.${name}`).catch(() => undefined)
}

/** err_code of MSG.GET for a subject that has no delivery in the stream. */
const NO_MESSAGE = 10037

/** The sequence of a subject filter's last delivery in the stream; 0 without one. */
export async function lastSequence(
  connection: NatsConnection,
  stream: string,
  filter: string
): Promise<number> {
  return (await sequenceOf(connection, stream, { last_by_subj: filter })) ?? 0
}

/** The sequence of a subject filter's first delivery at or behind `from`. Servers from 2.9 on. */
export function nextSequence(
  connection: NatsConnection,
  stream: string,
  from: number,
  filter: string
): Promise<number | undefined> {
  return sequenceOf(connection, stream, { seq: from, next_by_subj: filter })
}

async function sequenceOf(
  connection: NatsConnection,
  stream: string,
  wanted: object
): Promise<number | undefined> {
  return (await storedMessage(connection, stream, wanted))?.seq
}

/** One stored delivery as MSG.GET has it; undefined when the stream no longer holds it. */
export function storedDelivery(
  connection: NatsConnection,
  stream: string,
  sequence: number
): Promise<Delivered | undefined> {
  return deliveryOf(connection, stream, { seq: sequence })
}

/** A subject filter's first delivery at or behind `from`. Servers from 2.9 on. */
export function nextDelivery(
  connection: NatsConnection,
  stream: string,
  from: number,
  filter: string
): Promise<Delivered | undefined> {
  return deliveryOf(connection, stream, { seq: from, next_by_subj: filter })
}

async function deliveryOf(
  connection: NatsConnection,
  stream: string,
  wanted: object
): Promise<Delivered | undefined> {
  const message = await storedMessage(connection, stream, wanted)
  return message && asDelivered(message)
}

async function storedMessage(
  connection: NatsConnection,
  stream: string,
  wanted: object
): Promise<StoredMessage | undefined> {
  try {
    const subject = `$JS.API.STREAM.MSG.GET.${stream}`
    return (await call<{ message: StoredMessage }>(connection, subject, wanted)).message
  } catch (error) {
    if (error instanceof JetStreamError && error.errCode === NO_MESSAGE) return undefined
    throw error
  }
}

interface StoredMessage {
  readonly seq: number
  readonly subject: string
  readonly data?: string
  /** The header block, in base64. */
  readonly hdrs?: string
  /** RFC 3339, up to nanoseconds. */
  readonly time: string
}

function asDelivered({ seq, subject, data = '', hdrs = '', time }: StoredMessage): Delivered {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? ''
  const seconds = BigInt(Date.parse(time.replace(/\.\d+/, ''))) * 1_000n
  return {
    sequence: seq,
    subject,
    payload: Buffer.from(data, 'base64'),
    timestampMicros: seconds + BigInt(fraction.padEnd(6, '0').slice(0, 6)),
    headers: readHeaders(Buffer.from(hdrs, 'base64').toString())
  }
}

/** NATS/1.0, then a line each. */
function readHeaders(block: string): ReadonlyMap<string, readonly string[]> {
  const headers = new Map<string, string[]>()
  for (const line of block.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const name = line.slice(0, colon)
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()])
  }
  return headers
}

export const nextSubject = (stream: string, consumer: string): string =>
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`

/** The body of a pull request: at most so many deliveries and bytes, then a status. */
export function pullRequest(batch: number, bytesMax: number): string {
  return JSON.stringify({
    batch,
    max_bytes: bytesMax,
    expires: limits.pullExpiresMs * NANOS_PER_MILLI,
    idle_heartbeat: limits.pullHeartbeatMs * NANOS_PER_MILLI
  })
}

async function call<T>(connection: NatsConnection, subject: string, body?: object): Promise<T> {
  const message = await connection.request(subject, body ? JSON.stringify(body) : '', {
    timeout: limits.jetStreamRequestMs
  })
  const reply = message.json<T & ApiReply>()
  if (reply.error) throw new JetStreamError(reply.error)
  return reply
}
