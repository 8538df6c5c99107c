// Orders come, and some of them are paid a moment later.

/** @param {import('nats').NatsConnection} nats */
export async function make(nats) {
  await (await nats.jetstreamManager()).streams.add({ name: 'shop', subjects: ['orders.>'] })
}

/** @param {import('nats').NatsConnection} nats */
export async function feed(nats) {
  const jetstream = nats.jetstream()
  const publish = (/** @type {string} */ state, /** @type {number} */ id) => {
    const order = { id, customer: 1 + (id % 3), amount: (id * 7.25).toFixed(2), state }
    return jetstream.publish(`orders.${state}`, JSON.stringify(order))
  }
  for (let id = 1; id <= 30; id++) await publish('open', id)
  for (let id = 1; id <= 30; id += 2) await publish('paid', id)
}
