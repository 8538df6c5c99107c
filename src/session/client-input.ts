// What comes from the client: reads ahead a little, so that its going away is noticed also while a
// statement of it is in hand. Owns the reading side of the client's socket; knows no messages.

import type { Socket } from 'node:net'

import { limits } from '../limits.ts'
import { readFrom } from '../upstream/plain-socket.ts'

/** Handles a chunk; the next one waits until a promise that it returns is fulfilled. */
export type Take = (chunk: Buffer) => Promise<void> | undefined

export class ClientInput {
  readonly #socket: Socket
  readonly #gone: () => void
  #chunks: Buffer[] = []
  #bytes = 0
  #isOver = false
  /** A chunk is being handled, or nobody handles them yet. */
  #isBusy = true
  #take: Take = () => undefined
  #isEnough: () => boolean = () => false
  #over: () => void = () => undefined
  #failed: (error: unknown) => void = () => undefined

  /** `gone` is called when nothing more will come and all that came has been taken. */
  constructor(socket: Socket, gone: () => void) {
    this.#socket = socket
    this.#gone = gone
    readFrom(socket, (chunk) => this.#push(chunk))
    socket.on('end', () => this.#end())
    socket.on('close', () => this.#end())
    // Its events may be over.
    if (socket.destroyed || socket.readableEnded) this.#end()
  }

  /**
   * Hands over all that comes, within the turn in which it comes where nothing is waited for.
   * Resolves when no more will come, or `isOver`, asked after each chunk, says that no more is
   * wanted; rejects with what `take` fails with.
   */
  read(take: Take, isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#take = take
      this.#isEnough = isOver
      this.#over = resolve
      this.#failed = reject
      this.#goOn()
    })
  }

  #push(chunk: Buffer): void {
    if (!this.#isBusy && this.#chunks.length === 0) return this.#handle(chunk)
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes >= limits.clientReadAheadBytes) this.#socket.pause()
    this.#handleAll()
  }

  readonly #goOn = (): void => {
    this.#isBusy = this.#isEnough()
    if (this.#isBusy) this.#over()
    else this.#handleAll()
  }

  #handleAll(): void {
    while (!this.#isBusy) {
      const chunk = this.#chunks.shift()
      if (!chunk) return this.#isOver ? this.#over() : undefined
      this.#bytes -= chunk.length
      if (this.#bytes < limits.clientReadAheadBytes && this.#socket.isPaused())
        this.#socket.resume()
      this.#handle(chunk)
    }
  }

  #handle(chunk: Buffer): void {
    this.#isBusy = true
    try {
      const pending = this.#take(chunk)
      if (pending) void pending.then(this.#goOn, this.#failed)
      else this.#isBusy = false
    } catch (error) {
      this.#failed(error)
    }
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#chunks.length === 0) this.#gone()
    this.#handleAll()
  }
}
