// Goal: what the codecs must refuse or leave to Postgres, and the settings that cannot be honoured.
// Method: tables, no server; agreement with Postgres itself is against-postgres.test.ts's matter.

import t from 'tap'

import { PgError } from '../../src/errors.ts'
import { codecFor, settingsSupported } from '../../src/types/codec.ts'
import type { Codec } from '../../src/types/codec.ts'
import { toJsonb } from '../../src/types/jsonb.ts'
import { ARRAY_OID, OID } from '../../src/types/oids.ts'
import { findZone } from '../../src/types/timezone.ts'
import { TIMESTAMP_INFINITY } from '../../src/types/value.ts'
import type { OutputSettings, Value } from '../../src/types/value.ts'

const UTC: OutputSettings = {
  timeZone: 'UTC',
  dateStyle: 'ISO, MDY',
  intervalStyle: 'postgres',
  extraFloatDigits: 1,
  byteaOutput: 'hex'
}

function codec(oid: number): Codec {
  const found = codecFor(oid)
  if (!found) throw new Error(`no codec for ${oid}`)
  return found
}

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof PgError) return error.code
    throw error
  }
  return 'accepted'
}

void t.test('every type a relation may have, and its array, has a codec', (t) => {
  for (const [element, array] of Object.entries(ARRAY_OID)) {
    t.equal(codecFor(Number(element))?.oid, Number(element))
    t.equal(codecFor(array)?.oid, array)
    t.equal(codecFor(array)?.typlen, -1)
  }
  t.equal(codecFor(600), undefined, 'point has none')
  t.end()
})

void t.test(
  'spellings that hang on the clock, on settings or on the version are left to Postgres',
  (t) => {
    const left: [number, string[]][] = [
      [
        OID.date,
        [
          'now',
          'today',
          'tomorrow',
          'yesterday',
          'Jan 5 2024',
          '01/02/2024',
          '24-01-02',
          'J2451187'
        ]
      ],
      [
        OID.timestamp,
        ['now', '+infinity', 'allballs', '2024.016', '2024-01-01 10:00 PM', '2024-01-01 10:00 EST']
      ],
      [OID.timestamptz, ['2024-01-01 10:00 PST', '2024-01-01 10:00 EST5EDT', 'tomorrow 10:00']],
      [OID.time, ['now', '10:00 AM', '101010', '10:00+02']],
      [OID.interval, ['1-2', '.5 days', 'infinity', '3 4:05:06', 'P0001-02-03T04:05:06', 'P1']],
      [OID.int4, ['0x1F', '1_000', '0b1', '0o7']],
      [OID.float8, ['0x1p3']],
      [OID.numeric, ['0xff', '1_000.5']],
      [ARRAY_OID[OID.int4] ?? 0, ['{{1},{2}}', '[0:1]={1,2}']]
    ]
    for (const [oid, literals] of left) {
      for (const literal of literals) {
        const code = codeOf(() => codec(oid).fromText(literal, { oid, typmod: -1 }, UTC))
        t.match(code, /^(?:22\w{3}|0A000)$/, `${oid}: ${literal}`)
      }
    }
    t.end()
  }
)

void t.test('settings that cannot be honoured are named', (t) => {
  const cases: [Partial<OutputSettings>, RegExp | undefined][] = [
    [{}, undefined],
    [{ dateStyle: 'ISO, DMY', extraFloatDigits: 3, byteaOutput: 'escape' }, undefined],
    [{ timeZone: 'America/New_York' }, undefined],
    [{ timeZone: 'Etc/GMT+5' }, undefined],
    [{ dateStyle: 'German, DMY' }, /DateStyle/],
    [{ dateStyle: 'SQL, MDY' }, /DateStyle/],
    [{ intervalStyle: 'iso_8601' }, /IntervalStyle/],
    [{ extraFloatDigits: 0 }, /extra_float_digits/],
    [{ byteaOutput: 'base64' }, /bytea_output/],
    [{ timeZone: '<+02>-02' }, /TimeZone/],
    [{ timeZone: '+05:30' }, /TimeZone/],
    [{ timeZone: 'GMT+5' }, /TimeZone/],
    [{ timeZone: 'EST5EDT' }, /TimeZone/],
    [{ timeZone: 'PST' }, /TimeZone/],
    [{ timeZone: 'posix/Europe/London' }, /TimeZone/],
    [{ timeZone: 'Nowhere/Land' }, /TimeZone/]
  ]
  for (const [setting, reason] of cases) {
    const said = settingsSupported({ ...UTC, ...setting })
    if (reason) t.match(said, reason, JSON.stringify(setting))
    else t.equal(said, undefined, JSON.stringify(setting))
  }
  t.end()
})

void t.test(
  'offsets are exact at the second of a change, and unknown where databases differ',
  (t) => {
    const at = (zone: string, iso: string) => findZone(zone)?.offsetAt(Date.parse(iso) / 1000)
    t.equal(at('America/New_York', '2024-03-10T06:59:59Z'), -18000)
    t.equal(at('America/New_York', '2024-03-10T07:00:00Z'), -14400)
    t.equal(at('Australia/Lord_Howe', '2024-04-06T14:59:59Z'), 39600)
    t.equal(at('Australia/Lord_Howe', '2024-04-06T15:00:00Z'), 37800)
    t.equal(at('Europe/London', '1847-12-01T00:01:14Z'), -75)
    t.equal(at('Europe/London', '1847-12-01T00:01:15Z'), 0)
    t.equal(at('Europe/Amsterdam', '1970-01-01T00:00:00Z'), 3600)
    t.equal(
      codeOf(() => at('europe/amsterdam', '1969-12-31T23:59:59Z')),
      '0A000'
    )
    t.end()
  }
)

