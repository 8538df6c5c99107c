// Goal: whatever bytes come, a decoder answers with exactly the row that the rules give, or with a
// reason for none, soon and without throwing. Method: 10,000 generated payloads (SEED printed) in
// four encodings: put together from cases of known outcome and damaged in ways of known outcome
// (payloads.ts); for protobuf any bytes, with the wire format itself as the oracle.

import t from 'tap'
import type { Test } from 'tap'

import { coercerFor } from '../../src/decode/coerce.ts'
import { compileDecoder } from '../../src/decode/decoder.ts'
import { avroColumns } from '../../src/decode/avro-columns.ts'
import { avroRecord } from '../../src/decode/avro-schema.ts'
import { JsonFields } from '../../src/decode/json-fields.ts'
import { plainReader } from '../../src/decode/plain-value.ts'
import { codecFor } from '../../src/types/codec.ts'
import type { Decoded, Encoding, RowDecoder } from '../../src/types/connector.ts'
import { ARRAY_OID, OID } from '../../src/types/oids.ts'
import type { ColumnType, RelationSchema, Value } from '../../src/types/value.ts'
import { random } from '../support/random.ts'
import type { Random } from '../support/random.ts'
import { plain } from './field-cases.ts'
import { AVRO_SCHEMA, JSON_FIELDS, TEXT_FIELDS, avroPayload, csvPayload, jsonPayload } from './payloads.ts'
import type { Payload } from './payloads.ts'
import { PROTO_TEXT, protoBytes, readRow } from './proto-oracle.ts'
import type { Read } from './proto-oracle.ts'

const PAYLOAD_MS_MAX = 5_000

/** The key `id` and these columns. */
const relationOf = (columns: readonly (readonly [string, ColumnType])[]): RelationSchema => ({
  id: 1,
  columns: [['id', plain(OID.int4)] as const, ...columns].map(([name, type], i) => ({
    attnum: i + 1,
    name,
    type,
    notNull: false
  })),
  key: [1]
})

/** Decodes soon, and never throws. */
function decode(decoder: RowDecoder, payload: Uint8Array): Decoded | string {
  const before = performance.now()
  try {
    const decoded = decoder({
      sequence: 1,
      subject: 's',
      payload,
      timestampMicros: 0n,
      headers: new Map()
    })
    const took = performance.now() - before
    return took < PAYLOAD_MS_MAX ? decoded : `it took ${Math.round(took)} ms`
  } catch (error) {
    return `it threw ${String(error)}`
  }
}

function shown(value: Value, type: ColumnType): string | null {
  if (value === null) return null
  const codec = codecFor(type.oid)
  if (!codec) return 'no codec'
  return codec.toText(value, type, {
    timeZone: 'UTC',
    dateStyle: 'ISO, MDY',
    intervalStyle: 'postgres',
    extraFloatDigits: 1,
    byteaOutput: 'hex'
  })
}

/** What is wrong with the outcome; undefined when nothing is. */
function faultOf(got: Decoded | string, payload: Payload, schema: RelationSchema): string | undefined {
  if (typeof got === 'string') return got
  const { want } = payload
  if (!got.ok) {
    if (got.error === '') return 'it was dropped without a reason'
    return want === undefined || want === 'dropped' ? undefined : `it was dropped: ${got.error}`
  }
  if (want === 'dropped') return 'it was taken'
  if (got.row.length !== schema.columns.length) return `a row of ${got.row.length} values`
  for (const [i, { name, type }] of schema.columns.entries()) {
    const text = shown(got.row[i] ?? null, type)
    if (want?.[i] !== undefined && want[i] !== text) return `${name} is ${text}, not ${want[i]}`
  }
  return undefined
}

