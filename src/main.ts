#!/usr/bin/env node
// The program: argv and environment → config → server; signals; exit codes. The only file that
// touches `process`.
//
// Exit codes: 0 closed as asked · 1 could not start, or failed · 2 the configuration is wrong ·
// 130 and 143 a second signal cut the closing short.

import { readFile } from 'node:fs/promises'

import { ConfigError, helpText, readConfig, type Config } from './config.ts'
import { limits } from './limits.ts'
import { createLogger, type Logger } from './log.ts'
import { startServer } from './server.ts'

const exitCodes = { closed: 0, failed: 1, misconfigured: 2, SIGINT: 130, SIGTERM: 143 } as const

type Signal = 'SIGINT' | 'SIGTERM'

async function main(argv: readonly string[]): Promise<void> {
  if (argv.includes('--help') || argv.includes('-h')) return print(helpText())
  if (argv.includes('--version')) return print(`jetgres ${await version()}\n`)
  const config = configOrExit(argv)
  // Everything we write is for our own user alone.
  process.umask(0o077)
  const log = createLogger({ level: config.logLevel, format: config.logFormat })
  process.on('uncaughtException', (err, origin) => {
    log.fatal({ err, origin }, 'jetgres failed')
    process.exit(exitCodes.failed)
  })
  await run(config, log)
}

async function run(config: Config, log: Logger): Promise<void> {
  const signal = firstSignal()
  const server = await startServer(config, log).catch((err: unknown) => {
    log.fatal({ reason: err instanceof Error ? err.message : String(err) }, 'jetgres could not start')
    log.debug({ err }, 'where it could not')
    return process.exit(exitCodes.failed)
  })
  process.on('SIGHUP', () => {
    server.reload().then(
      () => log.info('certificates were read again'),
      (err: unknown) => log.error({ err }, 'certificates could not be read again; the old ones stay')
    )
  })
  log.info(server.addresses, 'ready')
  log.info({ signal: await signal }, 'jetgres is closing')
  setTimeout(() => {
    log.fatal('jetgres did not close in time')
    process.exit(exitCodes.failed)
  }, limits.closeMs).unref()
  await server.close()
  log.info('jetgres is closed')
  process.exit(exitCodes.closed)
}

/** The first signal asks to close; a second one does not wait for it. */
function firstSignal(): Promise<Signal> {
  return new Promise((resolve) => {
    let isAsked = false
    const onSignal = (signal: Signal): void => {
      if (isAsked) process.exit(exitCodes[signal])
      isAsked = true
      resolve(signal)
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })
}

function configOrExit(argv: readonly string[]): Config {
  try {
    return readConfig(argv, process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const fault of error.faults) process.stderr.write(`jetgres: ${fault}\n`)
    process.stderr.write('See jetgres --help.\n')
    process.exit(exitCodes.misconfigured)
  }
}

function print(text: string): void {
  process.stdout.write(text)
}

async function version(): Promise<string> {
  const about: unknown = JSON.parse(
    await readFile(new URL('../package.json', import.meta.url), 'utf8')
  )
  return String((about as { version: unknown }).version)
}

await main(process.argv.slice(2))
