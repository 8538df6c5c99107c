// Goal: ENCODE AVRO makes the row that the schema says, whatever the type, and a payload that is none
// is refused, cheaply. Method: payloads are written by avsc, whose reader is the oracle of random
// ones; what lies beyond it (logical types, hostile bytes) is in tables.

import avsc from 'avsc'
import type { Type } from 'avsc'
import t from 'tap'

import { avroColumns } from '../../src/decode/avro-columns.ts'
import { avroRecord, fingerprintOf } from '../../src/decode/avro-schema.ts'
import { parseAvroType } from '../../src/decode/avro-type.ts'
import { compileDecoder } from '../../src/decode/decoder.ts'
import { codecFor } from '../../src/types/codec.ts'
import type { AvroEncoding, Decoded } from '../../src/types/connector.ts'
import { OID } from '../../src/types/oids.ts'
import type { RelationSchema, Value } from '../../src/types/value.ts'
import { random } from '../support/random.ts'

type Fields = readonly { readonly name: string; readonly type: unknown; readonly default?: unknown }[]

const recordOf = (fields: Fields): string =>
  JSON.stringify({ type: 'record', name: 'Row', namespace: 'test', fields })

const encodingOf = (schema: string, framing: AvroEncoding['framing'] = 'auto'): AvroEncoding => ({
  format: 'plain',
  encode: 'avro',
  location: 'http://h/s.avsc',
  framing,
  schema
})

/** The relation that a schema brings, or with other types where they are given. */
function relationOf(schema: string, oids: Record<string, number> = {}, key = false): RelationSchema {
  const offered = avroColumns(avroRecord(schema, 'l'))
  return {
    id: 1,
    columns: offered.map(({ name, oids: [own] }, i) => ({
      attnum: i + 1,
      name,
      type: { oid: oids[name] ?? (own as number), typmod: -1 },
      notNull: false
    })),
    key: key ? [1] : []
  }
}

type Decode = (payload: Uint8Array) => Decoded

async function decoderOf(
  schema: string,
  relation = relationOf(schema),
  framing?: AvroEncoding['framing']
): Promise<Decode> {
  const decode = await compileDecoder(relation, encodingOf(schema, framing))
  return (payload) =>
    decode({ sequence: 1, subject: 's', payload, timestampMicros: 0n, headers: new Map() })
}

function shown(relation: RelationSchema, decoded: Decoded): (string | null)[] | string {
  if (!decoded.ok) return decoded.error
  return relation.columns.map(({ type }, i) => {
    const value: Value = decoded.row[i] ?? null
    if (value === null) return null
    return (
      codecFor(type.oid)?.toText(value, type, {
        timeZone: 'UTC',
        dateStyle: 'ISO, MDY',
        intervalStyle: 'postgres',
        extraFloatDigits: 1,
        byteaOutput: 'hex'
      }) ?? 'no codec'
    )
  })
}

/** Longs as BigInt, so that avsc loses no digit either. */
const LONG = avsc.types.LongType.__with(
  {
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(value)
      return bytes
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1)
  },
  false
)

/** avsc's own type, with logical types as what lies below them. */
const writer = (schema: string): Type =>
  avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema, {
    wrapUnions: 'always',
    typeHook: (given) => (isLong(given) ? LONG : undefined)
  })

const isLong = (given: unknown): boolean =>
  given === 'long' || (given as { readonly type?: unknown } | null)?.type === 'long'

const bytes = (...values: number[]): Buffer => Buffer.from(values)

const logical = (type: string, logicalType: string, rest: object = {}): object => ({
  type,
  logicalType,
  ...rest
})

const fixed = (size: number, logicalType?: string): object => ({
  type: 'fixed',
  name: `F${size}${logicalType ?? ''}`.replace('-', ''),
  size,
  ...(logicalType === undefined ? {} : { logicalType })
})

const decimal = logical('bytes', 'decimal', { precision: 10, scale: 2 })
const nullable = (type: unknown): unknown[] => ['null', type]