async function run(
  t: Test,
  count: number,
  schema: RelationSchema,
  encoding: Encoding,
  make: (seeds: Random, id: number) => Payload
): Promise<void> {
  const seeds = random(t)
  const decoder = await compileDecoder(schema, encoding)
  const faults: string[] = []
  const seen = new Map<string, number>()
  let rows = 0
  for (let id = 1; id <= count; id++) {
    const payload = make(seeds, id)
    const got = decode(decoder, payload.bytes)
    const fault = faultOf(got, payload, schema)
    const told = payload.bytes.subarray(0, 2_000).toString('latin1')
    if (fault !== undefined) faults.push(`${payload.how}: ${fault}\n${told}`)
    seen.set(payload.how, (seen.get(payload.how) ?? 0) + 1)
    if (typeof got !== 'string' && got.ok) rows++
  }
  t.same(faults.slice(0, 5), [], `${faults.length} of ${count}`)
  t.ok(rows > count / 4 && rows < count, `${rows} of ${count} were rows`)
  t.comment([...seen].map(([how, n]) => `${n} ${how}`).join(', '))
}

void t.test('4,000 JSON payloads', async (t) => {
  const schema = relationOf(JSON_FIELDS.map(({ name, type }) => [name, type]))
  const timestamptzHandling = 'guess_number_unit'
  await run(t, 4_000, schema, { format: 'plain', encode: 'json', timestamptzHandling }, jsonPayload)
})

/** What is found of each column. */
function fieldsOf(fields: JsonFields, count: number): unknown[] {
  return Array.from({ length: count }, (_, i) => {
    if (fields.start(i) === -1) return 'missing'
    const kind = fields.kind(i)
    if (kind === 'null') return kind
    try {
      return [kind, fields.text(i, kind, true), fields.text(i, kind, false)]
    } catch (error) {
      return String(error)
    }
  })
}

/** One byte of it is another one, or gone. */
function damaged(seeds: Random, bytes: Buffer): Buffer {
  const at = seeds.int(0, bytes.length - 1)
  const other = seeds.bool(0.3) ? seeds.bytes(1) : Buffer.from(seeds.pick(['"', '\\', '}', ',', ' ', 'é', '']))
  return Buffer.concat([bytes.subarray(0, at), other, bytes.subarray(at + 1)])
}

void t.test('bytes hold the fields that their text holds', (t) => {
  const seeds = random(t)
  const { columns } = relationOf(JSON_FIELDS.map(({ name, type }) => [name, type]))
  const [byBytes, byText] = [new JsonFields(columns), new JsonFields(columns)]
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const textually = (bytes: Buffer): unknown => {
    try {
      const problem = byText.lookIntoText(utf8.decode(bytes))
      return problem === undefined ? fieldsOf(byText, columns.length) : undefined
    } catch {
      return undefined
    }
  }
  let [wrong, found] = [0, 0]
  for (let id = 1; id <= 2_000; id++) {
    const whole = jsonPayload(seeds, id).bytes
    const bytes = seeds.bool() && whole.length > 0 ? damaged(seeds, whole) : whole
    const got = byBytes.lookIntoBytes(bytes) ? fieldsOf(byBytes, columns.length) : undefined
    if (got) found++
    if (JSON.stringify(got) === JSON.stringify(textually(bytes))) continue
    if (wrong++ < 5) t.same(got, textually(bytes), bytes.toString('latin1').slice(0, 2_000))
  }
  t.equal(wrong, 0)
  t.ok(found > 500 && found < 2_000, `${found} were found`)
  t.end()
})

