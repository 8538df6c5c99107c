// Goal: a JSON payload becomes the row RisingWave's rules and Postgres's types give, or no row.
// Method: tables of one field and its value per column type, then payloads as wholes: names, keys,
// not-null columns, malformed and hostile texts. Values are compared as Postgres would print them.

import t from 'tap'

import { PgError } from '../../src/errors.ts'
import { compileJsonDecoder } from '../../src/decode/json.ts'
import { codecFor } from '../../src/types/codec.ts'
import type { JsonEncoding, TimestamptzHandling } from '../../src/types/connector.ts'
import { ARRAY_OID, OID } from '../../src/types/oids.ts'
import type { Column, ColumnType, RelationSchema, Value } from '../../src/types/value.ts'
import { plain, TABLE } from './field-cases.ts'

const encoding = (timestamptzHandling: TimestamptzHandling = 'guess_number_unit'): JsonEncoding => ({
  format: 'plain',
  encode: 'json',
  timestamptzHandling
})

const column = (attnum: number, name: string, oid: number, rest: Partial<Column> = {}): Column => ({
  attnum,
  name,
  type: { oid, typmod: -1 },
  notNull: false,
  ...rest
})

const relation = (columns: readonly Column[], key: readonly number[] = []): RelationSchema => ({
  id: 1,
  columns,
  key
})

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const printed = (value: Value, type: ColumnType): string | null =>
  value === null
    ? null
    : (codecFor(type.oid)?.toText(value, type, {
        timeZone: 'UTC',
        dateStyle: 'ISO, MDY',
        intervalStyle: 'postgres',
        extraFloatDigits: 1,
        byteaOutput: 'hex'
      }) ?? 'no codec')

/** How a column of the type shows the JSON value; null when it took none. */
function taken(type: ColumnType, json: string, mode?: TimestamptzHandling): string | null {
  const decode = compileJsonDecoder(relation([column(1, 'v', type.oid, { type })]), encoding(mode))
  const decoded = decode(bytes(`{"v":${json}}`))
  if (!decoded.ok) throw new Error(decoded.error)
  return printed(decoded.row[0] ?? null, type)
}

for (const [name, type, cases] of TABLE) {
  void t.test(`${name} takes what fits and is NULL otherwise`, (t) => {
    for (const [json, shown] of cases) t.equal(taken(type, json), shown, json.slice(0, 80))
    t.end()
  })
}

const INSTANT = '2024-01-15 10:20:30+00'

/** JSON → what each mode makes of it. */
const HANDLING: Record<string, Readonly<Record<TimestamptzHandling, string | null>>> = {
  '1705314030': {
    guess_number_unit: INSTANT,
    micro: '1970-01-01 00:28:25.31403+00',
    milli: '1970-01-20 17:41:54.03+00',
    utc_string: null,
    utc_without_suffix: null
  },
  '1705314030000': {
    guess_number_unit: INSTANT,
    micro: '1970-01-20 17:41:54.03+00',
    milli: INSTANT,
    utc_string: null,
    utc_without_suffix: null
  },
  '-1': {
    guess_number_unit: '1969-12-31 23:59:59+00',
    micro: '1969-12-31 23:59:59.999999+00',
    milli: '1969-12-31 23:59:59.999+00',
    utc_string: null,
    utc_without_suffix: null
  },
  '1705314030.0': inEveryMode(null),
  '"1705314030"': inEveryMode(null),
  '"2024-01-15T10:20:30Z"': inEveryMode(INSTANT),
  '"2024-01-15 15:50:30+05:30"': inEveryMode(INSTANT),
  '"2024-01-15T10:20:30"': { ...inEveryMode(null), utc_without_suffix: INSTANT },
  '"2024-01-15 10:20:30"': { ...inEveryMode(null), utc_without_suffix: INSTANT },
  '"2024-01-15"': { ...inEveryMode(null), utc_without_suffix: '2024-01-15 00:00:00+00' },
  true: inEveryMode(null),
  '{}': inEveryMode(null)
}

