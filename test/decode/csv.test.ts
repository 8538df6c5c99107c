// Goal: ENCODE CSV and ENCODE TEXT make the row that Postgres's COPY and its types would, or say why
// there is none. Method: tables of payloads; what a field becomes is compared as Postgres prints it.

import t from 'tap'

import { compileDecoder } from '../../src/decode/decoder.ts'
import { readRecord } from '../../src/decode/csv-record.ts'
import { codecFor } from '../../src/types/codec.ts'
import type { Decoded, Encoding } from '../../src/types/connector.ts'
import { ARRAY_OID, OID } from '../../src/types/oids.ts'
import type { RelationSchema, Value } from '../../src/types/value.ts'
import { random } from '../support/random.ts'

const SETTINGS = {
  timeZone: 'UTC',
  dateStyle: 'ISO, MDY',
  intervalStyle: 'postgres',
  extraFloatDigits: 1,
  byteaOutput: 'hex'
}

/** Columns as [name, type OID]; the first is the key when asked. */
const schemaOf = (columns: [string, number][], keyed = false): RelationSchema => ({
  id: 1,
  columns: columns.map(([name, oid], i) => ({
    attnum: i + 1,
    name,
    type: { oid, typmod: -1 },
    notNull: false
  })),
  key: keyed ? [1] : []
})

const csv = (hasHeader: boolean, delimiter = ','): Encoding => ({
  format: 'plain',
  encode: 'csv',
  delimiter,
  hasHeader
})

const TEXT: Encoding = { format: 'plain', encode: 'text' }

async function decoded(
  schema: RelationSchema,
  encoding: Encoding,
  payload: string | Uint8Array
): Promise<Decoded> {
  const decode = await compileDecoder(schema, encoding)
  return decode({
    sequence: 1,
    subject: 's',
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    timestampMicros: 0n,
    headers: new Map()
  })
}

const ABC = schemaOf([['a', OID.int4], ['b', OID.varchar], ['c', OID.int4]])

void t.test('a record is read by place, as RisingWave and RFC 4180 have it', async (t) => {
  const cases: [string, Value[]][] = [
    ['1,a,2', [1, 'a', 2]],
    ['1,a,2\n', [1, 'a', 2]],
    ['1,a,2\r\n', [1, 'a', 2]],
    ['"15541","a,1,1,",4', [15541, 'a,1,1,', 4]],
    ['0,"""0",0', [0, '"0', 0]],
    ['0,0,0,0,0,0,0,0,0,0,0,0,0,', [0, '0', 0]],
    [',,,,', [null, null, null]],
    ['1', [1, null, null]],
    ['1,""', [1, '', null]],
    ['1,"two\nlines",3', [1, 'two\nlines', 3]],
    ['1,5" pipe,3', [1, '5" pipe', 3]],
    ['x,b,3', [null, 'b', 3]],
    ['1.0,b,99999999999', [null, 'b', null]],
    ['1, b ,3', [1, ' b ', 3]],
    ['\n', [null, null, null]]
  ]
  for (const [payload, row] of cases) {
    t.same(await decoded(ABC, csv(false), payload), { ok: true, row }, JSON.stringify(payload))
  }
  t.same(await decoded(ABC, csv(false, '\t'), '1\ta,b\t3'), { ok: true, row: [1, 'a,b', 3] })
  t.same(await decoded(ABC, csv(false, ';'), '1;"a;b";3'), { ok: true, row: [1, 'a;b', 3] })
})

void t.test("a header gives the fields their columns' names", async (t) => {
  const cases: [string, Value[]][] = [
    ['c,b,a\n1,x,2', [2, 'x', 1]],
    ['\ufeffa,b,c\r\n1,x,2\r\n', [1, 'x', 2]],
    ['b\nx', [null, 'x', null]],
    ['other,b\n1,x', [null, 'x', null]],
    ['a,b,c\n1', [1, null, null]],
    ['a,a\n1,2', [2, null, null]],
    ['A,"b"\n1,x', [null, 'x', null]],
    ['__proto__,constructor\n1,2', [null, null, null]]
  ]
  for (const [payload, row] of cases) {
    t.same(await decoded(ABC, csv(true), payload), { ok: true, row }, JSON.stringify(payload))
  }
})

void t.test('what is no single record is refused with its reason', async (t) => {
  const keyed = schemaOf([['id', OID.int4], ['b', OID.varchar]], true)
  const cases: [boolean, string | Uint8Array, string][] = [
    [false, '', 'payload is empty'],
    [true, '', 'payload is empty'],
    [true, 'id,b', 'payload has a header and no record'],
    [true, 'id,b\n', 'payload has a header and no record'],
    [false, '1,a\n2,b', 'payload has more than one record'],
    [true, 'id\n1\n2', 'payload has more than one record'],
    [false, '1,"a', 'invalid CSV: quote at offset 2 is never closed'],
    [false, '1,"a"b', 'invalid CSV: unexpected character behind a closing quote at offset 5'],
    [false, ',a', 'key column "id" is null'],
    [true, 'b\na', 'key column "id" is missing'],
    [false, 'x,a', 'key column "id" does not take its value: invalid input syntax: "x"'],
    [false, Uint8Array.of(0x31, 0xff), 'payload is not valid UTF-8']
  ]
  for (const [header, payload, error] of cases) {
    t.same(await decoded(keyed, csv(header), payload), { ok: false, error }, String(payload))
  }
  t.same(await decoded(keyed, csv(false), '1,a\0'), { ok: true, row: [1, null] }, 'no text has NUL')
})

