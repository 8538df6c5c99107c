// Goal: a link relays bytes as they come, both ways, keeps private exchanges out of the client's
// sight, and never loses its place between the two.
// Method: a stand-in upstream, a socket that the test writes to by hand, cut anywhere.

import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

import t from 'tap'
import type { Test } from 'tap'

import { dial } from '../../src/upstream/dial.ts'
import { Link } from '../../src/upstream/link.ts'
import type { LinkEvents } from '../../src/upstream/link.ts'
import {
  backendKeyData,
  BIND_COMPLETE,
  CLOSE_COMPLETE,
  commandComplete,
  errorResponse,
  frame,
  notice,
  PARSE_COMPLETE,
  parameterStatus,
  readyForQuery,
  textRow
} from '../../src/wire/backend.ts'
import { adminShutdown, asFatal, syntaxError } from '../../src/errors.ts'
import { frontend } from '../../src/wire/frontend.ts'
import { eventually } from '../support/eventually.ts'

const ERROR = errorResponse(syntaxError('wrong'))
const LAST_WORDS = errorResponse(asFatal(adminShutdown('terminating')))
const sync = frontend.sync()
const parse = frontend.parse({ name: '', text: 'x', types: [] })

class Scene {
  readonly link: Link
  readonly upstream: Socket
  /** All that reached the client. */
  relayed = Buffer.alloc(0)
  /** All that reached the upstream. */
  sent = Buffer.alloc(0)
  readonly heard: string[] = []
  /** What `ready` and `relay` answer. */
  hold: Promise<void> | undefined
  accepts = true

  constructor(socket: Socket, upstream: Socket) {
    this.upstream = upstream
    upstream.on('data', (bytes: Buffer) => (this.sent = Buffer.concat([this.sent, bytes])))
    upstream.on('error', () => undefined)
    this.link = new Link(socket, this.#events())
  }

  #events(): LinkEvents {
    return {
      relay: (bytes) => {
        this.relayed = Buffer.concat([this.relayed, bytes])
        return this.accepts
      },
      ready: (status) => {
        this.heard.push(`ready ${status}`)
        return this.hold
      },
      parameter: (name, value) => void this.heard.push(`${name} = ${value}`),
      key: (pid, secret) => void this.heard.push(`key ${pid} ${secret.toString()}`),
      closed: () => void this.heard.push('closed')
    }
  }

  answer(...messages: Buffer[]): void {
    this.upstream.write(Buffer.concat(messages))
  }

  async seesRelayed(...messages: Buffer[]): Promise<void> {
    const wanted = Buffer.concat(messages)
    await eventually(() => this.relayed.equals(wanted), {
      deadlineMs: 5_000,
      what: `relayed ${wanted.toString('latin1')}`
    })
  }

  async seesSent(...messages: Buffer[]): Promise<void> {
    const wanted = Buffer.concat(messages)
    await eventually(() => this.sent.equals(wanted), {
      deadlineMs: 5_000,
      what: `sent ${wanted.toString('latin1')}`
    })
  }
}

async function open(t: Pick<Test, 'teardown'>): Promise<Scene> {
  const server = createServer({ noDelay: true })
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const target = { host: '127.0.0.1', port, user: 'u', password: undefined, database: 'd' }
  const { socket } = await dial(target)
  const upstream = await accepted
  t.teardown(() => {
    socket.destroy()
    upstream.destroy()
    server.close()
  })
  return new Scene(socket, upstream)
}

async function started(t: Pick<Test, 'teardown'>): Promise<Scene> {
  const scene = await open(t)
  scene.answer(readyForQuery('I'))
  await scene.link.started()
  await scene.seesRelayed(readyForQuery('I'))
  scene.relayed = Buffer.alloc(0)
  return scene
}

void t.test('start-up goes to the client as it came, and is heard', async (t) => {
  const scene = await open(t)
  const messages = [
    frame('R', Buffer.alloc(4)),
    parameterStatus('TimeZone', 'UTC'),
    backendKeyData(7, Buffer.from('secret')),
    readyForQuery('I')
  ]
  t.equal(scene.link.status, '')
  scene.answer(...messages)
  await scene.seesRelayed(...messages)
  t.same(scene.heard, ['TimeZone = UTC', 'key 7 secret', 'ready I'])
  t.equal(scene.link.status, 'I')
})

