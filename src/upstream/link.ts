// One client's upstream connection: relays bytes both ways and runs private exchanges in between.
// Owns the socket and the order of replies; must never know SQL or relations, and never re-encode
// what is relayed (invariant 5).

import type { Socket } from 'node:net'

import { connectionFailure } from '../errors.ts'
import { decodeKeyData, decodeParameterStatus, endsConnection } from '../wire/backend.ts'
import { bodyOf, code, FrameScanner } from '../wire/frames.ts'
import type { Frame, Treatment } from '../wire/frames.ts'
import { frontend } from '../wire/frontend.ts'
import { exchangeBytes, expectReplies } from './exchange.ts'
import type { Ask, ExchangeEnd, ExchangeResult } from './exchange.ts'
import { readFrom } from './plain-socket.ts'
import { Replies } from './replies.ts'
import type { RequestKind } from './replies.ts'
import { SocketOutput } from './socket-output.ts'

const AUTHENTICATION = code('R')
const READY = code('Z')
const ERROR = code('E')
const NOTICE = code('N')
const PARAMETER = code('S')
const KEY = code('K')
const NOTIFICATION = code('A')
const COPY_IN = code('G')

/** What the session hears from its upstream. */
export interface LinkEvents {
  /** Bytes for the client, as they came. False asks for a pause until `resume`. */
  relay(bytes: Buffer): boolean
  /** The client's own ReadyForQuery is due. While a promise is pending it is held back. */
  ready(status: string): Promise<void> | undefined
  /** One of the upstream's Authentication messages; what the client gets. Without it: that message. */
  authentication?(frame: Frame): Buffer | undefined
  parameter(name: string, value: string): void
  key(pid: number, secret: Buffer): void
  /** The connection is over, by either side. */
  closed(): void
}

export class Link {
  readonly #socket: Socket
  readonly #output: SocketOutput
  readonly #events: LinkEvents
  readonly #replies = new Replies()
  readonly #scanner: FrameScanner
  /** Resolvers of those who wait until nothing is owed. */
  #drainWaiters: (() => void)[] = []
  /** ReadyForQuery's last status byte; '' before the first. */
  #status = ''
  /** Anything sent since the last ReadyForQuery? Then only the upstream can answer a Sync. */
  #dirty = false
  /** The upstream skips what it gets until the next Sync. */
  #skipping = false
  /** The upstream reads COPY data; it ignores Sync and Flush until CopyDone or CopyFail. */
  #copying = false
  /** The client has ended COPY data since its last query: it may do so before they are asked for. */
  #hasEndedCopy = false
  #closed = false
  /** The upstream has said why it ends the connection. */
  #hasSaidWhy = false
  /** From when on nothing is looked at. */
  #piping: 'never' | 'once let in' | 'always' = 'never'
  /** A held ReadyForQuery: nothing may be read until it has gone out. */
  #holding = false
  /** What came behind a held ReadyForQuery in the same chunk. */
  #heldBack: Buffer[] = []

