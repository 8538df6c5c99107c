// What comes from the client: reads ahead a little, so that its going away is noticed also while a
// statement of it is in hand. Owns the reading side of the client's socket; knows no messages.

import type { Socket } from 'node:net'

import { limits } from '../limits.ts'

export class ClientInput implements AsyncIterable<Buffer> {
  readonly #socket: Socket
  readonly #gone: () => void
  #chunks: Buffer[] = []
  #bytes = 0
  #isOver = false
  #wake: (() => void) | undefined

  /** `gone` is called when nothing more will come and all that came has been taken. */
  constructor(socket: Socket, gone: () => void) {
    this.#socket = socket
    this.#gone = gone
    socket.on('data', (chunk: Buffer) => this.#push(chunk))
    socket.on('end', () => this.#end())
    socket.on('close', () => this.#end())
    // Its events may be over.
    if (socket.destroyed || socket.readableEnded) this.#end()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk) {
        this.#bytes -= chunk.length
        if (this.#bytes < limits.clientReadAheadBytes) this.#socket.resume()
        yield chunk
      } else if (this.#isOver) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes >= limits.clientReadAheadBytes) this.#socket.pause()
    this.#wakeUp()
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#chunks.length === 0) this.#gone()
    this.#wakeUp()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
