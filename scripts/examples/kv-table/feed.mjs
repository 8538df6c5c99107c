// A bucket of settings: put, changed, one deleted. The table holds what the bucket holds.

/** @type {import('nats').KV} */
let bucket

/** @param {import('nats').NatsConnection} nats */
export async function make(nats) {
  bucket = await nats.jetstream().views.kv('settings')
}

export async function feed() {
  for (const [i, user] of ['ada', 'brian', 'chen'].entries()) {
    await bucket.put(user, JSON.stringify({ theme: 'light', size: 12 + i }))
  }
  await bucket.put('ada', JSON.stringify({ theme: 'dark', size: 14 }))
  await bucket.delete('brian')
}
