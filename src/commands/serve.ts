// jetgres serve: runs the server until a signal ends it.

import { limits } from '../limits.ts'
import { startServer } from '../server.ts'
import type { Server } from '../server.ts'
import type { CommandContext } from './commands.ts'
import { exitCodes } from './exit-codes.ts'

const CHECK_FIRST = '"jetgres check" with the same options tells what to do'

export async function serve(context: CommandContext): Promise<number> {
  const { config, log } = context
  // From now on: a signal that comes while the server starts ends it as soon as it stands.
  const signal = context.signalled()
  const server = await startServer(config, log).catch((err: unknown) => {
    log.fatal(
      { reason: err instanceof Error ? err.message : String(err), hint: CHECK_FIRST },
      'jetgres could not start'
    )
    log.debug({ err }, 'where it could not')
    return undefined
  })
  if (!server) return exitCodes.failed
  context.onHangup(() => reload(server, context))
  log.info(server.addresses, 'ready')
  log.info({ signal: await signal }, 'jetgres is closing')
  return Promise.race([close(server, context), tooLate(context)])
}

function reload(server: Server, { log }: CommandContext): void {
  server.reload().then(
    () => log.info('certificates were read again'),
    (err: unknown) => log.error({ err }, 'certificates could not be read again; the old ones stay')
  )
}

async function close(server: Server, { log }: CommandContext): Promise<number> {
  await server.close()
  log.info('jetgres is closed')
  return exitCodes.closed
}

function tooLate({ log }: CommandContext): Promise<number> {
  return new Promise((resolve) => {
    setTimeout(() => {
      log.fatal('jetgres did not close in time')
      resolve(exitCodes.failed)
    }, limits.closeMs).unref()
  })
}
