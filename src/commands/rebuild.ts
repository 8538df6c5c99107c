// jetgres rebuild: makes a damaged store whole again, or one relation be read anew, and says what it
// did to each. Runs only where no jetgres does.

import { labelOf, rebuildStore } from '../catalog/rebuild.ts'
import type { Rebuild } from '../catalog/rebuild.ts'
import { lockDataDir } from '../lock.ts'
import { storePathIn } from '../store/store-options.ts'
import type { CommandContext } from './commands.ts'
import { exitCodes } from './exit-codes.ts'

export async function rebuild(context: CommandContext): Promise<number> {
  const { config, operands, log } = context
  try {
    const lock = await lockDataDir(config.dataDir)
    try {
      const done = await rebuildStore(storePathIn(config.dataDir), log, operands[0])
      context.print(reportOf(done))
    } finally {
      await lock.release()
    }
    return exitCodes.closed
  } catch (err) {
    log.fatal({ reason: err instanceof Error ? err.message : String(err) }, 'nothing was rebuilt')
    log.debug({ err }, 'where it failed')
    return exitCodes.failed
  }
}

function reportOf({ relations, asideAt }: Rebuild): string {
  const lines = relations.map(({ definition, isKept }) => {
    const { stream, durable } = definition.connector
    const reading = durable
      ? `is read anew, as far as stream "${stream}" keeps what was acknowledged`
      : `is read anew from stream "${stream}"`
    return `${labelOf(definition)}: ${isKept ? 'its rows are kept' : reading}`
  })
  if (asideAt !== undefined) lines.push(`The file as it was: ${asideAt}`)
  return `${lines.join('\n')}\n`
}
