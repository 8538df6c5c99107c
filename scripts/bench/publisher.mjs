// @ts-check
// Fills streams, over a connection of its own: nats.js takes longer to send a row than to make it.
// Owns what is sent and how far it may be ahead of what is stored; knows no rows.

import { once } from 'node:events'
import { connect } from 'node:net'

import { createInbox } from 'nats'

/** @typedef {import('./streams.mjs').Nats} Nats */
/** @typedef {string | Uint8Array} Payload text must be ASCII: its length is told as its size */

/** Sends whose ack has not come: enough that neither side waits for the other. */
const unackedMax = 16

/**
 * To one stream, in order.
 * @param {Nats} nats
 * @param {string} subject
 */
export async function openPublisher({ url, connection }, subject) {
  const inbox = createInbox()
  const acks = connection.subscribe(inbox)[Symbol.asyncIterator]()
  // Known to the server before anything comes by the other connection: acks are for who listens.
  await connection.flush()
  const socket = await openSocket(url)
  /** @type {Promise<never>} */
  const lost = new Promise((_, reject) => {
    socket.on('error', reject).on('close', () => reject(new Error('nats-server hung up')))
  })
  // Whoever waits hears of it; nobody may be waiting.
  lost.catch(() => undefined)
  let unacked = 0
  const ack = async () => {
    const { value } = await Promise.race([acks.next(), lost])
    const said = value?.json()
    if (typeof said?.seq !== 'number') throw new Error(`not stored: ${JSON.stringify(said)}`)
    unacked--
  }
  return {
    /**
     * The last one's ack tells of all before it; it is not waited for here, unless too many are due.
     * @param {Payload[]} payloads
     * @returns {Promise<number>} their size
     */
    async send(payloads) {
      let bytes = 0
      let frames = ''
      for (const [n, payload] of payloads.entries()) {
        bytes += payload.length
        const reply = n === payloads.length - 1 ? `${inbox} ` : ''
        frames += `PUB ${subject} ${reply}${payload.length}\r\n${latin1(payload)}\r\n`
      }
      const isTaken = socket.write(frames, 'latin1')
      unacked++
      if (!isTaken) await Promise.race([once(socket, 'drain'), lost])
      while (unacked > unackedMax) await ack()
      return bytes
    },
    /** When all is stored. */
    async end() {
      while (unacked > 0) await ack()
      await acks.return?.()
      socket.destroy()
    }
  }
}

/** @param {Payload} payload */
const latin1 = (payload) =>
  typeof payload === 'string' ? payload : Buffer.from(payload).toString('latin1')

/** @param {string} url host:port, of a server that trusts everybody */
async function openSocket(url) {
  const [host, port] = url.split(':')
  const socket = connect({ host, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  socket.on('data', (/** @type {Buffer} */ said) => {
    if (said.includes('PING')) socket.write('PONG\r\n')
    if (said.includes('-ERR')) socket.destroy(new Error(said.toString()))
  })
  socket.write('CONNECT {"verbose":false}\r\n')
  return socket
}
