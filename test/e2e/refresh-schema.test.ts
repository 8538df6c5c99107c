// Goal: ALTER … REFRESH SCHEMA reads a payload's schema anew, deliveries are decoded by it from then
// on and after a restart, and one that does not fit changes nothing. Method: a small http server
// whose schema changes, real deliveries of each version.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import avsc from 'avsc'
import type pg from 'pg'
import t from 'tap'

import { schemaOf } from '../decode/protobuf-fixture.ts'
import { withoutNats } from '../support/nats-server.ts'
import { openWorld, refusal, rowsOf, STREAM, untilCount } from './world.ts'

const protoOf = (fields: string): string => `syntax = "proto3"; message Row { ${fields} }`
const FIRST = protoOf('string name = 1; int32 n = 2;')
const SECOND = protoOf('string name = 1; int32 n = 5; repeated string more = 6;')

const avroOf = (...fields: [string, unknown][]): string =>
  JSON.stringify({ type: 'record', name: 'R', fields: fields.map(([name, type]) => ({ name, type })) })

/** The notices that a statement raises. */
async function noticesOf(client: pg.Client, text: string): Promise<string[]> {
  const notices: string[] = []
  const hear = ({ message }: { message?: string | undefined }): void => {
    notices.push(message ?? '')
  }
  client.on('notice', hear)
  await client.query(text)
  client.off('notice', hear)
  return notices
}

const options = { skip: withoutNats(), timeout: 280_000 }

void t.test('a schema that changes', options, async (t) => {
  const world = await openWorld(t)
  const { client, connection, jetgres, nats } = world
  const jetstream = connection.jetstream()
  const served = { '/proto': FIRST, '/avro': avroOf(['a', 'int']) }
  const server = createServer((request, response) => {
    response.end(served[request.url as keyof typeof served])
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fed = (subject: string, format: string): string =>
    `WITH (connector = 'nats', server_url = '127.0.0.1:${nats.port}', subject = '${subject}',
           stream = '${STREAM}') FORMAT PLAIN ENCODE ${format}`

  const first = await schemaOf(FIRST)
  const second = await schemaOf(SECOND)
  await client.query(
    `CREATE TABLE r ${fed('e2e.r', `PROTOBUF (message = 'Row', schema.location = '${url}/proto')`)}`
  )
  const rows = (from = client): Promise<unknown[][]> =>
    rowsOf(from, 'SELECT name, n FROM r ORDER BY name')

  await t.test('decodes from the next delivery on', async (t) => {
    await jetstream.publish('e2e.r', first.payload('Row', { name: 'a', n: 1 }))
    await jetstream.publish('e2e.r', second.payload('Row', { name: 'b', n: 2 }))
    await untilCount(client, 'r', 2)
    t.same(await rows(), [['a', 1], ['b', 0]], 'by the schema that the table was made with')
    served['/proto'] = SECOND
    t.same(await noticesOf(client, 'ALTER TABLE r REFRESH SCHEMA'), [
      'the schema also offers "more" varchar[]'
    ])
    await jetstream.publish('e2e.r', second.payload('Row', { name: 'c', n: 3 }))
    await untilCount(client, 'r', 3)
    t.same(await rows(), [['a', 1], ['b', 0], ['c', 3]])
  })

  await t.test('changes nothing where the schema does not fit', async (t) => {
    const cases: [string, string, RegExp][] = [
      [protoOf('string name = 1;'), '42P16', /^Column "n" is defined in SQL but not found/],
      [protoOf('string name = 1; int64 n = 5;'), '42P16', /^Data type mismatch for column "n"/],
      ['message {', '22023', /^cannot build descriptor pool/],
      ['syntax = "proto3"; message Other {}', '42704', /^cannot find message `Row`/]
    ]
    for (const [text, code, message] of cases) {
      served['/proto'] = text
      const told = await refusal(client, 'ALTER TABLE r REFRESH SCHEMA')
      t.match(told, { code, message, at: 'REFRESH SCHEMA' }, text)
    }
    await jetstream.publish('e2e.r', second.payload('Row', { name: 'd', n: 4 }))
    await untilCount(client, 'r', 4)
    t.same((await rows()).at(-1), ['d', 4])
  })

  await t.test('is for owners, for schemas, and outside of transactions', async (t) => {
    served['/proto'] = SECOND
    await client.query('BEGIN')
    t.match(await refusal(client, 'ALTER TABLE r REFRESH SCHEMA'), {
      code: '25001',
      message: 'REFRESH SCHEMA cannot run inside a transaction block'
    })
    await client.query('ROLLBACK')
    await client.query('CREATE ROLE other; GRANT SELECT ON r TO other; SET ROLE other')
    const denied = { code: '42501', message: 'must be owner of table r' }
    t.match(await refusal(client, 'ALTER TABLE r REFRESH SCHEMA'), denied)
    await client.query('RESET ROLE')
    await client.query(`CREATE TABLE j (v int) ${fed('e2e.j', 'JSON')}`)
    t.match(await refusal(client, 'ALTER TABLE j REFRESH SCHEMA'), {
      code: '0A000',
      message: 'tables without a schema of their payloads cannot be refreshed'
    })
  })

  await t.test('an Avro source likewise, and for good', async (t) => {
    const avro = fed('e2e.a', `AVRO (schema.location = '${url}/avro')`)
    await client.query(`CREATE SOURCE a ${avro}`)
    const wider = avroOf(['first', 'string'], ['a', 'int'])
    const payload = avsc.Type.forSchema(JSON.parse(wider) as avsc.Schema).toBuffer({ first: 'x', a: 7 })
    await jetstream.publish('e2e.a', Buffer.of(2))
    await untilCount(client, 'a', 1)
    served['/avro'] = wider
    t.same(await noticesOf(client, 'alter source a refresh schema'), [
      'the schema also offers "first" varchar'
    ])
    await jetstream.publish('e2e.a', payload)
    await untilCount(client, 'a', 2)
    await client.end()
    await jetgres.restart()
    const again = await jetgres.connect()
    await jetstream.publish('e2e.a', payload)
    await jetstream.publish('e2e.r', second.payload('Row', { name: 'e', n: 5 }))
    await untilCount(again, 'a', 3)
    await untilCount(again, 'r', 5)
    t.same(await rowsOf(again, 'SELECT a FROM a ORDER BY a'), [[1], [7], [7]])
    t.same((await rows(again)).at(-1), ['e', 5])
  })
})
