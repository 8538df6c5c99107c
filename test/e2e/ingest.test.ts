// Goal: what a relation holds is exactly the last delivery of each key, whatever happens meanwhile.
// Method: real deliveries into a real stream before and during CREATE TABLE; then jetgres is killed
// at random moments under a publisher that goes on, and started on a backup made meanwhile. Every
// row is compared with what was published, on the local route and on the one through Postgres.

import { rm } from 'node:fs/promises'

import type { NatsConnection } from 'nats'
import t from 'tap'
import type { Test } from 'tap'

import { command } from '../../src/control.ts'
import { eventually } from '../support/eventually.ts'
import { startJetgres } from '../support/jetgres.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { random } from '../support/random.ts'
import type { Random } from '../support/random.ts'
import { fedBy, lastRoute, rowsOf, startWorldStream, untilCount } from './world.ts'
import type { NatsServer } from '../support/nats-server.ts'
import type pg from 'pg'

const KEYS = 10_000
const BEFORE = 100_000
const DURING = 10_000

interface Delivery {
  readonly id: string
  readonly n: number
  readonly note: string | null
  readonly price: string
}

/** Publishes in order and remembers each key's last delivery. */
class Publisher {
  readonly last = new Map<string, Delivery>()
  readonly #connection: NatsConnection
  readonly #random: Random
  published = 0

  constructor(connection: NatsConnection, seeds: Random) {
    this.#connection = connection
    this.#random = seeds
  }

  async publish(count: number, key: (i: number) => number): Promise<void> {
    const deliveries = Array.from({ length: count }, (_, i) => this.#delivery(key(i)))
    await publishJson(this.#connection, 'e2e.orders', deliveries)
  }

  /** Goes on until told to stop; one window of deliveries after another. */
  async goOn(isOver: () => boolean): Promise<void> {
    while (!isOver()) await this.publish(20, () => this.#random.int(0, KEYS - 1))
  }

  #delivery(key: number): Delivery {
    const n = this.published++
    const note = n % 7 === 0 ? null : `note ${n}`
    const delivery = { id: `key-${key}`, n, note, price: `${n}.50` }
    this.last.set(delivery.id, delivery)
    return delivery
  }

  /** What SELECT … ORDER BY id must give. */
  rows(): unknown[][] {
    const sorted = [...this.last.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
    return sorted.map(({ id, n, note, price }) => [id, String(n), note, price])
  }
}

const create = (nats: NatsServer): string =>
  `CREATE TABLE orders (id varchar PRIMARY KEY, n bigint, note text, price numeric(12, 2))
   ${fedBy(nats, 'e2e.orders')}`

const ROWS = 'SELECT id, n, note, price FROM orders ORDER BY id'
/** The same rows on the way through Postgres: a cursor is always relayed. */
const RELAYED = `BEGIN; DECLARE c CURSOR FOR ${ROWS}; FETCH ALL FROM c; COMMIT`

async function relayedRows(client: pg.Client): Promise<unknown[][]> {
  const results = (await client.query({ text: RELAYED, rowMode: 'array' })) as unknown as
    pg.QueryArrayResult<unknown[]>[]
  return results[2]!.rows
}

/** Waits for the last delivery, then compares every row, both ways. */
async function checkRows(t: Test, client: pg.Client, publisher: Publisher): Promise<void> {
  const newest = publisher.published - 1
  await eventually(
    async () => Number((await rowsOf(client, 'SELECT max(n) FROM orders'))[0]?.[0]) === newest,
    { deadlineMs: 150_000, what: 'the last delivery' }
  )
  const want = publisher.rows()
  t.same(await rowsOf(client, 'SELECT count(*) FROM orders'), [[String(want.length)]])
  t.equal(await lastRoute(client), 'local')
  t.same(differences(await rowsOf(client, ROWS), want), [], 'every row, answered locally')
  t.equal(await lastRoute(client), 'local')
  t.same(differences(await relayedRows(client), want), [], 'every row, through Postgres')
  t.match(await lastRoute(client), /^relay/)
}

/** The first few that differ: 10,000 rows of a diff tell nothing. */
function differences(got: unknown[][], want: unknown[][]): unknown[] {
  if (got.length !== want.length) return [`${got.length} rows instead of ${want.length}`]
  const pairs = got.map((row, i) => ({ got: row, want: want[i] }))
  return pairs.filter((p) => JSON.stringify(p.got) !== JSON.stringify(p.want)).slice(0, 5)
}

const skip = { skip: withoutNats() }

void t.test('110,000 deliveries over 10,000 keys become the last of each key', skip, async (t) => {
  const { server: nats, admin: connection } = await startWorldStream(t)
  const publisher = new Publisher(connection, random(t))
  await publisher.publish(BEFORE, (i) => i % KEYS)
  const jetgres = await startJetgres(t)
  const client = await jetgres.connect()

  const during = publisher.publish(DURING, (i) => (i * 7) % KEYS)
  await client.query(create(nats))
  await during
  await checkRows(t, client, publisher)
  await untilCount(client, 'orders', KEYS)

  await jetgres.restart()
  const again = await jetgres.connect()
  t.same(await rowsOf(again, 'SELECT count(*) FROM orders'), [[String(KEYS)]], 'after a restart')
  await checkRows(t, again, publisher)
})

void t.test('kill -9 at five random moments loses and doubles nothing', skip, async (t) => {
  const [stream, postgres] = await Promise.all([startWorldStream(t), startPostgres(t)])
  const { server: nats, admin: connection } = stream
  const seeds = random(t)
  const publisher = new Publisher(connection, seeds)
  await publisher.publish(BEFORE, (i) => i % KEYS)
  const jetgres = await startJetgres(t, { upstream: postgres.url })
  await (await jetgres.connect()).query(create(nats))

  let isOver = false
  const going = publisher.goOn(() => isOver)
  for (let round = 1; round <= 5; round++) {
    const until = publisher.published + seeds.int(200, 5_000)
    await eventually(() => publisher.published >= until, { deadlineMs: 60_000 })
    await jetgres.kill()
    jetgres.spawn()
    // Now and then the next kill may fall into the start.
    if (seeds.bool(0.7)) await jetgres.ready()
    t.comment(`round ${round}: killed after ${publisher.published} deliveries`)
  }
  await jetgres.ready()
  const dataDir = `${jetgres.dataDir}-copy`
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  const said = await command(jetgres.dataDir, { name: 'backup', operands: [dataDir] })
  t.match(said, /the Postgres behind jetgres is not in it/)
  isOver = true
  await going
  const client = await jetgres.connect()
  await checkRows(t, client, publisher)
  t.equal(publisher.last.size, KEYS, 'the publisher has been at every key')
  await jetgres.stop()
  const copy = await startJetgres(t, { upstream: postgres.url, dataDir })
  await checkRows(t, await copy.connect(), publisher)
})
