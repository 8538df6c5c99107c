// Goal: what is written in one turn leaves as one write, whole and in order, and is never lost when
// the connection ends behind it.
// Method: a stand-in socket that counts its writes, and a real one for back-pressure.

import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Writable } from 'node:stream'

import t from 'tap'

import { SocketOutput } from '../../src/upstream/socket-output.ts'

class CountedSocket extends Writable {
  readonly writes: string[] = []

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk.toString('latin1'))
    done()
  }
}

function scene(): { socket: CountedSocket; output: SocketOutput } {
  const socket = new CountedSocket()
  return { socket, output: new SocketOutput(socket as unknown as Socket) }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

void t.test('the writes of a turn become one, in order', async (t) => {
  const { socket, output } = scene()
  const chunk = Buffer.from('abcdef')
  const parts = [chunk.subarray(0, 2), chunk.subarray(2, 3), Buffer.from('X'), chunk.subarray(3)]
  for (const part of parts) output.write(part)
  t.same(socket.writes, [], 'nothing leaves while the turn lasts')
  await nextTurn()
  t.same(socket.writes, ['abcXdef'])
  output.write(chunk)
  await nextTurn()
  t.same(socket.writes, ['abcXdef', 'abcdef'])
})

void t.test('slices of one chunk that are not neighbours stay apart', async (t) => {
  const { socket, output } = scene()
  const chunk = Buffer.from('abcdef')
  const other = Buffer.from('uvwxyz')
  for (const part of [chunk.subarray(3), chunk.subarray(0, 3), other.subarray(3)]) output.write(part)
  await nextTurn()
  t.same(socket.writes, ['defabcxyz'])
})

void t.test('what is large leaves at once', async (t) => {
  const { socket, output } = scene()
  output.write(Buffer.from('small'))
  output.write(Buffer.alloc(100_000))
  t.same(socket.writes.map(({ length }) => length), [100_005])
})

void t.test('the end comes behind what is pending', async (t) => {
  const { socket, output } = scene()
  output.write(Buffer.from('last words'))
  output.end()
  await once(socket, 'finish')
  t.same(socket.writes, ['last words'])
  output.write(Buffer.from('too late'))
  await nextTurn()
  t.same(socket.writes, ['last words'])
})

void t.test('a peer that does not read is waited for, until it reads or is gone', async (t) => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => {
    socket.destroy()
    server.close()
  })
  const [peer] = (await once(server, 'connection')) as [Socket]
  const output = new SocketOutput(socket)
  t.equal(output.drained(), undefined)
  const block = Buffer.alloc(1_000_000)
  while (output.write(block));
  const drained = output.drained()
  t.ok(drained)
  peer.resume()
  await drained
  t.equal(output.drained(), undefined)
  peer.pause()
  while (output.write(block));
  const gone = output.drained()
  peer.destroy()
  socket.destroy()
  await gone
})
