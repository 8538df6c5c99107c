// Goal: the codecs print and read what a real Postgres prints and reads, byte for byte.
// Method: every literal goes into a column of its type there and through the codec here; text and
// binary output are compared, and so are SQLSTATEs of refused ones. Floats, instants and JSON
// documents come from a seeded generator besides.

import type pg from 'pg'
import t from 'tap'

import { PgError } from '../../src/errors.ts'
import { codecFor } from '../../src/types/codec.ts'
import type { Codec } from '../../src/types/codec.ts'
import { toJsonb } from '../../src/types/jsonb.ts'
import { OID } from '../../src/types/oids.ts'
import type { ColumnType, OutputSettings } from '../../src/types/value.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { random } from '../support/random.ts'
import { accepted } from './accepted-literals.ts'
import { refused } from './refused-literals.ts'

const UTC: OutputSettings = {
  timeZone: 'UTC',
  dateStyle: 'ISO, MDY',
  intervalStyle: 'postgres',
  extraFloatDigits: 1,
  byteaOutput: 'hex'
}

const raw = { getTypeParser: () => (value: unknown) => value } as unknown as pg.CustomTypesConfig

const server = await startPostgres(t)
const client = await server.connect()
await client.query("SET timezone = 'UTC'")

async function column<T>(text: string, values: unknown[]): Promise<T[]> {
  const result = await client.query({ text, values, rowMode: 'array', types: raw })
  return result.rows.map((row: unknown[]) => row[0] as T)
}

interface Made {
  readonly codec: Codec
  readonly type: ColumnType
  /** Stores a literal and gives text and, in hex, binary output of what was stored. */
  readonly insert: string
}

async function makeColumn(sqlType: string): Promise<Made> {
  await client.query(`DROP TABLE IF EXISTS pg_temp.v; CREATE TEMP TABLE v (v ${sqlType})`)
  const text = `SELECT atttypid::int AS oid, atttypmod AS typmod, typsend::text AS send
    FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
    WHERE attrelid = 'pg_temp.v'::regclass AND attnum = 1`
  const [facts] = (await client.query<ColumnType & { send: string }>(text)).rows
  const codec = facts && codecFor(facts.oid)
  if (!facts || !codec) throw new Error(`no codec for ${sqlType}`)
  const outputs = `${textOf(sqlType)}, encode(${facts.send}(v), 'hex')`
  const insert = `INSERT INTO v VALUES ($1) RETURNING ARRAY[${outputs}]`
  return {
    codec,
    insert,
    type: { oid: facts.oid, typmod: facts.typmod }
  }
}

/** The output function itself, where a cast to text is something else. */
const textOf = (sqlType: string): string =>
  sqlType === 'boolean'
    ? 'textin(boolout(v))'
    : /^char\(\d+\)$/.test(sqlType)
      ? 'textin(bpcharout(v))'
      : 'v::text'

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code)

for (const [sqlType, literals] of Object.entries(accepted)) {
  await t.test(`${sqlType} prints and reads as there`, async (t) => {
    const { codec, type, insert } = await makeColumn(sqlType)
    for (const literal of literals) {
      const { rows } = await client.query({ text: insert, values: [literal], rowMode: 'array' })
      const [[[text, hex]]] = rows as [[[string, string]]]
      t.same(readings(codec, type, literal, text, hex), [text, hex, text, hex, text], literal)
    }
  })
}

/** What the codec makes of a literal and of Postgres's own output: text and hex of each reading. */
function readings(
  codec: Codec,
  type: ColumnType,
  literal: string,
  text: string,
  hex: string
): string[] {
  const own = codec.fromText(literal, type, UTC)
  const fromHex = codec.fromBinary(Buffer.from(hex, 'hex'), type)
  const again = codec.fromText(text, type, UTC)
  if (own === null || fromHex === null || again === null)
    throw new Error('a codec never gives NULL')
  const show = (value: typeof own): string => codec.toText(value, type, UTC)
  return [
    show(own),
    Buffer.from(codec.toBinary(own, type)).toString('hex'),
    show(fromHex),
    Buffer.from(codec.toBinary(fromHex, type)).toString('hex'),
    show(again)
  ]
}

for (const [sqlType, literals] of Object.entries(refused)) {
  await t.test(`${sqlType} refuses with the same SQLSTATE`, async (t) => {
    const { codec, type, insert } = await makeColumn(sqlType)
    for (const literal of literals) {
      const there = await client.query(insert, [literal]).then(() => 'accepted', codeOf)
      let here = 'accepted'
      try {
        codec.fromText(literal, type, UTC)
      } catch (error) {
        t.ok(error instanceof PgError, `a PgError for ${literal}`)
        here = codeOf(error)
      }
      t.equal(here, there, literal)
    }
  })
}