/** A field's type, the column it brings, and what values become. */
const TYPES: [type: unknown, column: string, cases: [value: unknown, shown: string | null][]][] = [
  ['boolean', 'boolean', [[true, 't'], [false, 'f']]],
  ['int', 'integer', [[0, '0'], [-98, '-98'], [2147483647, '2147483647'], [-2147483648, '-2147483648']]],
  ['long', 'bigint', [
    [0n, '0'], [-1n, '-1'], [63n, '63'], [-65n, '-65'],
    [2n ** 48n, '281474976710656'], [-(2n ** 49n), '-562949953421312'],
    [9007199254740993n, '9007199254740993'],
    [2n ** 63n - 1n, '9223372036854775807'], [-(2n ** 63n), '-9223372036854775808']
  ]],
  ['float', 'real', [[1.5, '1.5'], [NaN, 'NaN'], [-Infinity, '-Infinity']]],
  ['double', 'double precision', [[1.1, '1.1'], [1e300, '1e+300'], [NaN, 'NaN']]],
  ['string', 'varchar', [['', ''], ['aé😀', 'aé😀'], ['a\0b', null]]],
  ['bytes', 'bytea', [[bytes(0, 255), '\\x00ff'], [bytes(), '\\x']]],
  [fixed(2), 'bytea', [[bytes(1, 2), '\\x0102']]],
  [{ type: 'enum', name: 'E', symbols: ['A', 'B_2'] }, 'varchar', [['A', 'A'], ['B_2', 'B_2']]],
  [nullable('long'), 'bigint', [[null, null], [{ long: 5n }, '5']]],
  [['int', 'null'], 'integer', [[null, null], [{ int: 5 }, '5']]],
  [{ type: 'array', items: 'long' }, 'bigint[]', [[[], '{}'], [[1n, -2n], '{1,-2}']]],
  [{ type: 'array', items: nullable('string') }, 'varchar[]', [
    [[{ string: 'a' }, null], '{a,NULL}'], [[{ string: '\0' }], null]
  ]],
  [nullable({ type: 'array', items: 'int' }), 'integer[]', [[null, null], [{ array: [1] }, '{1}']]],
  [{ type: 'array', items: { type: 'array', items: 'long' } }, 'jsonb', [
    [[[9007199254740993n], []], '[[9007199254740993], []]']
  ]],
  [{ type: 'map', values: 'int' }, 'jsonb', [
    [{ b: 1, a: 2, __proto__x: 3 }, '{"a": 2, "b": 1, "__proto__x": 3}'], [{}, '{}']
  ]],
  [{ type: 'record', name: 'P', fields: [
    { name: 'x', type: 'int' }, { name: 'raw', type: 'bytes' }, { name: 'f', type: 'float' },
    { name: 'next', type: nullable('P') }
  ] }, 'jsonb', [
    [{ x: 1, raw: bytes(255), f: 0.1, next: { 'test.P': { x: 2, raw: bytes(), f: NaN, next: null } } },
      '{"f": 0.1, "x": 1, "raw": "/w==", "next": {"f": "NaN", "x": 2, "raw": "", "next": null}}']
  ]],
  [['null', 'int', 'string'], 'jsonb', [
    [null, null], [{ int: 5 }, '5'], [{ string: 'a"' }, '"a\\""'], [{ string: '\0' }, null]
  ]],
  ['null', 'jsonb', [[null, null]]],
  [decimal, 'numeric(10,2)', [
    [bytes(0x30, 0x39), '123.45'], [bytes(0xff), '-0.01'], [bytes(0), '0.00'], [bytes(), null]
  ]],
  [{ ...fixed(4), logicalType: 'decimal', precision: 9, scale: 0 }, 'numeric(9,0)', [
    [bytes(0, 0, 1, 0), '256'], [bytes(255, 255, 255, 254), '-2']
  ]],
  [logical('string', 'uuid'), 'uuid', [
    ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'], ['no', null]
  ]],
  [fixed(16, 'uuid'), 'uuid', [
    [Buffer.from('a0eebc999c0b4ef8bb6d6bb9bd380a11', 'hex'), 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']
  ]],
  [logical('int', 'date'), 'date', [
    [0, '1970-01-01'], [-719528, '0001-01-01 BC'], [2147483647, null]
  ]],
  [logical('int', 'time-millis'), 'time', [[1, '00:00:00.001'], [86400001, null], [-1, null]]],
  [logical('long', 'time-micros'), 'time', [[86399999999n, '23:59:59.999999'], [-1n, null]]],
  [logical('long', 'timestamp-millis'), 'timestamptz', [
    [1700000000123n, '2023-11-14 22:13:20.123+00'], [-1n, '1969-12-31 23:59:59.999+00'],
    [2n ** 63n - 1n, null]
  ]],
  [logical('long', 'timestamp-micros'), 'timestamptz', [
    [1700000000123456n, '2023-11-14 22:13:20.123456+00'], [2n ** 63n - 1n, null],
    [-(2n ** 63n), null]
  ]],
  [logical('long', 'timestamp-nanos'), 'timestamptz', [
    [1700000000123456789n, '2023-11-14 22:13:20.123456+00'], [-1n, '1969-12-31 23:59:59.999999+00']
  ]],
  [logical('long', 'local-timestamp-micros'), 'timestamp', [[0n, '1970-01-01 00:00:00']]],
  [logical('long', 'local-timestamp-millis'), 'timestamp', [[-1n, '1969-12-31 23:59:59.999']]],
  [fixed(12, 'duration'), 'interval', [
    [bytes(1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0), '1 mon 2 days 00:00:00.003'],
    [bytes(0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0, 0), null]
  ]],
  [{ type: 'array', items: logical('int', 'date') }, 'date[]', [[[0, 1], '{1970-01-01,1970-01-02}']]],
  [{ type: 'map', values: logical('long', 'timestamp-millis') }, 'jsonb', [
    [{ a: 0n }, '{"a": "1970-01-01T00:00:00+00:00"}']
  ]],
  [{ type: 'map', values: decimal }, 'jsonb', [[{ a: bytes(0x30, 0x39) }, '{"a": 123.45}']]],
  // What Avro calls no logical type is what lies below it.
  [logical('string', 'decimal', { precision: 3 }), 'varchar', [['x', 'x']]],
  [logical('bytes', 'decimal', { precision: 2, scale: 3 }), 'bytea', [[bytes(1), '\\x01']]],
  [logical('long', 'date'), 'bigint', [[1n, '1']]],
  [logical('int', 'unheard-of'), 'integer', [[1, '1']]]
]

for (const [type, column, cases] of TYPES) {
  void t.test(`${JSON.stringify(type).slice(0, 90)} is ${column}`, async (t) => {
    const schema = recordOf([{ name: 'v', type }, { name: 'last', type: 'int' }])
    const relation = relationOf(schema)
    t.same(avroColumns(avroRecord(schema, 'l')).map((c) => c.type), [column, 'integer'])
    const decode = await decoderOf(schema, relation)
    for (const [value, want] of cases) {
      const payload = writer(schema).toBuffer({ v: value, last: 7 })
      t.same(shown(relation, decode(payload)), [want, '7'], String(want))
    }
  })
}

void t.test('columns may have other types that hold the same, and be some of the fields', async (t) => {
  const schema = recordOf([
    { name: 'at', type: logical('long', 'timestamp-millis') },
    { name: 'skipped', type: { type: 'map', values: 'string' } },
    { name: 'id', type: logical('string', 'uuid') },
    { name: 'name', type: 'string' }
  ])
  const whole = relationOf(schema, { at: OID.timestamp, id: OID.text, name: OID.text })
  const relation = { ...whole, columns: whole.columns.filter(({ name }) => name !== 'skipped') }
  const decode = await decoderOf(schema, relation)
  const payload = writer(schema).toBuffer({ at: 0n, skipped: { a: 'b' }, id: 'no uuid', name: 'n' })
  t.same(shown(relation, decode(payload)), ['1970-01-01 00:00:00', 'no uuid', 'n'])
  const other = { ...relation, columns: [{ ...relation.columns[0]!, name: 'At' }] }
  await t.rejects(decoderOf(schema, other), { code: '42P16', message: /"At" is defined in SQL/ })
})

void t.test('a row needs its key', async (t) => {
  const schema = recordOf([{ name: 'id', type: nullable('string') }])
  const decode = await decoderOf(schema, relationOf(schema, {}, true))
  const payload = (id: unknown): Buffer => writer(schema).toBuffer({ id })
  t.same(decode(payload({ string: 'a' })), { ok: true, row: ['a'] })
  t.same(decode(payload(null)), { ok: false, error: 'key column "id" is null' })
  t.match(decode(payload({ string: '\0' })), { ok: false, error: /^key column "id" does not take/ })
})

void t.test('a single object is known by its fingerprint', async (t) => {
  // Vectors of Avro's own test suite.
  const vectors: [string, bigint][] = [
    ['"null"', 7195948357588979594n],
    ['{"type":"boolean"}', -6970731678124411036n],
    ['"int"', 8247732601305521295n],
    ['{"type":"record","name":"foo","doc":"d","fields":[]}', -4824392279771201922n]
  ]
  for (const [schema, want] of vectors) {
    t.equal(BigInt.asIntN(64, fingerprintOf(parseAvroType(schema))), want, schema)
  }
  const schema = recordOf([{ name: 'n', type: 'int' }])
  const header = Buffer.alloc(10)
  header.writeUInt16BE(0xc301)
  header.writeBigUInt64LE(fingerprintOf(parseAvroType(schema)), 2)
  const other = Buffer.concat([header.subarray(0, 9), bytes(header[9]! ^ 1)])
  const datum = bytes(0x0a)
  const minus98 = bytes(0xc3, 0x01)
  const cases: [AvroEncoding['framing'], Buffer, Value[] | RegExp][] = [
    ['auto', Buffer.concat([header, datum]), [5]],
    ['auto', datum, [5]],
    ['auto', minus98, [-98]],
    ['auto', Buffer.concat([other, datum]), /there is more behind it/],
    ['single_object', Buffer.concat([header, datum]), [5]],
    ['single_object', datum, /it has no header/],
    ['single_object', Buffer.concat([other, datum]), /it is of another schema/],
    ['single_object', header, /it ends too early/],
    ['datum', minus98, [-98]],
    ['datum', Buffer.concat([header, datum]), /there is more behind it/]
  ]
  for (const [framing, payload, want] of cases) {
    const decoded = (await decoderOf(schema, relationOf(schema), framing))(payload)
    const told = `${framing} ${payload.toString('hex')}`
    if (want instanceof RegExp) t.match(decoded, { ok: false, error: want }, told)
    else t.same(decoded, { ok: true, row: want }, told)
  }
})

void t.test('what is no such record is refused, at no more cost than its own', async (t) => {
  const schema = recordOf([
    { name: 's', type: 'string' },
    { name: 'u', type: nullable('boolean') },
    { name: 'nulls', type: { type: 'array', items: 'null' } },
    { name: 'tree', type: nullable({ type: 'record', name: 'T', fields: [
      { name: 'next', type: nullable('T') }
    ] }) }
  ])
  const decode = await decoderOf(schema)
  const good = writer(schema).toBuffer({ s: 'a', u: { boolean: true }, nulls: [null], tree: null })
  t.same(decode(good), { ok: true, row: ['a', true, '[null]', null] })
  const huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
  const cases: [Buffer, RegExp][] = [
    [bytes(), /it ends too early/],
    [good.subarray(0, -1), /it ends too early/],
    [Buffer.concat([good, bytes(0)]), /there is more behind it/],
    [bytes(1, 0), /a length is negative/],
    [bytes(...huge), /it ends too early/],
    [bytes(...huge.slice(0, 9), 0x7f), /more than 64 bits/],
    [Buffer.alloc(12, 0x80), /more than 64 bits/],
    [bytes(2, 0xff, 0, 0, 0), /not valid UTF-8/],
    [bytes(0, 2, 2, 0, 0), /neither 0 nor 1/],
    [bytes(0, 4, 0, 0), /a union has no type 2/],
    [bytes(0, 1, 0, 0), /a union has no type -1/],
    [bytes(0, ...huge, 0, 0), /an int has more than 32 bits/],
    [bytes(0, 0, ...huge, 0, 0), /too many values without content/],
    [bytes(0, 0, 0x80, 0x88, 0xde, 0xbe, 0x01, 0, 0), /too many values without content/],
    [Buffer.concat([bytes(0, 0, 0), Buffer.alloc(100_000, 2), bytes(0)]), /nested more than/]
  ]
  for (const [payload, why] of cases) {
    const before = performance.now()
    const told = payload.toString('hex').slice(0, 40)
    t.match(decode(payload), { ok: false, error: why }, told)
    t.ok(performance.now() - before < 5_000, `${told} takes no time`)
  }
  t.same(decode(good), { ok: true, row: ['a', true, '[null]', null] }, 'the next is not affected')
})

void t.test('what is no schema of a record is refused', (t) => {
  const cases: [string, RegExp][] = [
    ['{', /JSON/],
    ['"string"', /it is of type string/],
    ['[]', /./],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":"Nobody"}]}', /undefined type/],
    ['{"type":"record","name":"R"}', /./],
    ['{"type":"record","name":"a b","fields":[]}', /invalid name/],
    ['{"type":"record","name":"R","fields":[{"name":"a;b","type":"int"}]}', /./],
    [`${'['.repeat(20_000)}${']'.repeat(20_000)}`, /./]
  ]
  for (const [schema, detail] of cases) {
    t.throws(
      () => avroRecord(schema, 'http://h/s'),
      { code: '22023', message: 'cannot read the avro schema `http://h/s`', detail },
      schema.slice(0, 60)
    )
  }
  t.end()
})

void t.test('random values of random schemas are read as avsc reads them', async (t) => {
  const seeds = random(t)
  let names = 0
  const typeOf = (depth: number): unknown => {
    const simple = ['boolean', 'int', 'long', 'float', 'double', 'string', 'bytes', 'null']
    const kind = seeds.pick(depth > 0 ? ['simple', 'array', 'map', 'record', 'nullable', 'enum'] : ['simple'])
    if (kind === 'array') return { type: 'array', items: typeOf(depth - 1) }
    if (kind === 'map') return { type: 'map', values: typeOf(depth - 1) }
    if (kind === 'enum') return { type: 'enum', name: `E${names++}`, symbols: ['A', 'B'] }
    if (kind === 'nullable') return ['null', seeds.pick(['int', 'string', 'long'])]
    if (kind !== 'record') return seeds.pick(simple)
    const fields = [0, 1].map((i) => ({ name: `f${i}`, type: typeOf(depth - 1) }))
    return { type: 'record', name: `R${names++}`, fields }
  }
  for (let n = 0; n < 150; n++) {
    const schema = recordOf([0, 1, 2].map((i) => ({ name: `c${i}`, type: typeOf(3) })))
    const relation = relationOf(schema)
    const asJson = {
      ...relation,
      columns: relation.columns.map((column) => ({ ...column, type: { oid: OID.jsonb, typmod: -1 } }))
    }
    const decode = await decoderOf(schema, asJson)
    const type = writer(schema)
    for (let m = 0; m < 5; m++) {
      const payload = type.toBuffer(type.random())
      const want = oracle(type.fromBuffer(payload) as Record<string, unknown>)
      const decoded = decode(payload)
      const got = decoded.ok ? decoded.row.map((v) => (v === null ? null : JSON.parse(v as string))) : decoded
      if (JSON.stringify(got, sorted) !== JSON.stringify(want, sorted)) t.same(got, want, schema)
    }
  }
})

/** What avsc read, as JSON has it: unions without their wrapping, bytes in base64. */
function oracle(record: Record<string, unknown>): unknown[] {
  const plain = (value: unknown): unknown => {
    if (typeof value === 'bigint') return Number(value)
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
    if (Buffer.isBuffer(value)) return value.toString('base64')
    if (Array.isArray(value)) return value.map(plain)
    if (typeof value !== 'object' || value === null) return value
    const { unwrap } = value as { unwrap?: () => unknown }
    if (unwrap) return plain(unwrap.call(value))
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]))
  }
  return Object.values(record).map(plain)
}

/** For comparing: the order of members is jsonb's own, and a float's text its shortest. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value === 'number') return Math.fround(value)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
