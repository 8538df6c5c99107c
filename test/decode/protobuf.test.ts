// Goal: every kind of protobuf field becomes the value of its column, from a descriptor set as from
// .proto text; what is no message of the type is no row. Method: one schema in both forms, one field
// a case, values compared as Postgres would print them.

import t from 'tap'

import { compileDecoder } from '../../src/decode/decoder.ts'
import { payloadColumns } from '../../src/decode/protobuf-columns.ts'
import { messageType } from '../../src/decode/protobuf-schema.ts'
import { codecFor } from '../../src/types/codec.ts'
import type { Decoded, PayloadSchema, RowDecoder } from '../../src/types/connector.ts'
import { OID } from '../../src/types/oids.ts'
import type { Column } from '../../src/types/value.ts'
import { random } from '../support/random.ts'
import { PROTO, descriptorSet, payload } from './protobuf-fixture.ts'

const TEXT: PayloadSchema = { form: 'proto', files: [['all.proto', PROTO]] }
const SET: PayloadSchema = {
  form: 'descriptor',
  base64: Buffer.from(descriptorSet()).toString('base64')
}

const SETTINGS = {
  timeZone: 'UTC',
  dateStyle: 'ISO, MDY',
  intervalStyle: 'postgres',
  extraFloatDigits: 1,
  byteaOutput: 'hex'
}

const column = (name: string, oid: number, rest: Partial<Column> = {}): Column => ({
  attnum: 1,
  name,
  type: { oid, typmod: -1 },
  notNull: false,
  ...rest
})

const decoderOf = (only: Column, schema: PayloadSchema, key: number[] = []): Promise<RowDecoder> =>
  compileDecoder(
    { id: 1, columns: [only], key },
    { format: 'plain', encode: 'protobuf', message: 'test.all.All', location: 'x', schema }
  )

const decode = (decoder: RowDecoder, bytes: Uint8Array): Decoded =>
  decoder({
    sequence: 1,
    subject: 's',
    payload: bytes,
    timestampMicros: 0n,
    headers: new Map()
  })

/** What the column shows of a message with these fields. */
async function shown(
  name: string,
  oid: number,
  fields: Record<string, unknown>,
  schema: PayloadSchema,
  typmod = -1
): Promise<string | null> {
  const only = column(name, oid, { type: { oid, typmod } })
  const decoded = decode(await decoderOf(only, schema), payload(fields))
  if (!decoded.ok) throw new Error(decoded.error)
  const value = decoded.row[0] ?? null
  return value === null ? null : codecFor(oid)!.toText(value, only.type, SETTINGS)
}

const { max, min } = { max: '9223372036854775807', min: '-9223372036854775808' }
const NANOS = { seconds: 1_700_000_000, nanos: 123_456_789 }
const POINT = { xPos: 1, next: { xPos: 2, yPos: 0, raw: Buffer.from('hi') } }
const POINT_JSON =
  '{"raw": "", "next": {"raw": "aGk=", "x_pos": 2, "y_pos": 0}, "x_pos": 1}'

