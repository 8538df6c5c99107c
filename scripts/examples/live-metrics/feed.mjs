// Viewers of five videos change; each delivery replaces its row.

/** @param {import('nats').NatsConnection} nats */
export async function make(nats) {
  await (await nats.jetstreamManager()).streams.add({ name: 'metrics', subjects: ['live'] })
}

/** @param {import('nats').NatsConnection} nats */
export async function feed(nats) {
  const jetstream = nats.jetstream()
  for (let i = 0; i < 200; i++) {
    const row = { id: `live-${i % 5}`, video_id: `v${i % 5}`, viewers: 100 + i, ts: new Date().toISOString() }
    await jetstream.publish('live', JSON.stringify(row))
  }
}
