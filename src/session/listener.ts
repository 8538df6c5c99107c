// Accepts clients and makes a session of each, or forwards its cancel request.
// Owns the listening socket and who is connected; an error of one client never reaches another.

import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

import {
  adminShutdown,
  asFatal,
  cannotConnectNow,
  invalidAuthorization,
  PgError
} from '../errors.ts'
import { limits } from '../limits.ts'
import { sendCancel } from '../upstream/cancel.ts'
import { acceptPlain } from '../upstream/plain-socket.ts'
import { errorResponse } from '../wire/backend.ts'
import type { StartupPacket } from '../wire/startup.ts'
import { Arrival } from './arrival.ts'
import type { SessionContext } from './context.ts'
import { Deadline } from './deadline.ts'
import { isEncrypted } from './encryption.ts'
import { Session } from './session.ts'

type Startup = Extract<StartupPacket, { kind: 'startup' }>

/** A client whose machine is gone sends no FIN: it is noticed by probes. */
const SOCKET_OPTIONS = {
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: limits.keepAliveMs,
  // Nobody has read from a socket when it is taken over.
  pauseOnConnect: true
} as const

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
    this.#server = createServer(SOCKET_OPTIONS, (socket) => {
      this.#accept(acceptPlain(socket))
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
    const arrival = new Arrival(socket, this.#context.tls)
    const deadline = new Deadline(this.#context.startupMs, () => socket.destroy())
    this.#arrive(socket, arrival, deadline)
      .catch((error: unknown) => refuse(arrival.socket, error))
      .finally(() => deadline.clear())
      .catch(() => socket.destroy())
  }

  /** Serves the client to its end. */
  async #arrive(socket: Socket, arrival: Arrival, deadline: Deadline): Promise<void> {
    const arrived = await arrival.packet()
    if (!arrived) {
      socket.destroySoon()
      return
    }
    const { packet, rest } = arrived
    if (packet.kind === 'cancel') return this.#cancel(arrival.socket, packet)
    this.#arriving.delete(socket)
    await this.#serve(arrival.socket, packet, rest, deadline)
  }

  async #serve(socket: Socket, startup: Startup, rest: Buffer, deadline: Deadline): Promise<void> {
    if (this.#isClosing) throw cannotConnectNow('the database system is shutting down')
    if (this.#context.requireTls && !isEncrypted(socket)) throw noEncryption(startup)
    const session = new Session(socket, this.#context)
    this.#sessions.add(session)
    deadline.onExpiry(() => session.expire())
    try {
      await session.run(startup, rest, () => deadline.clear())
    } finally {
      this.#sessions.delete(session)
    }
  }

  /** Stops what runs here, else asks the upstream; the answer is always just the end. */
  async #cancel(
    socket: Socket,
    { pid, secret }: Extract<StartupPacket, { kind: 'cancel' }>
  ): Promise<void> {
    const session = this.#context.registry.byKey(pid, secret)
    const messages = session?.messages
    if (!session?.cancelLocal()) {
      await sendCancel(this.#context.target, session?.endpoint, { pid, secret })
      // It may have been about to run here, and the upstream done with describing it.
      if (session?.messages === messages) session?.cancelLocal()
    }
    socket.end()
  }
}

/** What a Postgres says whose pg_hba.conf has `hostssl` lines only. */
function noEncryption(startup: Startup): PgError {
  const user = startup.parameters.get('user') ?? ''
  const database = startup.parameters.get('database') ?? user
  return invalidAuthorization(
    `connection without encryption is refused for user "${user}", database "${database}"`,
    { hint: 'Connect with sslmode=require or stronger.' }
  )
}

/** Tells the client where it can be told; a failed TLS handshake leaves nothing to say it in. */
function refuse(socket: Socket, error: unknown): void {
  if (!(error instanceof PgError)) return void socket.destroy()
  if (!socket.writableEnded) socket.end(errorResponse(asFatal(error)))
}
