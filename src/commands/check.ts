// jetgres check: looks at everything that serve would need, in the order in which it would, and says
// of each that it is well or what to do. Leaves the data directory, the upstream and NATS as they are.

import type { Config } from '../config.ts'
import type { Logger } from '../log.ts'
import type { Command } from './commands.ts'
import { checkBackchannel } from './check-backchannel.ts'
import { checkAddresses, checkDataDir, checkSecret, checkTls } from './check-machine.ts'
import { checkRelations } from './check-relations.ts'
import { checkUpstream, openUpstream } from './check-upstream.ts'
import { exitCodes } from './exit-codes.ts'
import { ok, printed, skipped, wrong } from './finding.ts'
import type { Finding } from './finding.ts'

export const check: Command = async ({ config, log, print }) => {
  const found: Finding[] = [ok('configuration', 'all options are well-formed')]
  print(found.map(printed).join(''))
  for await (const finding of findings(config, log)) {
    found.push(finding)
    print(printed(finding))
  }
  const faults = found.filter(({ verdict }) => verdict === 'wrong').length
  print(faults === 0 ? 'jetgres can serve\n' : `${faults} to be mended before jetgres can serve\n`)
  return faults === 0 ? exitCodes.closed : exitCodes.failed
}

async function* findings(config: Config, log: Logger): AsyncGenerator<Finding> {
  yield* await checkAddresses(config)
  yield* await checkTls(config)
  const dataDir = await checkDataDir(config.dataDir)
  yield dataDir
  if (dataDir.verdict === 'ok') yield* await checkSecret(config.dataDir)
  if (config.upstream === undefined)
    yield ok('upstream', 'an embedded Postgres, in the data directory')
  else yield* upstreamFindings(config, config.upstream)
  if (dataDir.verdict === 'ok') yield* await checkRelations(config.dataDir, log)
  else yield skipped('relations', 'the data directory cannot be read')
}

async function* upstreamFindings(config: Config, url: string): AsyncGenerator<Finding> {
  const opened = await openUpstream(url)
  if ('verdict' in opened) {
    yield opened
    yield skipped('back channel', 'the upstream cannot be asked to come back')
    return
  }
  try {
    const found = await checkUpstream(opened)
    yield* found
    if (found.every(({ verdict }) => verdict === 'ok')) yield await checkBackchannel(config, opened)
    else yield skipped('back channel', 'the upstream cannot be asked to come back')
  } catch (error) {
    yield wrong('upstream', String(error), 'see the log of the upstream')
  } finally {
    await opened.end().catch(() => undefined)
  }
}
