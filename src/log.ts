// The one door to pino. Owns where log lines go (stderr, so that stdout stays free for what was
// asked for), how they look, and which fields never leave the process.
// It must never be asked to log SQL text or payloads above `debug`.

import { isatty } from 'node:tty'

import pino from 'pino'
import { PinoPretty } from 'pino-pretty'

export type Logger = pino.Logger

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export const logFormats = ['json', 'pretty'] as const
export type LogFormat = (typeof logFormats)[number]

export interface LogOptions {
  readonly level: LogLevel
  /** Without one: `pretty` on a terminal, else `json`. */
  readonly format?: LogFormat | undefined
  /** Where lines go instead of stderr. */
  readonly destination?: pino.DestinationStream | undefined
}

const stderrFd = 2

const secretKeys = ['password', 'jwt', 'nkey', 'secret', 'seed', 'token', 'credentials']

/** Connector options appear under their dotted names (`nats.password`), quoted in pino's paths. */
const secretPaths = ['', '*.', '*.*.'].flatMap((prefix) =>
  secretKeys.flatMap((key) => [
    `${prefix}${key}`,
    `${prefix === '' ? '' : prefix.slice(0, -1)}["nats.${key}"]`
  ])
)

/** Opens the log. Lines are written at once, so that none is lost when the process ends. */
export function createLogger(options: LogOptions): Logger {
  const format = options.format ?? (isatty(stderrFd) ? 'pretty' : 'json')
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths, censor: '[redacted]' }
    },
    format === 'pretty' ? prettyStream(options.destination) : plainStream(options.destination)
  )
}

function plainStream(destination: pino.DestinationStream | undefined): pino.DestinationStream {
  return destination ?? pino.destination({ dest: stderrFd, sync: true })
}

function prettyStream(destination: pino.DestinationStream | undefined): pino.DestinationStream {
  const shared = { translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname', singleLine: true }
  if (destination === undefined) {
    return PinoPretty({ ...shared, destination: stderrFd, sync: true, colorize: isatty(stderrFd) })
  }
  const format = PinoPretty.prettyFactory({ ...shared, colorize: false })
  return { write: (line) => destination.write(format(line) ?? '') }
}