void t.test('a value read from bytes is the one that its text gives', (t) => {
  const seeds = random(t)
  const digits = (max: number): string =>
    Array.from({ length: seeds.int(1, max) }, () => seeds.int(0, 9)).join('')
  const pair = (): string => String(seeds.int(0, 62)).padStart(2, '0')
  const spellings = [
    () => seeds.pick(['true', 'false', '""', '"true"', '[]', '{}', '-0', '0.0', '-0.0', '1e2']),
    () => `${seeds.pick(['', '-'])}${digits(20)}`,
    () => `${seeds.pick(['', '-'])}${digits(17)}.${digits(17)}`,
    () => `${seeds.pick(['', '-'])}${seeds.pick([32767, 32768, 2147483647, 2147483648])}`,
    () => `"${digits(16)}"`,
    () => {
      const date = `${digits(4).padStart(4, '0')}-${pair()}-${pair()}`
      const fraction = seeds.bool() ? `.${digits(7)}` : ''
      return `"${date}${seeds.pick(['T', ' '])}${pair()}:${pair()}:${pair()}${fraction}${seeds.pick(['Z', ''])}"`
    }
  ]
  const oids = [OID.bool, OID.int2, OID.int4, OID.int8, OID.float8, OID.timestamp, OID.timestamptz]
  let read = 0
  for (let n = 0; n < 10_000; n++) {
    const source = seeds.pick(spellings)()
    const type = plain(seeds.pick(oids))
    const got = plainReader(type)!(Buffer.from(` ${source} `), 1, source.length + 1)
    if (got === undefined) continue
    read++
    const { coerce } = coercerFor(type, 'guess_number_unit')
    const isString = source.startsWith('"')
    const kind = isString ? 'string' : /^[tf]/.test(source) ? 'boolean' : 'number'
    const want = coerce(kind, isString ? source.slice(1, -1) : source)
    if (!Object.is(got, want)) t.fail(`${source} is ${shown(got, type)} as ${type.oid}`)
  }
  t.ok(read > 500, `${read} were read`)
  t.end()
})

void t.test('1,500 CSV payloads', async (t) => {
  const schema = relationOf(TEXT_FIELDS.map(({ name, type }) => [name, type]))
  const encoding: Encoding = { format: 'plain', encode: 'csv', delimiter: ',', hasHeader: false }
  await run(t, 1_500, schema, encoding, csvPayload)
})

void t.test('1,500 Avro payloads', async (t) => {
  const [, ...offered] = avroColumns(avroRecord(AVRO_SCHEMA, 'x'))
  const typeOf = (name: string, oid: number): ColumnType =>
    name === 'price' ? { oid, typmod: ((9 << 16) | 2) + 4 } : plain(oid)
  const schema = relationOf(offered.map(({ name, oids: [oid = 0] }) => [name, typeOf(name, oid)]))
  await run(
    t,
    1_500,
    schema,
    { format: 'plain', encode: 'avro', location: 'x', framing: 'auto', schema: AVRO_SCHEMA },
    avroPayload
  )
})

void t.test('3,000 protobuf payloads', async (t) => {
  const schema = relationOf([
    ['s', plain(OID.varchar)],
    ['b', plain(OID.bytea)],
    ['d', plain(OID.float8)],
    ['f', plain(OID.bool)],
    ['u', plain(OID.numeric)],
    ['r', plain(ARRAY_OID[OID.int4] ?? 0)],
    ['x', plain(OID.int8)],
    ['l', plain(OID.int8)]
  ])
  const encoding: Encoding = {
    format: 'plain',
    encode: 'protobuf',
    message: 'fuzz.Row',
    location: 'x',
    schema: { form: 'proto', files: [['fuzz.proto', PROTO_TEXT]] }
  }
  await run(t, 3_000, schema, encoding, (seeds) => {
    const bytes = protoBytes(seeds)
    const read = readRow(bytes)
    return { bytes, want: read ? rowOf(read) : 'dropped', how: read ? 'a message' : 'none' }
  })
})

/** As Postgres prints it. */
const rowOf = ({ id, s, b, d, f, u, r, x, l }: Read): (string | null | undefined)[] => [
  String(id),
  s.includes('\0') ? null : s,
  `\\x${b.toString('hex')}`,
  shown(d, plain(OID.float8)),
  f === undefined ? f : f ? 't' : 'f',
  String(u),
  `{${r.join(',')}}`,
  String(x),
  l === null ? null : String(l)
]
