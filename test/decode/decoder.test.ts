// Goal: whatever the encoding, a delivery becomes a row with what INCLUDE adds behind the payload's
// columns, or no row where a key lacks. Method: deliveries made by hand, one column of each kind.

import t from 'tap'

import { compileDecoder } from '../../src/decode/decoder.ts'
import type {
  Decoded,
  Delivered,
  Encoding,
  IncludedColumn,
  IncludedField
} from '../../src/types/connector.ts'
import { OID } from '../../src/types/oids.ts'
import type { RelationSchema } from '../../src/types/value.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const delivered = (payload: string, rest: Partial<Delivered> = {}): Delivered => ({
  sequence: 7,
  subject: 'a.b',
  payload: bytes(payload),
  timestampMicros: 1_700_000_000_123_456n,
  headers: new Map(),
  ...rest
})

/** Columns as name:oid. */
const schemaOf = (columns: [string, number][], key: number[] = []): RelationSchema => ({
  id: 1,
  columns: columns.map(([name, oid], i) => ({
    attnum: i + 1,
    name,
    type: { oid, typmod: -1 },
    notNull: false
  })),
  key
})

const JSON_: Encoding = {
  format: 'plain',
  encode: 'json',
  timestamptzHandling: 'guess_number_unit'
}

/** What one included column of this type holds. */
async function included(
  field: IncludedField,
  oid: number,
  delivery: Delivered,
  header?: string
): Promise<Decoded> {
  const column: IncludedColumn = { column: 'c', field, ...(header === undefined ? {} : { header }) }
  const decode = await compileDecoder(schemaOf([['v', OID.int4], ['c', oid]]), {
    ...JSON_,
    included: [column]
  })
  return decode(delivery)
}

void t.test('each field of a delivery has its value', async (t) => {
  const headers = new Map([
    ['Nats-Msg-Id', ['m1']],
    ['Two', ['a', 'é']],
    ['__proto__', ['p']]
  ])
  const delivery = delivered('{"v":1, "w" : [1e2]}', { headers })
  const kv = delivered('{"v":1}', { subject: '$KV.bucket.users.7' })
  const cases: [IncludedField, number, Delivered, unknown, string?][] = [
    ['partition', OID.varchar, delivery, '0'],
    ['offset', OID.varchar, delivery, '7'],
    ['sequence', OID.int8, delivery, 7n],
    ['timestamp', OID.timestamptz, delivery, 1_700_000_000_123_456n],
    ['subject', OID.varchar, delivery, 'a.b'],
    ['payload', OID.jsonb, delivery, '{"v": 1, "w": [100]}'],
    ['key', OID.varchar, delivery, 'm1'],
    ['key', OID.varchar, kv, 'users.7'],
    ['key', OID.varchar, delivered('{"v":1}'), null],
    ['header', OID.jsonb, delivery, '{"Two": ["a", "é"], "__proto__": "p", "Nats-Msg-Id": "m1"}'],
    ['header', OID.jsonb, delivered('{"v":1}'), '{}'],
    ['header', OID.varchar, delivery, 'a', 'Two'],
    ['header', OID.varchar, delivery, 'm1', 'nats-msg-id'],
    ['header', OID.varchar, delivery, null, 'none'],
    ['header', OID.bytea, delivery, Buffer.from('a'), 'Two']
  ]
  for (const [field, oid, from, want, header] of cases) {
    const decoded = await included(field, oid, from, header)
    t.same(decoded, { ok: true, row: [1, want] }, `${field} ${header ?? ''}`)
  }
})

void t.test('a payload that is no row is none, whatever is included', async (t) => {
  const decoded = await included('sequence', OID.int8, delivered('[1]'))
  t.same(decoded, { ok: false, error: 'payload is not a JSON object' })
})

