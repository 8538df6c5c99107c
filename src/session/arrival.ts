// A client before it is one: encryption requests, then a startup or a cancel packet.
// Owns the socket until then, and which requests may follow which; decides nothing about sessions.

import type { Socket } from 'node:net'

import { featureNotSupported, protocolViolation } from '../errors.ts'
import { decodeStartup, startupSize } from '../wire/startup.ts'
import type { StartupPacket } from '../wire/startup.ts'
import { isEncrypted } from './encryption.ts'
import type { ClientTls, Negotiation } from './encryption.ts'

export type ArrivalPacket = Extract<StartupPacket, { kind: 'startup' | 'cancel' }>

export interface Arrived {
  readonly packet: ArrivalPacket
  /** What came behind it. */
  readonly rest: Buffer
}

const YES = Buffer.from('S')
const NO = Buffer.from('N')

/** The first byte of a TLS record that holds a handshake. */
const TLS_HANDSHAKE = 0x16

/** An answer to what has come so far: go on reading, or the end of the matter. */
type Step = Arrived | 'tls' | 'more'

export class Arrival {
  #socket: Socket
  readonly #tls: ClientTls | undefined
  #buffer: Buffer = Buffer.alloc(0)
  #negotiation: Negotiation = 'asked'
  /** Each is asked for once at most, as by Postgres (ProcessStartupPacket). */
  #sslDone = false
  #gssDone = false

  constructor(socket: Socket, tls: ClientTls | undefined) {
    this.#socket = socket
    this.#tls = tls
  }

  /** The TCP connection, or the TLS one on it. */
  get socket(): Socket {
    return this.#socket
  }

  /**
   * Resolves to the first packet that isn't about encryption; undefined: the client left, or spoke
   * TLS to one who has none.
   * @throws PgError to be told the client; any other Error when it can't be told anything
   */
  async packet(): Promise<Arrived | undefined> {
    const step = await this.#read()
    if (step !== 'tls') return step
    await this.#encrypt()
    const encrypted = await this.#read()
    return encrypted === 'tls' ? undefined : encrypted
  }

  async #read(): Promise<Arrived | 'tls' | undefined> {
    for await (const chunk of this.#socket.iterator({ destroyOnReturn: false })) {
      this.#buffer = Buffer.concat([this.#buffer, chunk as Buffer])
      if (this.#isDirectTls()) return this.#direct()
      const step = this.#next()
      if (step !== 'more') return step
    }
    return undefined
  }

  #isDirectTls(): boolean {
    const isFirst = !this.#sslDone && !this.#gssDone
    return isFirst && !isEncrypted(this.#socket) && this.#buffer[0] === TLS_HANDSHAKE
  }

  #direct(): 'tls' | undefined {
    if (!this.#tls) return undefined
    this.#negotiation = 'direct'
    this.#socket.unshift(this.#buffer)
    return 'tls'
  }

  #next(): Step {
    const size = startupSize(this.#buffer)
    if (size === undefined || this.#buffer.length < size) return 'more'
    const packet = decodeStartup(this.#buffer.subarray(0, size))
    const rest = this.#buffer.subarray(size)
    if (packet.kind === 'startup' || packet.kind === 'cancel') return { packet, rest }
    this.#refuseRepetition(packet.kind)
    // What follows an encryption request in clear could have been injected (CVE-2021-23214).
    if (rest.length > 0) {
      const what = packet.kind === 'ssl' ? 'SSL' : 'GSSAPI encryption'
      throw protocolViolation(`received unencrypted data after ${what} request`)
    }
    this.#buffer = Buffer.alloc(0)
    const accepts = packet.kind === 'ssl' && this.#tls !== undefined
    this.#socket.write(accepts ? YES : NO)
    return accepts ? 'tls' : 'more'
  }

  #refuseRepetition(kind: 'ssl' | 'gssenc'): void {
    const isRepeated = kind === 'ssl' ? this.#sslDone : this.#gssDone
    if (kind === 'ssl') this.#sslDone = true
    else this.#gssDone = true
    if (!isRepeated) return
    const number = kind === 'ssl' ? '1234.5679' : '1234.5680'
    throw featureNotSupported(`unsupported frontend protocol ${number}`)
  }

  async #encrypt(): Promise<void> {
    this.#buffer = Buffer.alloc(0)
    this.#sslDone = true
    // Within TLS nothing else may be negotiated.
    this.#gssDone = true
    const tls = this.#tls!
    const socket = await tls.accept(this.#socket)
    socket.on('error', () => socket.destroy())
    this.#socket = socket
    tls.check(socket, this.#negotiation)
  }
}
