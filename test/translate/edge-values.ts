// The columns of the relations of rows.ts and the edge values they hold, as Postgres reads them.

import { ARRAY_OID, OID } from '../../src/types/oids.ts'

export interface ColumnData {
  readonly name: string
  /** The type as CREATE TABLE has it. */
  readonly type: string
  readonly oid: number
  readonly typmod: number
  /** Dealt out to the rows in turn; null is NULL. */
  readonly values: readonly (string | null)[]
}

const numericTypmod = (precision: number, scale: number): number => ((precision << 16) | scale) + 4
const arrayOid = (oid: number): number => ARRAY_OID[oid] ?? 0

/** Words of a text; NULL is one. */
const words = (text: string): (string | null)[] =>
  text.split(' ').map((word) => (word === 'NULL' ? null : word))

const INT2 = words('0 1 -1 7 -7 32767 -32768 NULL 2 100')
const INT4 = words('0 1 -1 2147483647 -2147483648 NULL 7 -7 10 16777217 1000000 3')
const INT8 = words(
  '0 1 -1 9223372036854775807 -9223372036854775808 NULL 9007199254740993 7 -7 123456789012 2 ' +
    '10000 9999'
)
const FLOAT8 = words(
  '0 -0 1 -1.5 2.5 3.5 NaN Infinity -Infinity NULL 1e308 -1e308 5e-324 0.1 1e-300 2147483647 ' +
    '21.5 9007199254740993 1e15 123456.789'
)
const FLOAT4 = words('0 -0 0.1 NaN Infinity -Infinity NULL 3.4028235e38 1e-45 16777216 2.5 -7.25 1')
const NUMERIC = words('0 1.50 -1.50 99999999.99 -99999999.99 NULL 0.01 7 12.34 2.50 -0.01 0.50')
const TEXT = [
  '',
  'a',
  'A',
  'b',
  'ab',
  'é',
  'É',
  'z',
  null,
  ' a ',
  'a b',
  'straße',
  '日本',
  '😀',
  'a%b',
  'a_b',
  'a\\b',
  "it's",
  'Ab',
  'aB',
  '10',
  '9',
  '-',
  'abc',
  'line\nbreak',
  'ﬁ',
  '\t x',
  'ÀÉ',
  'aa'
]
const CHAR = ['', 'a', 'ab', 'abcde', null, 'é', 'A', ' a', 'b']
const DATES = [
  '2024-01-01',
  '2024-02-29',
  '1969-12-31',
  '1970-01-01',
  'infinity',
  '-infinity',
  null,
  '0001-01-01',
  '9999-12-31',
  '4713-01-01 BC',
  '2023-12-31',
  '2024-12-30',
  '1582-10-15',
  '0044-03-15 BC',
  '2000-06-15'
]
const TIMESTAMPS = [
  '2024-01-01 00:00:00',
  '2024-02-29 12:34:56.789012',
  '1969-12-31 23:59:59.999999',
  '1970-01-01 00:00:00',
  'infinity',
  '-infinity',
  null,
  '0001-01-01 00:00:00',
  '9999-12-31 23:59:59',
  '0044-03-15 12:00:00 BC',
  '2024-12-31 23:59:59.5',
  '2023-03-26 02:30:00',
  '2024-01-31 06:00:00',
  '1900-05-05 05:05:05.000001'
]
const INTERVALS = [
  '1 day',
  '24:00:00',
  '1 mon',
  '30 days',
  null,
  '-1 day',
  '1 year 2 mons 3 days 04:05:06.7',
  '00:00:00'
]
const UUIDS = words(
  '00000000-0000-0000-0000-000000000000 ffffffff-ffff-ffff-ffff-ffffffffffff ' +
    '80000000-0000-0000-0000-00000000000a NULL 7fffffff-ffff-ffff-ffff-ffffffffffff ' +
    '12345678-90ab-cdef-1234-567890abcdef'
)

