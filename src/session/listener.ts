// Accepts clients: encryption requests, cancel requests, startup packets; then a session each.
// Owns the listening socket and who is connected; an error of one client never reaches another.

import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

import { adminShutdown, cannotConnectNow, protocolViolation, toPgError } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import { dial } from '../upstream/link.ts'
import { errorResponse } from '../wire/backend.ts'
import { decodeStartup, encodeCancel, startupSize } from '../wire/startup.ts'
import type { StartupPacket } from '../wire/startup.ts'
import type { SessionContext } from './context.ts'
import { Session } from './session.ts'

/** The answer to SSLRequest and GSSENCRequest: not here. */
const NO = Buffer.from('N')

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export class Listener {
  readonly #server: Server
  readonly #context: SessionContext
  readonly #sessions = new Set<Session>()
  /** Sockets that are no session yet. */
  readonly #arriving = new Set<Socket>()
  #isClosing = false

  constructor(context: SessionContext) {
    this.#context = context
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
      this.#accept(socket)
    })
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** Resolves to the address really listened on. @throws when it can't be bound */
  listen({ host, port }: ListenAddress): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port, backlog: limits.listenBacklog }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (err) => this.#context.log.warn({ err }, 'accept failed'))
        resolve(this.#server.address() as AddressInfo)
      })
    })
  }

  /** No new clients; statements in hand may end, for limits.drainMs at most. */
  async close(): Promise<void> {
    this.#isClosing = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#arriving) socket.destroy()
    const reason = adminShutdown('terminating connection due to administrator command')
    const timer = setInterval(() => this.#shutDownIdle(reason), limits.drainPollMs)
    this.#shutDownIdle(reason)
    const deadline = setTimeout(() => {
      for (const session of this.#sessions) session.destroy()
    }, limits.drainMs)
    await closed
    clearInterval(timer)
    clearTimeout(deadline)
  }

  #shutDownIdle(reason: PgError): void {
    for (const session of this.#sessions) session.shutDown(reason)
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    this.#arriving.add(socket)
    socket.once('close', () => this.#arriving.delete(socket))
    const timer = setTimeout(() => socket.destroy(), limits.startupMs)
    this.#arrive(socket)
      .catch((error: unknown) => refuse(socket, toPgError(error)))
      .finally(() => clearTimeout(timer))
      .catch(() => socket.destroy())
    void timer.unref()
  }

  /** Reads packets until one is a startup or a cancel request. */
  async #arrive(socket: Socket): Promise<void> {
    let buffer: Buffer = Buffer.alloc(0)
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      buffer = Buffer.concat([buffer, chunk as Buffer])
      for (let size = startupSize(buffer); size && buffer.length >= size; ) {
        const packet = decodeStartup(buffer.subarray(0, size))
        buffer = buffer.subarray(size)
        if (packet.kind === 'startup') return this.#start(socket, packet, buffer)
        if (packet.kind === 'cancel') return this.#cancel(socket, packet)
        // What follows an encryption request in clear could have been injected (CVE-2021-23214).
        if (buffer.length > 0) throw protocolViolation('received unencrypted data after SSL request')
        socket.write(NO)
        size = undefined
      }
    }
  }

  #start(
    socket: Socket,
    startup: Extract<StartupPacket, { kind: 'startup' }>,
    rest: Buffer
  ): void {
    if (this.#isClosing) throw cannotConnectNow('the database system is shutting down')
    this.#arriving.delete(socket)
    const session = new Session(socket, this.#context)
    this.#sessions.add(session)
    void session.run(startup, rest).finally(() => this.#sessions.delete(session))
  }

  /** Stops what runs here, else asks the upstream; the answer is always just the end. */
  async #cancel(
    socket: Socket,
    { pid, secret }: Extract<StartupPacket, { kind: 'cancel' }>
  ): Promise<void> {
    const session = this.#context.registry.byKey(pid, secret)
    const messages = session?.messages
    if (!session?.cancelLocal()) {
      const upstream = await dial(this.#context.target)
      upstream.on('error', () => upstream.destroy())
      upstream.end(encodeCancel(pid, secret))
      await new Promise((resolve) => upstream.once('close', resolve).resume())
      // It may have been about to run here, and the upstream done with describing it.
      if (session?.messages === messages) session?.cancelLocal()
    }
    socket.end()
  }
}

function refuse(socket: Socket, error: PgError): void {
  if (!socket.writableEnded) socket.end(errorResponse(error))
}
