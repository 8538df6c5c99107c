// Payloads to throw at a decoder, each with what must become of it: good ones put together from
// cases whose outcome is known, and the same ones damaged in ways whose outcome is known as well.
// Every column's value is told as Postgres prints it; the key is `id`.

import avsc from 'avsc'

import { ARRAY_OID, OID } from '../../src/types/oids.ts'
import type { ColumnType } from '../../src/types/value.ts'
import type { Random } from '../support/random.ts'
import { TABLE, plain } from './field-cases.ts'

/** A row as text by column; undefined where nobody can know. */
export type Shown = readonly (string | null | undefined)[]

export interface Payload {
  readonly bytes: Buffer
  /** Undefined: a row or none, as long as it is one of them. */
  readonly want: Shown | 'dropped' | undefined
  /** What was done to it. */
  readonly how: string
}

interface Field {
  readonly name: string
  readonly type: ColumnType
  /** As the statement spells the type. */
  readonly sql: string
  readonly cases: readonly (readonly [given: string, shown: string | null])[]
}

/** Cases that take long are for the tests of single fields. */
const CHARS_MAX = 1_000

export const JSON_FIELDS: readonly Field[] = TABLE.filter(([name]) => !name.endsWith('bomb')).map(
  ([name, type, cases], i) => ({
    name: `c${i}`,
    type,
    sql: name.replace(/, kept .*/, ''),
    cases: cases.filter(([given]) => given.length < CHARS_MAX)
  })
)

const whole = (text: string): Buffer => Buffer.from(text)

/** A JSON object of an id and some of the fields, among others that no column wants. */
export function jsonPayload(seeds: Random, id: number): Payload {
  const want: (string | null)[] = [String(id)]
  const members: string[] = [`"id":${id}`]
  for (const { name, cases } of JSON_FIELDS) {
    const [given, shown] = seeds.pick(cases)
    const isThere = seeds.bool(0.7)
    want.push(isThere ? shown : null)
    if (!isThere) continue
    // The first of several spellings counts, and of equal ones the last: they stay in this order.
    if (seeds.bool(0.1)) members.push(`"${name}":"none","${name}":${given}`)
    else members.push(`"${seeds.bool(0.1) ? name.toUpperCase() : name}"${blank(seeds)}:${given}`)
  }
  while (seeds.bool(0.5)) members.push(noise(seeds))
  const text = `${blank(seeds)}{${seeds.shuffle(members).join(`${blank(seeds)},`)}}${blank(seeds)}`
  return seeds.bool() ? { bytes: whole(text), want, how: 'whole' } : damagedJson(seeds, text)
}

const blank = (seeds: Random): string => seeds.pick(['', '', '', ' ', '\n\t', '\r\n'])

function noise(seeds: Random): string {
  const depth = seeds.int(1, 300)
  return seeds.pick([
    '"__proto__":{"c1":2}',
    '"constructor":{"prototype":null}',
    '"toString":[]',
    '"\\u0000":"\\u0000"',
    '"":{"":{"":[{},[],""]}}',
    `"deep":${'['.repeat(depth)}${']'.repeat(depth)}`,
    `"long":"${'x'.repeat(seeds.int(0, 20_000))}"`,
    `"${seeds.int(0, 1e9)}":-1.5e-300`,
    '"é😀\\ud83d":"\\ud83d"'
  ])
}

type Damage = (seeds: Random, text: string) => Buffer

const insert = (text: string, at: number, what: Buffer): Buffer => {
  const bytes = whole(text)
  return Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at)])
}

