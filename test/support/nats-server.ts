// A real nats-server for one test: spawned on a free loopback port with a store directory of its
// own, waited for, and ended by its pid. Never shared between files, never found by name.

import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { connect } from 'nats'
import type { ConnectionOptions, NatsConnection, StreamConfig } from 'nats'
import type { Test as TapTest } from 'tap'

import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

type Test = Pick<TapTest, 'teardown'>

const ACK_MS = 10_000
/** Publishes in flight at once. */
const WINDOW = 1_000

export interface NatsServerOptions {
  /** JetStream on; by default it is. */
  readonly jetstream?: boolean
  readonly auth?: { readonly user: string; readonly password: string }
  /** server_name; by default that of every test's. */
  readonly name?: string
  /** Appended to the configuration file. */
  readonly configText?: string
  readonly storeDir?: string
  readonly port?: number
}

export interface NatsServer {
  /** nats://127.0.0.1:port */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** SIGTERM, and wait for the end. */
  stop(): Promise<void>
  /** SIGKILL, and wait for the end. */
  kill(): Promise<void>
  /** SIGSTOP: connections stay open, nothing answers. */
  pause(): void
  resume(): void
  /** Starts it again on the same port and store. */
  restart(): Promise<void>
}

/** Path of the binary: NATS_SERVER, the repository's cache, or PATH. */
export function findNatsServer(): string | undefined {
  const cached = resolve(import.meta.dirname, '../../.cache/bin/nats-server')
  const candidates = [process.env['NATS_SERVER'], cached].filter((path) => path !== undefined)
  const found = candidates.find((path) => existsSync(path))
  if (found) return found
  try {
    return execFileSync('which', ['nats-server'], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

/**
 * For the head of a test file: `t.test(name, { skip: withoutNats() }, …)`. Where servers are
 * required a missing one is no reason to skip, and startNats then fails the test.
 */
export function withoutNats(): string | false {
  if (process.env['REQUIRE_SERVERS'] === '1' || findNatsServer() !== undefined) return false
  return 'no nats-server found'
}

/** Runs until the test's teardown. */
export async function startNats(test: Test, options: NatsServerOptions = {}): Promise<NatsServer> {
  const binary = findNatsServer()
  if (binary === undefined) throw new Error('no nats-server found in NATS_SERVER, .cache or PATH')
  const folder = await mkdtemp(join(tmpdir(), 'jetgres-nats-'))
  const port = options.port ?? (await freePort())
  const config = join(folder, 'nats.conf')
  await writeFile(config, configText(options, port, options.storeDir ?? join(folder, 'store')))
  const server = new Process(binary, config, port)
  test.teardown(async () => {
    await server.kill()
    await rm(folder, { recursive: true, force: true })
  })
  await server.restart()
  return server
}

class Process implements NatsServer {
  readonly url: string
  readonly port: number
  readonly #command: readonly [string, string]
  #child: ChildProcess | undefined

  constructor(binary: string, config: string, port: number) {
    this.#command = [binary, config]
    this.port = port
    this.url = `nats://127.0.0.1:${port}`
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async restart(): Promise<void> {
    await this.kill()
    const [binary, config] = this.#command
    const child = spawn(binary, ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child = child
    let log = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4_000)
    })
    await eventually(() => log.includes('Server is ready') || child.exitCode !== null)
    if (child.exitCode !== null) throw new Error(`nats-server did not start:\n${log}`)
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

function configText(options: NatsServerOptions, port: number, storeDir: string): string {
  const lines = [`listen: "127.0.0.1:${port}"`, `server_name: "${options.name ?? 'jetgres-test'}"`]
  if (options.jetstream !== false) lines.push(`jetstream { store_dir: "${storeDir}" }`)
  if (options.auth) {
    const { user, password } = options.auth
    lines.push(`authorization { user: "${user}", password: "${password}" }`)
  }
  return [...lines, options.configText ?? '', ''].join('\n')
}

/** A client of the test's own, closed with it. */
export async function connectNats(
  test: Test,
  server: NatsServer,
  options: ConnectionOptions = {}
): Promise<NatsConnection> {
  const connection = await connect({
    servers: `127.0.0.1:${server.port}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    ...options
  })
  test.teardown(() => connection.close())
  return connection
}

/** A file stream, unless the configuration says otherwise. */
export async function createStream(
  connection: NatsConnection,
  name: string,
  subjects: readonly string[],
  config: Partial<StreamConfig> = {}
): Promise<void> {
  const manager = await connection.jetstreamManager()
  await manager.streams.add({ name, subjects: [...subjects], ...config })
}

export interface StreamOptions {
  readonly server?: NatsServerOptions
  /** How the client logs in, where the server asks. */
  readonly login?: ConnectionOptions
  readonly config?: Partial<StreamConfig>
}

/** A server with one stream, and a client of it. */
export interface StreamServer {
  readonly server: NatsServer
  readonly admin: NatsConnection
}

/** A server of the test's own with one stream of these subjects, until the test's teardown. */
export async function startStream(
  test: Test,
  name: string,
  subjects: readonly string[],
  options: StreamOptions = {}
): Promise<StreamServer> {
  const server = await startNats(test, options.server)
  const admin = await connectNats(test, server, options.login)
  await createStream(admin, name, subjects, options.config)
  return { server, admin }
}

/**
 * Publishes each value as JSON, in order. A window at a time: the stream takes deliveries in order,
 * so that the acknowledgement of a window's last one stands for all of it.
 */
export async function publishJson(
  connection: NatsConnection,
  subject: string | ((index: number) => string),
  values: readonly unknown[]
): Promise<void> {
  const jetstream = connection.jetstream({ timeout: ACK_MS })
  const subjectOf = typeof subject === 'string' ? () => subject : subject
  for (let from = 0; from < values.length; from += WINDOW) {
    const to = Math.min(from + WINDOW, values.length) - 1
    for (let i = from; i < to; i++) connection.publish(subjectOf(i), JSON.stringify(values[i]))
    await jetstream.publish(subjectOf(to), JSON.stringify(values[to]))
  }
}
