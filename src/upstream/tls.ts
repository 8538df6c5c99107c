// TLS towards the upstream: asking for it, the handshake, and whom we believe. Owns the certificate
// files of --upstream's URL, read at the start and again when asked; knows no sessions.

import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { Socket } from 'node:net'
import { checkServerIdentity, connect, createSecureContext, rootCertificates } from 'node:tls'
import type { SecureContext, SecureContextOptions, TLSSocket } from 'node:tls'

import { isRequired } from './tls-settings.ts'
import type { TlsSettings } from './tls-settings.ts'

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

export class UpstreamTls {
  readonly settings: TlsSettings
  #context: SecureContext

  private constructor(settings: TlsSettings, context: SecureContext) {
    this.settings = settings
    this.#context = context
  }

  /** @throws Error that says which file can't be used */
  static async load(settings: TlsSettings): Promise<UpstreamTls> {
    return new UpstreamTls(settings, await contextOf(settings))
  }

  /** Reads the files again. @throws Error, and the old ones stay */
  async reload(): Promise<void> {
    this.#context = await contextOf(this.settings)
  }

  get isRequired(): boolean {
    return isRequired(this.settings.mode)
  }

  /**
   * Turns a fresh connection into a TLS one where the server has TLS.
   * @returns the same socket when the server has none and that is allowed
   * @throws Error
   */
  async negotiate(socket: Socket, host: string): Promise<Socket> {
    if (!this.settings.isDirect) {
      socket.write(SSL_REQUEST)
      const answer = await firstBytes(socket)
      // More than the one byte could have been injected (CVE-2021-23222).
      if (answer.length !== 1) throw new Error('received unencrypted data after SSL response')
      if (answer.toString('latin1') === 'N' && !this.isRequired) return socket
      if (answer.toString('latin1') !== 'S') {
        throw new Error('server does not support SSL, but SSL was required')
      }
    }
    return this.#handshake(socket, host)
  }

  #handshake(socket: Socket, host: string): Promise<TLSSocket> {
    const { mode, rootCert, isDirect } = this.settings
    return new Promise((resolve, reject) => {
      const secure = connect({
        socket,
        host,
        ...(isIP(host) === 0 && { servername: host }),
        secureContext: this.#context,
        // libpq: a root certificate makes "require" verify it.
        rejectUnauthorized: rootCert !== undefined && isRequired(mode),
        checkServerIdentity: mode === 'verify-full' ? checkServerIdentity : () => undefined,
        ALPNProtocols: ['postgresql']
      })
      const fail = (error: Error): void => reject(error)
      const closed = (): void => reject(new Error('the server closed the connection'))
      secure.once('error', fail).once('close', closed)
      secure.once('secureConnect', () => {
        secure.off('error', fail).off('close', closed)
        if (isDirect && secure.alpnProtocol !== 'postgresql') {
          secure.destroy()
          return reject(new Error('direct SSL connection was established without ALPN protocol'))
        }
        return resolve(secure)
      })
    })
  }
}

async function contextOf(settings: TlsSettings): Promise<SecureContext> {
  const { rootCert, cert, key } = settings
  const options: SecureContextOptions = { minVersion: 'TLSv1.2' }
  if (rootCert === 'system') options.ca = [...rootCertificates]
  else if (rootCert !== undefined) options.ca = await read('sslrootcert', rootCert)
  if (cert !== undefined) options.cert = await read('sslcert', cert)
  if (key !== undefined) options.key = await read('sslkey', key)
  try {
    return createSecureContext(options)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`the certificates of the upstream's URL cannot be used: ${why}`, { cause })
  }
}

async function read(name: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${name} of the upstream's URL: ${why}`, { cause })
  }
}

/** What the server says first. */
function firstBytes(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error('the server closed the connection'))
    socket.once('close', closed)
    socket.once('data', (bytes: Buffer) => {
      socket.off('close', closed)
      // Nothing may be lost before the next reader is there, who resumes it.
      socket.pause()
      resolve(bytes)
    })
  })
}
