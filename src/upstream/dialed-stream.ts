// What node-postgres takes for its socket, while the connection comes from our own dialling: TLS,
// several hosts and time limits are then the same for the maintenance role as for sessions.

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

export class DialedStream extends Duplex {
  readonly #dial: () => Promise<Socket>
  #socket: Socket | undefined

  constructor(dial: () => Promise<Socket>) {
    // It sees "end" before "close", as on a socket.
    super({ allowHalfOpen: false })
    this.#dial = dial
  }

  /** Called by node-postgres; its host and port are not what counts. */
  connect(): this {
    this.#dial().then(
      (socket) => this.#attach(socket),
      (error: Error) => this.destroy(error)
    )
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    this.#socket?.ref()
    return this
  }

  unref(): this {
    this.#socket?.unref()
    return this
  }

  override _read(): void {
    this.#socket?.resume()
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error?: Error | null) => void
  ): void {
    if (this.#socket) this.#socket.write(chunk, done)
    else done(new Error('not connected'))
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket?.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket?.destroy()
    done(error)
  }

  #attach(socket: Socket): void {
    this.#socket = socket
    if (this.destroyed) {
      socket.destroy()
      return
    }
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause()
    })
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
    socket.resume()
    this.emit('connect')
  }
}