/** What a column of this type shows of a text, as a CSV field and as a whole payload. */
const TYPES: [number, readonly (readonly [text: string, shown: string | null])[]][] = [
  [OID.bool, [['t', 't'], ['FALSE', 'f'], ['1', 't'], ['0', 'f'], ['2', 't'], ['-1', 't'], ['x', null]]],
  [OID.int2, [['-32768', '-32768'], ['32768', null], ['1.5', null]]],
  [OID.int8, [['9223372036854775807', '9223372036854775807'], ['9223372036854775808', null]]],
  [OID.float8, [['1.5e3', '1500'], ['NaN', 'NaN'], ['1e999', null]]],
  [OID.numeric, [['12345678901234567890.10', '12345678901234567890.10'], ['', null], ['x', null]]],
  [OID.date, [['2024-02-29', '2024-02-29'], ['2023-02-29', null]]],
  [OID.time, [['10:20:30.5', '10:20:30.5'], ['25:00', null]]],
  [OID.timestamp, [['2024-01-15 10:20:30', '2024-01-15 10:20:30']]],
  [OID.timestamptz, [['2024-01-15T10:20:30+01:00', '2024-01-15 09:20:30+00'], ['2024-01-15', null]]],
  [OID.interval, [['1 day 2 hours', '1 day 02:00:00']]],
  [OID.uuid, [['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']]],
  [OID.bytea, [['\\x00ff', '\\x00ff'], ['a\\001', '\\x6101']]],
  [OID.jsonb, [['{"b":1,"a":[1e2]}', '{"a": [100], "b": 1}'], ['{', null]]],
  [ARRAY_OID[OID.int4] as number, [['{1,NULL,3}', '{1,NULL,3}'], ['1', null]]]
]

void t.test('every type takes its own text, in a record and as the whole payload', async (t) => {
  for (const [oid, cases] of TYPES) {
    const type = { oid, typmod: -1 }
    const show = (row: readonly Value[]): string | null => {
      const value = row[0] ?? null
      return value === null ? null : (codecFor(oid)?.toText(value, type, SETTINGS) ?? 'no codec')
    }
    for (const [text, shown] of cases) {
      const record = await decoded(
        schemaOf([['v', oid]]),
        csv(false),
        `"${text.replaceAll('"', '""')}"`
      )
      t.equal(record.ok ? show(record.row) : record.error, shown, `${oid} ${text}`)
      const whole = await decoded(schemaOf([['v', oid]]), TEXT, text)
      if (shown === null) t.match(whole, { ok: false, error: /^column "v" does not take its value/ })
      else t.equal(whole.ok ? show(whole.row) : whole.error, shown, `${oid} ${text} as a whole`)
    }
  }
})

void t.test('ENCODE TEXT keeps any text there is, and no other', async (t) => {
  const schema = schemaOf([['v', OID.varchar]])
  for (const text of ['', 'a', ' "é\n', '\ufeffx', '{"a":1}']) {
    t.same(await decoded(schema, TEXT, text), { ok: true, row: [text] })
  }
  const bad = await decoded(schema, TEXT, Uint8Array.of(0xc3, 0x28))
  t.same(bad, { ok: false, error: 'payload is not valid UTF-8' })
  t.match(await decoded(schema, TEXT, 'a\0'), { ok: false, error: /0x00/ })
  await t.rejects(compileDecoder(ABC, TEXT), { code: '42P16' })
  await t.rejects(compileDecoder(schemaOf([]), TEXT), { code: '42P16' })
})

void t.test('records that are written are read back', (t) => {
  const seeds = random(t)
  const part = (): string => seeds.pick(['a', '"', ',', '\n', '\r\n', ' ', 'é', '""', '', 'x'])
  for (let n = 0; n < 2_000; n++) {
    const fields = Array.from({ length: seeds.int(1, 5) }, () =>
      Array.from({ length: seeds.int(0, 6) }, part).join('')
    )
    const record = fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',')
    const read = readRecord(`${record}\r\nrest`, 0, ',')
    const want = fields.map((text) => ({ text, quoted: true }))
    if (JSON.stringify(read.fields) !== JSON.stringify(want)) t.same(read.fields, want, record)
    if (read.end !== record.length + 2) t.equal(read.end, record.length + 2, record)
  }
  t.end()
})