await t.test('whatever a codec takes, Postgres takes and prints alike', async (t) => {
  // Literals with random edits. A codec may refuse what Postgres takes, never the other way round.
  const source = random(t)
  const letters = Array.from('0123456789.-+: eEtTzZ,{}"\\\'NaninfyBCpPDHMSoagdx/ ')
  const edited = (literal: string): string => {
    const chars = Array.from(literal.slice(0, 60))
    for (let edits = source.int(1, 3); edits > 0; edits--) {
      const at = source.int(0, chars.length)
      chars.splice(at, source.int(0, 1), ...(source.bool(0.7) ? [source.pick(letters)] : []))
    }
    return chars.join('')
  }
  for (const [sqlType, literals] of Object.entries(accepted)) {
    const { codec, type } = await makeColumn(sqlType)
    const tried = Array.from({ length: 400 }, () => edited(source.pick(literals)))
    const taken = tried.flatMap((literal): [string, string][] => {
      try {
        return [[literal, codec.toText(codec.fromText(literal, type, UTC) ?? '', type, UTC)]]
      } catch (error) {
        if (error instanceof PgError) return []
        throw error
      }
    })
    const shown = textOf(sqlType)
      .replace('(v)', `(v::${sqlType})`)
      .replace('v::text', `v::${sqlType}::text`)
    const text = `SELECT CASE WHEN pg_input_is_valid(v, $2) THEN ${shown} END FROM unnest($1::text[]) v`
    const there = await column<string | null>(text, [taken.map(([literal]) => literal), sqlType])
    const wrong = taken.flatMap(([literal, own], i) =>
      own === there[i]
        ? []
        : [`${JSON.stringify(literal)}: ${own} instead of ${there[i] ?? 'an error'}`]
    )
    t.same(wrong, [], `${sqlType}: ${taken.length} of ${tried.length} taken`)
  }
})

await t.test('floats print the shortest digits that Postgres prints', async (t) => {
  const source = random(t)
  const bits = new DataView(new ArrayBuffer(8))
  const doubles: number[] = [1e23, 5e-324, Number.MAX_VALUE, 2 ** 54, 2 ** 60]
  const reals: number[] = [16777216, 1e-45, 3.4028234663852886e38, 0.1, 1e6, 123456, 1e-4, 1e-5]
  for (let e = -1074; e < 1024; e += 1) doubles.push(2 ** e, 3 * 2 ** e)
  for (let e = -149; e < 128; e++) reals.push(2 ** e, Math.fround(1.5 * 2 ** e))
  for (let e = -30; e < 40; e++) doubles.push(Number(`1e${e}`), Number(`9.5e${e}`))
  for (let i = 0; i < 4000; i++) {
    bits.setUint32(0, source.int(0, 0xffffffff))
    bits.setUint32(4, source.int(0, 0xffffffff))
    doubles.push(bits.getFloat64(0), source.int(-1e9, 1e9) / 10 ** source.int(0, 9))
    doubles.push(source.int(1, 999) * 10 ** source.int(15, 22))
    reals.push(bits.getFloat32(0), Math.fround(source.int(-1e6, 1e6) / 10 ** source.int(0, 6)))
  }
  for (const [sqlType, oid, values] of [
    ['float8', OID.float8, doubles],
    ['float4', OID.float4, reals]
  ] as const) {
    const codec = codecFor(oid) as Codec
    const type = { oid, typmod: -1 }
    const literals = values
      .map((value) => value.toPrecision(20))
      .filter((text) => !/NaN|Inf/.test(text))
    const texts = await column<string>(`SELECT v::${sqlType}::text FROM unnest($1::text[]) v`, [
      literals
    ])
    const wrong = literals.flatMap((literal, i) => {
      const value = codec.fromText(literal, type, UTC) as number
      const own = codec.toText(value, type, UTC)
      return own === texts[i] ? [] : [`${literal}: ${own} instead of ${texts[i]}`]
    })
    t.same(wrong, [], `${literals.length} of ${sqlType}`)
  }
})

const ZONES = [
  'UTC',
  'America/New_York',
  'Europe/London',
  'Europe/Dublin',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'America/St_Johns',
  'Africa/Monrovia',
  'Pacific/Apia',
  'Africa/Casablanca',
  'Etc/GMT+5',
  'Europe/Moscow',
  'America/Sao_Paulo',
  'Asia/Tehran',
  'Antarctica/Troll',
  'Japan'
]