function inEveryMode(shown: string | null): Record<TimestamptzHandling, string | null> {
  return {
    guess_number_unit: shown,
    micro: shown,
    milli: shown,
    utc_string: shown,
    utc_without_suffix: shown
  }
}

void t.test('timestamptz.handling.mode decides about numbers and offset-less strings', (t) => {
  for (const [json, modes] of Object.entries(HANDLING)) {
    for (const [mode, shown] of Object.entries(modes)) {
      const handling = mode as TimestamptzHandling
      t.equal(taken(plain(OID.timestamptz), json, handling), shown, `${mode} ${json}`)
      const array = plain(ARRAY_OID[OID.timestamptz] ?? 0)
      const shownArray = shown === null ? null : `{"${shown}"}`
      t.equal(taken(array, `[${json}]`, handling), shownArray, `${mode} [${json}]`)
    }
  }
  t.equal(
    taken(plain(OID.timestamp), '1705314030', 'micro'),
    '2024-01-15 10:20:30',
    'timestamp is not affected'
  )
  t.end()
})

void t.test('fields are found by exact name, then without regard to ASCII case', (t) => {
  const decode = compileJsonDecoder(
    relation([column(1, 'id', OID.int4), column(2, 'ID', OID.int4), column(3, 'naïve', OID.int4)]),
    encoding()
  )
  const cases: [string, Value[]][] = [
    ['{"id":1,"ID":2}', [1, 2, null]],
    ['{"ID":2,"id":1}', [1, 2, null]],
    ['{"Id":3,"id":1}', [1, 3, null]],
    ['{"id":1,"Id":3}', [1, 1, null]],
    ['{"iD":4,"Id":3}', [4, 4, null]],
    ['{"id":1,"id":2}', [2, 2, null]],
    ['{"\\u0069d":7}', [7, 7, null]],
    ['{"NAïVE":5,"extra":{"id":9},"__proto__":{"id":8},"constructor":1}', [null, null, 5]],
    ['{"NAÏVE":5}', [null, null, null]],
    ['{}', [null, null, null]]
  ]
  for (const [payload, row] of cases) t.same(decode(bytes(payload)), { ok: true, row }, payload)
  t.same(decode(bytes('{"id":1,"ID":2}')), { ok: true, row: [1, 2, null] }, 'whatever came before')
  t.end()
})

void t.test('more field names than are remembered are still found', (t) => {
  const decode = compileJsonDecoder(relation([column(1, 'id', OID.int4)]), encoding())
  for (let i = 0; i < 3; i++) {
    const fields = Array.from({ length: 1_500 }, (_, n) => `"k${i}_${n}":${n}`).join()
    t.same(decode(bytes(`{${fields},"ID":${i}}`)), { ok: true, row: [i] })
  }
  t.end()
})

void t.test('a row needs its key and its not-null columns', (t) => {
  const decode = compileJsonDecoder(
    relation(
      [
        column(1, 'id', OID.int4),
        column(2, 'n', OID.text, { notNull: true }),
        column(3, 'v', OID.int4)
      ],
      [1]
    ),
    encoding()
  )
  t.same(decode(bytes('{"id":1,"n":"a","v":"no"}')), { ok: true, row: [1, 'a', null] })
  const refusals: [string, RegExp][] = [
    ['{"n":"a"}', /^key column "id" is missing$/],
    ['{"id":null,"n":"a"}', /^key column "id" is null$/],
    ['{"id":[],"n":"a"}', /^key column "id" does not take this JSON array$/],
    ['{"id":99999999999,"n":"a"}', /^key column "id" .*out of range for type integer$/],
    ['{"id":1}', /^not-null column "n" is missing$/],
    ['{"id":1,"n":null}', /^not-null column "n" is null$/],
    ['{"id":1,"n":{}}', /^not-null column "n" does not take this JSON object$/]
  ]
  for (const [payload, reason] of refusals)
    t.match(decode(bytes(payload)), { ok: false, error: reason }, payload)
  t.end()
})

