// The composition root: opens every part in order and closes them in reverse. Decides nothing else.

import { join } from 'node:path'

import { Backchannel } from './backchannel/listener.ts'
import { backUp } from './catalog/backup.ts'
import { Catalog } from './catalog/catalog.ts'
import { Secrets } from './catalog/secrets.ts'
import { formatAddress, isLoopback } from './config.ts'
import type { Config } from './config.ts'
import { shownSettings } from './config-shown.ts'
import { listenForCommands } from './control.ts'
import { startHttp } from './http/http.ts'
import type { Watched } from './http/overview.ts'
import { openMeasures, Readiness } from './http/watching.ts'
import { NatsConnections } from './ingest/connection.ts'
import { ConsumerLives } from './ingest/consumer-names.ts'
import { ShownMarks } from './ingest/shown-marks.ts'
import { lockDataDir } from './lock.ts'
import type { Logger } from './log.ts'
import { loadSecret } from './secret.ts'
import { ClientTls } from './session/encryption.ts'
import { Listener } from './session/listener.ts'
import { processRows } from './session/process-rows.ts'
import { SessionRegistry } from './session/registry.ts'
import { SharedPlans } from './session/shared-plans.ts'
import { Standstill } from './session/standstill.ts'
import { NameScan } from './sql/classify.ts'
import { loadParser } from './sql/parser.ts'
import { storePathIn } from './store/store-options.ts'
import { Store } from './store/store.ts'
import { loadTarget } from './upstream/dial.ts'
import type { Target } from './upstream/dial.ts'
import { KeptPostgres } from './upstream/keep-embedded.ts'
import { Maintenance } from './upstream/maintenance.ts'
import { version } from './version.ts'

export interface Server {
  readonly addresses: {
    readonly listen: string
    readonly upstream: string
    readonly http?: string
  }
  /** Reads the certificates again. @throws Error, and the old ones stay in use */
  reload(): Promise<void>
  close(): Promise<void>
}

/** Closes what was opened, last first; one failure doesn't keep the rest open. */
class Closers {
  readonly #steps: [what: string, close: () => Promise<unknown>][] = []

  add(what: string, close: () => Promise<unknown>): void {
    this.#steps.push([what, close])
  }

  async close(log: Logger): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      const [what, close] = step
      await close().catch((err: unknown) => log.error({ err, what }, 'could not close'))
    }
  }
}

/** @throws Error that says which part could not be opened, and why */
export async function startServer(config: Config, log: Logger): Promise<Server> {
  const closers = new Closers()
  try {
    return await open(config, log, closers)
  } catch (error) {
    await closers.close(log)
    throw error
  }
}

async function open(config: Config, log: Logger, closers: Closers): Promise<Server> {
  const tls = config.tls && (await ClientTls.load(config.tls))
  const lock = await lockDataDir(config.dataDir)
  closers.add('lock', () => lock.release())
  const secret = await loadSecret(config.dataDir)
  // A start takes as long as these do, and they are other processors' work.
  const opening = openStore(config, log, closers)
  const reaching = openUpstream(config, log, closers)
  const loading = loadParser()
  // One that fails waits for the others: whatever is open by then is closed.
  await Promise.allSettled([opening, reaching, loading])
  const store = await opening
  const target = await reaching
  await loading

  const sharedPlans = new SharedPlans()
  let backchannelAddress = { host: '127.0.0.1', port: 0 }
  const maintenance = new Maintenance({
    target,
    secret,
    backchannel: () => backchannelAddress,
    lost: () => sharedPlans.clear(),
    log
  })
  closers.add('maintenance connections', () => maintenance.close())
  const connections = new NatsConnections(log)
  closers.add('NATS connections', () => connections.close())
  const secrets = await Secrets.open(join(config.dataDir, 'secrets.json'))
  const consumers = await ConsumerLives.open(join(config.dataDir, 'consumers.json'))
  const shown = ShownMarks.open(join(config.dataDir, 'shown'))
  closers.add('what was shown', async () => shown.close())
  const catalog = new Catalog({ store, maintenance, connections, consumers, shown, secrets, log })
  const registry = new SessionRegistry()
  const about = {
    version: await version(),
    upstream: targetName(target),
    catalog,
    registry,
    connections
  }
  const readiness = new Readiness(maintenance, log)
  const measures = openMeasures(about, readiness, config.slowStatementMs, log)
  const settings = shownSettings(config)

  const backchannel = new Backchannel({
    catalog,
    store,
    maintenance,
    secret,
    processRows: (table) => processRows(table, { registry, activity: measures.activity, settings }),
    clientOf: (pid) => {
      const session = registry.byPid(pid)
      return {
        isRepeatable: isRepeatable(session?.isolation),
        consistency: session?.consistency ?? 'received',
        wrote: (id) => session?.wrote(id)
      }
    },
    log
  })
  backchannelAddress = await openBackchannel(config, target, backchannel)
  closers.add('back channel', () => backchannel.close())

  closers.add('relations', () => catalog.close())
  await catalog.open()
  const names = nameScanOf(catalog)
  const listener = new Listener({
    target,
    tls,
    requireTls: config.requireTls,
    startupMs: config.startupMs,
    store,
    catalog,
    maintenance,
    registry,
    activity: measures.activity,
    sharedPlans,
    standstill: new Standstill(),
    settings,
    names,
    log
  })
  const { port } = await listener.listen(config.listen)
  closers.add('listener', () => listener.close())
  const stopListening = await listenForCommands(
    config.dataDir,
    async ({ name, operands: [dir = ''] }) => {
      if (name !== 'backup') throw new Error(`"${name}" is no command of a running jetgres`)
      const isEmbedded = config.upstream === undefined
      const embedded = isEmbedded ? maintenance.database(target.database) : undefined
      await backUp({ dataDir: config.dataDir, store, embedded }, dir)
      const rest = isEmbedded ? '' : ' (the Postgres behind jetgres is not in it)'
      return `A data directory with everything as it is now: ${dir}${rest}`
    },
    log
  )
  closers.add('commands', stopListening)
  const watched = { ...about, ...measures, store, faults: () => readiness.faults }
  await readiness.open()
  closers.add('readiness', async () => readiness.close())
  const http = await openHttp(config, watched, log, closers)
  return {
    addresses: {
      listen: formatAddress({ host: config.listen.host, port }),
      upstream: about.upstream,
      ...http
    },
    reload: async () => {
      await Promise.all([tls?.reload(), target.tls?.reload()])
    },
    close: () => closers.close(log)
  }
}