/** Each of them leaves no JSON object, or one without its id. */
const JSON_DAMAGE: Readonly<Record<string, Damage>> = {
  cut: (seeds, text) => whole(text).subarray(0, seeds.int(0, Buffer.byteLength(text.trimEnd()) - 1)),
  'no UTF-8': (seeds, text) =>
    insert(text, seeds.int(0, Buffer.byteLength(text)), Buffer.of(seeds.pick([0xff, 0xc0, 0xf8]))),
  'a NUL': (seeds, text) => insert(text, seeds.int(0, Buffer.byteLength(text)), Buffer.of(0)),
  'more behind it': (seeds, text) => whole(text + seeds.pick(['{}', 'x', ',', '"', '\ufeff', '\0'])),
  'inside of an array': (_seeds, text) => whole(`[${text}]`),
  'a byte order mark': (_seeds, text) => whole(`\ufeff${text}`),
  'too deep': (_seeds, text) =>
    whole(text.replace('{', `{"deep":${'[{"a":'.repeat(600)}1${'}]'.repeat(600)},`)),
  'another id': (seeds, text) =>
    whole(text.replace(/"id":\d+/, `"id":${seeds.pick(['null', '1.0', '"x"', '{}', '1e5', '99999999999'])}`)),
  'no id': (_seeds, text) => whole(text.replace(/"id":\d+/, '"no":1')),
  nothing: () => Buffer.alloc(0),
  blanks: () => whole(' \n\t\r '),
  'another value': (seeds) => whole(seeds.pick(['null', '1', '"x"', '[]', 'true', '{}']))
}

function damagedJson(seeds: Random, text: string): Payload {
  if (seeds.bool(0.3)) return { bytes: flipped(seeds, whole(text)), want: undefined, how: 'flipped' }
  const how = seeds.pick(Object.keys(JSON_DAMAGE))
  return { bytes: JSON_DAMAGE[how]!(seeds, text), want: 'dropped', how }
}

/** A few bytes are others; nobody can know what it means. */
function flipped(seeds: Random, bytes: Buffer): Buffer {
  const other = Buffer.from(bytes)
  for (let n = seeds.int(1, 4); n > 0 && other.length > 0; n--) {
    other[seeds.int(0, other.length - 1)] = seeds.bool() ? seeds.int(0, 255) : seeds.int(32, 126)
  }
  return other
}

/** What a text becomes in a column of this type; empty texts have rules of their own. */
export const TEXT_FIELDS: readonly Field[] = [
  { name: 'b', type: plain(OID.bool), sql: 'boolean', cases: [['t', 't'], ['2', 't'], ['x', null]] },
  { name: 'i', type: plain(OID.int8), sql: 'bigint', cases: [
    ['9223372036854775807', '9223372036854775807'], ['9223372036854775808', null], ['1.0', null]
  ] },
  { name: 'n', type: plain(OID.numeric), sql: 'numeric', cases: [
    ['12345678901234567890.10', '12345678901234567890.10'], ['1e999999', null], ['NaN', 'NaN']
  ] },
  { name: 'v', type: plain(OID.varchar), sql: 'varchar', cases: [
    ['a"b,c\nd', 'a"b,c\nd'], ['é😀', 'é😀'], ['a\0b', null], [' x ', ' x ']
  ] },
  { name: 'd', type: plain(OID.date), sql: 'date', cases: [
    ['2024-02-29', '2024-02-29'], ['2023-02-29', null], ['5874898-01-01', null]
  ] },
  { name: 'z', type: plain(OID.timestamptz), sql: 'timestamptz', cases: [
    ['2024-01-15T10:20:30+01:00', '2024-01-15 09:20:30+00'], ['2024-01-15', null]
  ] },
  { name: 'a', type: plain(ARRAY_OID[OID.int4] ?? 0), sql: 'integer[]', cases: [
    ['{1,NULL,3}', '{1,NULL,3}'], ['{1', null], ['{'.repeat(500), null]
  ] }
]

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`

/** A CSV record without a header. */
export function csvPayload(seeds: Random, id: number): Payload {
  const want: (string | null)[] = [String(id)]
  const fields: string[] = [String(id)]
  for (const { cases } of TEXT_FIELDS) {
    const [given, shown] = seeds.pick(cases)
    const isThere = seeds.bool(0.8)
    want.push(isThere ? shown : null)
    fields.push(isThere ? quoted(given) : '')
  }
  const more = Array.from({ length: seeds.int(0, 3) }, () => 'more')
  const text = [...fields, ...more].join(',') + seeds.pick(['', '\n', '\r\n'])
  if (seeds.bool()) return { bytes: whole(text), want, how: 'whole' }
  const damages: Record<string, Buffer> = {
    'two records': whole(`${text.trimEnd()}\n${text}`),
    'an open quote': whole(`${text.trimEnd()},"`),
    'more behind a quote': whole(`${text.trimEnd()},""x`),
    'no UTF-8': insert(text, seeds.int(0, text.length), Buffer.of(0xff)),
    'no id': whole(text.replace(/^\d+/, seeds.pick(['', 'x', '1.5', '99999999999', '"1']))),
    nothing: Buffer.alloc(0)
  }
  if (seeds.bool(0.3)) return { bytes: flipped(seeds, whole(text)), want: undefined, how: 'flipped' }
  const how = seeds.pick(Object.keys(damages))
  return { bytes: damages[how]!, want: 'dropped', how }
}