const CASES: [string, number, Record<string, unknown>, string | null][] = [
  ['d', OID.float8, { d: 0.1 }, '0.1'],
  ['d', OID.float8, { d: -Infinity }, '-Infinity'],
  ['f', OID.float4, { f: 0.1 }, '0.1'],
  ['i32', OID.int4, { i32: -2147483648 }, '-2147483648'],
  ['i64', OID.int8, { i64: max }, max],
  ['i64', OID.int8, { i64: min }, min],
  ['i64', OID.int8, { i64: '-1' }, '-1'],
  ['u32', OID.int8, { u32: 4294967295 }, '4294967295'],
  ['u64', OID.numeric, { u64: '18446744073709551615' }, '18446744073709551615'],
  ['s32', OID.int4, { s32: -5 }, '-5'],
  ['s64', OID.int8, { s64: min }, min],
  ['f32', OID.int8, { f32: 4294967295 }, '4294967295'],
  ['f64', OID.numeric, { f64: '18446744073709551615' }, '18446744073709551615'],
  ['sf32', OID.int4, { sf32: -1 }, '-1'],
  ['sf64', OID.int8, { sf64: min }, min],
  ['b', OID.bool, { b: true }, 't'],
  ['str', OID.varchar, { str: 'é😀' }, 'é😀'],
  ['str', OID.text, { str: 'x' }, 'x'],
  ['str', OID.text, { str: 'a\0b' }, null],
  ['raw', OID.bytea, { raw: Buffer.from([0, 255]) }, '\\x00ff'],
  ['color', OID.varchar, { color: 1 }, 'DARK_RED'],
  ['color', OID.varchar, { color: 7 }, null],
  // Without presence: the default.
  ['i32', OID.int4, {}, '0'],
  ['i64', OID.int8, {}, '0'],
  ['u64', OID.numeric, {}, '0'],
  ['str', OID.varchar, {}, ''],
  ['raw', OID.bytea, {}, '\\x'],
  ['b', OID.bool, {}, 'f'],
  ['color', OID.varchar, {}, 'UNKNOWN'],
  ['longs', 1016, {}, '{}'],
  ['counts', OID.jsonb, {}, '{}'],
  ['points', OID.jsonb, {}, '[]'],
  // With presence: NULL.
  ['maybe', OID.int4, {}, null],
  ['maybe', OID.int4, { maybe: 0 }, '0'],
  ['point', OID.jsonb, {}, null],
  ['point', OID.jsonb, { point: {} }, '{"raw": "", "x_pos": 0}'],
  ['first_name', OID.varchar, { number: 1 }, null],
  ['first_name', OID.varchar, { firstName: '' }, ''],
  ['number', OID.int4, { number: 0 }, '0'],
  // Nested.
  ['point', OID.jsonb, { point: POINT }, POINT_JSON],
  ['points', OID.jsonb, { points: [POINT, {}] }, `[${POINT_JSON}, {"raw": "", "x_pos": 0}]`],
  ['longs', 1016, { longs: [max, 0, min] }, `{${max},0,${min}}`],
  ['strs', 1015, { strs: ['a,b', ''] }, '{"a,b",""}'],
  ['strs', 1009, { strs: ['x'] }, '{x}'],
  ['colors', 1015, { colors: [1, 0] }, '{DARK_RED,UNKNOWN}'],
  ['counts', OID.jsonb, { counts: { bb: max, a: 1, __proto__: 2 } }, `{"a": "1", "bb": "${max}"}`],
  ['places', OID.jsonb, { places: { '-3': { xPos: 1 } } }, '{"-3": {"raw": "", "x_pos": 1}}'],
  ['flags', OID.jsonb, { flags: { true: 1 } }, '{"true": "DARK_RED"}'],
  // Well-known types.
  ['at', OID.jsonb, { at: NANOS }, '"2023-11-14T22:13:20.123456789Z"'],
  ['at', OID.timestamptz, { at: NANOS }, '2023-11-14 22:13:20.123456+00'],
  ['at', OID.timestamp, { at: NANOS }, '2023-11-14 22:13:20.123456'],
  ['at', OID.timestamptz, { at: { seconds: -1, nanos: 999_999_999 } },
    '1969-12-31 23:59:59.999999+00'],
  ['at', OID.timestamptz, { at: {} }, '1970-01-01 00:00:00+00'],
  ['at', OID.timestamptz, { at: { seconds: max } }, null],
  ['times', OID.jsonb, { times: [{ seconds: 1 }] }, '["1970-01-01T00:00:01Z"]'],
  ['took', OID.jsonb, { took: { seconds: 1, nanos: 500_000_000 } }, '"1.500s"'],
  ['took', OID.interval, { took: { seconds: -90, nanos: -500_000_000 } }, '-00:01:30.5'],
  ['doc', OID.jsonb, { doc: { fields: {
    a: { listValue: { values: [{ numberValue: 1.5 }, { nullValue: 0 }, { boolValue: true }] } },
    b: { structValue: { fields: { c: { stringValue: 'x' } } } }
  } } }, '{"a": [1.5, null, true], "b": {"c": "x"}}'],
  ['boxed', OID.jsonb, { boxed: { value: max } }, `"${max}"`],
  ['boxed', OID.int8, { boxed: { value: max } }, max],
  ['boxed', OID.int8, { boxed: {} }, '0'],
  ['boxed', OID.int8, {}, null],
  ['any', OID.jsonb, { any: { type_url: 'x/test.all.Point', value: payload(POINT, 'test.all.Point') } },
    '{"raw": "", "next": {"raw": "aGk=", "x_pos": 2, "y_pos": 0}, "@type": "x/test.all.Point", ' +
      '"x_pos": 1}'],
  ['any', OID.jsonb, { any: { type_url: 'x/no.Such' } }, null]
]