void t.test('replies pass unchanged, cut at every byte', async (t) => {
  const scene = await started(t)
  const reply = [
    textRow(['a', null]),
    notice('n'),
    ERROR,
    frame('y', Buffer.from('of the future')),
    readyForQuery('E')
  ]
  scene.link.request('query', frontend.query('x'))
  for (const byte of Buffer.concat(reply)) {
    await new Promise((resolve) => scene.upstream.write(Buffer.from([byte]), resolve))
  }
  await scene.seesRelayed(...reply)
  t.equal(scene.link.status, 'E')
  t.equal(scene.link.dirty, false)
})

void t.test("an exchange is the client's neither in its replies nor in its errors", async (t) => {
  const scene = await started(t)
  const exchange = scene.link.exchange([{ kind: 'parse', bytes: parse }], 'sync')
  await scene.seesSent(parse, sync)
  scene.answer(PARSE_COMPLETE, notice('told'), parameterStatus('a', 'b'), readyForQuery('I'))
  const { frames, error } = await exchange
  t.same(
    frames.map(({ type }) => String.fromCharCode(type)),
    ['1', 'Z']
  )
  t.equal(error, undefined)
  const failing = scene.link.exchange(
    [
      { kind: 'parse', bytes: parse },
      { kind: 'close', bytes: parse }
    ],
    'sync'
  )
  scene.answer(ERROR, readyForQuery('I'))
  t.same((await failing).error?.bytes, ERROR)
  t.equal(scene.link.skipping, false)
  await scene.seesRelayed(notice('told'), parameterStatus('a', 'b'))
})

void t.test('requests before and behind an exchange get their own replies', async (t) => {
  const scene = await started(t)
  scene.link.request('bind', frontend.bind({}))
  scene.link.request('execute', frontend.execute({}))
  const exchange = scene.link.exchange([{ kind: 'execute', bytes: frontend.execute({}) }], 'flush')
  scene.link.request('sync', sync)
  scene.answer(BIND_COMPLETE, textRow(['own']), commandComplete('SELECT 1'))
  scene.answer(textRow(['private']), commandComplete('SELECT 1'), readyForQuery('T'))
  t.same(
    (await exchange).frames.map(({ type }) => String.fromCharCode(type)),
    ['D', 'C']
  )
  await scene.seesRelayed(
    BIND_COMPLETE,
    textRow(['own']),
    commandComplete('SELECT 1'),
    readyForQuery('T')
  )
})

void t.test('drained waits for what is owed, not longer', async (t) => {
  const scene = await started(t)
  await scene.link.drained()
  scene.link.request('parse', parse)
  scene.link.request('close', parse)
  let isDrained = false
  const drained = scene.link.drained().then(() => (isDrained = true))
  scene.answer(PARSE_COMPLETE)
  await scene.seesRelayed(PARSE_COMPLETE)
  t.equal(isDrained, false)
  scene.answer(CLOSE_COMPLETE)
  await drained
  t.match(scene.sent.subarray(-5), frontend.flush(), 'the upstream was asked to flush')
})

void t.test('behind an error the upstream is known to skip, up to the Sync', async (t) => {
  const scene = await started(t)
  scene.link.request('parse', parse)
  scene.link.request('bind', frontend.bind({}))
  scene.answer(ERROR)
  await scene.link.drained()
  t.equal(scene.link.skipping, true)
  scene.link.request('execute', frontend.execute({}))
  scene.link.request('sync', sync)
  t.equal(scene.link.skipping, false)
  scene.answer(readyForQuery('I'))
  await scene.seesRelayed(ERROR, readyForQuery('I'))
  t.equal(scene.link.dirty, false)
})

void t.test(
  'a ReadyForQuery is held back while something is settled, and nothing overtakes it',
  async (t) => {
    const scene = await started(t)
    let release: () => void = () => undefined
    scene.hold = new Promise((resolve) => (release = resolve))
    scene.link.request('query', frontend.query('COMMIT'))
    scene.answer(commandComplete('COMMIT'), readyForQuery('I'), notice('later'))
    await scene.seesRelayed(commandComplete('COMMIT'))
    await eventually(() => scene.heard.length === 2)
    t.same(scene.heard, ['ready I', 'ready I'], 'it is there')
    t.same(scene.relayed, commandComplete('COMMIT'), 'and held')
    scene.hold = undefined
    release()
    await scene.seesRelayed(commandComplete('COMMIT'), readyForQuery('I'), notice('later'))
  }
)

