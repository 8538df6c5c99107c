// @ts-check
// The servers of a soak, each of which can be killed, stopped and started again on what it has: NATS,
// a Postgres as upstream, jetgres. Owns their settings, the stream and the two tables.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { connect as connectNats } from 'nats'
import pg from 'pg'

import { Jetgres, Postgres, clientOf } from '../bench/servers.mjs'
import { Program, freePort, until } from '../bench/processes.mjs'
import { ensureNatsServer } from '../servers.mjs'

/** @typedef {import('../bench/processes.mjs').Cleanups} Cleanups */
/** @typedef {import('nats').NatsConnection} NatsConnection */

const SECOND_NS = 1e9
const upstreamSettings = { shared_buffers: '64MB', max_connections: '100', fsync: 'off' }

/** Without its connection: that is the world's. */
class Nats {
  /** @type {Program | undefined} */
  #program

  /** @param {string} folder @param {number} port */
  constructor(folder, port) {
    this.port = port
    this.config = join(folder, 'nats.conf')
    const store = `jetstream { store_dir: "${join(folder, 'store')}" }`
    writeFileSync(this.config, `listen: "127.0.0.1:${port}"\n${store}\n`)
    this.path = ensureNatsServer((line) => console.error(line))
  }

  get pid() {
    return this.#program?.child.pid ?? 0
  }

  /** Its last lines. */
  get said() {
    return this.#program?.said ?? ''
  }

  /** Resolves once it answers. */
  async start() {
    this.#program = new Program('nats-server', this.path, ['-c', this.config])
    await until('nats-server', () => this.#answers(), { programs: [this.#program] })
  }

  /** @param {NodeJS.Signals} signal */
  async end(signal) {
    await this.#program?.stop(signal)
  }

  #answers() {
    return connectNats({ servers: `127.0.0.1:${this.port}`, reconnect: false }).then(
      (connection) => connection.close().then(() => true),
      () => false
    )
  }
}

export class World {
  /** @param {Cleanups} cleanups @param {number} ageSeconds for which the stream keeps deliveries */
  static async open(cleanups, ageSeconds) {
    const nats = new Nats(cleanups.folder('soak-nats'), await freePort())
    cleanups.add(() => nats.end('SIGKILL'))
    await nats.start()
    const upstream = await Postgres.start(cleanups, upstreamSettings)
    const connection = await connectNats({
      servers: `127.0.0.1:${nats.port}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100
    })
    cleanups.add(() => connection.close())
    const manager = await connection.jetstreamManager()
    await manager.streams.add({
      name: 'S',
      subjects: ['s.>'],
      max_age: ageSeconds * SECOND_NS,
      duplicate_window: 30 * SECOND_NS
    })
    const url = `postgresql://postgres@127.0.0.1:${upstream.port}/postgres`
    const jetgres = await Jetgres.start(cleanups, { upstream: url })
    const world = new World(nats, upstream, jetgres, connection, manager)
    await world.#createTables()
    return world
  }

  /**
   * @param {Nats} nats
   * @param {Postgres} upstream
   * @param {Jetgres} jetgres
   * @param {NatsConnection} connection
   * @param {import('nats').JetStreamManager} manager
   */
  constructor(nats, upstream, jetgres, connection, manager) {
    this.nats = nats
    this.upstream = upstream
    this.jetgres = jetgres
    this.connection = connection
    this.manager = manager
  }

  get storePath() {
    const path = join(this.jetgres.dataDir, 'store.duckdb')
    if (!existsSync(path)) throw new Error(`no store at ${path}`)
    return path
  }

  /** One statement to jetgres, in a session of its own. @param {string} text @returns {Promise<any[]>} */
  ask(text) {
    return askOf(this.jetgres, text)
  }

  /** One statement to the upstream itself. @param {string} text @returns {Promise<any[]>} */
  askUpstream(text) {
    return askOf(this.upstream, text)
  }

  async connect() {
    const client = new pg.Client(clientOf(this.jetgres))
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  /** Names of all the stream's consumers. */
  async consumers() {
    const names = []
    for await (const { name } of this.manager.consumers.list('S')) names.push(name)
    return names
  }

  async #createTables() {
    const fedBy = (/** @type {string} */ subject) =>
      `WITH (connector = 'nats', server_url = '127.0.0.1:${this.nats.port}', stream = 'S',
             subject = '${subject}', connect_mode = 'plain') FORMAT PLAIN ENCODE JSON`
    await this.ask(`CREATE TABLE latest (k int PRIMARY KEY, v int) ${fedBy('s.>')}`)
    await this.ask(`CREATE TABLE sample (v int) ${fedBy('s.sample')}`)
  }
}

/** @param {{ host: string, port: number }} server @param {string} text */
async function askOf(server, text) {
  const client = new pg.Client(clientOf(server))
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}