for (const [form, schema] of [['text', TEXT], ['descriptor set', SET]] as const) {
  void t.test(`fields become values, the schema being a ${form}`, async (t) => {
    for (const [name, oid, fields, want] of CASES) {
      t.equal(await shown(name, oid, fields, schema), want, `${name} ${oid} ${String(want)}`)
    }
  })

  void t.test(`a ${form} offers the columns of RisingWave's mapping`, async (t) => {
    const columns = payloadColumns(await messageType(schema, 'test.all.All', 'x'))
    const types = Object.fromEntries(columns.map(({ name, type }) => [name, type]))
    t.same(types, {
      d: 'double precision', f: 'real', i32: 'integer', i64: 'bigint', u32: 'bigint',
      u64: 'numeric', s32: 'integer', s64: 'bigint', f32: 'bigint', f64: 'numeric',
      sf32: 'integer', sf64: 'bigint', b: 'boolean', str: 'varchar', raw: 'bytea',
      color: 'varchar', point: 'jsonb', points: 'jsonb', longs: 'bigint[]', strs: 'varchar[]',
      colors: 'varchar[]', counts: 'jsonb', places: 'jsonb', flags: 'jsonb',
      first_name: 'varchar', number: 'integer', maybe: 'integer', at: 'jsonb', took: 'jsonb',
      doc: 'jsonb', boxed: 'jsonb', any: 'jsonb', times: 'jsonb'
    })
    t.equal(columns[0]?.name, 'd', 'in the order of the declaration')
    t.equal(columns.at(-1)?.name, 'times')
  })
}

void t.test('a column of limited length or digits takes what fits', async (t) => {
  t.equal(await shown('str', OID.varchar, { str: 'abc' }, TEXT, 4 + 2), null)
  t.equal(await shown('u64', OID.numeric, { u64: 7 }, TEXT, ((5 << 16) | 2) + 4), '7.00')
})

void t.test('what is no message of the type is no row', async (t) => {
  const decoder = await decoderOf(column('str', OID.varchar), TEXT)
  const whole = payload({ str: 'some text', i64: 5 })
  t.same(decode(decoder, whole), { ok: true, row: ['some text'] })
  const field999 = Buffer.from([0xb8, 0x3e, 1])
  const newer = Buffer.concat([whole, field999])
  t.same(decode(decoder, newer), { ok: true, row: ['some text'] }, 'a field that is not known')
  const cut = decode(decoder, whole.subarray(0, whole.length - 3))
  t.match(cut, { ok: false, error: /^payload is not a valid test\.all\.All: / })
  t.match(decode(decoder, Buffer.from('{"str":"x"}')), { ok: false })
  t.match(decode(decoder, Buffer.from([0x72, 1, 0xff])), { ok: false }, 'invalid UTF-8')
  t.same(decode(decoder, new Uint8Array(0)), { ok: true, row: [''] }, 'all fields at default')
})

void t.test('no payload makes a decoder throw', async (t) => {
  const seeds = random(t)
  const names: [string, number][] = CASES.map(([name, oid]) => [name, oid])
  const columns = names.map(([name, oid], i) => column(name, oid, { attnum: i + 1 }))
  const decoder = await compileDecoder(
    { id: 1, columns, key: [] },
    { format: 'plain', encode: 'protobuf', message: 'test.all.All', location: 'x', schema: TEXT }
  )
  const whole = CASES.map(([, , fields]) => payload(fields))
  const faults: string[] = []
  let rows = 0
  for (let n = 0; n < 3_000; n++) {
    const parts = Array.from({ length: seeds.int(1, 4) }, () => seeds.pick(whole))
    const bytes = Buffer.concat([...parts, seeds.bytes(seeds.pick([0, 0, 3]))])
    for (let k = seeds.int(0, 3); k > 0 && bytes.length > 0; k--) {
      bytes[seeds.int(0, bytes.length - 1)] = seeds.int(0, 255)
    }
    try {
      const decoded = decode(decoder, bytes)
      if (decoded.ok) rows++
      if (decoded.ok && decoded.row.length !== columns.length) faults.push('a short row')
    } catch (error) {
      faults.push(`${bytes.toString('hex')}: ${String(error)}`)
    }
  }
  t.same(faults, [])
  t.ok(rows > 300 && rows < 3_000, `${rows} payloads were rows`)
})

void t.test('bytes are copied out of the delivery', async (t) => {
  const decoder = await decoderOf(column('raw', OID.bytea), TEXT)
  const bytes = Uint8Array.from(payload({ raw: Buffer.from('abc') }))
  const decoded = decode(decoder, bytes)
  bytes.fill(0)
  t.same(decoded, { ok: true, row: [new TextEncoder().encode('abc')] })
})

void t.test('without a key there is no row', async (t) => {
  const name = await decoderOf(column('first_name', OID.varchar), TEXT, [1])
  t.same(decode(name, payload({ number: 1 })), {
    ok: false,
    error: 'key column "first_name" is missing'
  })
  const color = await decoderOf(column('color', OID.varchar, { notNull: true }), TEXT)
  t.same(decode(color, payload({ color: 9 })), {
    ok: false,
    error: 'not-null column "color" does not take its value: enum Color has no value 9'
  })
})

void t.test('a column that the message lacks is refused', async (t) => {
  await t.rejects(decoderOf(column('none', OID.text), TEXT), {
    code: '42P16',
    message: 'Column "none" is defined in SQL but not found in the source'
  })
})
