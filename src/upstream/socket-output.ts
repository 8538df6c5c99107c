// The writing side of one socket: what is written within one turn of the event loop leaves by one
// system call. Those cost more than all else on a relay's way; and of two the second fails where the
// other side has left meanwhile, and its last words, though they came, would never be read.
// Obeys back-pressure; knows no messages.

import type { Socket } from 'node:net'

import { isStuck, socketDrained } from './socket-drain.ts'
import { whenTurnEnds } from './turn.ts'

const FLUSH_BYTES = 64 * 1024

export class SocketOutput {
  readonly #socket: Socket
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** What follows the last of #pending in memory and leaves with it: slices of one chunk, mostly. */
  #tailBytes = 0
  /** A flush at the end of this turn is due. */
  #isDue = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get closed(): boolean {
    return this.#socket.destroyed || this.#socket.writableEnded
  }

  /** Bytes that leave when this turn ends; false when the peer should be waited for. */
  write(bytes: Buffer): boolean {
    if (this.#pending.length === 0) this.#pending.push(bytes)
    else if (this.#followsTheLast(bytes)) this.#tailBytes += bytes.length
    else {
      this.#joinTail()
      this.#pending.push(bytes)
    }
    this.#pendingBytes += bytes.length
    if (this.#pendingBytes > FLUSH_BYTES) return this.flush()
    if (!this.#isDue) whenTurnEnds(this)
    this.#isDue = true
    return !isStuck(this.#socket)
  }

  /** Hands what is pending to the socket; false when the peer should be waited for. */
  flush(): boolean {
    const pending = this.#pending
    if (pending.length > 0) {
      this.#joinTail()
      this.#pending = []
      this.#pendingBytes = 0
      if (!this.closed)
        this.#socket.write(pending.length === 1 ? pending[0]! : Buffer.concat(pending))
    }
    return !isStuck(this.#socket)
  }

  /** Flushes. Undefined while the peer takes what it gets; else resolves when it does, or is gone. */
  drained(): Promise<void> | undefined {
    return this.flush() ? undefined : socketDrained(this.#socket)
  }

  /** Half-closes the connection behind what is pending. */
  end(): void {
    this.flush()
    this.#socket.end()
  }

  /** For turn.ts. */
  turnEnded(): void {
    this.#isDue = false
    this.flush()
  }

  #followsTheLast(bytes: Buffer): boolean {
    const last = this.#pending.at(-1)
    if (!last || last.buffer !== bytes.buffer) return false
    return last.byteOffset + last.length + this.#tailBytes === bytes.byteOffset
  }

  #joinTail(): void {
    if (this.#tailBytes === 0) return
    const { buffer, byteOffset, length } = this.#pending.pop()!
    this.#pending.push(Buffer.from(buffer, byteOffset, length + this.#tailBytes))
    this.#tailBytes = 0
  }
}