await t.test('instants print and are read as there in many zones', async (t) => {
  const source = random(t)
  const codec = codecFor(OID.timestamptz) as Codec
  const type = { oid: OID.timestamptz, typmod: -1 }
  const second = (from: string, to: string) =>
    new Date(source.int(Date.parse(from) / 1000, Date.parse(to) / 1000) * 1000).toISOString()
  const instants = [
    '0044-03-15 12:00:00Z BC',
    '4713-01-02 00:00:00Z BC',
    '0001-01-01 00:00:00Z',
    '1883-11-18 17:00:00Z',
    '1883-11-18 16:59:59.999999Z',
    '9999-12-31 23:59:59.999999Z',
    '10000-01-01 00:00:00Z',
    '294246-06-01 00:00:00Z',
    '2524-07-01 00:00Z',
    '1969-12-31 23:59:59.5Z',
    'infinity',
    '-infinity'
  ]
  for (let i = 0; i < 600; i++) {
    instants.push(second('1800-01-01', '2037-12-31').replace('Z', `${source.int(1, 999)}Z`))
    instants.push(second('1970-01-01', '2100-12-31'), second('2400-01-01', '9000-12-31'))
  }
  for (const timeZone of ZONES) {
    await client.query(`SET timezone = '${timeZone}'`)
    const settings = { ...UTC, timeZone }
    const text = 'SELECT v::timestamptz::text FROM unnest($1::text[]) v'
    const there = await column<string>(text, [instants])
    const show = (literal: string): string =>
      codec.toText(codec.fromText(literal, type, settings) as bigint, type, settings)
    const differing = (literals: string[], expected: string[]): string[] =>
      literals.flatMap((literal, i) =>
        show(literal) === expected[i]
          ? []
          : [`${literal}: ${show(literal)} instead of ${expected[i]}`]
      )
    t.same(differing(instants, there), [], `output in ${timeZone}`)
    t.same(differing(there, there), [], `own text read again in ${timeZone}`)
    const locals = there.filter((line) => /^\d{4}-/.test(line)).map((line) => line.slice(0, 19))
    for (let i = 0; i < 24 * 4; i++) {
      for (const day of [
        '2024-03-10',
        '2024-11-03',
        '2024-03-31',
        '2024-10-27',
        '2024-04-07',
        '2024-10-06',
        '2011-12-29',
        '2011-12-30',
        '2014-10-26'
      ]) {
        locals.push(
          `${day} ${String(Math.floor(i / 4)).padStart(2, '0')}:${String((i % 4) * 15).padStart(2, '0')}:01`
        )
      }
    }
    t.same(
      differing(locals, await column<string>(text, [locals])),
      [],
      `local readings in ${timeZone}`
    )
  }
  await client.query("SET timezone = 'UTC'")
})

await t.test('bytea prints in escape format as there', async (t) => {
  const codec = codecFor(OID.bytea) as Codec
  const type = { oid: OID.bytea, typmod: -1 }
  await client.query("SET bytea_output = 'escape'")
  const literal = `\\x${Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0')).join('')}`
  const [text = ''] = await column<string>('SELECT $1::bytea::text', [literal])
  const value = codec.fromText(literal, type, UTC) as Uint8Array
  t.equal(codec.toText(value, type, { ...UTC, byteaOutput: 'escape' }), text)
  t.same(codec.fromText(text, type, UTC), value)
  await client.query('RESET bytea_output')
})

await t.test('random documents become the same jsonb', async (t) => {
  const source = random(t)
  const scalar = (): string =>
    source.pick([
      'null',
      'true',
      'false',
      '0',
      '-0',
      '-0.0',
      '1.50',
      '1e2',
      '1E-3',
      '12345678901234567890.10',
      '-7',
      '""',
      '"a"',
      '"\\u00e9\\ud83d\\ude00"',
      '"é😀"',
      '"\\b\\f\\n\\r\\t\\/\\\\\\""',
      '"\\u001f\\u007f"',
      '1.5e300'
    ])
  const key = (): string =>
    source.pick([
      '"a"',
      '"b"',
      '"aa"',
      '"é"',
      '"zz"',
      '"\\u0061"',
      '"__proto__"',
      '""',
      '"😀"',
      '"\\uffee"',
      '"abc"',
      '"😀x"'
    ])
  const blank = (): string => source.pick(['', ' ', '\n', '\t '])
  const document = (depth: number): string => {
    const kind = depth === 0 ? 0 : source.int(0, 2)
    if (kind === 0) return blank() + scalar() + blank()
    const parts = Array.from({ length: source.int(0, 5) }, () =>
      kind === 1 ? document(depth - 1) : `${blank()}${key()}${blank()}:${document(depth - 1)}`
    )
    const body = parts.length === 0 ? blank() : parts.join(',')
    return kind === 1 ? `[${body}]` : `{${body}}`
  }
  const documents = Array.from({ length: 2000 }, () => document(source.int(0, 4)))
  const there = await column<string>('SELECT v::jsonb::text FROM unnest($1::text[]) v', [documents])
  const wrong = documents.flatMap((text, i) =>
    toJsonb(text) === there[i] ? [] : [`${text}: ${toJsonb(text)} instead of ${there[i]}`]
  )
  t.same(wrong, [])
})
