// One client, from its startup packet to its end: dials the upstream, has the client let in there,
// then hands each frame in order to requests.ts. Owns both connections and who is told when one
// ends; must never look into a request.
//
//   starting ──upstream's first ReadyForQuery──► serving ──Terminate, error, close──► closed

import type { Socket } from 'node:net'

import type { Consistency } from '../catalog/relation.ts'
import { asFatal, queryCanceled, toPgError } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import { sendCancel } from '../upstream/cancel.ts'
import { dial } from '../upstream/dial.ts'
import { Link } from '../upstream/link.ts'
import { SocketOutput } from '../upstream/socket-output.ts'
import type { Endpoint } from '../upstream/target.ts'
import { errorResponse } from '../wire/backend.ts'
import { FrameReader } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'
import { frontend } from '../wire/frontend.ts'
import { isReplication } from '../wire/startup.ts'
import type { StartupPacket } from '../wire/startup.ts'
import { withoutSecrets } from './activity.ts'
import { Authentication } from './authentication.ts'
import { ClientInput } from './client-input.ts'
import { Conversation } from './conversation.ts'
import { describeRoute } from './context.ts'
import type { SessionContext } from './context.ts'
import { isEncrypted } from './encryption.ts'
import { TYPE } from './frame-types.ts'
import { handleFrames } from './handle-frames.ts'
import type { RegisteredSession, SessionView } from './registry.ts'
import { Requests } from './requests.ts'

type Startup = Extract<StartupPacket, { kind: 'startup' }>

/** pg_dumpall starts one of the former for each database. */
const DUMP = /^pg_dump(all)?$/

export class Session implements RegisteredSession {
  readonly #socket: Socket
  readonly #context: SessionContext
  readonly #output: SocketOutput
  readonly #log: Logger
  #conversation: Conversation | undefined
  #requests: Requests | undefined
  #pid = 0
  #key: { readonly pid: number; readonly secret: Buffer } | undefined
  #endpoint: Endpoint | undefined
  /** A replication connection. */
  #isPipe = false
  /** The client left while an answer was due. */
  #isAbandoned = false
  #authentication: Authentication | undefined
  /** Called at the first ReadyForQuery. */
  #started: (() => void) | undefined
  #messages = 0
  #application = ''
  readonly #startedAt = Date.now()

  constructor(socket: Socket, context: SessionContext) {
    this.#socket = socket
    this.#context = context
    this.#output = new SocketOutput(socket)
    this.#log = context.log
  }

  get isolation(): string {
    return this.#conversation?.assumedIsolation ?? ''
  }

  get consistency(): Consistency {
    return this.#conversation?.consistency ?? 'received'
  }

  wrote(relationId: number): void {
    this.#conversation?.written.add(relationId)
  }

  get messages(): number {
    return this.#messages + (this.#requests?.passed ?? 0)
  }

  /** Is a statement in hand, a transaction open? */
  get isBusy(): boolean {
    const { link, isRunning = false } = this.#conversation ?? {}
    if (!link || link.closed) return false
    return isRunning || link.dirty || link.status !== 'I'
  }

  get endpoint(): Endpoint | undefined {
    return this.#endpoint
  }

  view(): SessionView {
    const { identity, lastRoute, text } = this.#conversation!
    return {
      pid: this.#pid,
      user: identity.user,
      database: identity.database,
      application: this.#application,
      isBusy: this.isBusy || this.#conversation!.isWaiting,
      lastRoute: describeRoute(lastRoute),
      messages: this.messages,
      query: withoutSecrets(text),
      startedAt: this.#startedAt
    }
  }

  cancelLocal(): boolean {
    return this.#conversation?.stopLocal('user request') ?? false
  }