  constructor(socket: Socket, events: LinkEvents) {
    this.#socket = socket
    this.#output = new SocketOutput(socket)
    this.#events = events
    this.#scanner = new FrameScanner({
      treat: (type) => this.#treat(type),
      saw: (type, buffer, at) => this.#saw(type, buffer, at),
      passed: (bytes) => this.#pass(bytes),
      taken: (frame) => this.#take(frame)
    })
    readFrom(socket, (chunk) => this.#read(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#onClose())
    // It comes paused where TLS was asked for and refused.
    socket.resume()
  }

  get status(): string {
    return this.#status
  }

  get skipping(): boolean {
    return this.#skipping
  }

  get copying(): boolean {
    return this.#copying
  }

  /** True when only the upstream can answer a Sync. */
  get dirty(): boolean {
    return this.#dirty
  }

  /** Nothing is owed, skipped or read: an answer of ours needs to wait for nothing. */
  get isQuiet(): boolean {
    const isOwed = this.#replies.size > 0 || this.#holding
    return !isOwed && !this.#skipping && !this.#copying && !this.#closed
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The client knows why the upstream ended the connection. */
  get hasSaidWhy(): boolean {
    return this.#hasSaidWhy
  }

  /** Everything is just passed on: replication once let in, a protocol older than 3 from the start. */
  pipe(from: 'once let in' | 'always'): void {
    this.#piping = from
  }

  /** Sends what belongs to no request: the startup packet, a password, COPY data, Terminate. */
  send(bytes: Buffer): undefined {
    this.#output.write(bytes)
    return undefined
  }

  /** The client ended its COPY data. */
  endCopy(bytes: Buffer): void {
    this.#copying = false
    this.#hasEndedCopy = true
    this.#output.write(bytes)
  }

  /** Relays a client's request; its reply goes to the client. */
  request(kind: RequestKind, bytes: Buffer): undefined {
    this.expect(kind)
    this.#output.write(bytes)
    return undefined
  }

  /** A request whose bytes will be sent in this turn: its reply goes to the client. */
  expect(kind: RequestKind): void {
    this.#dirty = true
    if (kind === 'sync') this.#skipping = false
    if (kind === 'query') this.#hasEndedCopy = false
    if (!this.#skipping) this.#replies.expect(kind)
  }

  /** Resolves when everything relayed so far has been answered (or will be skipped), and that is out. */
  async drained(): Promise<void> {
    if (this.#closed || (this.#replies.size === 0 && !this.#holding)) return
    if (this.#replies.size > 0) this.#output.write(frontend.flush())
    await new Promise<void>((resolve) => this.#drainWaiters.push(resolve))
  }

  /**
   * Asks something of our own; none of the replies reach the client (notices do).
   * `end` 'flush' stays inside the client's batch: an error then makes the upstream skip to the
   * client's Sync. 'sync' ends with a Sync of ours. `forward` takes the replies as they come.
   * @throws PgError 08006 when the upstream goes away
   */
  async exchange(
    asks: readonly Ask[],
    end: ExchangeEnd,
    forward?: (frame: Frame) => void
  ): Promise<ExchangeResult> {
    const replied = expectReplies(this.#replies, asks, end, forward)
    this.#dirty = true
    if (end === 'sync') this.#skipping = false
    this.#output.write(exchangeBytes(asks, end))
    if (this.#closed) this.#replies.abandon()
    const result = await replied
    if (this.#closed) throw connectionFailure('the upstream closed the connection')
    return result
  }

  /** Resolves when the upstream has let the client in, or is gone. */
  async started(): Promise<void> {
    if (this.#status !== '' || this.#closed) return
    await new Promise<void>((resolve) => this.#drainWaiters.push(resolve))
  }

  /** Undefined while the upstream takes what it gets; else resolves when it does again. */
  writable(): Promise<void> | undefined {
    return this.#output.drained()
  }

  resume(): void {
    if (!this.#holding) this.#socket.resume()
  }

  close(): void {
    this.#output.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    if (this.#piping === 'always') return this.#pass(chunk)
    try {
      this.#scanner.push(chunk)
    } catch {
      this.#socket.destroy()
    }
  }

  #treat(type: number): Treatment {
    if (this.#piping !== 'never' && this.#status !== '') return 'pass'
    if (type === NOTICE || type === NOTIFICATION) return 'whole'
    if (type === AUTHENTICATION && this.#status === '') return 'take'
    if (type === ERROR || type === PARAMETER || type === KEY) return 'take'
    if (this.#replies.sink) return 'take'
    return type === READY || type === COPY_IN || this.#replies.ends(type) ? 'whole' : 'pass'
  }

  #saw(type: number, buffer: Buffer, at: number): (() => void) | undefined {
    if (type === READY) return this.#sawReady(buffer[at]!)
    this.#replied(type)
    return undefined
  }

  #replied(type: number): void {
    if (type === COPY_IN) this.#startCopy()
    else if (this.#replies.ends(type)) this.#advance()
  }

  /** COPY FROM; by the extended protocol, the Sync behind its Execute will be ignored. */
  #startCopy(): void {
    const { kind } = this.#replies
    if (kind === 'query') this.#copying = !this.#hasEndedCopy
    if (kind !== 'execute') return
    this.#copying = true
    this.#replies.keepFirst()
  }

  #advance(): void {
    this.#replies.advance()
    this.#wakeIfDrained()
  }

  #pass(bytes: Buffer): void {
    if (this.#holding) this.#heldBack.push(bytes)
    else if (!this.#events.relay(bytes)) this.#socket.pause()
  }

  #take(frame: Frame): void {
    if (frame.type === READY) this.#readyForUs(frame)
    else if (frame.type === ERROR) this.#onError(frame)
    else if (frame.type === PARAMETER) this.#onParameter(frame)
    else if (frame.type === KEY) this.#onKey(frame)
    else if (frame.type === AUTHENTICATION) this.#onAuthentication(frame)
    else {
      this.#replies.sink?.frame(frame)
      this.#replied(frame.type)
    }
  }

  /** A private exchange's ReadyForQuery. */
  #readyForUs(frame: Frame): void {
    this.#replies.sink?.frame(frame)
    this.#isReady(bodyOf(frame)[0]!)
    this.#wakeIfDrained()
  }

  /** The client's own, which passes with what is around it unless it has to be held back. */
  #sawReady(status: number): (() => void) | undefined {
    this.#isReady(status)
    const held = this.#events.ready(this.#status)
    if (held) return () => this.#hold(held)
    this.#wakeIfDrained()
    return undefined
  }

  #isReady(status: number): void {
    this.#status = String.fromCharCode(status)
    this.#replies.advance()
    this.#dirty = this.#replies.size > 0
  }

  /** Until then nothing that comes goes to the client. */
  #hold(until: Promise<void>): void {
    this.#holding = true
    this.#socket.pause()
    void until.finally(() => {
      this.#holding = false
      for (const bytes of this.#heldBack.splice(0)) this.#pass(bytes)
      this.#wakeIfDrained()
      if (this.#closed) this.#events.closed()
      else this.#socket.resume()
    })
  }

  #onError(frame: Frame): void {
    if (endsConnection(bodyOf(frame))) return this.#onLastWords(frame)
    const sink = this.#replies.sink
    if (sink) sink.failed(frame)
    else this.#pass(frame.bytes)
    this.#copying = false
    const kind = this.#replies.kind
    this.#replies.fail()
    const extended = kind !== undefined && !['query', 'function', 'sync'].includes(kind)
    this.#skipping ||= extended && this.#replies.size === 0
    this.#wakeIfDrained()
  }

  /** They are the client's, whoever asked what they interrupt. */
  #onLastWords(frame: Frame): void {
    this.#hasSaidWhy = true
    this.#pass(frame.bytes)
    this.#socket.destroy()
  }

  #onParameter(frame: Frame): void {
    this.#events.parameter(...decodeParameterStatus(bodyOf(frame)))
    this.#pass(frame.bytes)
  }

  #onKey(frame: Frame): void {
    const { pid, secret } = decodeKeyData(bodyOf(frame))
    this.#events.key(pid, secret)
    this.#pass(frame.bytes)
  }

  #onAuthentication(frame: Frame): void {
    const events = this.#events
    const bytes = events.authentication ? events.authentication(frame) : frame.bytes
    if (bytes) this.#pass(bytes)
  }

  #onClose(): void {
    this.#closed = true
    this.#replies.abandon()
    this.#wakeDrained()
    if (!this.#holding) this.#events.closed()
  }

  #wakeIfDrained(): void {
    if (this.#replies.size === 0 && !this.#holding) this.#wakeDrained()
  }

  #wakeDrained(): void {
    const waiters = this.#drainWaiters
    if (waiters.length === 0) return
    this.#drainWaiters = []
    for (const wake of waiters) wake()
  }
}
