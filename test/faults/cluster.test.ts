// Goal: on a cluster, where streams and consumers move between servers, nothing is lost, doubled or out
// of order. Method: three nats-servers, a stream of three replicas, a publisher whose acknowledged
// deliveries must all arrive while the stream's leader steps down, is killed, and comes back.

import type { NatsConnection } from 'nats'
import t from 'tap'
import type { Test } from 'tap'

import { connectorTo, ingest, keyless } from '../ingest/support.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { connectNats, startNats, withoutNats } from '../support/nats-server.ts'
import type { NatsServer } from '../support/nats-server.ts'

const skip = withoutNats()
const PATIENCE = { deadlineMs: 90_000 }
const NAMES = ['one', 'two', 'three'] as const

async function startCluster(t: Test): Promise<Map<string, NatsServer>> {
  const ports = await Promise.all(NAMES.map(() => freePort()))
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ')
  const servers = await Promise.all(
    NAMES.map((name, i) =>
      startNats(t, {
        name,
        configText: `cluster { name: c, listen: "127.0.0.1:${ports[i]}", routes: [${routes}] }`
      })
    )
  )
  return new Map(NAMES.map((name, i) => [name, servers[i] as NatsServer]))
}

const leaderOf = async (admin: NatsConnection): Promise<string> => {
  const { cluster } = await (await admin.jetstreamManager()).streams.info('N')
  if (!cluster?.leader) throw new Error('the stream has no leader')
  return cluster.leader
}

void t.test('leaders that step down and die', { skip, timeout: 400_000 }, async (t) => {
  const servers = await startCluster(t)
  const all = [...servers.values()]
  const admin = await connectNats(t, all[0] as NatsServer, {
    servers: all.map(({ port }) => `127.0.0.1:${port}`)
  })
  await eventually(async () => {
    const manager = await admin.jetstreamManager({ timeout: 1_000 })
    await manager.streams.add({ name: 'N', subjects: ['n.>'], num_replicas: 3 })
    return true
  }, PATIENCE)
  const connector = connectorTo(0, { servers: all.map(({ port }) => `127.0.0.1:${port}`) })
  const { sink, ingestion } = await ingest(t, connector, { schema: keyless })

  const acknowledged: number[] = []
  let over = false
  const publishing = (async () => {
    const jetstream = admin.jetstream({ timeout: 1_000 })
    for (let n = 0; !over; n++) {
      const payload = JSON.stringify({ n })
      await eventually(() => jetstream.publish('n.a', payload, { msgID: String(n) }), PATIENCE)
      acknowledged.push(n)
    }
  })()
  const some = async (): Promise<void> => {
    const enough = acknowledged.length + 200
    await eventually(() => acknowledged.length >= enough, PATIENCE)
  }

  await some()
  for (let round = 0; round < 2; round++) {
    const leader = await leaderOf(admin)
    await admin.request('$JS.API.STREAM.LEADER.STEPDOWN.N', '', { timeout: 5_000 })
    await eventually(async () => (await leaderOf(admin)) !== leader, PATIENCE)
    await some()
  }
  const killed = servers.get(await leaderOf(admin)) as NatsServer
  await killed.kill()
  await some()
  await killed.restart()
  await some()
  over = true
  await publishing
  await eventually(() => sink.values.length >= acknowledged.length, PATIENCE)
  t.same(sink.values, acknowledged, `${acknowledged.length} deliveries, in order, each once`)
  t.same([ingestion.status().gaps, ingestion.status().restarts], [0, 0], 'no gap, no other life')
})
