// What goes to the client: gathers small messages into one write and obeys back-pressure.
// Owns the writing side of the client's socket; knows no messages.

import type { Socket } from 'node:net'

import { socketDrained } from '../upstream/socket-drain.ts'

const FLUSH_BYTES = 64 * 1024

export class ClientOutput {
  readonly #socket: Socket
  #pending: Buffer[] = []
  #pendingBytes = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get closed(): boolean {
    return this.#socket.destroyed || this.#socket.writableEnded
  }

  /** Queues bytes; they leave at the next flush. */
  write(bytes: Buffer): void {
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    if (this.#pendingBytes > FLUSH_BYTES) this.flush()
  }

  /** Hands what is queued to the socket; false when the client should be waited for. */
  flush(): boolean {
    if (this.#pendingBytes > 0 && !this.closed) {
      const [first] = this.#pending
      const bytes = this.#pending.length === 1 && first ? first : Buffer.concat(this.#pending)
      this.#socket.write(bytes)
    }
    this.#pending = []
    this.#pendingBytes = 0
    return !this.#socket.writableNeedDrain
  }

  /** Flushes and waits until the client has taken enough, or is gone. */
  async drained(): Promise<void> {
    if (!this.flush()) await socketDrained(this.#socket)
  }
}
