// A real jetgres for one test: the built program, in a temporary data directory, on a free port,
// ended by its pid. `kill` is SIGKILL; `restart` keeps port and data.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

import pg from 'pg'
import type { Test } from 'tap'

import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

export interface JetgresOptions {
  /** postgresql://… of the maintenance role; without one jetgres starts its embedded Postgres. */
  readonly upstream?: string
  /** A data directory to share or to find again; without one a temporary one. */
  readonly dataDir?: string
  /** Further arguments. */
  readonly args?: readonly string[]
  /** Options of Node's own, as NODE_OPTIONS has them. */
  readonly nodeOptions?: string
  /** False: `start` doesn't wait for "ready" (jetgres may be meant to fail). */
  readonly isAwaited?: boolean
}

/** One line of pino's. */
export interface LogLine {
  readonly msg: string
  readonly level: string
  readonly [key: string]: unknown
}

export interface Jetgres {
  readonly host: string
  /** The same after a restart. */
  readonly port: number
  readonly dataDir: string
  readonly pid: number
  /** Of all runs, oldest first. */
  readonly lines: readonly LogLine[]
  /** What was written that is no log line. */
  readonly output: string
  /** Of the embedded Postgres: what a client on this machine dials. */
  readonly embedded: { readonly host: string; readonly port: number; readonly pid: number }
  /** A connected client, ended with the test. */
  connect(options?: pg.ClientConfig): Promise<pg.Client>
  /** Starts the process; resolves at once, see `ready`. */
  spawn(): void
  /** Waits for the log line "ready". @throws when the process ends before */
  ready(): Promise<void>
  /** SIGTERM; resolves to the exit code (null: ended by a signal). */
  stop(): Promise<number | null>
  /** SIGKILL, and wait for the end. */
  kill(): Promise<void>
  /** Resolves to the exit code when the process ends by itself or by a signal sent before. */
  exited(): Promise<number | null>
  /** Waits for the end of every embedded Postgres that was started. */
  embeddedGone(): Promise<void>
  /** Starts again on the same port and data; stops it first if it runs. */
  restart(): Promise<void>
}

const START_MS = 180_000
const END_MS = 40_000

/** The built program; JETGRES_MAIN names another build of it. */
export const mainPath = resolve(import.meta.dirname, '../..', process.env['JETGRES_MAIN'] ?? 'dist/jetgres.cjs')

/** Starts jetgres for the test; see JetgresOptions. */
export async function startJetgres(
  t: Pick<Test, 'teardown'>,
  options: JetgresOptions = {}
): Promise<Jetgres> {
  if (!existsSync(mainPath)) throw new Error(`${mainPath} is missing: npm run build`)
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'jetgres-test-e2e-')))
  const server = new Program(dataDir, await freePort(), options)
  t.teardown(async () => {
    await server.endClients()
    await server.kill()
    await server.embeddedGone()
    if (options.dataDir === undefined) await removeDataDir(dataDir)
  })
  server.spawn()
  if (options.isAwaited !== false) await server.ready()
  return server
}

/** The cluster may be elsewhere, where its user can reach it. */
async function removeDataDir(dataDir: string): Promise<void> {
  const elsewhere = await readFile(join(dataDir, 'postgres.location'), 'utf8').catch(() => '')
  if (elsewhere.trim() !== '') await rm(elsewhere.trim(), { recursive: true, force: true })
  await rm(dataDir, { recursive: true, force: true })
}

class Program implements Jetgres {
  readonly host = '127.0.0.1'
  readonly dataDir: string
  readonly lines: LogLine[] = []
  readonly #options: JetgresOptions
  readonly #clients = new Set<pg.Client>()
  /** Embedded servers of all runs: a killed run's may still be stopping. */
  readonly #embeddedPids = new Set<number>()
  #child: ChildProcess | undefined
  #port: number
  /** Index of the present run's first line. */
  #from = 0
  #output = ''

  constructor(dataDir: string, port: number, options: JetgresOptions) {
    this.dataDir = dataDir
    this.#port = port
    this.#options = options
  }

  get port(): number {
    return this.#port
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get output(): string {
    return this.#output
  }

  get embedded(): Jetgres['embedded'] {
    const line = this.lines.findLast(({ msg }) => msg === 'embedded postgres is ready')
    if (!line) throw new Error('no embedded Postgres was started')
    const { socketDir, port, pid } = line
    return { host: String(socketDir), port: Number(port), pid: Number(pid) }
  }

  async connect(overrides: pg.ClientConfig = {}): Promise<pg.Client> {
    const facts = { host: this.host, port: this.port, user: 'postgres', database: 'postgres' }
    const client = new pg.Client({ ...facts, ...overrides })
    // A server that ends under an idle client is an event, not a failure of the test.
    client.on('error', () => undefined)
    this.#clients.add(client)
    await client.connect()
    return client
  }

  spawn(): void {
    const { upstream, args = [], nodeOptions } = this.#options
    const where = ['--listen', `${this.host}:${this.#port}`, '--data-dir', this.dataDir]
    const behind = upstream === undefined ? [] : ['--upstream', upstream]
    const all = [mainPath, ...where, '--http', 'off', '--log-format', 'json', ...behind, ...args]
    this.#from = this.lines.length
    const child = spawn(process.execPath, ['--enable-source-maps', ...all], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], NODE_OPTIONS: nodeOptions }
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#keep(line))
    }
  }

  async ready(): Promise<void> {
    const isOver = (): boolean => this.#child?.exitCode !== null || this.#child.signalCode !== null
    const line = await eventually(() => this.#runLine('ready') ?? (isOver() ? null : undefined), {
      deadlineMs: START_MS,
      what: 'jetgres ready'
    })
    if (!line) throw new Error(`jetgres did not start:\n${this.#said()}`)
    this.#port = Number(String(line['listen']).split(':').at(-1))
  }

  async stop(): Promise<number | null> {
    this.#child?.kill('SIGTERM')
    return this.exited()
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.exited()
  }

  async exited(): Promise<number | null> {
    const child = this.#child
    if (!child) return null
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, 'exit', { signal: AbortSignal.timeout(END_MS) })
    }
    return child.exitCode
  }

  async restart(): Promise<void> {
    await this.stop()
    this.spawn()
    await this.ready()
  }

  async endClients(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.end().catch(() => undefined)))
  }

  /** A jetgres that was killed has a guard stop its Postgres; the folder is in use until then. */
  async embeddedGone(): Promise<void> {
    for (const pid of this.#embeddedPids) {
      await eventually(() => !isAlive(pid), { deadlineMs: 20_000, what: 'the end of Postgres' })
    }
  }

  #runLine(msg: string): LogLine | undefined {
    return this.lines.slice(this.#from).find((line) => line.msg === msg)
  }

  #keep(text: string): void {
    const line = asLogLine(text)
    if (!line) this.#output += `${text}\n`
    else {
      this.lines.push(line)
      if (line.msg === 'embedded postgres is ready') this.#embeddedPids.add(Number(line['pid']))
    }
  }

  #said(): string {
    const lines = this.lines.slice(this.#from).map((line) => JSON.stringify(line))
    return [...lines, this.#output].join('\n')
  }
}

function asLogLine(text: string): LogLine | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as LogLine
  } catch {
    return undefined
  }
}

/** Is there a process with this pid? */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
