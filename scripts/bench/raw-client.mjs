// @ts-check
// A Postgres client that costs next to nothing: it counts the bytes of an answer and decodes none,
// so that a scan measures the server.

import { connect } from 'node:net'

/** ReadyForQuery, outside a transaction. */
const readyFrame = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])
const scanMs = 300_000

/**
 * A connected client; both sides trust it.
 * @param {{ host: string, port: number }} server
 */
export async function rawClient({ host, port }) {
  const socket = connect({ host, port, noDelay: true })
  const protocol = Buffer.from([0, 3, 0, 0])
  const facts = Buffer.from('user\0postgres\0database\0postgres\0\0')
  await answer(socket, Buffer.concat([length(facts.length + 8), protocol, facts]))
  return {
    /** The simple protocol, text. @param {string} sql */
    query: (sql) => answer(socket, frame('Q', `${sql}\0`)),
    /** The extended protocol, every column in binary. @param {string} sql */
    binary: (sql) =>
      answer(
        socket,
        Buffer.concat([
          frame('P', `\0${sql}\0\0\0`),
          frame('B', '\0\0\0\0\0\0\0\x01\0\x01'),
          frame('E', '\0\0\0\0\0'),
          frame('S', '')
        ])
      ),
    end: () => socket.destroy()
  }
}

/** @param {number} value */
function length(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** @param {string} type @param {string} body */
function frame(type, body) {
  const bytes = Buffer.from(body)
  return Buffer.concat([Buffer.from(type), length(bytes.length + 4), bytes])
}

/**
 * Sends, and counts bytes until the server is ready again.
 * @param {import('node:net').Socket} socket
 * @param {Buffer} request
 * @returns {Promise<{ bytes: number, tag: string }>} `tag`: the last command tag
 */
function answer(socket, request) {
  return new Promise((resolve, reject) => {
    let bytes = 0
    /** @type {Buffer} */
    let tail = Buffer.alloc(0)
    const finish = (/** @type {Error | undefined} */ error) => {
      clearTimeout(timer)
      socket.off('data', take).off('error', finish).off('close', closed)
      const before = tail.subarray(0, -readyFrame.length).toString('latin1')
      const tag = /C\0\0\0.([A-Z][A-Z 0-9]*)\0$/s.exec(before)?.[1] ?? ''
      if (error) reject(error)
      else resolve({ bytes, tag })
    }
    const closed = () => finish(new Error('the server closed the connection'))
    const take = (/** @type {Buffer} */ chunk) => {
      bytes += chunk.length
      tail = chunk.length < 64 ? Buffer.concat([tail, chunk]).subarray(-64) : chunk.subarray(-64)
      if (tail.subarray(-6).equals(readyFrame)) finish(undefined)
    }
    const timer = setTimeout(() => finish(new Error('no answer in time')), scanMs)
    socket.on('data', take).on('error', finish).on('close', closed)
    socket.write(request)
  })
}
