// Goal: a relation over a stream that removes what was acknowledged is made, fed, restarted and
// dropped without losing anything or leaving anything behind. Method: a work queue and an interest
// stream on a real server, jetgres killed in between, consumers listed with NATS's own API.

import t from 'tap'

import { createStream, publishJson, withoutNats } from '../support/nats-server.ts'
import { eventually } from '../support/eventually.ts'
import { fedBy, openWorld, refusal, rowsOf, untilCount } from './world.ts'

const skip = withoutNats()

void t.test('streams that remove what was acknowledged', { skip }, async (t) => {
  const world = await openWorld(t)
  const { nats, connection, client, jetgres } = world
  const manager = await connection.jetstreamManager()
  await createStream(connection, 'WORK', ['work.>'], { retention: 'workqueue' } as object)
  await createStream(connection, 'NEWS', ['news.>'], { retention: 'interest' } as object)
  const consumers = async (stream: string): Promise<string[]> =>
    (await manager.consumers.list(stream).next()).map(({ name }) => name)
  const numbers = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({ n: from + i }))

  await publishJson(connection, 'work.a', numbers(0, 500))
  await client.query(`CREATE TABLE work (n int) ${fedBy(nats, 'work.>', 'WORK')}`)
  await client.query(`CREATE TABLE news (n int) ${fedBy(nats, 'news.>', 'NEWS')}`)
  await publishJson(connection, 'news.a', numbers(0, 500))
  for (const table of ['work', 'news']) await untilCount(client, table, 500)

  const again = await refusal(client, `CREATE TABLE more (n int) ${fedBy(nats, 'work.a', 'WORK')}`)
  t.equal(again.code, 'HV00N', again.message)
  await client.query('BEGIN')
  await client.query(`CREATE TABLE gone (n int) ${fedBy(nats, 'news.b', 'NEWS')}`)
  await client.query('ROLLBACK')
  await eventually(async () => (await consumers('NEWS')).length === 1)

  const replace = `CREATE OR REPLACE TABLE work (n int, v text) ${fedBy(nats, 'work.>', 'WORK')}`
  const [name] = await consumers('WORK')
  await client.query(`BEGIN; ${replace}; ROLLBACK`)
  t.same(await consumers('WORK'), [name], 'rolled back, it keeps its consumer')

  await jetgres.kill()
  await publishJson(connection, 'work.a', numbers(500, 1_000))
  await publishJson(connection, 'news.a', numbers(500, 1_000))
  jetgres.spawn()
  await jetgres.ready()
  const later = await jetgres.connect()
  for (const [table, stream] of [['work', 'WORK'], ['news', 'NEWS']] as const) {
    await untilCount(later, table, 1_000)
    const [facts] = await rowsOf(later, `SELECT count(DISTINCT n), min(n), max(n) FROM ${table}`)
    t.same(facts, ['1000', 0, 999], `${table}: each once`)
    await eventually(async () => (await manager.streams.info(stream)).state.messages === 0)
    if (table === 'work') {
      await later.query(replace)
      await publishJson(connection, 'work.a', numbers(2_000, 2_100))
      await untilCount(later, 'work', 100)
      t.same(await consumers('WORK'), [name], 'handed over')
      const renamed = replace.replace('(connector', "(consumer.durable_name = 'd', connector")
      t.match(await refusal(later, renamed), {
        code: 'HV00N',
        message: /consumer not unique on workqueue stream/,
        hint: /if it gives no other "consumer\.durable_name"/
      })
      t.same(await consumers('WORK'), [name], 'nothing has changed')
      await publishJson(connection, 'work.a', numbers(2_100, 2_101))
      await untilCount(later, 'work', 101)
    }
    await later.query(`DROP TABLE ${table}`)
    await eventually(async () => (await consumers(stream)).length === 0)
  }
})
