// Reads the command line: which command, and its configuration out of flags and variables. Owns what
// a well-formed value is. It must never read the environment itself, and never put a password into a
// message.

import { resolve } from 'node:path'

import { commandForms } from './config-commands.ts'
import type { CommandName } from './config-commands.ts'
import { readFlags, usage } from './config-flags.ts'
import { nearHint } from './config-near.ts'
import { configOptions } from './config-options.ts'
import type { ConfigOption } from './config-options.ts'
import { limits } from './limits.ts'
import { logFormats, logLevels, type LogFormat, type LogLevel } from './log.ts'

export interface Address {
  readonly host: string
  /** 0 asks for any free port. */
  readonly port: number
}

export interface Config {
  readonly listen: Address
  /** URL of the upstream Postgres; without one the embedded Postgres serves. */
  readonly upstream: string | undefined
  /** Absolute. */
  readonly dataDir: string
  /** Without one, 127.0.0.1 and any free port. */
  readonly backchannel: Address | undefined
  /** undefined: no HTTP server. */
  readonly http: Address | undefined
  /** Lets others than this machine see the status page. */
  readonly httpToken: string | undefined
  /** Bytes that DuckDB may take; undefined: a part of what there is. */
  readonly storeMemory: number | undefined
  /** Bytes of rows kept for look-ups by key. */
  readonly lookupMemory: number
  /** Statements that take so long are logged; Infinity: none. */
  readonly slowStatementMs: number
  readonly logLevel: LogLevel
  /** Without one, `pretty` on a terminal and `json` elsewhere. */
  readonly logFormat: LogFormat | undefined
  readonly embeddedPassword: string | undefined
  /** TLS towards clients: absolute paths of PEM files; undefined: none. */
  readonly tls:
    | { readonly cert: string; readonly key: string; readonly clientCa: string | undefined }
    | undefined
  readonly requireTls: boolean
  /** How long a client's start-up and authentication may take. */
  readonly startupMs: number
}

type Flag = (typeof configOptions)[number]['flag']

/** All that is wrong with a configuration, one fault a line. */
export class ConfigError extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.name = 'ConfigError'
    this.faults = faults
  }
}

export interface CommandLine {
  readonly name: CommandName
  readonly operands: readonly string[]
  /** What is left: the flags. */
  readonly rest: readonly string[]
}

/**
 * The command comes first, its operands behind it, flags last; without one it is `serve`.
 * @param argv the words after the program's name
 * @throws ConfigError
 */
export function readCommand(argv: readonly string[]): CommandLine {
  const [first] = argv
  if (first === undefined || first.startsWith('-'))
    return { name: 'serve', operands: [], rest: argv }
  const form = commandForms.find(({ name }) => name === first)
  if (!form) {
    const names = commandForms.map(({ name }) => name)
    throw new ConfigError([`"${first}" is not a command${nearHint(first, names)}`])
  }
  const words = argv.slice(1, 1 + form.operands.length)
  const flag = words.findIndex((word) => word.startsWith('-'))
  const operands = flag < 0 ? words : words.slice(0, flag)
  const needed = form.operands.filter((operand) => !operand.startsWith('['))
  if (operands.length < needed.length || operands.includes('')) {
    throw new ConfigError([`the command is: ${usage(form)}`])
  }
  return { name: form.name, operands, rest: argv.slice(1 + operands.length) }
}

/**
 * Flags over variables over defaults.
 * @param argv the words after the command's
 * @throws ConfigError with every fault there is, each with the accepted form
 */
