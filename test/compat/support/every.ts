// A table with a column of every type that a relation may have, its rows, and how an ordinary table
// gets the same ones: by Postgres's own JSON functions, from the payloads that are published.

import type pg from 'pg'

import type { Stage } from './stage.ts'

export const EVERY_COLUMNS = `id int PRIMARY KEY, a_bool boolean, a_int2 smallint, a_int8 bigint,
  a_float4 real,
  a_float8 double precision, a_numeric numeric, a_money numeric(12,2), a_text text COLLATE "C",
  a_varchar varchar(20) COLLATE "C", a_bytea bytea, a_date date, a_time time,
  a_timestamp timestamp, a_timestamptz timestamptz, a_interval interval, a_jsonb jsonb,
  ints int[], texts text[] COLLATE "C", bools boolean[], floats double precision[],
  numerics numeric[], times timestamptz[]`

export const EVERY: readonly Record<string, unknown>[] = [
  {
    id: 1,
    a_bool: true,
    a_int2: -32768,
    a_int8: '9007199254740993',
    a_float4: 1.5,
    a_float8: 0.1,
    a_numeric: 12.5,
    a_money: 99.95,
    a_text: 'Grüße €😀',
    a_varchar: 'x',
    a_bytea: '\\x00ff',
    a_date: '2024-02-29',
    a_time: '23:59:59.999999',
    a_timestamp: '2024-03-31 01:30:00.5',
    a_timestamptz: '2024-03-31T01:30:00+02:00',
    a_interval: '1 year 2 mons -3 days 04:05:06.7',
    a_jsonb: { b: [1, null, 'x'], a: { z: 1.5 } },
    ints: [1, -2, null],
    texts: ['a', 'b,"c"', '', null, 'NULL'],
    bools: [true, false],
    floats: [1e300, -0.5],
    numerics: [1.1, 2],
    times: ['2024-01-01T00:00:00Z']
  },
  {
    id: 2,
    a_bool: false,
    a_int2: 32767,
    a_int8: -1,
    a_float4: -3.25e-10,
    a_float8: 1e15,
    a_numeric: -0.00012,
    a_money: -1,
    a_text: '',
    a_varchar: 'tab\t\\ "q"',
    a_date: '0044-03-15 BC',
    a_time: '00:00',
    a_timestamp: '1969-12-31 23:59:59',
    a_timestamptz: '9999-12-31T00:00:00Z',
    a_interval: '-00:00:01',
    a_jsonb: 'text',
    ints: [],
    texts: [],
    bools: [],
    floats: [],
    numerics: [],
    times: []
  },
  { id: 3 }
]

/** A condition and a value for its parameter; each finds something. */
export const EVERY_CONDITION: readonly (readonly [condition: string, value: unknown])[] = [
  ['a_bool = $1', true],
  ['a_int2 = $1', -32768],
  ['a_int8 = $1', '9007199254740993'],
  ['a_float8 < $1', 1],
  ['a_numeric <= $1', '12.50'],
  ['a_money = $1', '99.95'],
  ['a_text = $1', 'Grüße €😀'],
  ['a_varchar LIKE $1', 'tab%'],
  ['a_date = $1', '2024-02-29'],
  ['a_time > $1', '12:00'],
  ['a_timestamp < $1', '2000-01-01'],
  ['a_timestamptz = $1', new Date('2024-03-30T23:30:00Z')],
  ['a_interval = $1', '1 year 2 months -3 days 04:05:06.7'],
  ['a_jsonb = $1', '"text"'],
  ['id = ANY($1)', [2, 3]],
  ['$1 = ANY(ints)', -2],
  ['ints = $1', [1, -2, null]],
  ['texts @> $1', ['a']],
  ['a_text IS NOT DISTINCT FROM $1', null]
]

/** A client of database "peer", which has the ordinary table. */
export async function openPeer(stage: Stage): Promise<pg.Client> {
  const admin = await stage.connect(stage.plain)
  await admin.query('CREATE DATABASE peer TEMPLATE template0')
  const peer = await stage.connect({ ...stage.plain, database: 'peer' })
  await peer.query(`CREATE TABLE every (${EVERY_COLUMNS})`)
  const insert = 'INSERT INTO every SELECT * FROM json_populate_record(NULL::every, $1::json)'
  for (const row of EVERY) await peer.query(insert, [JSON.stringify(row)])
  return peer
}