  /**
   * Serves the client until either side is gone. `rest`: bytes that came with the packet; `started`
   * is called when the upstream has let the client in.
   */
  async run(startup: Startup, rest: Buffer, started: () => void): Promise<void> {
    this.#started = started
    try {
      const { socket, endpoint } = await dial(this.#context.target)
      // The client may have left, or its time be over, meanwhile.
      if (this.#output.closed) return void socket.destroy()
      this.#endpoint = endpoint
      this.#authentication = this.#authenticate(isEncrypted(socket))
      const link = new Link(socket, this.#events())
      this.#isPipe = isReplication(startup)
      if (this.#isPipe) link.pipe('once let in')
      // Its errors are no frames.
      if (startup.protocol >> 16 < 3) link.pipe('always')
      this.#open(link, startup)
      link.send(startup.bytes)
      await this.#context.catalog.recognise(this.#conversation!.identity.database)
      await this.#serve(link, rest)
    } catch (error) {
      this.#fail(toPgError(error))
    } finally {
      this.#close()
    }
  }

  /** Asks the session to end: at once when idle, else when its statement has ended. */
  shutDown(error: PgError): void {
    if (!this.isBusy) this.#fail(error)
  }

  #open(link: Link, startup: Startup): void {
    const user = startup.parameters.get('user') ?? ''
    const database = startup.parameters.get('database') ?? user
    this.#application = startup.parameters.get('application_name') ?? ''
    const isDump = DUMP.test(this.#application)
    const identity = { user, database, isDump }
    const conversation = new Conversation(link, this.#output, this.#context, identity)
    this.#conversation = conversation
    this.#requests = new Requests(conversation)
  }

  #authenticate(isUpstreamEncrypted: boolean): Authentication {
    return new Authentication({
      isEncryptedTwice: isUpstreamEncrypted && isEncrypted(this.#socket),
      toUpstream: (bytes) => this.#conversation?.link.send(bytes),
      fail: (error) => {
        this.#fail(error)
        this.#conversation?.link.destroy()
      }
    })
  }

  #events(): ConstructorParameters<typeof Link>[1] {
    return {
      relay: (bytes) => {
        const drained = this.#output.write(bytes) ? undefined : this.#output.drained()
        void drained?.then(() => this.#conversation?.link.resume())
        return drained === undefined
      },
      ready: (status) => {
        this.#started?.()
        this.#started = undefined
        return this.#conversation?.afterRequest(status)
      },
      authentication: (frame) => this.#authentication?.fromUpstream(frame),
      parameter: () => undefined,
      key: (pid, secret) => {
        this.#pid = pid
        this.#key = { pid, secret }
        this.#conversation!.pid = pid
        this.#context.registry.add(pid, secret, this)
      },
      closed: () => {
        // Who runs something here still has to say how it ended.
        if (!this.#conversation?.stopLocal('upstream')) this.#output.end()
      }
    }
  }

  async #serve(link: Link, rest: Buffer): Promise<void> {
    const reader = new FrameReader()
    const handle = (frame: Frame): Promise<void> | undefined => this.#handle(link, frame)
    const take = (chunk: Buffer): Promise<void> | undefined => {
      if (this.#isPipe && link.status !== '') return this.#pipe(link, [reader.takeRest(), chunk])
      const passed = reader.pendingBytes === 0 ? this.#pass(link, chunk) : 0
      if (passed === chunk.length) return link.writable()
      reader.add(passed === 0 ? chunk : chunk.subarray(passed))
      const pending = handleFrames(reader, handle)
      return pending || link.status === '' ? this.#taken(link, reader, pending) : link.writable()
    }
    this.#socket.on('close', () => this.#conversation?.stopLocal('client gone'))
    const input = new ClientInput(this.#socket, () => this.#abandon())
    await take(rest)
    await input.read(take, () => link.closed)
  }

  async #taken(link: Link, reader: FrameReader, pending: Promise<void> | undefined): Promise<void> {
    await pending
    await link.writable()
    // Who isn't let in yet makes us keep no more than a password.
    if (reader.pendingBytes > limits.unauthenticatedBytesMax) await link.started()
  }

  /** Replication is a protocol of its own: nothing in it is looked at. */
  #pipe(link: Link, chunks: readonly Buffer[]): Promise<void> | undefined {
    for (const bytes of chunks) if (bytes.length > 0) link.send(bytes)
    return link.writable()
  }

  #pass(link: Link, chunk: Buffer): number {
    return link.status === '' ? 0 : this.#requests!.pass(chunk)
  }

  /** Returns a promise only when something has to be waited for. */
  #handle(link: Link, frame: Frame): Promise<void> | undefined {
    if (link.closed) return
    this.#messages++
    if (link.status === '' && frame.type !== TYPE.password) return this.#whenStarted(link, frame)
    if (link.status === '') return this.#password(link, frame)
    return this.#requests!.handle(frame)
  }

  #password(link: Link, frame: Frame): undefined {
    const bytes = this.#authentication?.fromClient(frame)
    if (bytes) link.send(bytes)
    return undefined
  }

  /** Requests may come with the startup packet; none is answered before the client is let in. */
  async #whenStarted(link: Link, frame: Frame): Promise<void> {
    if (frame.type === TYPE.terminate) return this.#requests!.relay(frame)
    await link.started()
    if (this.#isPipe) link.send(frame.bytes)
    else await this.#handle(link, frame)
  }

  /** The client left without a word while an answer is due: the upstream need not work on it. */
  #abandon(): void {
    const link = this.#conversation?.link
    const key = this.#key
    if (!link?.dirty || link.closed || !key || this.#isPipe) return
    if (this.#isAbandoned || this.#requests?.hasTerminated) return
    this.#isAbandoned = true
    sendCancel(this.#context.target, this.#endpoint, key).catch((err: unknown) => {
      this.#log.debug({ err }, 'the statement of a client that left could not be cancelled')
    })
    setTimeout(() => link.destroy(), limits.upstreamCloseMs).unref()
  }

  #fail(error: PgError): void {
    if (this.#output.closed) return
    this.#log.debug({ err: error }, 'session ended by an error')
    if (!this.#conversation?.link.hasSaidWhy) this.#output.write(errorResponse(asFatal(error)))
    this.#output.end()
  }

  #close(): void {
    this.#context.registry.remove(this.#pid, this)
    this.#abandon()
    const link = this.#conversation?.link
    if (link && !link.closed) {
      link.send(frontend.end())
      link.close()
    }
    void this.#conversation?.closed()
    this.#output.flush()
    this.#socket.destroySoon()
    setTimeout(() => this.#socket.destroy(), limits.clientLingerMs).unref()
  }

  /** Start-up and authentication have taken too long. */
  expire(): void {
    this.#fail(queryCanceled('canceling authentication due to timeout'))
    this.#conversation?.link.destroy()
    this.#socket.destroySoon()
  }

  /** Ends the session at once. */
  destroy(): void {
    this.#socket.destroy()
  }
}
