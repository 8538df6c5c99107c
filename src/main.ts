#!/usr/bin/env node
// The program: argv and environment → command and config → what it does; signals; exit codes. The
// only file that touches `process`.

import { commands } from './commands/commands.ts'
import type { CommandContext } from './commands/commands.ts'
import { exitCodes } from './commands/exit-codes.ts'
import { helpText } from './config-help.ts'
import { ConfigError, readCommand, readConfig } from './config.ts'
import type { Config } from './config.ts'
import { createLogger } from './log.ts'
import type { Logger } from './log.ts'
import { targetFault } from './upstream/target.ts'
import { version } from './version.ts'

type Signal = 'SIGINT' | 'SIGTERM'

async function main(argv: readonly string[]): Promise<void> {
  if (argv.includes('--help') || argv.includes('-h')) return print(helpText())
  if (argv.includes('--version')) return print(`jetgres ${await version()}\n`)
  const { name, operands, rest } = orExit(() => readCommand(argv))
  if (name === 'version') return print(`jetgres ${await version()}\n`)
  const config = orExit(() => configOf(rest))
  // Everything we write is for our own user alone.
  process.umask(0o077)
  const log = createLogger({ level: config.logLevel, format: config.logFormat })
  process.on('uncaughtException', (err, origin) => {
    log.fatal({ err, origin }, 'jetgres failed')
    process.exit(exitCodes.failed)
  })
  process.exit(await commands[name]({ config, operands, ...surroundings(log) }))
}

/** What the upstream's URL says is for upstream/ to know, which config.ts stands below. */
function configOf(argv: readonly string[]): Config {
  const config = readConfig(argv, process.env)
  const fault = config.upstream === undefined ? undefined : targetFault(config.upstream)
  if (fault !== undefined) throw new ConfigError([`--upstream: ${fault}`])
  return config
}

const surroundings = (log: Logger): Omit<CommandContext, 'config' | 'operands'> => ({
  log,
  print,
  signalled: firstSignal,
  onHangup: (listener) => void process.on('SIGHUP', listener)
})

/** The first signal asks to end; a second one does not wait for it. */
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

/** What was read, or the end: every fault, one a line. */
function orExit<T>(read: () => T): T {
  try {
    return read()
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

await main(process.argv.slice(2))
