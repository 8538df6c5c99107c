// Goal: no value changes on its way into DuckDB and back. Method: for every type, extremes and
// NULLs are appended and read, then each is bound as a parameter and compared inside DuckDB; what
// a type can't hold must be refused, never wrapped or cut.

import t from 'tap'
import { TIMESTAMP_INFINITY } from '../../src/types/value.ts'
import type { ColumnType, Value } from '../../src/types/value.ts'
import {
  CREATED,
  TEXT,
  batchOf,
  numeric,
  openStore,
  readAll,
  rowsOf,
  schemaOf,
  type
} from './fixtures.ts'

const INT8_MAX = 9223372036854775807n
const INT8_MIN = -9223372036854775808n
const LONG = 'länger als zwölf Bytes, und mit 日本語 and 🐘'

interface Case {
  readonly name: string
  readonly type: ColumnType
  readonly values: readonly Value[]
}

const CASES: readonly Case[] = [
  { name: 'boolean', type: type(16), values: [true, false] },
  { name: 'smallint', type: type(21), values: [0, 32767, -32768] },
  { name: 'integer', type: type(23), values: [0, 2147483647, -2147483648] },
  { name: 'bigint', type: type(20), values: [0n, INT8_MAX, INT8_MIN] },
  {
    name: 'real',
    type: type(700),
    values: [0, Math.fround(0.1), Math.fround(3.4028235e38), 1e-45, NaN, Infinity, -Infinity].map(
      Math.fround
    )
  },
  {
    name: 'double precision',
    type: type(701),
    values: [0, 0.1, Number.MAX_VALUE, 5e-324, NaN, Infinity, -Infinity]
  },
  { name: 'numeric(4,0)', type: numeric(4, 0), values: ['0', '9999', '-9999'] },
  { name: 'numeric(4,4)', type: numeric(4, 4), values: ['0.0000', '0.9999', '-0.0001'] },
  { name: 'numeric(9,2)', type: numeric(9, 2), values: ['0.00', '9999999.99', '-0.05'] },
  { name: 'numeric(18,6)', type: numeric(18, 6), values: ['999999999999.999999', '-0.000001'] },
  {
    name: 'numeric(38,10)',
    type: numeric(38, 10),
    values: [`${'9'.repeat(28)}.${'9'.repeat(10)}`, `-${'9'.repeat(28)}.0000000001`, '0.0000000000']
  },
  { name: 'numeric(40,2)', type: numeric(40, 2), values: [`${'9'.repeat(38)}.25`] },
  { name: 'numeric', type: type(1700), values: ['0', '12.30', 'NaN', '-Infinity', '1e2000'] },
  { name: 'text', type: TEXT, values: ['', 'a', 'twelve bytes', 'thirteen byte', 'ß', LONG] },
  { name: 'varchar(9)', type: type(1043, 13), values: ['', 'ab  '] },
  { name: 'char(5)', type: type(1042, 9), values: ['', 'ab'] },
  {
    name: 'bytea',
    type: type(17),
    values: [new Uint8Array(), Uint8Array.of(0, 255), new Uint8Array(100).fill(0x80)]
  },
  { name: 'date', type: type(1082), values: [0, -2440588, 2145031948, Infinity, -Infinity] },
  { name: 'time', type: type(1083), values: [0n, 86_399_999_999n, 86_400_000_000n] },
  {
    name: 'timestamp',
    type: type(1114),
    values: [0n, -1n, 1700000000123456n, TIMESTAMP_INFINITY, -TIMESTAMP_INFINITY]
  },
  {
    name: 'timestamptz',
    type: type(1184),
    values: [0n, -62135596800000000n, TIMESTAMP_INFINITY, -TIMESTAMP_INFINITY]
  },
  {
    name: 'interval',
    type: type(1186),
    values: [
      { months: 0, days: 0, micros: 0n },
      { months: -14, days: 3, micros: -1n },
      { months: 2147483647, days: -2147483648, micros: INT8_MAX }
    ]
  },
  {
    name: 'uuid',
    type: type(2950),
    values: [
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
      '01234567-89ab-cdef-8123-456789abcdef'
    ]
  },
  { name: 'json', type: type(114), values: ['{"a" : 1}', 'null'] },
  { name: 'jsonb', type: type(3802), values: ['{"a": 1}', '[]'] },
  { name: 'integer[]', type: type(1007), values: [[], [1, null, -2147483648], [null]] },
  { name: 'text[]', type: type(1009), values: [[], ['', null, LONG], [LONG, 'b']] },
  { name: 'numeric(9,2)[]', type: { ...numeric(9, 2), oid: 1231 }, values: [['1.50', null]] },
  { name: 'date[]', type: type(1182), values: [[0, Infinity, null]] },
  { name: 'timestamptz[]', type: type(1185), values: [[0n, -TIMESTAMP_INFINITY]] },
  { name: 'bytea[]', type: type(1001), values: [[Uint8Array.of(0), null]] },
  { name: 'uuid[]', type: type(2951), values: [['01234567-89ab-cdef-8123-456789abcdef']] },
  { name: 'interval[]', type: type(1187), values: [[{ months: 1, days: 2, micros: 3n }]] }
]

