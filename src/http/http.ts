// The small HTTP server for whoever watches this process: is it up, is it ready. It serves nothing
// that could hold data or secrets, and answers from memory, so that it can't be slow.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { Address } from '../config.ts'
import { limits } from '../limits.ts'

export interface HttpOptions {
  readonly address: Address
  /** Why statements can't be served now; empty when they can. */
  readonly notReady: () => readonly string[]
}

export interface HttpServer {
  /** With the port that was chosen where 0 was asked for. */
  readonly address: Address
  close(): Promise<void>
}

/**
 * Opens the server.
 * @throws Error when the address can't be listened on
 */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const server = createServer({
    headersTimeout: limits.httpRequestMs,
    requestTimeout: limits.httpRequestMs,
    keepAliveTimeout: limits.httpRequestMs,
    maxHeaderSize: limits.httpHeaderBytesMax
  })
  server.maxConnections = limits.httpConnectionsMax
  server.on('request', (request, response) => answer(request, response, options.notReady))
  await listen(server, options.address)
  const { port } = server.address() as AddressInfo
  return { address: { host: options.address.host, port }, close: () => close(server) }
}

function listen(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(port, host, () => {
      server.off('error', fail)
      // An accept that fails for want of file descriptors must not end the process.
      server.on('error', () => undefined)
      done()
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done())
    server.closeAllConnections()
  })
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  notReady: HttpOptions['notReady']
): void {
  request.resume()
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return send(response, 405, 'text/plain', 'method not allowed\n')
  }
  const path = (request.url ?? '').split('?', 1)[0]
  if (path === '/healthz') return send(response, 200, 'text/plain', 'ok\n')
  if (path === '/readyz') return sendReadiness(response, notReady())
  send(response, 404, 'text/plain', 'not found\n')
}

function sendReadiness(response: ServerResponse, reasons: readonly string[]): void {
  const isReady = reasons.length === 0
  const body = `${JSON.stringify({ ready: isReady, reasons })}\n`
  send(response, isReady ? 200 : 503, 'application/json', body)
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store'
  })
  response.end(body)
}