/** The schema of `avroPayload`, as JSON. */
export const AVRO_SCHEMA = JSON.stringify({
  type: 'record',
  name: 'Row',
  fields: [
    { name: 'id', type: 'int' },
    { name: 's', type: ['null', 'string'] },
    { name: 'd', type: { type: 'int', logicalType: 'date' } },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 } },
    { name: 'tags', type: { type: 'array', items: 'string' } },
    { name: 'more', type: { type: 'map', values: ['null', 'double'] } },
    { name: 'tree', type: ['null', { type: 'record', name: 'T', fields: [
      { name: 'v', type: 'boolean' }, { name: 'next', type: ['null', 'T'] }
    ] }] }
  ]
})

const AVRO = avsc.Type.forSchema(JSON.parse(AVRO_SCHEMA) as avsc.Schema, { wrapUnions: 'always' })

const AVRO_CASES: Readonly<Record<string, readonly (readonly [unknown, string | null])[]>> = {
  s: [[null, null], [{ string: 'aé😀' }, 'aé😀'], [{ string: 'a\0' }, null]],
  d: [[0, '1970-01-01'], [2_147_483_647, null], [-2_440_588, '4714-11-24 BC']],
  price: [[Buffer.of(0x30, 0x39), '123.45'], [Buffer.of(), null], [Buffer.alloc(60_000, 1), null],
    [Buffer.of(0x7f, 255, 255, 255, 255), null]],
  tags: [[[], '{}'], [['a', 'NULL', ''], '{a,"NULL",""}'], [['\0'], null]],
  more: [[{}, '{}'], [{ ['__proto__x']: { double: 1.5 }, a: null }, '{"a": null, "__proto__x": 1.5}']],
  tree: [[null, null],
    [{ T: { v: true, next: { T: { v: false, next: null } } } },
      '{"v": true, "next": {"v": false, "next": null}}']]
}

/** One Avro datum. */
export function avroPayload(seeds: Random, id: number): Payload {
  const want: (string | null)[] = [String(id)]
  const value: Record<string, unknown> = { id }
  for (const [name, cases] of Object.entries(AVRO_CASES)) {
    const [given, shown] = seeds.pick(cases)
    value[name] = given
    want.push(shown)
  }
  const bytes = AVRO.toBuffer(value)
  if (seeds.bool()) return { bytes, want, how: 'whole' }
  const damages: Record<string, Buffer> = {
    cut: bytes.subarray(0, seeds.int(0, bytes.length - 1)),
    'more behind it': Buffer.concat([bytes, seeds.bytes(seeds.int(1, 20))]),
    'an endless id': Buffer.concat([Buffer.alloc(seeds.int(10, 10_000), 0xff), bytes]),
    'a huge length': Buffer.concat([bytes.subarray(0, 1), Buffer.from('02feffffff0f', 'hex')]),
    'too deep': Buffer.concat([bytes.subarray(0, -1), Buffer.of(2), Buffer.from('01020102'.repeat(5_000), 'hex')])
  }
  if (seeds.bool(0.4)) return { bytes: flipped(seeds, bytes), want: undefined, how: 'flipped' }
  const how = seeds.pick(Object.keys(damages))
  return { bytes: damages[how]!, want: 'dropped', how }
}