const targetName = (target: Target): string =>
  [target, ...(target.others ?? [])].map(({ host, port }) => `${host}:${port}`).join(', ')

/**
 * The embedded Postgres reaches us by a socket in its own private folder. Any other upstream runs as
 * another user, who may not enter our data directory: it comes by TCP, with the secret.
 */
async function openBackchannel(
  config: Config,
  target: Target,
  backchannel: Backchannel
): Promise<{ host: string; port: number }> {
  if (config.backchannel) {
    const port = await backchannel.listen(config.backchannel)
    return { host: config.backchannel.host, port }
  }
  if (config.upstream !== undefined) {
    const host = '127.0.0.1'
    return { host, port: await backchannel.listen({ host, port: 0 }) }
  }
  const socket = { host: target.host, port: target.port + 1 }
  await backchannel.listenAt(`${socket.host}/.s.PGSQL.${socket.port}`)
  return socket
}

const isRepeatable = (isolation: string | undefined): boolean =>
  isolation === 'repeatable read' || isolation === 'serializable'

/** Rebuilt when relations change; asked for every statement. */
function nameScanOf(catalog: Catalog): () => NameScan {
  const build = (): NameScan => new NameScan(catalog.names())
  let scan = build()
  catalog.onChange(() => (scan = build()))
  return () => scan
}

async function openStore(config: Config, log: Logger, closers: Closers): Promise<Store> {
  const store = await Store.open({
    path: storePathIn(config.dataDir),
    log,
    memoryBytesMax: config.storeMemory,
    rowCacheBytesMax: config.lookupMemory
  })
  closers.add('store', () => store.close())
  return store
}

async function openUpstream(config: Config, log: Logger, closers: Closers): Promise<Target> {
  if (config.upstream !== undefined) return loadTarget(config.upstream)
  const password = config.embeddedPassword
  if (password === undefined && !isLoopback(config.listen.host)) {
    throw new Error(
      'the embedded Postgres trusts everyone: set JETGRES_EMBEDDED_PASSWORD or listen on 127.0.0.1'
    )
  }
  const kept = await KeptPostgres.start({
    dataDir: config.dataDir,
    log,
    listen: { socket: true },
    password
  })
  closers.add('embedded Postgres', () => kept.stop())
  const { socketDir: host, port, user } = kept.current
  return { host, port, user, password, database: user }
}

async function openHttp(
  config: Config,
  watched: Watched,
  log: Logger,
  closers: Closers
): Promise<{ http?: string }> {
  if (!config.http) return {}
  const http = await startHttp({ address: config.http, token: config.httpToken, watched, log })
  closers.add('http', () => http.close())
  return { http: formatAddress(http.address) }
}
