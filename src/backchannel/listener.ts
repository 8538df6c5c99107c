// The listener that live children read from. Accepts the upstream's backends and nobody else: the
// secret is in the user mapping, and only live children are served.

import { randomBytes } from 'node:crypto'
import { chmod, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

import { featureNotSupported, objectNotReady, toPgError } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import { errorResponse } from '../wire/backend.ts'
import { decodeStartup, startupSize } from '../wire/startup.ts'
import type { StartupPacket } from '../wire/startup.ts'
import { BackConversation } from './conversation.ts'
import { Reads } from './reads.ts'
import type { ClientFacts, ReadsOptions } from './reads.ts'
import type { Logger } from '../log.ts'

export interface BackchannelOptions extends Omit<ReadsOptions, 'database' | 'client'> {
  readonly secret: string
  /** The client whose upstream backend has this pid. */
  readonly clientOf: (pid: number) => ClientFacts
  readonly log: Logger
}

export type BackchannelAddress =
  { readonly path: string } | { readonly host: string; readonly port: number }

/** What an upstream database may be encoded in (postgres_fdw asks for its own encoding). */
const ENCODINGS: ReadonlySet<string> = new Set(['UTF8', 'SQL_ASCII'])

type Startup = Extract<StartupPacket, { kind: 'startup' }>

/**
 * The pid of the upstream's backend and its database's name, which may hold anything. Background
 * workers know no name, and servers before 15 send the pattern itself.
 */
const BACKEND = /^jetgres:(\d+)(?::(.*))?$/s

export class Backchannel {
  readonly #options: BackchannelOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #conversations = new Map<number, { secret: Buffer; conversation: BackConversation }>()
  #nextPid = 1

  constructor(options: BackchannelOptions) {
    this.#options = options
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
      this.#accept(socket)
    })
  }

  /** Resolves to the port really listened on (0 for a path). */
  listen(address: BackchannelAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ ...address, backlog: limits.listenBacklog }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (err) => this.#options.log.warn({ err }, 'accept failed'))
        const bound = this.#server.address()
        resolve(typeof bound === 'string' ? 0 : (bound as AddressInfo).port)
      })
    })
  }

  /** A Unix socket that others than our own user may open: who can is up to its folder. */
  async listenAt(path: string): Promise<void> {
    await rm(path, { force: true })
    await this.listen({ path })
    await chmod(path, 0o777)
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    this.#arrive(socket).catch((error: unknown) => {
      if (!socket.destroyed) socket.end(errorResponse(toPgError(error)))
    })
  }

  async #arrive(socket: Socket): Promise<void> {
    let buffer: Buffer = Buffer.alloc(0)
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      buffer = Buffer.concat([buffer, chunk as Buffer])
      for (let size = startupSize(buffer); size && buffer.length >= size;) {
        const packet = decodeStartup(buffer.subarray(0, size))
        buffer = buffer.subarray(size)
        if (packet.kind === 'startup') return this.#serve(socket, packet, buffer)
        if (packet.kind === 'cancel') return this.#cancel(socket, packet)
        socket.write('N')
        size = startupSize(buffer)
      }
    }
  }

  async #serve(socket: Socket, startup: Startup, rest: Buffer): Promise<void> {
    const encoding = startup.parameters.get('client_encoding') ?? 'UTF8'
    if (!ENCODINGS.has(encoding.toUpperCase())) {
      throw featureNotSupported(`the back channel of jetgres speaks UTF8, not ${encoding}`, {
        hint: 'Ingested relations need a database with encoding UTF8.'
      })
    }
    const pid = this.#nextPid++
    const key = { pid, secret: randomBytes(4) }
    const database = startup.parameters.get('database') ?? ''
    const name = startup.parameters.get('application_name') ?? ''
    const [, backendPid, origin] = BACKEND.exec(name) ?? []
    if (origin && !isSameName(origin, database)) throw notItsDatabase(origin, database)
    const reads = new Reads({
      ...this.#options,
      database,
      client: () => this.#options.clientOf(Number(backendPid))
    })
    const { secret, log } = this.#options
    const conversation = new BackConversation({ socket, secret, key, log }, reads)
    this.#conversations.set(pid, { secret: key.secret, conversation })
    await conversation.run(rest)
    this.#conversations.delete(pid)
  }

  #cancel(socket: Socket, { pid, secret }: Extract<StartupPacket, { kind: 'cancel' }>): void {
    const found = this.#conversations.get(pid)
    if (found?.secret.equals(secret)) found.conversation.interrupt()
    socket.end()
  }
}

/** A name that a client has given at too great a length is known upstream by its beginning. */
const isSameName = (origin: string, database: string): boolean =>
  origin === database ||
  (Buffer.byteLength(origin) > NAME_BYTES_MAX - CHARACTER_BYTES_MAX && database.startsWith(origin))

/** What Postgres keeps of a name, and what of it one character can take. */
const NAME_BYTES_MAX = 63
const CHARACTER_BYTES_MAX = 4

/** @returns PgError 55000: a copy has the live children of its original */
const notItsDatabase = (origin: string, database: string): PgError =>
  objectNotReady(`the live tables of database "${origin}" are those of database "${database}"`, {
    severity: 'FATAL',
    detail: `Database "${origin}" was copied from it, or is it under another name.`,
    hint: `In "${origin}" drop them with DROP TABLE … CASCADE and create them again.`
  })