void t.test('the Sync behind an extended COPY FROM is not waited for', async (t) => {
  const scene = await started(t)
  scene.link.request('execute', frontend.execute({}))
  scene.link.request('sync', sync)
  const copyIn = frame('G', Buffer.from([0, 0, 0]))
  scene.answer(copyIn)
  await scene.seesRelayed(copyIn)
  t.equal(scene.link.copying, true)
  scene.link.endCopy(frontend.copyDone())
  scene.link.request('sync', sync)
  scene.answer(commandComplete('COPY 0'), readyForQuery('I'))
  await scene.seesRelayed(copyIn, commandComplete('COPY 0'), readyForQuery('I'))
  t.equal(scene.link.dirty, false)
  t.equal(scene.link.copying, false)
})

void t.test('a client that is slow pauses the upstream until it says so', async (t) => {
  const scene = await started(t)
  scene.accepts = false
  scene.link.request('query', frontend.query('x'))
  const row = textRow(['x'.repeat(1_000_000)])
  let written = 0
  while (scene.upstream.write(row)) written += row.length
  await eventually(() => scene.relayed.length > 0)
  t.ok(scene.relayed.length < 1_000_000, `${scene.relayed.length} bytes came through`)
  scene.accepts = true
  scene.link.resume()
  await eventually(() => scene.relayed.length >= written + row.length)
})

void t.test('a connection that ends ends what waits for it', async (t) => {
  const scene = await started(t)
  scene.link.request('parse', parse)
  const waiting = [
    scene.link.drained(),
    t.rejects(scene.link.exchange([{ kind: 'parse', bytes: parse }], 'sync'), { code: '08006' })
  ]
  scene.upstream.destroy()
  await Promise.all(waiting)
  t.equal(scene.link.closed, true)
  t.equal(scene.heard.at(-1), 'closed')
  await t.rejects(scene.link.exchange([], 'sync'), { code: '08006' }, 'nor does a later one wait')
  await scene.link.drained()
})

void t.test("the upstream's last words are the client's, whoever asked last", async (t) => {
  for (const end of ['flush', 'sync'] as const) {
    const scene = await started(t)
    const asked = scene.link.exchange([{ kind: 'parse', bytes: parse }], end)
    scene.answer(LAST_WORDS)
    await t.rejects(asked, { code: '08006' })
    t.ok(scene.relayed.equals(LAST_WORDS), end)
    t.equal(scene.link.hasSaidWhy, true)
    t.same(scene.heard, ['ready I', 'closed'])
  }
})

void t.test('so are those behind a ReadyForQuery that is held back', async (t) => {
  const scene = await started(t)
  let release = (): void => undefined
  scene.hold = new Promise((resolve) => (release = resolve))
  scene.link.request('query', frontend.query('x'))
  scene.answer(readyForQuery('I'), LAST_WORDS)
  await eventually(() => scene.link.closed, { what: 'the end' })
  t.notOk(scene.heard.includes('closed'))
  release()
  await scene.seesRelayed(readyForQuery('I'), LAST_WORDS)
  t.equal(scene.heard.at(-1), 'closed')
})

void t.test('and those that are not read yet when writing fails', async (t) => {
  const scene = await started(t)
  scene.upstream.write(LAST_WORDS)
  scene.upstream.destroy()
  for (let i = 0; i < 3; i++) scene.link.request('query', frontend.query('x'))
  await eventually(() => scene.link.closed, { what: 'the end' })
  t.equal(scene.relayed.toString('latin1'), LAST_WORDS.toString('latin1'))
})

void t.test('an impossible length ends the connection', async (t) => {
  const scene = await started(t)
  scene.answer(Buffer.from([0x44, 0xff, 0xff, 0xff, 0xff]))
  await eventually(() => scene.link.closed)
  t.equal(scene.relayed.length, 0)
})

void t.test('where nobody listens the error names the place', async (t) => {
  const target = { host: '127.0.0.1', port: 1, user: 'u', password: undefined, database: 'd' }
  await t.rejects(dial(target), { code: '08001', message: /127\.0\.0\.1:1/ })
})