void t.test('included columns may be all there is', async (t) => {
  const decode = await compileDecoder(schemaOf([['p', OID.jsonb]]), {
    ...JSON_,
    included: [{ column: 'p', field: 'payload' }]
  })
  t.same(decode(delivered('[1, {"b":2,"a":1}]')), { ok: true, row: ['[1, {"a": 1, "b": 2}]'] })
  t.same(decode(delivered('"\\u0000"')), { ok: true, row: [null] }, 'no jsonb can hold a NUL')
  t.match(decode(delivered('{')), { ok: false })
})

void t.test('without a key there is no row', async (t) => {
  const schema = schemaOf([['v', OID.int4], ['k', OID.varchar]], [2])
  const decode = await compileDecoder(schema, {
    ...JSON_,
    included: [{ column: 'k', field: 'key' }]
  })
  t.same(decode(delivered('{"v":1}')), { ok: false, error: 'key column "k" is null' })
  const headers = new Map([['Nats-Msg-Id', ['x']]])
  t.same(decode(delivered('{"v":1}', { headers })), { ok: true, row: [1, 'x'] })
})

void t.test('ENCODE BYTES keeps the payload, in memory of its own', async (t) => {
  const decode = await compileDecoder(schemaOf([['b', OID.bytea], ['s', OID.varchar]]), {
    format: 'plain',
    encode: 'bytes',
    included: [{ column: 's', field: 'subject' }]
  })
  const delivery = delivered('\0\u00ff')
  const decoded = decode(delivery)
  delivery.payload.fill(0x21)
  t.same(decoded, { ok: true, row: [bytes('\0\u00ff'), 'a.b'] })
  t.same(decode(delivered('')), { ok: true, row: [new Uint8Array(0), 'a.b'] })
  const message = 'ENCODE BYTES only accepts one BYTEA type column'
  await t.rejects(compileDecoder(schemaOf([]), { format: 'plain', encode: 'bytes' }), {
    code: '42P16',
    message
  })
})

void t.test('in FORMAT UPSERT a delivery without a payload takes its row away', async (t) => {
  const schema = schemaOf([['v', OID.int4], ['k', OID.varchar]], [2])
  const decode = await compileDecoder(schema, {
    ...JSON_,
    format: 'upsert',
    included: [{ column: 'k', field: 'key' }]
  })
  const headers = new Map([['Nats-Msg-Id', ['x']]])
  const gone = { ok: true, row: [null, 'x'], deleted: true }
  t.same(decode(delivered('', { headers })), gone)
  t.same(decode(delivered('{"v":1}', { headers })), { ok: true, row: [1, 'x'] })
  t.same(decode(delivered('{}', { headers })), { ok: true, row: [null, 'x'] }, 'NULL is a value')
  t.same(decode(delivered('')), { ok: false, error: 'key column "k" is null' })
  const subject = '$KV.b.x'
  t.same(decode(delivered('', { subject })), gone, 'an empty text is no JSON')
})

void t.test('in a bucket of bytes an empty value is none of its deletions', async (t) => {
  const schema = schemaOf([['b', OID.bytea], ['k', OID.varchar]], [2])
  const decode = await compileDecoder(schema, {
    format: 'upsert',
    encode: 'bytes',
    included: [{ column: 'k', field: 'key' }]
  })
  const subject = '$KV.b.x.y'
  const empty = { ok: true, row: [new Uint8Array(0), 'x.y'] }
  const gone = { ok: true, row: [null, 'x.y'], deleted: true }
  const cases: [[string, string[]][], unknown][] = [
    [[], empty],
    [[['KV-Operation', ['PUT']]], empty],
    [[['KV-Operation', ['DEL']]], gone],
    [[['KV-Operation', ['PURGE']], ['Nats-Rollup', ['sub']]], gone],
    [[['Nats-Marker-Reason', ['MaxAge']]], gone]
  ]
  for (const [headers, want] of cases) {
    const decoded = decode(delivered('', { subject, headers: new Map(headers) }))
    t.same(decoded, want, JSON.stringify(headers))
  }
  const elsewhere = delivered('', { headers: new Map([['Nats-Msg-Id', ['m']]]) })
  t.same(decode(elsewhere), { ok: true, row: [null, 'm'], deleted: true })
})
