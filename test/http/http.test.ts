// Goal: probes get the truth, everybody else gets what he may see; nothing changes by GET, nor for
// another site.
// Method: real requests to a server on a free port; what it watches is a stand-in of the test's.

import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'

import t from 'tap'

import type { Definition } from '../../src/catalog/definition.ts'
import { startHttp } from '../../src/http/http.ts'
import type { Watched } from '../../src/http/overview.ts'
import { limits } from '../../src/limits.ts'
import { createLogger } from '../../src/log.ts'

const log = createLogger({ level: 'silent' })

/** One relation, and as much of the rest as is asked for here. */
function standIn() {
  const reasons: string[] = []
  const relation = { id: 7, label: 'public.a', isActive: true, definition: { database: 'd' } as Definition }
  const changes: unknown[] = []
  const watched = {
    version: '1.2.3',
    upstream: 'here',
    catalog: {
      relations: () => [],
      byId: (id: number) => (id === relation.id ? relation : undefined),
      change: async (_: unknown, change: (now: Definition) => Definition) => {
        relation.definition = change(relation.definition)
        changes.push(relation.definition.rateLimit)
      }
    },
    store: {
      snapshot: async () => ({ release: async () => undefined })
    },
    registry: { size: 0, sessions: () => [] },
    activity: { counts: { local: 1, relay: 2, define: 3 }, reasons: () => [], slowest: () => [] },
    connections: { states: () => [] },
    metrics: { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: async () => 'x 1\n' },
    faults: () => reasons
  }
  return { reasons, changes, watched: watched as unknown as Watched }
}

async function open(t: { teardown(fn: () => Promise<void>): void }, token?: string, host = '127.0.0.1') {
  const { reasons, changes, watched } = standIn()
  const server = await startHttp({ address: { host, port: 0 }, token, watched, log })
  t.teardown(() => server.close())
  return { server, reasons, changes, base: `http://127.0.0.1:${server.address.port}` }
}

/** With headers that fetch would not send. */
async function ask(base: string, method: string, path: string, headers: Record<string, string>) {
  const sent = request(base + path, { method, headers: { connection: 'close', ...headers } })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'close')
  return { status: response.statusCode, headers: response.headers }
}

void t.test('health, readiness, and nothing else', async (t) => {
  const { base, reasons, server } = await open(t)
  t.not(server.address.port, 0)
  const table = [
    ['GET', '/healthz', 200, 'ok\n'],
    ['GET', '/healthz?x=1', 200, 'ok\n'],
    ['HEAD', '/healthz', 200, ''],
    ['GET', '/readyz', 200, '{"ready":true,"reasons":[]}\n'],
    ['GET', '/metrics', 200, 'x 1\n'],
    ['POST', '/healthz', 405, 'method not allowed\n'],
    ['DELETE', '/', 405, 'method not allowed\n'],
    ['GET', '/nothing', 404, 'not found\n'],
    ['GET', '/page.js/../../package.json', 404, 'not found\n'],
    ['GET', '/api/relations/8', 404, 'not found\n'],
    ['GET', '/api/relations/7/pause', 405, 'method not allowed\n']
  ] as const
  for (const [method, path, status, body] of table) {
    const got = await fetch(base + path, { method })
    t.same([got.status, await got.text()], [status, body], `${method} ${path}`)
  }
  reasons.push('upstream cannot be reached')
  const got = await fetch(`${base}/readyz`)
  t.equal(got.status, 503)
  t.same(await got.json(), { ready: false, reasons })
})

