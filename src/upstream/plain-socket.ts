// Sockets without TLS that read into one buffer which all of them share: Node would otherwise allocate
// 64 KiB for each read, a tenth of what a relayed statement costs, on each side. Their reader owns what
// it is given; what it writes meanwhile leaves when it returns.

import { Buffer } from 'node:buffer'
import { connect, Socket } from 'node:net'
import type {
  IpcNetConnectOpts,
  OnReadOpts,
  SocketConstructorOpts,
  TcpNetConnectOpts
} from 'node:net'

import { beginTurn, endTurn } from './turn.ts'

const READ_BYTES = 64 * 1024

/** Used from a read until its callback returns, hence never by two sockets at a time. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES)

/** Where long reads are kept, one behind another: of a COPY, Node has one block in eight to collect. */
let slab = shared
let slabUsed = READ_BYTES
/** What is shorter lies in Node's own pool. */
const LONG_READ_BYTES = Buffer.poolSize / 2

type Reader = (chunk: Buffer) => void

const plain = new WeakMap<Socket, PlainReads>()

/** Reads nothing before its reader calls `resume`: what comes before a listener would be lost. */
export function connectPlain(to: TcpNetConnectOpts | IpcNetConnectOpts): Socket {
  const reads = new PlainReads()
  const socket = reads.of(connect({ ...to, onread: reads.options }))
  // Connected, it would begin to read by itself.
  return socket.pause()
}

/**
 * The same for a socket that a server has accepted, and has not read from (`pauseOnConnect`): servers
 * have no `onread`. Goes by a field that Node does not document; without it, the socket as it is.
 */
export function acceptPlain(accepted: Socket): Socket {
  const { _handle: handle } = accepted as Socket & { readonly _handle?: unknown }
  if (!handle) return accepted
  const reads = new PlainReads()
  const options: SocketConstructorOpts & { handle: unknown; onread: OnReadOpts } = {
    handle,
    onread: reads.options
  }
  // The server counts those that it has accepted.
  return reads.of(new Socket(options)).once('close', () => accepted.destroy())
}

/** Has `reader` called with all that comes on a socket; a plain one's stream is passed by. */
export function readFrom(socket: Socket, reader: Reader): void {
  socket.on('data', reader)
  plain.get(socket)?.to(reader)
}

/** What comes on one socket, on its way to the reader. */
class PlainReads {
  readonly options: OnReadOpts = { buffer: shared, callback: (bytes) => this.#handOver(bytes) }
  #socket: Socket | undefined
  #reader: Reader | undefined
  /** The reader has had all that waited in the stream. */
  #isDirect = false

  of(socket: Socket): Socket {
    this.#socket = socket
    plain.set(socket, this)
    return socket
  }

  to(reader: Reader): void {
    this.#reader = reader
  }

  /** False: read no more for now. */
  #handOver(bytes: number): boolean {
    const chunk = bytes < LONG_READ_BYTES ? Buffer.allocUnsafe(bytes) : ofSlab(bytes)
    shared.copy(chunk, 0, 0, bytes)
    const reader = this.#reader
    const socket = this.#socket!
    this.#isDirect ||= socket.readableFlowing === true && socket.readableLength === 0
    if (!reader || !this.#isDirect) return socket.push(chunk)
    beginTurn()
    try {
      reader(chunk)
    } finally {
      endTurn()
    }
    return true
  }
}

function ofSlab(bytes: number): Buffer {
  if (slabUsed + bytes > READ_BYTES) {
    slab = Buffer.allocUnsafeSlow(READ_BYTES)
    slabUsed = 0
  }
  slabUsed += bytes
  return slab.subarray(slabUsed - bytes, slabUsed)
}