void t.test('every type comes back as it was appended, among NULLs', async (t) => {
  const store = await openStore(t)
  for (const [i, { name, type: columnType, values }] of CASES.entries()) {
    const id = i + 1
    await store.define(schemaOf(id, [columnType]), '', { sequence: 0, created: CREATED })
    const want = [...values, null, ...values]
    await store.apply(batchOf({ id, rows: want.map((value) => [value]) }))
    const got = await readAll(store, `SELECT c1 FROM r${id} ORDER BY _seq`)
    t.strictSame(got, want.map((value) => [value]), name)
  }
})

void t.test('every value is bound as what it is', async (t) => {
  const store = await openStore(t)
  for (const [i, { name, type: columnType, values }] of CASES.entries()) {
    const id = i + 1
    await store.define(schemaOf(id, [columnType]), '', { sequence: 0, created: CREATED })
    await store.apply(batchOf({ id, rows: values.map((value) => [value]) }))
    const snapshot = await store.snapshot()
    for (const [n, value] of values.entries()) {
      const parameter = { value, type: columnType }
      const equal = `SELECT count(*)::INTEGER FROM r${id} WHERE c1 = $1 AND _seq = ${n + 1}`
      t.strictSame(await rowsOf(snapshot, equal, [parameter]), [[1]], `${name} ${n}`)
    }
    const isNull = await rowsOf(snapshot, 'SELECT $1 IS NULL', [{ value: null, type: columnType }])
    t.strictSame(isNull, [[true]], `${name} null`)
    await snapshot.release()
  }
})

void t.test('results of expressions have a canonical form', async (t) => {
  const store = await openStore(t)
  const cases: readonly [string, Value][] = [
    ['1::TINYINT', 1],
    ['255::UTINYINT', 255],
    ['65535::USMALLINT', 65535],
    ['4294967295::UINTEGER', 4294967295],
    ['18446744073709551615::UBIGINT', '18446744073709551615'],
    ['sum(1::BIGINT)', '1'],
    ['(-170141183460469231731687303715884105728)::HUGEINT', `-${2n ** 127n}`],
    ['340282366920938463463374607431768211455::UHUGEINT', String(2n ** 128n - 1n)],
    ['1.5::DECIMAL(38,1)', '1.5'],
    ['-0.05::DECIMAL(3,2)', '-0.05'],
    ['[[1, 2], NULL, []]', [[1, 2], null, []]],
    ["'infinity'::DATE", Infinity],
    ["'-infinity'::TIMESTAMPTZ", -TIMESTAMP_INFINITY],
    ['NULL', null],
    ["current_setting('TimeZone')", 'UTC']
  ]
  for (const [sql, want] of cases) {
    t.strictSame(await readAll(store, `SELECT ${sql}`), [[want]], sql)
  }
  await t.rejects(readAll(store, "SELECT {'a': 1}"), { name: 'StoreError', message: /STRUCT/ })
})

void t.test('texts of all lengths come back from long results', async (t) => {
  const store = await openStore(t)
  await store.define(schemaOf(1, [TEXT]), '', { sequence: 0, created: CREATED })
  const characters = ['a', 'é', '日', '🐘']
  const want = Array.from({ length: 10_000 }, (_, i): Value[] => {
    if (i % 7 === 0) return [null]
    return [(characters[(i >> 5) % 4] as string).repeat(i % 3001 === 0 ? 70_000 : i % 23)]
  })
  await store.apply(batchOf({ rows: want }))
  t.strictSame(await readAll(store, 'SELECT c1 FROM r1 ORDER BY _seq'), want, 'in order')
  const shuffled = await readAll(store, 'SELECT c1, _seq FROM r1 ORDER BY hash(_seq)')
  const wrong = shuffled.filter(([value, seq]) => value !== want[Number(seq) - 1]?.[0])
  t.equal(shuffled.length, want.length)
  t.strictSame(wrong, [], 'in another order')
})

void t.test('refuses what the column would wrap, cut or round', async (t) => {
  const store = await openStore(t)
  const cases: readonly Case[] = [
    { name: 'smallint', type: type(21), values: [32768, -32769, 1.5] },
    { name: 'integer', type: type(23), values: [2147483648, NaN] },
    { name: 'bigint', type: type(20), values: [INT8_MAX + 1n] },
    { name: 'timestamptz', type: type(1184), values: [INT8_MIN - 1n] },
    { name: 'date', type: type(1082), values: [2147483648] },
    { name: 'numeric(4,2)', type: numeric(4, 2), values: ['100.00', '1.001', 'NaN', '', 'x'] },
    { name: 'text', type: TEXT, values: ['a\0b'] },
    { name: 'text[]', type: type(1009), values: [['a\0b']] }
  ]
  for (const [i, { name, type: columnType, values }] of cases.entries()) {
    const id = i + 1
    await store.define(schemaOf(id, [columnType]), '', { sequence: 0, created: CREATED })
    for (const value of values) {
      await t.rejects(
        store.apply(batchOf({ id, rows: [[value]] })),
        { name: 'StoreError' },
        `${name} ${typeof value} ${i}`
      )
    }
    t.strictSame(await readAll(store, `SELECT count(*)::INTEGER FROM r${id}`), [[0]], name)
  }
  await t.rejects(
    store.define(schemaOf(99, [type(600)]), '', { sequence: 0, created: CREATED }),
    { name: 'StoreError', message: /no place for type 600/ },
    'point'
  )
})