void t.test('days beyond what is remembered are still right', (t) => {
  const zone = findZone('Europe/Paris')
  const january = Array.from(
    { length: 6_000 },
    (_, year) => Date.UTC(1971 + (year % 400), 0, 1 + (year % 28)) / 1000
  )
  const wrong = january.filter((second) => zone?.offsetAt(second) !== 3600)
  t.same(wrong, [])
  t.end()
})

void t.test('binary input refuses bytes of another shape', (t) => {
  const hex = (text: string) => Buffer.from(text, 'hex')
  const cases: [number, string, string][] = [
    [OID.bool, '', '22P03'],
    [OID.int4, '0001', '22P03'],
    [OID.int8, '00000001', '22P03'],
    [OID.float8, '00', '22P03'],
    [OID.numeric, '0001', '22P03'],
    [OID.numeric, '0001000000000000', '22P03'],
    [OID.numeric, '00010000000000002710', '22P03'],
    [OID.numeric, '0000000012340000', '22P03'],
    [OID.uuid, '00', '22P03'],
    [OID.text, 'ff', '22021'],
    [OID.text, '6100', '22021'],
    [OID.json, '7b', '22P02'],
    [OID.jsonb, '027b7d', '22P03'],
    [OID.jsonb, '', '22P03'],
    [OID.jsonb, '017b', '22P02'],
    [OID.date, '80000001', '22008'],
    [OID.time, 'ffffffffffffffff', '22008'],
    [OID.timestamp, '7ffffffffffffffe', '22008'],
    [OID.timestamptz, '8000000000000001', '22008'],
    [OID.interval, '00', '22P03'],
    [1007, '00', '22P03'],
    [1007, '000000010000000000000019000000010000000100000000', '22P03'],
    [1007, '0000000200000000000000170000000100000001', '0A000'],
    [1007, '000000010000000000000017000000010000000000000004', '0A000'],
    [1007, '0000000100000000000000170000000100000001', '22P03'],
    [1007, '00000001000000000000001700000001000000010000000400000001ff', '22P03'],
    [1007, '000000010000000000000017000000010000000100000008ffffffff', '22P03']
  ]
  for (const [oid, bytes, code] of cases) {
    t.equal(
      codeOf(() => codec(oid).fromBinary(hex(bytes), { oid, typmod: -1 })),
      code,
      `${oid}: ${bytes}`
    )
  }
  t.end()
})

void t.test('binary input obeys the type modifier', (t) => {
  const cases: [number, number, Value, Value | RegExp][] = [
    [OID.numeric, ((4 << 16) | 1) + 4, '12.35', '12.4'],
    [OID.numeric, ((2 << 16) | 1) + 4, '12.35', /22003/],
    [OID.varchar, 6, 'abc', /22001/],
    [OID.varchar, 7, 'abc', 'abc'],
    [OID.timestamp, 0, 946684800500000n, 946684801000000n],
    [OID.time, 0, 1_500_000n, 2_000_000n]
  ]
  for (const [oid, typmod, value, expected] of cases) {
    const own = codec(oid)
    const bytes = own.toBinary(value as Exclude<Value, null>, { oid, typmod: -1 })
    const read = () => own.fromBinary(bytes, { oid, typmod })
    if (expected instanceof RegExp) t.match(codeOf(read), expected)
    else t.same(read(), expected)
  }
  t.end()
})

void t.test('binary input does not hold on to the buffer it reads', (t) => {
  const buffer = Buffer.from('0102', 'hex')
  const value = codec(OID.bytea).fromBinary(buffer, { oid: OID.bytea, typmod: -1 })
  buffer.fill(0)
  t.same(value, Uint8Array.of(1, 2))
  t.end()
})

void t.test('timestamps outside the store are refused, not taken for infinity', (t) => {
  const type = { oid: OID.timestamp, typmod: -1 }
  const own = codec(OID.timestamp)
  t.equal(own.fromText('294247-01-10 04:00:54.775806', type, UTC), TIMESTAMP_INFINITY - 1n)
  t.equal(
    codeOf(() => own.fromText('294247-01-10 04:00:54.775807', type, UTC)),
    '22008'
  )
  t.equal(own.fromText('infinity', type, UTC), TIMESTAMP_INFINITY)
  t.end()
})

void t.test('jsonb refuses what is nested or written out beyond the limits', (t) => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  t.equal(toJsonb(nested(1_000)), nested(1_000))
  t.equal(
    codeOf(() => toJsonb(nested(1_001))),
    '54000'
  )
  t.equal(
    codeOf(() => toJsonb(nested(1_000_000))),
    '54000'
  )
  t.equal(
    codeOf(() => toJsonb(`[${Array(600).fill('1e131000').join()}]`)),
    '54000'
  )
  t.end()
})

void t.test('an interval that is infinite since Postgres 17 prints so', (t) => {
  const type = { oid: OID.interval, typmod: -1 }
  const infinite = codec(OID.interval).fromBinary(
    Buffer.from(`7f${'ff'.repeat(7)}7fffffff7fffffff`, 'hex'),
    type
  )
  t.equal(codec(OID.interval).toText(infinite as Exclude<Value, null>, type, UTC), 'infinity')
  t.end()
})
