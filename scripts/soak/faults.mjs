// @ts-check
// What a soak does to its world, one fault at a time, each over when the server it hit is back.
// Nothing here may make the stream lose what was not read.

import { setTimeout as delay } from 'node:timers/promises'

/** @typedef {import('./world.mjs').World} World */
/** @typedef {(world: World) => Promise<void>} Fault */

const DOWN_MS = 1_000
const HANG_MS = 4_000

/**
 * Longer than the heartbeats that a reader misses before it gives its consumer up.
 * @param {{ readonly pid: number }} server
 */
async function hang({ pid }) {
  process.kill(pid, 'SIGSTOP')
  await delay(HANG_MS)
  process.kill(pid, 'SIGCONT')
}

/** @type {Record<string, Fault>} */
export const faults = {
  async 'kill jetgres'({ jetgres }) {
    await jetgres.stop('SIGKILL')
    await jetgres.start()
  },

  'stop and continue jetgres': ({ jetgres }) => hang(jetgres),

  async 'kill nats-server'({ nats }) {
    await nats.end('SIGKILL')
    await delay(DOWN_MS)
    await nats.start()
  },

  async 'restart nats-server'({ nats }) {
    await nats.end('SIGTERM')
    await nats.start()
  },

  'stop and continue nats-server': ({ nats }) => hang(nats),

  async 'delete consumers'(world) {
    for (const name of await world.consumers()) {
      await world.manager.consumers.delete('S', name).catch(() => false)
    }
  },

  async 'purge what is read'(world) {
    const [row] = await world.ask('SELECT min(position) AS read FROM jetgres.relations')
    await world.manager.streams.purge('S', { seq: Number(row.read) + 1 })
  },

  async 'edit the stream'({ manager }) {
    await manager.streams.update('S', { description: `edited at ${Date.now()}` })
  },

  async 'restart the upstream'({ upstream }) {
    await upstream.stop()
    await upstream.start()
  },

  async 'crash the upstream'({ upstream }) {
    await upstream.crash()
    await upstream.start()
  }
}

/** These end the life of the process, whose memory could then not be judged. */
export const deadly = ['kill jetgres']