void t.test('what is no JSON object is refused with its reason', (t) => {
  const decode = compileJsonDecoder(relation([column(1, 'v', OID.jsonb)]), encoding())
  const deep = (open: string, close: string) =>
    `{"v":${open.repeat(100_000)}1${close.repeat(100_000)}}`
  const cases: [string | Uint8Array, RegExp][] = [
    ['', /^payload is empty$/],
    [' \n', /^payload is empty$/],
    ['[1]', /^payload is not a JSON object$/],
    ['"x"', /^payload is not a JSON object$/],
    ['null', /^payload is not a JSON object$/],
    ['{"v":1', /^invalid JSON: unexpected end$/],
    ['{"v":1}}', /^invalid JSON: unexpected character at offset 7$/],
    ['{"v":1}{"v":2}', /^invalid JSON/],
    ['{"v":1,}', /^invalid JSON/],
    ['{v:1}', /^invalid JSON/],
    ["{'v':1}", /^invalid JSON/],
    ['{"v":01}', /^invalid JSON/],
    ['{"v":1.}', /^invalid JSON/],
    ['{"v":.5}', /^invalid JSON/],
    ['{"v":+1}', /^invalid JSON/],
    ['{"v":1e}', /^invalid JSON/],
    ['{"v":-}', /^invalid JSON/],
    ['{"v":NaN}', /^invalid JSON/],
    ['{"v":tru}', /^invalid JSON/],
    ['{"v":"a\nb"}', /^invalid JSON/],
    ['{"v":"\\x"}', /^invalid JSON/],
    ['{"v":"\\u12"}', /^invalid JSON/],
    ['{"v":"abc', /^invalid JSON/],
    ['{"x":[1 2]}', /^invalid JSON/],
    ['\ufeff{"v":1}', /^invalid JSON/],
    ['{"v":1}\0', /^invalid JSON/],
    ['hello', /^invalid JSON/],
    [deep('[', ']'), /nested more than 1000 deep/],
    [deep('{"a":', '}'), /nested more than 1000 deep/],
    [Uint8Array.of(0x7b, 0xff, 0x7d), /^payload is not valid UTF-8$/],
    [bytes('{"v":"é"}').subarray(0, 7), /^payload is not valid UTF-8$/]
  ]
  for (const [payload, reason] of cases) {
    const given = typeof payload === 'string' ? bytes(payload) : payload
    t.match(decode(given), { ok: false, error: reason }, String(payload).slice(0, 40))
  }
  t.same(decode(bytes('{"v":1}')), { ok: true, row: ['1'] }, 'the next payload is not affected')
  t.end()
})

void t.test('every text JSON.parse takes is taken, and no other', (t) => {
  // JSON.parse is the referee of well-formedness; one character is changed at a time.
  const decode = compileJsonDecoder(relation([column(1, 'none', OID.int4)]), encoding())
  const valid = '{"a":[1,-2.5e+3,"x\\n\\u00e9",{"b":null}],"c":true}'
  for (let at = 0; at <= valid.length; at++) {
    for (const change of [
      '',
      '"',
      '{',
      ']',
      ',',
      ':',
      '0',
      '-',
      '.',
      'e',
      '\\',
      ' ',
      '\t',
      'n',
      '\x01'
    ]) {
      const text = valid.slice(0, at) + change + valid.slice(at + 1)
      let well = true
      try {
        const value: unknown = JSON.parse(text)
        well = typeof value === 'object' && value !== null && !Array.isArray(value)
      } catch {
        well = false
      }
      if (decode(bytes(text)).ok !== well) t.fail(`${text} should${well ? '' : ' not'} be taken`)
    }
  }
  t.ok(decode(bytes(valid)).ok)
  t.end()
})

void t.test('a column type that JSON cannot fill is refused when the decoder is made', (t) => {
  t.throws(() => compileJsonDecoder(relation([column(1, 'v', 600)]), encoding()), PgError)
  t.end()
})
