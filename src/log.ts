// The one door to pino. Owns where log lines go (stderr, so that stdout stays free for what was
// asked for), how they look, and which fields never leave the process.
// It must never be asked to log SQL text or payloads above `debug`.

import { isatty } from 'node:tty'

import pino from 'pino'
import { prettyFactory } from 'pino-pretty'

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
  const destination = options.destination ?? pino.destination({ dest: stderrFd, sync: true })
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths, censor: '[redacted]' }
    },
    format === 'pretty' ? prettyStream(destination, options.destination === undefined) : destination
  )
}

/**
 * Formats in step with the caller: pino-pretty's own stream would lose the last lines of a process
 * that exits.
 */
function prettyStream(to: pino.DestinationStream, isOurs: boolean): pino.DestinationStream {
  const format = prettyFactory({
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
    singleLine: true,
    colorize: isOurs && isatty(stderrFd)
  })
  return { write: (line) => to.write(format(line) ?? '') }
}
