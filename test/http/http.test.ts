// Goal: probes get the truth, everybody else gets nothing.
// Method: real requests to a server on a free port; the readiness is turned by the test.

import { connect } from 'node:net'
import { once } from 'node:events'

import t from 'tap'

import { startHttp } from '../../src/http/http.ts'

async function open(t: { teardown(fn: () => Promise<void>): void }) {
  const reasons: string[] = []
  const address = { host: '127.0.0.1', port: 0 }
  const server = await startHttp({ address, notReady: () => reasons })
  t.teardown(() => server.close())
  return { server, reasons, base: `http://127.0.0.1:${server.address.port}` }
}

void t.test('health, readiness, and nothing else', async (t) => {
  const { base, reasons, server } = await open(t)
  t.not(server.address.port, 0)
  const table = [
    ['GET', '/healthz', 200, 'ok\n'],
    ['GET', '/healthz?x=1', 200, 'ok\n'],
    ['HEAD', '/healthz', 200, ''],
    ['GET', '/readyz', 200, '{"ready":true,"reasons":[]}\n'],
    ['POST', '/healthz', 405, 'method not allowed\n'],
    ['GET', '/', 404, 'not found\n'],
    ['GET', '/metrics', 404, 'not found\n']
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
  const second = startHttp({ address: server.address, notReady: () => [] })
  await t.rejects(second, { code: 'EADDRINUSE' })
})
