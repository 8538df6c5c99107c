// TLS towards clients: which certificate we show, whom we ask for one, and the upgrade of a socket.
// Owns the certificate files, read at the start and again when asked; must never see a frame.

import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { createSecureContext, createServer, TLSSocket } from 'node:tls'
import type { SecureContextOptions, Server } from 'node:tls'

import { invalidAuthorization, protocolViolation } from '../errors.ts'
import { limits } from '../limits.ts'

/** Paths of PEM files. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** Who signs clients' certificates; with it every client must show one. */
  readonly clientCa: string | undefined
}

/** libpq's and Postgres's name of their protocol (PostgreSQL 17, "SSL Session Encryption"). */
const ALPN = 'postgresql'

/** The client asked with SSLRequest first, or began with TLS at once. */
export type Negotiation = 'asked' | 'direct'

interface Waiting {
  resolve(socket: TLSSocket): void
  reject(error: Error): void
}

export const isEncrypted = (socket: Socket): boolean => socket instanceof TLSSocket

export class ClientTls {
  readonly #files: TlsFiles
  /** Never listens: it is handed the sockets, and knows what TLS needs to know. */
  readonly #server: Server
  /** Handshakes in hand, by the peer's address: a TLSSocket doesn't tell what it wraps. */
  readonly #waiting = new Map<string, Waiting>()

  private constructor(files: TlsFiles, options: SecureContextOptions) {
    this.#files = files
    this.#server = createServer({
      ...options,
      requestCert: files.clientCa !== undefined,
      // Looked at below, where the client can be told in words.
      rejectUnauthorized: false,
      ALPNProtocols: [ALPN],
      handshakeTimeout: limits.startupMs
    })
    this.#server.on('secureConnection', (socket) => this.#take(socket)?.resolve(socket))
    this.#server.on('tlsClientError', (error, socket) => this.#take(socket)?.reject(error))
  }

  /** @throws Error that names the file that can't be used */
  static async load(files: TlsFiles): Promise<ClientTls> {
    return new ClientTls(files, await readTls(files))
  }

  /** Reads the files again; handshakes from now on use them. @throws Error, and the old ones stay */
  async reload(): Promise<void> {
    this.#server.setSecureContext(await readTls(this.#files))
  }

  /**
   * Takes a socket whose next byte is TLS.
   * @throws Error when the handshake fails
   */
  accept(socket: Socket): Promise<TLSSocket> {
    const key = peerOf(socket)
    return new Promise((resolve, reject) => {
      this.#waiting.set(key, { resolve, reject })
      socket.once('close', () => {
        this.#waiting.delete(key)
        reject(new Error('the client went away during the TLS handshake'))
      })
      this.#server.emit('connection', socket)
    })
  }

  /**
   * What is still wrong once a handshake is through.
   * @throws PgError 08P01, 28000
   */
  check(socket: TLSSocket, negotiation: Negotiation): void {
    if (negotiation === 'direct' && socket.alpnProtocol !== ALPN) {
      throw protocolViolation(
        'received direct SSL connection request without ALPN protocol negotiation extension'
      )
    }
    if (this.#files.clientCa === undefined || socket.authorized) return
    const reason = String(socket.authorizationError)
    throw invalidAuthorization('connection requires a valid client certificate', {
      detail: `The certificate was not accepted: ${reason}.`,
      hint: 'Name one with sslcert and sslkey.'
    })
  }

  #take(socket: Socket): Waiting | undefined {
    const key = peerOf(socket)
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    // Gone before it could be told whose it is.
    if (!waiting) socket.destroy()
    return waiting
  }
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress}|${remotePort}`

async function readTls(files: TlsFiles): Promise<SecureContextOptions> {
  const options: SecureContextOptions = {
    minVersion: 'TLSv1.2',
    cert: await read('--tls-cert', files.cert),
    key: await read('--tls-key', files.key),
    ...(files.clientCa !== undefined && { ca: await read('--tls-client-ca', files.clientCa) })
  }
  try {
    createSecureContext(options)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`the certificate ${files.cert} with its key cannot be used: ${why}`, { cause })
  }
  return options
}

async function read(flag: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${flag}: ${why}`, { cause })
  }
}
