// @ts-check
// The servers a case runs against, each a process of its own: NATS, jetgres, plain Postgres from
// the same binaries, PgBouncer where there is one. Owns their settings; knows no case.

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { totalmem, userInfo } from 'node:os'
import { join, resolve } from 'node:path'

import { connect as connectNats } from 'nats'
import pg from 'pg'

import { ensureNatsServer } from '../servers.mjs'
import { Program, freePort, until } from './processes.mjs'

/** @typedef {import('./processes.mjs').Cleanups} Cleanups */
/** @typedef {{ host: string, port: number }} Address */
/** @typedef {{ upstream?: string, nodeArgs?: string[], storeMemory?: string }} JetgresOptions */

const root = resolve(import.meta.dirname, '../..')
/** A second: Linux counts CPU time in these, on every machine. */
const clockTicks = 100
export const mainPath = join(root, 'dist/jetgres.cjs')

const memoryMiB = totalmem() / 1024 ** 2
/** A part of the machine's memory, up to so much. @param {number} part @param {number} most */
const memory = (part, most) => `${Math.floor(Math.min(memoryMiB * part, most))}MB`

/**
 * What a careful operator of this machine would set for a Postgres that holds the rows itself and has
 * few users: the usual parts of its memory, so that the dashboard's sorts and hash tables are not made on
 * disk, and no checkpoints while it is measured. The embedded Postgres's own settings are for an
 * upstream without the rows, and would make a poor peer.
 */
export const peerSettings = {
  shared_buffers: memory(1 / 4, 4_096),
  effective_cache_size: memory(1 / 2, 65_536),
  work_mem: memory(1 / 24, 1_024),
  maintenance_work_mem: memory(1 / 16, 1_024),
  max_wal_size: '16GB',
  checkpoint_timeout: '30min',
  random_page_cost: '1.1',
  jit: 'off'
}

/** @param {Cleanups} cleanups */
export async function startNats(cleanups) {
  const folder = cleanups.folder('nats')
  const port = await freePort()
  const server = ensureNatsServer((line) => console.error(line))
  const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder]
  const program = new Program('nats-server', server, args)
  cleanups.add(() => program.stop('SIGKILL'))
  const url = `127.0.0.1:${port}`
  const patience = { waitOnFirstConnect: true, reconnectTimeWait: 50, maxReconnectAttempts: 200 }
  const connection = await connectNats({ servers: url, ...patience })
  cleanups.add(() => connection.close())
  return { url, connection }
}

/** jetgres as a child process, which can be stopped, killed and started again on the same data. */
export class Jetgres {
  /** @type {Program | undefined} */
  #program
  #isReady = false
  /** Of embedded Postgres servers: a killed run's may still be stopping. @type {Set<number>} */
  #embedded = new Set()