export function readConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>
): Config {
  const faults: string[] = []
  const flags = readFlags(argv, faults)
  const given = (flag: Flag): Given => givenValue(flag, flags, env)
  const address = (flag: Flag): Address | undefined => readAddress(given(flag), faults)
  const http = given('--http')
  const config = {
    listen: address('--listen') ?? { host: '127.0.0.1', port: 0 },
    upstream: readUpstream(given('--upstream'), faults),
    dataDir: resolve(given('--data-dir').value ?? './jetgres-data'),
    backchannel: given('--backchannel').isGiven ? address('--backchannel') : undefined,
    http: http.value === 'off' ? undefined : address('--http'),
    httpToken: given('--http-token').value,
    storeMemory: readBytes(given('--store-memory'), limits.storeMemoryRange, faults),
    lookupMemory: readBytes(given('--lookup-memory'), limits.lookupMemoryRange, faults) ?? 0,
    slowStatementMs: readMillis(given('--slow-statement-ms'), faults),
    logLevel: oneOf(logLevels, given('--log-level'), faults) ?? 'info',
    logFormat: given('--log-format').isGiven
      ? oneOf(logFormats, given('--log-format'), faults)
      : undefined,
    embeddedPassword: given('--embedded-password').value,
    tls: readTls(given, faults),
    requireTls: oneOf(['on', 'off'], given('--require-tls'), faults) === 'on',
    startupMs: readSeconds(given('--authentication-timeout'), faults) * 1_000
  }
  if (faults.length === 0) checkTogether(config, faults)
  if (faults.length > 0) throw new ConfigError(faults)
  return config
}

interface Given {
  /** Where the value came from, for messages. */
  readonly name: string
  /** The given value, else the default where that is a value. */
  readonly value: string | undefined
  readonly isGiven: boolean
  readonly form: string
}

function givenValue(
  flag: Flag,
  flags: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>
): Given {
  const option = optionOf(flag)
  const fromFlag = flags.get(flag)
  const { form, variable } = option
  if (fromFlag !== undefined) return { name: flag, value: fromFlag, isGiven: true, form }
  // An empty variable is how shells and compose files say "not set".
  const fromEnv = env[variable] === '' ? undefined : env[variable]
  if (fromEnv !== undefined) return { name: variable, value: fromEnv, isGiven: true, form }
  const isValue = !option.default.includes(' ')
  return { name: flag, value: isValue ? option.default : undefined, isGiven: false, form }
}

function optionOf(flag: Flag): ConfigOption {
  const found = configOptions.find((option) => option.flag === flag)
  if (found === undefined) throw new Error(`no option ${flag}`)
  return found
}

const addressPattern = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[^\s:[\]/]+)):(?<port>\d{1,5})$/i

function readAddress(given: Given, faults: string[]): Address | undefined {
  const groups = addressPattern.exec(given.value ?? '')?.groups
  const host = groups?.v6 ?? groups?.name
  const port = Number(groups?.port)
  if (host !== undefined && port <= 65_535) return { host, port }
  faults.push(
    `${given.name}: "${given.value}" is not ${given.form} (such as 127.0.0.1:6432 or [::1]:6432)`
  )
  return undefined
}

function readUpstream(given: Given, faults: string[]): string | undefined {
  if (given.value === undefined) return undefined
  const fault = upstreamFault(given.value)
  if (fault === undefined) return given.value
  faults.push(`${given.name}: ${fault}; the form is ${given.form}`)
  return undefined
}

