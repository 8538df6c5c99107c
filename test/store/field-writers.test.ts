// Goal: rows written straight from DuckDB's vectors, and lines of COPY, are byte for byte those that
// the types' codecs write. Method: a relation of every type with edge and random values and NULLs; each
// column in text and binary, whole chunks and parts of them, under settings with and without a way of
// their own; lines escaped as the documentation of COPY says.

import t from 'tap'
import { codecFor } from '../../src/types/codec.ts'
import { OID } from '../../src/types/oids.ts'
import { TIMESTAMP_INFINITY } from '../../src/types/value.ts'
import type { RowEncoder } from '../../src/store/row-encoder.ts'
import type { Chunk } from '../../src/store/snapshot.ts'
import type { ColumnType, OutputSettings, Value } from '../../src/types/value.ts'
import { RowWriter } from '../../src/wire/row-writer.ts'
import { random } from '../support/random.ts'
import type { Random } from '../support/random.ts'
import { CREATED, batchOf, numeric, openStore, schemaOf, type } from './fixtures.ts'

const SETTINGS: OutputSettings = {
  timeZone: 'UTC',
  dateStyle: 'ISO, MDY',
  intervalStyle: 'postgres',
  extraFloatDigits: 1,
  byteaOutput: 'hex'
}

const INT64 = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n) - 1n, 4294967295n, 4294967296n]
const DAYS = [0, -1, 10_957, 19_782, -719_162, -719_163, 2_932_896, 2_932_897, Infinity, -Infinity]
const TEXTS = ['', 'a', '\\', 'no\ttab', '\b\t\n\v\f\r\\ all', '\x01\x0e\x1f\x7f', 'a'.repeat(99), 'twelve bytes', 'thirteen byte', 'ü', 'twelve bytés', 'é'.repeat(30)]
const LONG_TEXTS = [...TEXTS, 'x'.repeat(70_000)]
const INSTANTS = [0n, -1n, 951_782_399_999_999n, 1_711_846_200_123_400n, -62_135_596_800_000_000n]

interface Kind {
  readonly type: ColumnType
  readonly edges: readonly Value[]
  readonly any: (next: Random) => Value
}

const long = (next: Random): bigint => BigInt.asIntN(64, (BigInt(next.int(0, 2 ** 31)) << 33n) ^ BigInt(next.int(0, 2 ** 31)))
const instant = (next: Random): bigint => BigInt(next.int(-1e13, 1e13)) * BigInt(next.pick([1, 100, 10_000]))
const instants: readonly Value[] = [...INSTANTS, -62_135_596_800_000_001n, 253_402_300_800_000_000n, -99_999_999_999_999_999n, TIMESTAMP_INFINITY, -TIMESTAMP_INFINITY]
const word = (next: Random): string => next.pick(['a', 'é', '0', '\\N\t', 'x\ny']).repeat(next.int(0, 30))

const KINDS: readonly Kind[] = [
  { type: type(OID.bool), edges: [true, false], any: (next) => next.bool() },
  { type: type(OID.int2), edges: [0, -32768, 32767], any: (next) => next.int(-999, 999) },
  {
    type: type(OID.int4),
    edges: [0, -1, 2147483647, -2147483648, 10, 99, 100, 1_000_000],
    any: (next) => next.int(-(2 ** 31), 2 ** 31 - 1)
  },
  { type: type(OID.int8), edges: [...INT64, 0n, 1_000_000_007_000_000n], any: long },
  { type: type(OID.float4), edges: [0, -0, NaN, Infinity, -Infinity, 1.5], any: (next) => Math.fround(next.next() * 1e6) },
  { type: type(OID.float8), edges: [0, -0, NaN, Infinity, -Infinity, 1e300, 5e-324, 0.1, -0.0001, 1.1, -2.55, 0.00005, 9999999999.9999, 1e10], any: (next) => (next.bool() ? next.next() * 1e9 : next.int(-1e12, 1e12) / next.pick([1, 10, 100, 1e4, 1e5])) },
  { type: numeric(12, 2), edges: ['0.00', '-0.01', '9999999999.99'], any: (next) => `${next.int(0, 1e6)}.25` },
  { type: type(OID.numeric), edges: ['NaN', '1e9'.replace('e9', '0'), '0.0001'], any: (next) => String(next.int(0, 1e9)) },
  { type: type(OID.text), edges: LONG_TEXTS, any: word },
  { type: type(OID.varchar), edges: TEXTS, any: word },
  { type: type(OID.bpchar, 9), edges: ['', 'abc', 'é'], any: (next) => word(next).slice(0, 4).trimEnd() },
  { type: type(OID.json), edges: ['{}', '[1, 2]'], any: (next) => `{"a": ${next.int(0, 99)}}` },
  { type: type(OID.jsonb), edges: ['{}', '[1, 2]'], any: (next) => `{"a": ${next.int(0, 99)}}` },
  { type: type(OID.bytea), edges: [new Uint8Array(0), Uint8Array.of(0, 255)], any: (next) => Uint8Array.from(next.bytes(20)) },
  { type: type(OID.date), edges: DAYS, any: (next) => next.int(-800_000, 3_000_000) },
  { type: type(OID.time), edges: [0n, 86_399_999_999n], any: (next) => BigInt(next.int(0, 86_399)) * 1_000_000n },
  { type: type(OID.timestamp), edges: instants, any: instant },
  { type: type(OID.timestamptz), edges: instants, any: instant },
  { type: type(OID.interval), edges: [{ months: 1, days: -2, micros: 3n }], any: (next) => ({ months: next.int(0, 99), days: 0, micros: 0n }) },
  { type: type(OID.uuid), edges: ['00000000-0000-0000-0000-000000000000'], any: (next) => `6ecd8c99-4036-403d-bf84-cf84${next.bytes(4).toString('hex')}` },
  { type: type(1007), edges: [[], [1, null, 3]], any: (next) => [next.int(0, 9), next.int(0, 9)] }
]

