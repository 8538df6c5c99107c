// The door to the commands: each name to the file that runs it. main.ts gives them all they touch of
// the process.

import type { CommandName } from '../config-commands.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../log.ts'
import { backup } from './backup.ts'
import { check } from './check.ts'
import { rebuild } from './rebuild.ts'
import { serve } from './serve.ts'

/** What a command is given of the process. */
export interface CommandContext {
  readonly config: Config
  /** The words behind its name, as many as config-commands.ts says. */
  readonly operands: readonly string[]
  readonly log: Logger
  /** Writes to stdout: what was asked for, while the log is stderr's. */
  readonly print: (text: string) => void
  /** The first signal that asks to end. */
  readonly signalled: () => Promise<string>
  /** Called with each SIGHUP. */
  readonly onHangup: (listener: () => void) => void
}

/** Resolves to the exit code. */
export type Command = (context: CommandContext) => Promise<number>

/** Without `version`, which needs no configuration. */
export const commands: Readonly<Record<Exclude<CommandName, 'version'>, Command>> = {
  serve,
  check,
  backup,
  rebuild
}