void t.test('the page and its files, under a policy that lets in nothing else', async (t) => {
  const { base } = await open(t)
  const files = [
    ['/', 'text/html', /<title>jetgres</],
    ['/login', 'text/html', /type="password"/],
    ['/page.css', 'text/css', /--accent/],
    ['/page.js', 'text/javascript', /EventSource/],
    ['/icon.svg', 'image/svg+xml', /<svg/]
  ] as const
  for (const [path, type, content] of files) {
    const got = await fetch(base + path)
    t.equal(got.headers.get('content-type'), `${type}; charset=utf-8`, path)
    t.match(got.headers.get('content-security-policy'), /default-src 'none'; script-src 'self'/)
    t.match(await got.text(), content)
  }
  const html = await (await fetch(base)).text()
  t.notMatch(html, /<script>|\son\w+=|style=/, 'nothing that the policy would stop')
  t.notMatch(html, /(src|href)="https?:/, 'nothing from elsewhere')
})

void t.test('the feed begins with all there is', async (t) => {
  const { base } = await open(t)
  const controller = new AbortController()
  const got = await fetch(`${base}/api/events`, { signal: controller.signal })
  t.equal(got.headers.get('content-type'), 'text/event-stream')
  const reader = got.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (!text.includes('event: history')) text += (await reader.read()).value
  const [, data = '{}'] = /event: overview\ndata: (.*)\n\n/.exec(text) ?? []
  t.match(JSON.parse(data), { version: '1.2.3', faults: [], statements: { local: 1, relay: 2, define: 3 } })
  const others = Array.from({ length: limits.statusViewersMax }, () =>
    fetch(`${base}/api/events`, { signal: controller.signal })
  )
  const statuses = (await Promise.all(others)).map(({ status }) => status)
  t.same(statuses.filter((status) => status === 503).length, 1, 'one too many')
  controller.abort()
})

void t.test('acts for its own page alone', async (t) => {
  const { base, changes } = await open(t)
  const host = new URL(base).host
  const pause = '/api/relations/7/pause'
  const ours = { host, 'x-jetgres': '1' }
  const refused = [
    ['no header of ours', pause, { host }, 403],
    ['another origin', pause, { ...ours, origin: 'http://evil.example' }, 403],
    ['a name that somebody points at us', pause, { ...ours, host: 'evil.example' }, 403],
    ['no such relation', '/api/relations/8/pause', ours, 404],
    ['no such act', '/api/relations/7/drop', ours, 405]
  ] as const
  for (const [what, path, headers, status] of refused) {
    t.equal((await ask(base, 'POST', path, headers)).status, status, what)
  }
  t.equal((await ask(base, 'GET', '/', { host: 'evil.example' })).status, 403, 'looking, too')
  t.same(changes, [])
  t.equal((await ask(base, 'POST', pause, { ...ours, origin: base })).status, 200)
  t.equal((await ask(base, 'POST', '/api/relations/7/resume', ours)).status, 200)
  t.same(changes, [0, undefined])
})

void t.test('with a token: whoever has it, from wherever', async (t) => {
  const { base } = await open(t, 's3cret', '0.0.0.0')
  const get = async (path: string, headers: Record<string, string> = {}) =>
    (await ask(base, 'GET', path, headers)).status
  t.same([await get('/healthz'), await get('/readyz'), await get('/login')], [200, 200, 200])
  t.same([await get('/'), await get('/metrics'), await get('/api/events')], [303, 401, 401])
  t.equal(await get('/metrics', { authorization: 'Bearer wrong' }), 401)
  t.equal(await get('/metrics', { authorization: 'Bearer s3cret', host: 'any.example' }), 200)
  const form = (token: string) =>
    fetch(`${base}/login`, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ token }) })
  t.equal((await form('wrong')).status, 401)
  const signed = await form('s3cret')
  const cookie = signed.headers.get('set-cookie') ?? ''
  t.match(cookie, /^jetgres_token=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=\/$/)
  t.equal(signed.status, 303)
  t.equal(await get('/', { cookie: cookie.split(';')[0]! }), 200)
  t.equal(await get('/', { cookie: `jetgres_token=${'0'.repeat(64)}` }), 303)
  t.equal((await ask(base, 'POST', '/api/relations/7/pause', { 'x-jetgres': '1' })).status, 401)
})

void t.test('without one, an address beyond this machine shows probes alone', async (t) => {
  const { base } = await open(t, undefined, '0.0.0.0')
  const statuses = ['/healthz', '/', '/metrics'].map(async (path) => (await fetch(base + path)).status)
  t.same(await Promise.all(statuses), [200, 403, 403])
})

void t.test('closes at once, also with a client that says nothing', async (t) => {
  const { server } = await open(t)
  const idle = connect(server.address.port, '127.0.0.1')
  idle.on('error', () => undefined)
  await once(idle, 'connect')
  const ended = once(idle, 'close')
  await server.close()
  await ended
  await t.rejects(fetch(`http://127.0.0.1:${server.address.port}/healthz`))
})

void t.test('survives what is not HTTP', async (t) => {
  const { server, base } = await open(t)
  const socket = connect(server.address.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.resume()
  socket.end(Buffer.from('\0\0\0\x08\x04\xd2\x16\x2f'))
  await once(socket, 'close')
  t.equal((await fetch(`${base}/healthz`)).status, 200)
})

void t.test('an address in use is an error', async (t) => {
  const { server } = await open(t)
  const { watched } = standIn()
  const second = startHttp({ address: server.address, token: undefined, watched, log })
  await t.rejects(second, { code: 'EADDRINUSE' })
})