/** Column 1 is the key. */
export const MAIN: readonly ColumnData[] = [
  { name: 'id', type: 'integer', oid: OID.int4, typmod: -1, values: [] },
  { name: 'i2', type: 'smallint', oid: OID.int2, typmod: -1, values: INT2 },
  { name: 'i4', type: 'integer', oid: OID.int4, typmod: -1, values: INT4 },
  { name: 'i8', type: 'bigint', oid: OID.int8, typmod: -1, values: INT8 },
  { name: 'f4', type: 'real', oid: OID.float4, typmod: -1, values: FLOAT4 },
  { name: 'f8', type: 'double precision', oid: OID.float8, typmod: -1, values: FLOAT8 },
  {
    name: 'n',
    type: 'numeric(10,2)',
    oid: OID.numeric,
    typmod: numericTypmod(10, 2),
    values: NUMERIC
  },
  {
    name: 'nu',
    type: 'numeric',
    oid: OID.numeric,
    typmod: -1,
    values: [
      '0',
      '1.5',
      '1.50',
      'NaN',
      'Infinity',
      null,
      '1e-20',
      '123456789012345678901234567890.5',
      '-2'
    ]
  },
  { name: 'b', type: 'boolean', oid: OID.bool, typmod: -1, values: ['t', 'f', null] },
  { name: 't', type: 'text COLLATE "C"', oid: OID.text, typmod: -1, values: TEXT },
  {
    name: 'v',
    type: 'varchar(20) COLLATE "C"',
    oid: OID.varchar,
    typmod: 24,
    values: [...TEXT].reverse()
  },
  { name: 'c', type: 'char(5) COLLATE "C"', oid: OID.bpchar, typmod: 9, values: CHAR },
  {
    name: 'y',
    type: 'bytea',
    oid: OID.bytea,
    typmod: -1,
    values: ['\\x', '\\x00', '\\xff', '\\x80ff', null, '\\x616263', '\\x61']
  },
  { name: 'd', type: 'date', oid: OID.date, typmod: -1, values: DATES },
  {
    name: 'tm',
    type: 'time',
    oid: OID.time,
    typmod: -1,
    values: ['00:00:00', '23:59:59.999999', '24:00:00', null, '12:00:00', '01:02:03.5']
  },
  { name: 'ts', type: 'timestamp', oid: OID.timestamp, typmod: -1, values: TIMESTAMPS },
  {
    name: 'tz',
    type: 'timestamptz',
    oid: OID.timestamptz,
    typmod: -1,
    values: [...TIMESTAMPS].reverse()
  },
  { name: 'iv', type: 'interval', oid: OID.interval, typmod: -1, values: INTERVALS },
  { name: 'u', type: 'uuid', oid: OID.uuid, typmod: -1, values: UUIDS },
  {
    name: 'j',
    type: 'json',
    oid: OID.json,
    typmod: -1,
    values: ['{"a": 1}', null, '[1, 2]', '"x"']
  },
  {
    name: 'jb',
    type: 'jsonb',
    oid: OID.jsonb,
    typmod: -1,
    values: ['{"a": 1}', null, '[1, 2]', '"x"']
  },
  {
    name: 'ai',
    type: 'integer[]',
    oid: arrayOid(OID.int4),
    typmod: -1,
    values: ['{1,2}', '{}', null, '{NULL,3}']
  },
  {
    name: 'n0',
    type: 'numeric(20,0)',
    oid: OID.numeric,
    typmod: numericTypmod(20, 0),
    values: ['0', '1', '-5', null, '99999999999999999999', '12']
  },
  {
    name: 'n30',
    type: 'numeric(30,10)',
    oid: OID.numeric,
    typmod: numericTypmod(30, 10),
    values: ['0', '1.5', '-0.0000000001', null, '12345678901234567890.0123456789']
  },
  { name: 'g', type: 'integer', oid: OID.int4, typmod: -1, values: ['1', '2', '3', '1'] },
  {
    name: 's4',
    type: 'integer',
    oid: OID.int4,
    typmod: -1,
    values: ['0', '1', '-1', '12', '7', null, '999', '10000', '-33', '48', '5']
  },
  {
    name: 's8',
    type: 'bigint',
    oid: OID.int8,
    typmod: -1,
    values: ['5', '-12345678901', null, '0', '77', '31415926535', '1', '2', '3']
  },
  {
    name: 'sf',
    type: 'double precision',
    oid: OID.float8,
    typmod: -1,
    values: ['0', '1.5', '-2.25', null, '1000.125', '3.3', '-7', '1e10', '2.5', '3.5']
  },
  {
    name: 'Sd',
    type: 'date',
    oid: OID.date,
    typmod: -1,
    values: ['2024-01-01', '2024-02-29', null, '1969-12-31', '2000-06-15', '2024-12-30']
  },
  {
    name: 'st',
    type: 'timestamp',
    oid: OID.timestamp,
    typmod: -1,
    values: [
      '2024-01-31 00:00:00',
      '2024-02-29 12:34:56.789012',
      null,
      '1969-12-31 23:59:59.999999',
      '2023-03-26 02:30:00'
    ]
  }
]

export const SIDE: readonly ColumnData[] = [
  { name: 'id', type: 'integer', oid: OID.int4, typmod: -1, values: [] },
  {
    name: 'i4',
    type: 'integer',
    oid: OID.int4,
    typmod: -1,
    values: ['0', '1', null, '7', '7', '2147483647']
  },
  {
    name: 'label',
    type: 'text COLLATE "C"',
    oid: OID.text,
    typmod: -1,
    values: ['a', 'b', null, 'é', '', 'Ab']
  },
  {
    name: 'w',
    type: 'numeric(8,3)',
    oid: OID.numeric,
    typmod: numericTypmod(8, 3),
    values: ['1.500', '2.125', null, '-7.000']
  },
  {
    name: 'f8',
    type: 'double precision',
    oid: OID.float8,
    typmod: -1,
    values: ['1', 'NaN', null, '-0', '2.5']
  },
  { name: 'd', type: 'date', oid: OID.date, typmod: -1, values: ['2024-01-01', null, 'infinity'] }
]
