// What each column type takes from JSON and how Postgres would print it. Data only.

import { ARRAY_OID, OID } from '../../src/types/oids.ts'
import type { ColumnType } from '../../src/types/value.ts'

const numericType = (precision: number, scale: number): ColumnType => ({
  oid: OID.numeric,
  typmod: ((precision << 16) | scale) + 4
})

export const plain = (oid: number): ColumnType => ({ oid, typmod: -1 })

type Cases = readonly (readonly [json: string, shown: string | null])[]

/** What a column of each type shows of a JSON value; null when it takes none. */
export const TABLE: readonly (readonly [name: string, type: ColumnType, cases: Cases])[] = [
  [
    'boolean',
    plain(OID.bool),
    [
      ['true', 't'],
      ['false', 'f'],
      // RisingWave, too, takes neither numbers nor texts.
      ['0', null],
      ['1', null],
      ['"true"', null],
      ['null', null],
      ['[]', null]
    ]
  ],
  [
    'smallint',
    plain(OID.int2),
    [
      ['32767', '32767'],
      ['32768', null],
      ['-32769', null],
      ['"-5"', '-5'],
      ['"32768"', null],
      ['1.0', null]
    ]
  ],
  [
    'integer',
    plain(OID.int4),
    [
      ['0', '0'],
      ['-0', '0'],
      ['2147483647', '2147483647'],
      ['2147483648', null],
      ['1.0', null],
      ['1e2', null],
      ['"12"', '12'],
      ['"+12"', '12'],
      ['"1.5"', null],
      ['" 1"', null],
      ['""', null],
      ['true', null],
      ['{}', null]
    ]
  ],
  [
    'bigint',
    plain(OID.int8),
    [
      ['9007199254740993', '9007199254740993'],
      ['9223372036854775807', '9223372036854775807'],
      ['-9223372036854775808', '-9223372036854775808'],
      ['9223372036854775808', null],
      ['"9223372036854775807"', '9223372036854775807'],
      ['"9223372036854775808"', null],
      ['1.0', null],
      ['true', null],
      [`${'9'.repeat(100_000)}`, null]
    ]
  ],
  [
    'real',
    plain(OID.float4),
    [
      ['1.1', '1.1'],
      ['16777217', '1.6777216e+07'],
      ['1e39', null],
      ['"0.1"', '0.1'],
      ['"NaN"', 'NaN'],
      ['true', null]
    ]
  ],
  [
    'double precision',
    plain(OID.float8),
    [
      ['1.1', '1.1'],
      ['-0.0', '-0'],
      ['1e400', null],
      ['2', '2'],
      ['"1e5"', '100000'],
      ['"-Infinity"', '-Infinity'],
      ['"x"', null],
      ['false', null]
    ]
  ],
  [
    'numeric',
    plain(OID.numeric),
    [
      ['1.50', '1.50'],
      ['12345678901234567890.123456789', '12345678901234567890.123456789'],
      ['1e2', '100'],
      ['-0', '0'],
      ['"1.10"', '1.10'],
      ['"NAN"', 'NaN'],
      ['"POSITIVE_INFINITY"', 'Infinity'],
      ['"NEGATIVE_INFINITY"', '-Infinity'],
      ['true', null],
      ['{"scale":2,"value":"MDk="}', '123.45'],
      ['{"scale":1,"value":"/w=="}', '-0.1'],
      ['{"scale":-2,"value":"AQ=="}', '100'],
      ['{"scale":1}', null],
      ['"Infinity"', 'Infinity'],
      ['"x"', null],
      ['[1]', null],
      ['{"scale":"1","value":"AQ=="}', null],
      ['{"scale":1,"value":"?"}', null],
      ['1e999999', null]
    ]
  ],
  [
    'numeric(10,2)',
    numericType(10, 2),
    [
      ['1.005', '1.01'],
      ['-1.005', '-1.01'],
      ['2', '2.00'],
      ['99999999.994', '99999999.99'],
      ['99999999.995', null],
      ['"NaN"', null],
      ['"Infinity"', null],
      [`0.${'4'.repeat(50_000)}`, '0.44']
    ]
  ],
  [
    'numeric(50,2), kept as text',
    numericType(50, 2),
    [
      ['"NaN"', 'NaN'],
      ['1', '1.00']
    ]
  ],
  [
    'text',
    plain(OID.text),
    [
      ['"a\\u00e9\\n\\ud83d\\ude00"', 'aé\n😀'],
      ['12.50', '12.50'],
      ['true', 'true'],
      ['{}', null],
      ['[1]', null],
      ['"\\u0000"', null],
      ['"\\ud800"', null],
      ['""', ''],
      ['"\\\\u0000"', '\\u0000'],
      ['"😀"', '😀']
    ]
  ],
  [
    'varchar(3)',
    { oid: OID.varchar, typmod: 7 },
    [
      ['"abc"', 'abc'],
      ['"abcd"', null],
      ['"abc  "', 'abc'],
      ['"😀😀😀"', '😀😀😀'],
      ['1234', null]
    ]
  ],
  [
    'char(3)',
    { oid: OID.bpchar, typmod: 7 },
    [
      ['"a"', 'a  '],
      ['"abcd"', null],
      ['"ab   "', 'ab ']
    ]
  ],
  [
    'bytea',
    plain(OID.bytea),
    [
      ['"\\\\x00ff"', '\\x00ff'],
      ['"a\\\\\\\\b"', '\\x615c62'],
      ['"\\\\xzz"', null],
      // Not base64: RisingWave, too, takes what Postgres prints.
      ['"AAE="', '\\x4141453d'],
      ['""', '\\x'],
      ['12', null]
    ]
  ],
  [
    'date',
    plain(OID.date),
    [
      ['"2024-02-29"', '2024-02-29'],
      ['"2023-02-29"', null],
      ['19782', '2024-02-29'],
      ['-1', '1969-12-31'],
      ['1.5', null],
      ['2147483647', null],
      ['true', null],
      ['"x"', null],
      ['{}', null],
      ['-2440589', null],
      ['-2440588', '4714-11-24 BC']
    ]
  ],
  [
    'time',
    plain(OID.time),
    [
      ['"10:20:30.5"', '10:20:30.5'],
      ['37230500000', '10:20:30.5'],
      ['86400000000', '24:00:00'],
      ['86400000001', null],
      ['-1', null],
      ['1.5', null],
      ['true', null],
      ['"25:00"', null]
    ]
  ],
  [
    'time(0)',
    { oid: OID.time, typmod: 0 },
    [
      ['"10:20:30.5"', '10:20:31'],
      ['500000', '00:00:01']
    ]
  ],
  [
    'timestamp',
    plain(OID.timestamp),
    [
      ['"2024-01-15 10:20:30.123"', '2024-01-15 10:20:30.123'],
      // A wall clock: RisingWave has NULL where a Z follows.
      ['"2024-01-15T10:20:30Z"', '2024-01-15 10:20:30'],
      ['"2024-01-15 10:20:30+05:30"', '2024-01-15 10:20:30'],
      ['"2024-01-15"', '2024-01-15 00:00:00'],
      ['true', null],
      ['99999999999', '5138-11-16 09:46:39'],
      ['100000000000', '1973-03-03 09:46:40'],
      ['99999999999999', '5138-11-16 09:46:39.999'],
      ['100000000000000', '1973-03-03 09:46:40'],
      ['100000000000000000', '1973-03-03 09:46:40'],
      ['-1', '1969-12-31 23:59:59'],
      ['-100000000000000001', '1966-10-31 14:13:19.999999'],
      ['1.5', null],
      ['"now"', null],
      ['"infinity"', 'infinity'],
      ['"294247-01-10 04:00:54.775807"', null],
      ['"294247-01-10 04:00:54.775806"', '294247-01-10 04:00:54.775806'],
      ['"4715-01-01 BC"', null]
    ]
  ],
  [
    'timestamptz',
    plain(OID.timestamptz),
    [
      ['"2024-01-15T10:20:30Z"', '2024-01-15 10:20:30+00'],
      ['"2024-01-15 10:20:30+05:30"', '2024-01-15 04:50:30+00'],
      ['"2024-01-15 10:20:30"', null],
      ['"2024-01-15"', null],
      ['1705314030', '2024-01-15 10:20:30+00'],
      ['1705314030123', '2024-01-15 10:20:30.123+00'],
      ['1705314030123456', '2024-01-15 10:20:30.123456+00'],
      ['1705314030123456789', '2024-01-15 10:20:30.123456+00'],
      ['1705314030.5', null],
      ['99999999999', '5138-11-16 09:46:39+00'],
      ['100000000000', '1973-03-03 09:46:40+00'],
      ['99999999999999', '5138-11-16 09:46:39.999+00'],
      ['100000000000000', '1973-03-03 09:46:40+00'],
      ['99999999999999999', '5138-11-16 09:46:39.999999+00'],
      ['100000000000000000', '1973-03-03 09:46:40+00'],
      ['true', null],
      ['"x"', null]
    ]
  ],
  [
    'interval',
    plain(OID.interval),
    [
      ['"1 day 02:00:00"', '1 day 02:00:00'],
      ['"P1Y2M"', '1 year 2 mons'],
      ['"PT2H30M"', '02:30:00'],
      ['5', null],
      ['true', null],
      ['"x"', null]
    ]
  ],
  [
    'uuid',
    plain(OID.uuid),
    [
      ['"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
      ['"x"', null]
    ]
  ],
  [
    'json',
    plain(OID.json),
    [
      [' {"b" : 1.50, "a":1e2 } ', '{"b" : 1.50, "a":1e2 }'],
      ['"\\u00e9"', '"\\u00e9"'],
      ['null', null],
      ['12.0', '12.0']
    ]
  ],
  [
    'jsonb',
    plain(OID.jsonb),
    [
      ['{"b" : 1.50, "a":1e2, "b": {"__proto__": [ ]} }', '{"a": 100, "b": {"__proto__": []}}'],
      ['"\\u00e9\\/"', '"é/"'],
      ['12345678901234567890', '12345678901234567890'],
      ['true', 'true'],
      ['"text"', '"text"'],
      ['[1, "a"]', '[1, "a"]'],
      // Also of a STRUCT or MAP, which RisingWave fills from such a text, and never.
      ['"{\\"a\\": 1}"', '"{\\"a\\": 1}"'],
      ['"\\u0000"', null],
      ['null', null]
    ]
  ],
  [
    'integer[]',
    plain(ARRAY_OID[OID.int4] ?? 0),
    [
      ['[1, "2", null]', '{1,2,NULL}'],
      ['{"0": 1}', null],
      ['null', null],
      ['[]', '{}'],
      ['[1, 1.5]', null],
      ['[[1]]', null],
      ['"{1}"', null]
    ]
  ],
  [
    'text[]',
    plain(ARRAY_OID[OID.text] ?? 0),
    [
      ['["a b", 1, true, ""]', '{"a b",1,true,""}'],
      ['[{}]', null]
    ]
  ],
  [
    'jsonb[]',
    plain(ARRAY_OID[OID.jsonb] ?? 0),
    [['[{"a":1.0}, "x", null]', '{"{\\"a\\": 1.0}","\\"x\\"",NULL}']]
  ],
  [
    'numeric[]',
    plain(ARRAY_OID[OID.numeric] ?? 0),
    [['[9007199254740993.10]', '{9007199254740993.10}']]
  ],
  // Each element writes out to 131,001 digits: all of them together are beyond one field's bound.
  [
    'numeric[] bomb',
    plain(ARRAY_OID[OID.numeric] ?? 0),
    [[`[${Array(600).fill('1e131000').join()}]`, null]]
  ],
  ['jsonb bomb', plain(OID.jsonb), [[`[${Array(600).fill('1e131000').join()}]`, null]]]
]
