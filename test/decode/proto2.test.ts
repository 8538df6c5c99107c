// Goal: payloads of proto2 become rows as well: required fields, defaults, groups, packed arrays,
// extensions. Method: one schema as text and as a descriptor set, payloads written byte by byte (what
// decodes them must not have made them), rows compared whole.

import t from 'tap'

import { compileDecoder } from '../../src/decode/decoder.ts'
import { payloadColumns } from '../../src/decode/protobuf-columns.ts'
import { messageType } from '../../src/decode/protobuf-schema.ts'
import type { Decoded, PayloadSchema, RowDecoder } from '../../src/types/connector.ts'
import type { Column } from '../../src/types/value.ts'
import { schemaOf } from './protobuf-fixture.ts'

const PROTO = `
syntax = "proto2";
package old;
enum Color { RED = 1; BLUE = 5; }
message M {
  required int32 id = 1;
  optional int32 n = 2 [default = 7];
  optional string s = 3 [default = "unsaid"];
  optional Color c = 4;
  repeated int32 packed = 5 [packed = true];
  repeated int32 loose = 6;
  optional group Inner = 7 { optional string a = 1; optional int64 b = 2; }
  repeated group Item = 8 { required int32 q = 1; }
  optional M next = 9;
  optional bool flag = 10 [default = true];
  extensions 100 to 199;
}
extend M { optional string extra = 100; }
`

const FORMS: Record<string, PayloadSchema> = {
  text: { form: 'proto', files: [['m.proto', PROTO]] },
  'descriptor set': {
    form: 'descriptor',
    base64: Buffer.from((await schemaOf(PROTO)).descriptorSet).toString('base64')
  }
}

const COLUMNS =
  'id integer, n integer, s varchar, c varchar, packed integer[], loose integer[], inner jsonb, ' +
  'item jsonb, next jsonb, flag boolean'

/** Bytes, and the row they are; a text is the reason why they are none. */
const CASES: [what: string, hex: string, row: readonly unknown[] | string][] = [
  // As RisingWave: an optional field has presence, so its default is for who asks the message.
  ['absent fields are NULL, whatever their default', '0801',
    [1, null, null, null, [], [], null, '[]', null, null]],
  ['fields that are there', '0801 1009 1a0178 2005 5000',
    [1, 9, 'x', 'BLUE', [], [], null, '[]', null, false]],
  ['arrays, packed or not, however they were declared', '0801 2a0105 2805 320203 04 3005',
    [1, null, null, null, [5, 5], [3, 4, 5], null, '[]', null, null]],
  ['groups', '0801 3b0a017110033c 43080144 43080244',
    [1, null, null, null, [], [], '{"a": "q", "b": "3"}', '[{"q": 1}, {"q": 2}]', null, null]],
  ['a message within itself', '0801 4a020802',
    [1, null, null, null, [], [], null, '[]', '{"id": 2, "item": [], "loose": [], "packed": []}',
      null]],
  ['an enum number without a name is NULL', '0801 2009',
    [1, null, null, null, [], [], null, '[]', null, null]],
  ['extensions and fields that the schema lacks are passed over', '0801 a2060179 f80701',
    [1, null, null, null, [], [], null, '[]', null, null]],
  // RisingWave makes a row of NULLs of it; what lacks a required field is no message of the type.
  ['a required field that is missing', '1009', "payload is not a valid old.M: missing required 'id'"],
  ['a group without its end', '0801 3b0a0171', 'payload is not a valid old.M: ']
]

for (const [form, schema] of Object.entries(FORMS)) {
  void t.test(`proto2, the schema being a ${form}`, async (t) => {
    const offered = payloadColumns(await messageType(schema, 'old.M', 'x'))
    t.equal(offered.map(({ name, type }) => `${name} ${type}`).join(', '), COLUMNS)
    const decoder = await decoderOf(schema, offered)
    for (const [what, hex, want] of CASES) {
      const got = decode(decoder, hex)
      if (typeof want === 'string') {
        t.equal(got.ok ? '' : got.error.slice(0, want.length), want, what)
      } else t.same(got, { ok: true, row: want }, what)
    }
  })
}

function decoderOf(
  schema: PayloadSchema,
  offered: ReturnType<typeof payloadColumns>
): Promise<RowDecoder> {
  const columns = offered.map(({ name, oids }, i): Column => ({
    attnum: i + 1,
    name,
    type: { oid: oids[0]!, typmod: -1 },
    notNull: false
  }))
  return compileDecoder(
    { id: 1, columns, key: [] },
    { format: 'plain', encode: 'protobuf', message: 'old.M', location: 'x', schema }
  )
}

const decode = (decoder: RowDecoder, hex: string): Decoded =>
  decoder({
    sequence: 1,
    subject: 's',
    payload: Buffer.from(hex.replaceAll(' ', ''), 'hex'),
    timestampMicros: 0n,
    headers: new Map()
  })
