// From the options of WITH to what the connector is told: keys, requirements, modes, start.
// Pure: nothing is looked up on any server. Secrets never enter a message.

import { featureNotSupported, invalidOptionName, invalidParameterValue } from '../errors.ts'
import { OPTIONS, canonicalKey, nearestKey } from './option-table.ts'
import { duplicatedOption } from './option-list.ts'
import { readServers, readStream, readSubjects } from './nats-names.ts'
import type {
  NatsAuthentication,
  NatsConnector,
  StartPosition,
  StreamLimits
} from '../types/connector.ts'
import type { GivenOption } from './option-list.ts'
import type { OptionKind } from './option-table.ts'

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
  const servers = readServers(options.required('server_url'))
  const subjects = readSubjects(options.required('subject'))
  const stream = streamOf(options, subjects)
  const authentication = readAuthentication(options)
  const start = readStart(options)
  const limited = readStreamLimits(options)
  options.noticeUnused()
  const created = limited ? { createStream: limited } : {}
  const connector = { servers, subjects, stream, authentication, start, ...created }
  return { connector, notices: options.notices }
}

/** The options given, by canonical key. */
class Options {
  readonly notices: string[] = []
  readonly #withPosition: number
  readonly #byKey = new Map<string, GivenOption>()

  constructor(given: readonly GivenOption[], withPosition: number) {
    this.#withPosition = withPosition
    for (const option of given) {
      const key = canonicalKey(option.key)
      if (key === undefined) throw unknownOption(option)
      if (this.#byKey.has(key)) throw duplicatedOption(option)
      checkKind(option, OPTIONS[key]!.kind)
      this.#byKey.set(key, option)
    }
  }

  get(key: string): GivenOption | undefined {
    return this.#byKey.get(key)
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  required(key: string): GivenOption {
    const option = this.get(key)
    if (option) return option
    const hint = `Add ${key} = '…' to the WITH clause.`
    throw invalidParameterValue(`missing field \`${key}\``, { position: this.#withPosition, hint })
  }

  /** Where an error about `key` points: at its value, or at WITH when it is missing. */
  positionOf(key: string): number {
    return this.get(key)?.valuePosition ?? this.#withPosition
  }

  noticeUnused(): void {
    const unused = [...this.#byKey.keys()].filter((key) => !OPTIONS[key]!.hasEffect)
    if (unused.length === 0) return
    const names = unused.map((key) => `"${this.get(key)!.key}"`).join(', ')
    const [noun, verb] = unused.length === 1 ? ['option', 'has'] : ['options', 'have']
    this.notices.push(`${noun} ${names} ${verb} no effect yet`)
  }
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

function unknownOption({ key, position }: GivenOption): Error {
  const near = nearestKey(key)
  return invalidOptionName(`invalid option "${key}"`, {
    position,
    detail: `Valid options are: ${Object.keys(OPTIONS).join(', ')}.`,
    hint: near === undefined ? undefined : `Perhaps you meant the option "${near}".`
  })
}

const KIND: Readonly<Record<OptionKind, { pattern: RegExp; name: string }>> = {
  string: { pattern: /^/, name: 'a string' },
  boolean: { pattern: /^(?:true|false)$/i, name: 'true or false' },
  integer: { pattern: /^-?\d{1,19}$/, name: 'an integer' },
  integers: { pattern: /^\s*\d{1,19}(?:\s*,\s*\d{1,19})*\s*$/, name: 'integers between commas' }
}

function checkKind(option: GivenOption, kind: OptionKind): void {
  if (KIND[kind].pattern.test(option.value)) return
  throw invalidParameterValue(`invalid value for option "${option.key}": "${option.value}"`, {
    position: option.valuePosition,
    hint: `Expected ${KIND[kind].name}.`
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

function readAuthentication(options: Options): NatsAuthentication {
  switch (connectMode(options)) {
    case 'plain':
      return plain(options)
    case 'user_and_password':
      return userAndPassword(options)
    case 'credential':
      return credential(options)
    default:
      throw invalidParameterValue(
        'NATS connect mode must be one of `user_and_password`, `credential`, or `plain`',
        { position: options.positionOf('connect_mode') }
      )
  }
}

function connectMode(options: Options): string {
  const given = options.get('connect_mode')
  if (given) return given.value.toLowerCase()
  const mode = impliedMode(options)
  if (mode !== 'plain') {
    options.notices.push(`option "connect_mode" is not given, it is taken to be "${mode}"`)
  }
  return mode
}

function impliedMode(options: Options): NatsAuthentication['mode'] {
  if (options.has('username') || options.has('password')) return 'user_and_password'
  return options.has('jwt') || options.has('nkey') ? 'credential' : 'plain'
}

function plain(options: Options): NatsAuthentication {
  const ignored = ['username', 'password', 'jwt', 'nkey'].filter((key) => options.has(key))
  if (ignored.length > 0) {
    options.notices.push(`connect mode "plain" does not use ${ignored.join(', ')}`)
  }
  return { mode: 'plain' }
}

function userAndPassword(options: Options): NatsAuthentication {
  const username = options.get('username')?.value
  const password = options.get('password')?.value
  if (username !== undefined && password !== undefined) {
    return { mode: 'user_and_password', username, password }
  }
  throw invalidParameterValue(
    'NATS connect mode `user_and_password` requires both `user` and `password`',
    {
      position: options.positionOf('connect_mode'),
      hint: `Add ${username === undefined ? 'username' : 'password'} = '…' to the WITH clause.`
    }
  )
}

function credential(options: Options): NatsAuthentication {
  const jwt = options.get('jwt')?.value.trim()
  const nkey = options.get('nkey')?.value.trim()
  if (!jwt || !nkey) {
    throw invalidParameterValue(
      'NATS connect mode `credential` requires both `nkey` and `jwt`',
      { position: options.positionOf('connect_mode') }
    )
  }
  if (!/^S[A-Z2-7]{57}$/.test(nkey)) {
    throw invalidParameterValue('nkey is not a seed', {
      position: options.positionOf('nkey'),
      hint: 'Give the user\'s seed, 58 characters beginning with SU, not the public key.'
    })
  }
  return { mode: 'credential', jwt, nkey }
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