type Fields = readonly (Buffer | null)[]

/** What the codecs make of it. */
function expected(columns: readonly (readonly Value[])[], isBinary: boolean, settings: OutputSettings, from: number, to: number): Fields[] {
  return Array.from({ length: to - from }, (_, n) =>
    columns.map((column, i) => {
      const value = column[from + n]!
      const kind = KINDS[i]!.type
      const codec = codecFor(kind.oid)!
      if (value === null) return null
      return Buffer.from(isBinary ? codec.toBinary(value, kind) : codec.toText(value, kind, settings))
    })
  )
}

function asRows(rows: readonly Fields[]): Buffer {
  const writer = new RowWriter()
  for (const row of rows) {
    writer.startRow(row.length)
    for (const field of row) {
      if (field === null) writer.writeNull()
      else writer.writeBytes(field)
    }
    writer.endRow()
  }
  return writer.take()
}

const ESCAPED: Readonly<Record<string, string>> = { '\b': 'b', '\t': 't', '\n': 'n', '\v': 'v', '\f': 'f', '\r': 'r', '\\': '\\' }

function asLines(rows: readonly Fields[]): Buffer {
  const lines = rows.map((row) => {
    const fields = row.map((field) =>
      // oxlint-disable-next-line no-control-regex -- the very ones that are escaped
      field === null ? '\\N' : field.toString('latin1').replace(/[\b\t\n\v\f\r\\]/g, (byte) => `\\${ESCAPED[byte]}`)
    )
    const line = Buffer.from(`d\0\0\0\0${fields.join('\t')}\n`, 'latin1')
    line.writeInt32BE(line.length - 1, 1)
    return line
  })
  return Buffer.concat(lines)
}

/** All of these rows, in as many writes as it takes. */
function written(chunk: Chunk, encoder: RowEncoder, from: number, to: number): Buffer {
  const writer = new RowWriter()
  const writes: Buffer[] = []
  for (let row = from; row < to; writes.push(writer.take())) {
    row = chunk.encode(writer, encoder, row, to)
  }
  return Buffer.concat(writes)
}

void t.test('vectors are written as codecs write', async (t) => {
  const next = random(t)
  const store = await openStore(t)
  const types = KINDS.map((kind) => kind.type)
  await store.define(schemaOf(1, types), '', { sequence: 0, created: CREATED })
  const rows = Array.from({ length: 2_500 }, (_, row) =>
    KINDS.map(({ edges, any }) => {
      if (row < 2_100 && row % 16 < edges.length) return edges[row % 16]!
      return row >= 2_100 || next.bool(0.8) ? any(next) : null
    })
  )
  await store.apply(batchOf({ rows }))
  const list = types.map((_, i) => `c${i + 1}`).join(', ')
  for (const isBinary of [false, true]) {
    for (const timeZone of ['UTC', 'Etc/UTC', 'Europe/Zurich']) {
      const settings = { ...SETTINGS, timeZone }
      const snapshot = await store.snapshot()
      const cursor = await snapshot.query(`SELECT ${list} FROM r1 ORDER BY _seq`)
      const columns = types.map((each) => ({ type: each, isBinary }))
      const encoder = cursor.encoder(columns, settings)
      const lines = cursor.encoder(columns, settings, 'lines')
      let seen = 0
      for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) {
        const cut = next.int(0, chunk.rowCount)
        for (const [from, to] of [[0, cut], [cut, chunk.rowCount]] as const) {
          const where = `${seen + from} to ${seen + to}, binary ${isBinary}, ${timeZone}`
          const want = expected(chunk.columns, isBinary, settings, from, to)
          t.ok(written(chunk, encoder, from, to).equals(asRows(want)), `rows ${where}`)
          if (!isBinary) t.ok(written(chunk, lines, from, to).equals(asLines(want)), `lines ${where}`)
        }
        seen += chunk.rowCount
      }
      t.equal(seen, rows.length)
      await snapshot.release()
    }
  }
})