  /**
   * @param {Cleanups} cleanups
   * @param {JetgresOptions} [options]
   */
  static async start(cleanups, options = {}) {
    const dataDir = cleanups.folder('data')
    const jetgres = new Jetgres(dataDir, await freePort(), options)
    cleanups.add(() => jetgres.#removeCluster())
    cleanups.add(() => jetgres.stop())
    await jetgres.start()
    return jetgres
  }

  /** @param {string} dataDir @param {number} port @param {JetgresOptions} options */
  constructor(dataDir, port, options) {
    this.dataDir = dataDir
    this.host = '127.0.0.1'
    this.port = port
    this.options = options
  }

  async start() {
    const { upstream, nodeArgs = [], storeMemory } = this.options
    const listen = ['--listen', `${this.host}:${this.port}`, '--http', 'off']
    const where = [...listen, '--data-dir', this.dataDir]
    const behind = upstream === undefined ? [] : ['--upstream', upstream]
    const bound = storeMemory === undefined ? [] : ['--store-memory', storeMemory]
    const args = [...nodeArgs, mainPath, ...where, ...behind, ...bound, '--log-format', 'json']
    this.#isReady = false
    const onLine = (/** @type {string} */ line) => this.#read(line)
    this.#program = new Program('jetgres', process.execPath, args, { onLine })
    await until('jetgres', () => this.#isReady, { programs: [this.#program], pauseMs: 2 })
  }

  /** Of the present run. */
  get pid() {
    return this.#program?.child.pid ?? 0
  }

  /** Its last lines. */
  get said() {
    return this.#program?.said ?? ''
  }

  get isOver() {
    return this.#program?.isOver ?? true
  }

  /** @param {NodeJS.Signals} [signal] */
  async stop(signal) {
    await this.#program?.stop(signal)
  }

  /** Of the process alone, not of its embedded Postgres. @param {'VmRSS' | 'VmHWM'} [field] */
  residentMiB(field = 'VmRSS') {
    const status = readFileSync(`/proc/${this.#program?.child.pid}/status`, 'utf8')
    return Number(new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
  }

  /** Of all its threads, since its start. */
  cpuSeconds() {
    const stat = readFileSync(`/proc/${this.#program?.child.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / clockTicks
  }

  /** After a kill: its guard stops the embedded Postgres. */
  async embeddedGone() {
    const isOver = () => [...this.#embedded].every((pid) => !isAlive(pid))
    await until('the end of the embedded Postgres', isOver)
  }

  /** @param {string} line */
  #read(line) {
    if (!line.startsWith('{')) return
    const entry = JSON.parse(line)
    if (entry.msg === 'ready') this.#isReady = true
    if (entry.msg === 'embedded postgres is ready') this.#embedded.add(Number(entry.pid))
  }

  /** The cluster may be elsewhere, where its user can reach it. */
  async #removeCluster() {
    await this.embeddedGone()
    const note = join(this.dataDir, 'postgres.location')
    const elsewhere = existsSync(note) ? readFileSync(note, 'utf8').trim() : ''
    if (elsewhere !== '') rmSync(elsewhere, { recursive: true, force: true })
  }
}

/** Plain Postgres 18: the binaries of the embedded one, in a process of its own. */
export class Postgres {
  /** @type {Program | undefined} */
  #program
  /** @type {{ socketDir: string, pid: number } | undefined} */
  #facts

  /** @param {Cleanups} cleanups @param {Record<string, string>} [settings] */
  static async start(cleanups, settings = peerSettings) {
    const server = new Postgres(cleanups.folder('pg'), await freePort(), settings)
    // A shutdown would write the gigabytes that are about to be removed.
    cleanups.add(() => server.stop('SIGQUIT'))
    await server.start()
    return server
  }

  /** @param {string} dataDir @param {number} port @param {Record<string, string>} settings */
  constructor(dataDir, port, settings) {
    this.dataDir = dataDir
    this.host = '127.0.0.1'
    this.port = port
    this.settings = settings
  }

  get socketDir() {
    return this.#facts?.socketDir ?? ''
  }

  async start() {
    this.#facts = undefined
    const program = join(import.meta.dirname, 'postgres-process.mjs')
    const args = [program, this.dataDir, String(this.port), JSON.stringify(this.settings)]
    const onLine = (/** @type {string} */ line) => this.#read(line)
    this.#program = new Program('postgres', process.execPath, args, { onLine })
    const isReady = () => this.#facts !== undefined
    await until('postgres', isReady, { programs: [this.#program], pauseMs: 2 })
  }

  /** @param {NodeJS.Signals} [signal] SIGQUIT: at once */
  async stop(signal) {
    await this.#program?.stop(signal)
  }

  /** As a power cut would: the postmaster gets SIGKILL, and its children end by themselves. */
  async crash() {
    if (this.#facts) process.kill(this.#facts.pid, 'SIGKILL')
    await until('the crash', () => this.#program?.isOver ?? true)
  }

  /** @param {string} line */
  #read(line) {
    if (line.startsWith('{"socketDir"')) this.#facts = JSON.parse(line)
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

export function findPgbouncer() {
  const given = process.env.PGBOUNCER
  const paths = [...(given ? [given] : []), 'pgbouncer', '/usr/sbin/pgbouncer']
  return paths.find((path) => spawnSync(path, ['--version']).status === 0)
}

/**
 * Session pooling over the upstream's Unix socket, everybody trusted.
 * @param {Cleanups} cleanups
 * @param {Postgres} upstream
 * @param {string} path
 */
export async function startPgbouncer(cleanups, upstream, path) {
  const folder = cleanups.folder('pgbouncer')
  const port = await freePort()
  const lines = [
    '[databases]',
    `postgres = host=${upstream.socketDir} port=${upstream.port} user=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = session',
    'default_pool_size = 64',
    'log_connections = 0',
    'log_disconnections = 0',
    ''
  ]
  const config = join(folder, 'pgbouncer.ini')
  writeFileSync(config, lines.join('\n'))
  chmodSync(folder, 0o755)
  // It refuses to run as root, and the socket's folder is for the server's own user.
  const { uid, gid } = statSync(upstream.socketDir)
  const as = userInfo().uid === 0 ? { uid, gid, cwd: '/' } : {}
  const program = new Program('pgbouncer', path, [config], as)
  cleanups.add(() => program.stop('SIGKILL'))
  const server = { host: '127.0.0.1', port }
  await until('pgbouncer', () => canConnect(server), { programs: [program], deadlineMs: 20_000 })
  return server
}

/** @param {Address} server */
async function canConnect(server) {
  const client = new pg.Client(clientOf(server))
  return client.connect().then(
    () => client.end().then(() => true),
    () => false
  )
}

/** @param {Address} server */
export function clientOf({ host, port }) {
  return { host, port, user: 'postgres', database: 'postgres' }
}

/**
 * A connected client that ends with the case.
 * @param {Cleanups} cleanups
 * @param {Address} server
 */
export async function connect(cleanups, server) {
  const client = new pg.Client(clientOf(server))
  client.on('error', () => undefined)
  await client.connect()
  cleanups.add(() => client.end())
  return client
}
