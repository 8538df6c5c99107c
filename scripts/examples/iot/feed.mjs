// Devices publish under subjects of their own; one sends what is no JSON.

/** @param {import('nats').NatsConnection} nats */
export async function make(nats) {
  await (await nats.jetstreamManager()).streams.add({ name: 'telemetry', subjects: ['iot.>'] })
}

/** @param {import('nats').NatsConnection} nats */
export async function feed(nats) {
  const jetstream = nats.jetstream()
  for (let i = 0; i < 300; i++) {
    const reading = { celsius: 18 + (i % 7) / 2, humidity: 40 + (i % 10), ts: new Date().toISOString() }
    await jetstream.publish(`iot.room-${i % 3}.climate`, JSON.stringify(reading))
  }
  await jetstream.publish('iot.room-9.climate', 'battery low')
}
