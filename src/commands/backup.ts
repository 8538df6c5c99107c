// jetgres backup: asks the jetgres that runs on the data directory for a copy of it.

import { resolve } from 'node:path'

import { command } from '../control.ts'
import type { CommandContext } from './commands.ts'
import { exitCodes } from './exit-codes.ts'

export async function backup({ config, operands, print, log }: CommandContext): Promise<number> {
  const dir = resolve(operands[0] ?? '')
  try {
    print(`${await command(config.dataDir, { name: 'backup', operands: [dir] })}\n`)
    return exitCodes.closed
  } catch (err) {
    log.fatal({ reason: err instanceof Error ? err.message : String(err) }, 'there is no backup')
    return exitCodes.failed
  }
}
