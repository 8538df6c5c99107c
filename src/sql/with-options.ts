// From the options of WITH to what the connector is told: keys, requirements, modes, start.
// Pure: nothing is looked up on any server. Secrets never enter a message.

import { featureNotSupported, invalidParameterValue } from '../errors.ts'
import { canonicalKey } from './option-table.ts'
import { readConsumer } from './nats-consumer.ts'
import { Options } from './given-options.ts'
import { readAuthentication, readTls } from './nats-security.ts'
import { readServers, readStream, readSubjects } from './nats-names.ts'
import type { NatsConnector, StartPosition, StreamLimits } from '../types/connector.ts'
import type { GivenOption } from './option-list.ts'

/** What the values turn out to be, and what the user should know of them. */
export interface ConnectorOptions {
  readonly connector: NatsConnector
  readonly notices: readonly string[]
}

/**
 * Checks the options of WITH and reads the connector out of them.
 * @param withPosition where an error about a missing option points
 * @throws PgError 0A000, HV00D, 22023, 42601
 */
export function readConnector(
  given: readonly GivenOption[],
  withPosition: number
): ConnectorOptions {
  checkConnector(given, withPosition)
  const options = new Options(given, withPosition)
  options.noticeMisspelt()
  const servers = readServers(options.required('server_url'))
  const subjects = readSubjects(options.required('subject'))
  const stream = streamOf(options, subjects)
  const authentication = readAuthentication(options)
  const start = readStart(options)
  const limited = readStreamLimits(options)
  const consumer = readConsumer(options)
  options.noticeUnused()
  checkWait(options)
  const tls = readTls(options)
  const connector = {
    servers,
    subjects,
    stream,
    authentication,
    ...(tls ? { tls } : {}),
    start,
    ...(consumer ? { consumer } : {}),
    ...(limited ? { createStream: limited } : {})
  }
  return { connector, notices: options.notices }
}

/** Deliveries a second that WITH allows, 0 for none; undefined: as many as there are. */
export function statedRateLimit(given: readonly GivenOption[]): number | undefined {
  const option = given.find(({ key }) => canonicalKey(key) === RATE_LIMIT)
  return option && Number(option.value)
}

/** The key of the option that ALTER … SET SOURCE_RATE_LIMIT changes. */
export const RATE_LIMIT = 'source_rate_limit'

/** The key of the option that has CREATE wait. */
const WAIT = 'wait'

/** Whether the statement is to answer only when the relation has what the stream holds. */
export const statedWait = (given: readonly GivenOption[]): boolean =>
  given.some(({ key, value }) => canonicalKey(key) === WAIT && value.toLowerCase() === 'caught_up')

/** Without what only the statement was told. */
export const lastingOptions = (given: readonly GivenOption[]): GivenOption[] =>
  given.filter(({ key }) => canonicalKey(key) !== WAIT)

/** @throws PgError 22023 where it would wait for ever */
function checkWait(options: Options): void {
  const { value = '' } = options.get(WAIT) ?? {}
  const limit = options.get(RATE_LIMIT)
  if (value.toLowerCase() !== 'caught_up' || !limit || Number(limit.value) > 0) return
  throw invalidParameterValue('a relation that is paused does not catch up', {
    position: options.positionOf(WAIT),
    hint: `Leave out "${WAIT}" or "${RATE_LIMIT}".`
  })
}

function checkConnector(given: readonly GivenOption[], withPosition: number): void {
  const option = given.find(({ key }) => key === 'connector')
  if (!option) {
    throw invalidParameterValue('missing field `connector`', {
      position: withPosition,
      hint: "Add connector = 'nats' to the WITH clause."
    })
  }
  if (option.value.toLowerCase() === 'nats') return
  throw featureNotSupported(`connector "${option.value}" is not supported, accept ["nats"]`, {
    position: option.valuePosition
  })
}

/** RisingWave 1.2 knew no `stream`: it named the stream after the subject. */
function streamOf(options: Options, subjects: readonly string[]): string {
  const given = options.get('stream')
  const subject = options.required('subject')
  const [name] = subjects
  const isOld = subject.key.startsWith('nats.') && subjects.length === 1
  if (given || !isOld || name === undefined || /[.*>]/.test(name)) {
    return readStream(options.required('stream'))
  }
  options.notices.push(`option "stream" is not given, the stream is taken to be "${name}"`)
  return name
}

/** Option → property. */
const STREAM_LIMITS = {
  max_bytes: 'maxBytes',
  max_messages: 'maxMessages',
  max_messages_per_subject: 'maxMessagesPerSubject',
  max_consumers: 'maxConsumers',
  max_message_size: 'maxMessageSize'
} as const

/** Undefined where no stream may be made. */
function readStreamLimits(options: Options): StreamLimits | undefined {
  const given = Object.entries(STREAM_LIMITS).filter(([key]) => options.has(key))
  if (options.get('allow_create_stream')?.value.toLowerCase() === 'true') {
    return Object.fromEntries(
      given.map(([key, property]) => [property, Number(options.required(key).value)])
    )
  }
  if (given.length > 0) {
    const names = given.map(([key]) => `"${options.required(key).key}"`).join(', ')
    const [noun, verb] = given.length === 1 ? ['option', 'has'] : ['options', 'have']
    options.notices.push(`${noun} ${names} ${verb} no effect without allow_create_stream = true`)
  }
  return undefined
}

const MILLIS = 'scan.startup.timestamp.millis'

function readStart(options: Options): StartPosition {
  const mode = options.get('scan.startup.mode')?.value.toLowerCase() ?? 'earliest'
  if (mode === 'timestamp' || mode === 'timestamp_millis') {
    return { mode: 'timestamp', millis: startMillis(options) }
  }
  if (mode !== 'earliest' && mode !== 'latest') {
    throw invalidParameterValue('invalid scan.startup.mode, accept earliest/latest/timestamp', {
      position: options.positionOf('scan.startup.mode')
    })
  }
  if (options.has(MILLIS)) {
    options.notices.push(`option "${MILLIS}" has no effect without scan.startup.mode = 'timestamp'`)
  }
  return { mode }
}

/** The last millisecond of the year 9999: a longer number is of another unit. */
const MILLIS_MAX = 253_402_300_799_999

function startMillis(options: Options): number {
  const given = options.get(MILLIS)
  const position = options.positionOf(given ? MILLIS : 'scan.startup.mode')
  if (!given) throw invalidParameterValue(`${MILLIS} is required`, { position })
  const millis = Number(given.value)
  if (millis >= 0 && millis <= MILLIS_MAX) return millis
  throw invalidParameterValue(`invalid value for option "${given.key}": "${given.value}"`, {
    position,
    hint: 'Expected a Unix time in milliseconds.'
  })
}
