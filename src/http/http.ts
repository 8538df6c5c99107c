// The HTTP server for whoever watches this process: probes, metrics, the status page. Owns which path
// is whose and what each may be asked by; nothing changes by GET.

import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { Address } from '../config.ts'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import { Gatekeeper } from './access.ts'
import { pauseOrResume, signIn } from './actions.ts'
import { Feed } from './feed.ts'
import type { Watched } from './overview.ts'
import { loadPages } from './pages.ts'
import type { Page } from './pages.ts'
import { relationDetail } from './relation-detail.ts'
import { refuse, send, sendJson } from './reply.ts'

export interface HttpOptions {
  readonly address: Address
  /** Undefined: only this machine may see more than probes and metrics. */
  readonly token: string | undefined
  readonly watched: Watched
  readonly log: Logger
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
  const site = new Site(options, await loadPages())
  server.on('request', (request, response) => void site.answer(request, response))
  await listen(server, options.address)
  const { port } = server.address() as AddressInfo
  return {
    address: { host: options.address.host, port },
    close: () => {
      site.close()
      return close(server)
    }
  }
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

const RELATION = /^\/api\/relations\/(\d{1,15})(\/pause|\/resume)?$/

class Site {
  readonly #options: HttpOptions
  readonly #pages: ReadonlyMap<string, Page>
  readonly #keeper: Gatekeeper
  readonly #feed: Feed

  constructor(options: HttpOptions, pages: ReadonlyMap<string, Page>) {
    this.#options = options
    this.#pages = pages
    this.#keeper = new Gatekeeper(options.address.host, options.token)
    this.#feed = new Feed(options.watched, options.log)
  }

  close(): void {
    this.#feed.close()
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    try {
      if (request.method === 'POST') await this.#post(path, request, response)
      else await this.#get(path, request, response)
    } catch (err) {
      this.#options.log.warn({ err, path }, 'an HTTP request failed')
      if (!response.headersSent) refuse(response, 500, 'internal error')
    }
  }

  async #get(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume()
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return notAllowed(response, 'GET, HEAD')
    const { watched } = this.#options
    if (path === '/healthz') return send(response, 200, 'text/plain', 'ok\n')
    if (path === '/readyz') return sendReadiness(response, watched.faults())
    const page = this.#pages.get(path)
    // Nothing in them is anybody's secret, and the form is for those who have no token yet.
    if (page && path !== '/') return send(response, 200, page.type, page.body)
    const access = this.#keeper.look(request)
    if (!access.allowed) {
      const isPage = path === '/' && access.status === 401
      return isPage ? redirect(response, '/login') : refuse(response, access.status, access.reason)
    }
    if (page) return send(response, 200, page.type, page.body)
    if (path === '/metrics') {
      const { metrics } = watched
      return send(response, 200, metrics.contentType, await metrics.text())
    }
    if (path === '/api/events') return this.#events(response)
    return this.#relation(path, response)
  }

  async #events(response: ServerResponse): Promise<void> {
    if (!(await this.#feed.show(response))) refuse(response, 503, 'too many are looking already')
  }

  async #relation(path: string, response: ServerResponse): Promise<void> {
    const { catalog, store } = this.#options.watched
    const [, id, action] = RELATION.exec(path) ?? []
    if (action !== undefined) return notAllowed(response, 'POST')
    const relation = id === undefined ? undefined : catalog.byId(Number(id))
    if (!relation) return refuse(response, 404, 'not found')
    sendJson(response, 200, await relationDetail(relation, store))
  }

  async #post(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (path === '/login') return signIn(this.#keeper, request, response)
    request.resume()
    const [, id, action] = RELATION.exec(path) ?? []
    if (action === undefined) return notAllowed(response, 'GET, HEAD')
    const access = this.#keeper.act(request)
    if (!access.allowed) return refuse(response, access.status, access.reason)
    const { watched, log } = this.#options
    return pauseOrResume(watched.catalog, Number(id), action === '/pause', response, log)
  }
}

function sendReadiness(response: ServerResponse, reasons: readonly string[]): void {
  const isReady = reasons.length === 0
  sendJson(response, isReady ? 200 : 503, { ready: isReady, reasons })
}

function notAllowed(response: ServerResponse, allowed: string): void {
  response.setHeader('allow', allowed)
  refuse(response, 405, 'method not allowed')
}

function redirect(response: ServerResponse, to: string): void {
  response.setHeader('location', to)
  send(response, 303, 'text/plain', '')
}
