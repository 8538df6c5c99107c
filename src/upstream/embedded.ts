// The embedded upstream: a real Postgres that jetgres starts, watches and stops, for those who
// bring none. Owns its process. Kept between runs; what a killed run left behind is stopped first.
//
//   startEmbedded ─► binaries ─► cluster ─► stop orphan ─► postmaster ─► ready ─► stop
//                                                             └─ guard: stops it should we be killed

import { spawn, type ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import * as cluster from './embedded-cluster.ts'
import { cleanEnv, identity, type RunAs } from './embedded-exec.ts'
import { findPackage, prepareNative, type NativeBinaries } from './embedded-native.ts'

export type Listen = { readonly socket: true } | { readonly host: string; readonly port: number }

export interface EmbeddedOptions {
  /** jetgres's data directory; the cluster is `postgres` in it. */
  readonly dataDir: string
  readonly log: Logger
  /** A Unix socket alone, or also an address; `port` must be free and not 0. */
  readonly listen: Listen
  /** The superuser, fixed when the cluster is made. */
  readonly user?: string | undefined
  /** With one everybody needs a password; without, whoever reaches the server is trusted. */
  readonly password?: string | undefined
  readonly settings?: Readonly<Record<string, string>> | undefined
}

export type StopMode = 'fast' | 'immediate'

export interface EmbeddedPostgres {
  /** Folder of the Unix socket, which is there in any case. */
  readonly socketDir: string
  readonly port: number
  /** What a client on this machine dials: the address, or the socket's folder. */
  readonly host: string
  readonly user: string
  readonly pid: number
  /** Fulfilled when the server is gone, asked to or not, with how it ended. */
  readonly exited: Promise<string>
  /** Resolves when the server is gone; may be called twice. */
  stop(mode?: StopMode): Promise<void>
}

const socketPort = 5432

const defaultSettings: Readonly<Record<string, string>> = {
  // The rows of live tables are not here, so a small cache does.
  shared_buffers: '64MB',
  max_connections: '200',
  lc_messages: 'C',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_line_prefix: '',
  // Statements that fail are told to their clients; SQL text has no place in our log.
  log_min_messages: 'fatal',
  log_min_error_statement: 'panic'
}

/**
 * Starts the Postgres of a data directory, making it first if need be.
 * The caller must hold the data directory's lock.
 * @throws Error that says what was tried and what Postgres said
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { log, password } = options
  const dataDir = resolve(options.dataDir)
  const user = options.user ?? 'postgres'
  const as = await cluster.chooseUser()
  const place = await cluster.placeCluster(dataDir, as, log)
  const copiesDir = await cluster.copiesFolder(place.home, as)
  const native = await prepareNative(await findPackage(), as, copiesDir)
  await cluster.stopOrphan(place, native, as, log)
  await cluster.initialise(place, native, { user, as, sync: options.settings?.fsync !== 'off' })
  if (password !== undefined) await cluster.setPassword(place, native, { user, password, as })
  await cluster.writeAccessRules(place, as, password !== undefined)
  const socketDir = await cluster.socketFolder(place, as)
  const server = new Postmaster({ native, data: place.data, socketDir, as, log })
  await server.start(options.listen, options.settings ?? {})
  const port = portOf(options.listen)
  log.info({ pid: server.pid, socketDir, port }, 'embedded postgres is ready')
  return {
    socketDir,
    port,
    host: 'host' in options.listen ? options.listen.host : socketDir,
    user,
    pid: server.pid,
    exited: server.exited,
    stop: (mode) => server.stop(mode ?? 'fast')
  }
}

function portOf(listen: Listen): number {
  return 'port' in listen ? listen.port : socketPort
}

interface PostmasterFacts {
  readonly native: NativeBinaries
  readonly data: string
  readonly socketDir: string
  readonly as: RunAs | undefined
  readonly log: Logger
}

class Postmaster {
  readonly #facts: PostmasterFacts
  /** Set by start, never replaced. */
  #child: ChildProcess | undefined
  /** Outlives us when we are killed, and then stops the server. */
  #guard: ChildProcess | undefined
  /** The last lines the server logged, for the message when it does not start. */
  readonly #lines: string[] = []
  #hasExited = false
  /** How the server ended; replaced by start. */
  exited: Promise<string> = Promise.resolve('never started')

  constructor(facts: PostmasterFacts) {
    this.#facts = facts
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  async start(listen: Listen, settings: Readonly<Record<string, string>>): Promise<void> {
    const { native, data, as } = this.#facts
    const child = spawn(native.postgres, ['-D', data, ...this.#arguments(listen, settings)], {
      cwd: '/',
      env: cleanEnv,
      stdio: ['ignore', 'ignore', 'pipe'],
      // A terminal's Ctrl-C is for us: we stop the server when its sessions are done.
      detached: true,
      ...identity(as)
    })
    this.#child = child
    this.exited = this.#watch(child)
    createInterface({ input: child.stderr }).on('line', (line) => this.#keep(line))
    if (child.pid !== undefined) this.#guard = startGuard(child.pid, as)
    try {
      await this.#ready()
    } catch (error) {
      await this.stop('immediate')
      throw error
    }
  }

  async stop(mode: StopMode): Promise<void> {
    const signals = mode === 'fast' ? (['SIGINT', 'SIGQUIT'] as const) : (['SIGQUIT'] as const)
    for (const signal of [...signals, 'SIGKILL'] as const) {
      if (this.#hasExited) break
      this.#child?.kill(signal)
      await this.#exitWithin(limits.embeddedStopMs)
    }
    await this.exited
    await cluster.removeSocketFolder(this.#facts.socketDir)
  }

  #arguments(listen: Listen, settings: Readonly<Record<string, string>>): string[] {
    const all = {
      ...defaultSettings,
      ...settings,
      port: String(portOf(listen)),
      listen_addresses: 'host' in listen ? listen.host : '',
      unix_socket_directories: `"${this.#facts.socketDir.replaceAll('"', '""')}"`
    }
    return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  }

  #watch(child: ChildProcess): Promise<string> {
    return new Promise((done) => {
      const finish = (how: string): void => {
        this.#hasExited = true
        this.#guard?.kill('SIGKILL')
        this.#facts.log.debug({ pid: child.pid, how }, 'embedded postgres ended')
        done(how)
      }
      child.on('error', (error) => finish(error.message))
      child.on('close', (code, signal) => finish(signal ?? `exit code ${code}`))
    })
  }

  #keep(line: string): void {
    this.#lines.push(line)
    if (this.#lines.length > limits.embeddedLogLinesKept) this.#lines.shift()
    const isGrave = line.startsWith('PANIC')
    this.#facts.log[isGrave ? 'error' : 'debug']({ line }, 'embedded postgres says')
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + limits.embeddedStartMs
    while (!this.#hasExited) {
      const file = await cluster.readPostmasterFile(this.#facts.data)
      if (file?.pid === this.pid && file.isReady) return
      if (performance.now() > deadline) throw this.#failure('is not ready in time')
      await this.#exitWithin(20)
    }
    throw this.#failure(`did not start (${await this.exited})`)
  }

  #failure(what: string): Error {
    return new Error(`the embedded Postgres ${what}: ${this.#lines.join('; ')}`)
  }

  async #exitWithin(ms: number): Promise<void> {
    const timer = new AbortController()
    const patience = delay(ms, undefined, { signal: timer.signal }).catch(() => undefined)
    await Promise.race([this.exited, patience])
    timer.abort()
  }
}

/** Its stdin closes when we end, however we end: then it asks the server for a fast shutdown. */
function startGuard(pid: number, as: RunAs | undefined): ChildProcess {
  const guard = spawn(
    '/bin/sh',
    ['-c', 'read -r _; kill -INT "$1"', 'jetgres-guard', String(pid)],
    {
      cwd: '/',
      env: cleanEnv,
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      ...identity(as)
    }
  )
  guard.on('error', () => undefined)
  guard.stdin?.on('error', () => undefined)
  return guard
}