/** The value itself is left out of the message: it may hold a password. */
function upstreamFault(value: string): string | undefined {
  // libpq takes "me@/database?host=/socket/folder"; the URL standard wants a host after the "@".
  // Both take "h1:1,h2:2"; which hosts these are is upstream/target.ts's to read.
  const text = value.replace(/(?<=^[a-z]+:\/\/[^/?#]*@)(?:(?=\/)|[^/?#@]*,[^/?#@]*)/i, 'localhost')
  if (!URL.canParse(text)) return 'not a URL'
  const url = new URL(text)
  if (!['postgres:', 'postgresql:'].includes(url.protocol)) {
    return `a URL of "${url.protocol}//", not of Postgres`
  }
  if (url.hostname === '' && !url.searchParams.has('host')) return 'no host'
  return undefined
}

function readTls(given: (flag: Flag) => Given, faults: string[]): Config['tls'] {
  const path = (flag: Flag): string | undefined => {
    const { value, isGiven } = given(flag)
    return isGiven && value !== undefined ? resolve(value) : undefined
  }
  const [cert, key, clientCa] = [path('--tls-cert'), path('--tls-key'), path('--tls-client-ca')]
  if (cert !== undefined && key !== undefined) return { cert, key, clientCa }
  if (cert !== undefined || key !== undefined) {
    faults.push('--tls-cert and --tls-key need each other')
  } else if (clientCa !== undefined) faults.push('--tls-client-ca needs --tls-cert and --tls-key')
  return undefined
}

function readSeconds({ name, value, form }: Given, faults: string[]): number {
  const seconds = Number(value)
  if (/^\d{1,5}$/.test(value ?? '') && seconds > 0) return seconds
  faults.push(`${name}: "${value}" is not ${form} (such as 60)`)
  return 0
}

function readMillis({ name, value, form }: Given, faults: string[]): number {
  if (value === undefined) return Infinity
  if (/^\d{1,9}$/.test(value)) return Number(value)
  faults.push(`${name}: "${value}" is not ${form} (such as 500)`)
  return Infinity
}

const byteUnits: Readonly<Record<string, number>> = { MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 }

/** In Postgres's units of memory, each 1,024 of the one before. */
function readBytes(
  { name, value, form }: Given,
  { min, max }: { readonly min: number; readonly max: number },
  faults: string[]
): number | undefined {
  if (value === undefined) return undefined
  const { number, unit = '' } = /^(?<number>\d{1,7}) ?(?<unit>MB|GB|TB)$/.exec(value)?.groups ?? {}
  const bytes = Number(number) * (byteUnits[unit] ?? NaN)
  if (bytes >= min && bytes <= max) return bytes
  const why = Number.isNaN(bytes)
    ? `is not a ${form} (such as 512MB)`
    : `is outside of ${formatBytes(min)} to ${formatBytes(max)}`
  faults.push(`${name}: "${value}" ${why}`)
  return undefined
}

/** In the largest unit of which it is a whole number; MB else. */
export function formatBytes(bytes: number): string {
  const units = Object.entries(byteUnits).toReversed()
  const [unit, size] = units.find(([, each]) => bytes >= each && bytes % each === 0) ?? [
    'MB',
    2 ** 20
  ]
  return `${Math.floor(bytes / size)}${unit}`
}

function oneOf<T extends string>(
  accepted: readonly T[],
  given: Given,
  faults: string[]
): T | undefined {
  const found = accepted.find((value) => value === given.value)
  if (found === undefined) {
    faults.push(`${given.name}: "${given.value}" is not one of ${accepted.join(', ')}`)
  }
  return found
}

function checkTogether(config: Config, faults: string[]): void {
  if (config.requireTls && !config.tls) faults.push('--require-tls needs --tls-cert and --tls-key')
  if (config.upstream !== undefined && config.embeddedPassword !== undefined) {
    faults.push('--embedded-password is for the embedded Postgres: leave it out with --upstream')
  }
  const isOpen = config.upstream === undefined && config.embeddedPassword === undefined
  if (isOpen && !isLoopback(config.listen.host)) {
    faults.push(
      `--listen: the embedded Postgres trusts everybody, so "${config.listen.host}" would open it ` +
        'to the network: set JETGRES_EMBEDDED_PASSWORD, or listen on 127.0.0.1'
    )
  }
}

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  return /^(127(\.\d{1,3}){3}|::1|localhost)$/i.test(host)
}

/** HOST:PORT, as the options take it. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** A URL that may be logged: its passwords are masked. */
export function redactUrl(value: string): string {
  // "me:secret@host" parses too, as a URL of scheme "me:" whose password has no place of its own.
  if (!URL.canParse(value) || !value.includes('://')) return '[not a URL]'
  const url = new URL(value)
  if (url.password !== '') url.password = '***'
  for (const key of url.searchParams.keys()) {
    if (/password|secret|token/i.test(key)) url.searchParams.set(key, '***')
  }
  return url.toString()
}
