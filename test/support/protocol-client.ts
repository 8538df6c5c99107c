// A bare client for one test: bytes in, frames out, over TCP or TLS. Knows no rules of the protocol,
// so that a test can break them.

import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

import type { Test } from 'tap'

import { decodeErrorFields } from '../../src/wire/backend.ts'
import { bodyOf, FrameReader } from '../../src/wire/frames.ts'
import { eventually } from './eventually.ts'

export interface SeenFrame {
  readonly letter: string
  readonly body: Buffer
}

export class ProtocolClient {
  readonly socket: Socket
  readonly frames: SeenFrame[] = []
  readonly #reader = new FrameReader()
  #isClosed = false
  #end: string | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', (error) => (this.#end = error.message))
    socket.on('close', () => (this.#isClosed = true))
  }

  get isClosed(): boolean {
    return this.#isClosed || this.socket.closed
  }

  /** The socket's error, if one ended it. */
  get end(): string | undefined {
    return this.#end
  }

  write(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  /** Waits for a frame of this letter, the `count`th of all; undefined when the server closes. */
  async until(letter: string, count = 1, deadlineMs = 30_000): Promise<SeenFrame | undefined> {
    const found = (): SeenFrame | undefined =>
      this.frames.filter((frame) => frame.letter === letter)[count - 1]
    const said = (): string => this.frames.map((frame) => frame.letter).join('')
    await eventually(() => found() !== undefined || this.isClosed, {
      deadlineMs,
      what: `${count} × ${letter} after "${said().slice(-200)}"`
    })
    return found()
  }

  async closed(deadlineMs = 30_000): Promise<void> {
    await eventually(() => this.isClosed, { deadlineMs, what: 'the end of the connection' })
  }

  /** The fields of the last ErrorResponse. */
  get error(): ReadonlyMap<string, string> {
    const last = this.frames.findLast((frame) => frame.letter === 'E')
    return last ? decodeErrorFields(last.body) : new Map()
  }

  /** SQLSTATE and message of the last ErrorResponse; '' when there was none. */
  get errorText(): string {
    return this.error.size === 0 ? '' : `${this.error.get('S')} ${this.error.get('C')} ${this.error.get('M')}`
  }

  #read(chunk: Buffer): void {
    for (const frame of this.#reader.push(chunk)) {
      const letter = String.fromCharCode(frame.type)
      this.frames.push({ letter, body: Buffer.from(bodyOf(frame)) })
    }
  }
}

/** A TCP connection, destroyed with the test. */
export async function openSocket(
  t: Pick<Test, 'teardown'>,
  to: { readonly host: string; readonly port: number }
): Promise<Socket> {
  const socket = connect({ host: to.host, port: to.port, noDelay: true })
  socket.on('error', () => undefined)
  t.teardown(() => socket.destroy())
  await once(socket, 'connect', { signal: AbortSignal.timeout(60_000) })
  return socket
}

/** Resolves to the next bytes of a socket nobody reads; '' when it closes. */
export async function nextBytes(socket: Socket, deadlineMs = 30_000): Promise<string> {
  const get = (): string | false | undefined => {
    const bytes = socket.read() as Buffer | null
    return bytes?.toString('latin1') ?? (socket.destroyed || socket.readableEnded ? '' : undefined)
  }
  socket.on('readable', () => undefined)
  try {
    return await eventually(get, { deadlineMs, what: 'bytes from the server' })
  } finally {
    socket.removeAllListeners('readable')
  }
}

function packet(number: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeInt32BE(8 + body.length, 0)
  bytes.writeInt32BE(number, 4)
  return Buffer.concat([bytes, body])
}

export const SSL_REQUEST = packet(80877103)
export const GSSENC_REQUEST = packet(80877104)

/** The protocol number of a version. */
export const version = (major: number, minor: number): number => major * 65_536 + minor

/** A startup packet. `parameters` in order. */
export function startup(
  parameters: Readonly<Record<string, string>> = { user: 'postgres', database: 'postgres' },
  protocol = version(3, 0)
): Buffer {
  const fields = Object.entries(parameters).flat().map((text) => `${text}\0`)
  return packet(protocol, Buffer.from(`${fields.join('')}\0`))
}
