// Goal: a look-up is recognised as clients write it, whatever an ORM puts around it, looks for the keys
// that Postgres would find, and is nothing else. Method: tables of conditions over one relation, with the
// types that the upstream would describe; the keys of values and constants, or that others have to say.

import t from 'tap'

import type { Relation } from '../../src/catalog/relation.ts'
import { limits } from '../../src/limits.ts'
import { readKeyLookup } from '../../src/session/key-lookup.ts'
import { keysOf } from '../../src/session/lookup-keys.ts'
import { unwrap } from '../../src/sql/ast.ts'
import { loadParser, parseSql } from '../../src/sql/parser.ts'
import { ARRAY_OID, OID } from '../../src/types/oids.ts'
import type { OutputSettings, Value } from '../../src/types/value.ts'

await loadParser()

const settings: OutputSettings = {
  timeZone: 'UTC',
  dateStyle: 'ISO, MDY',
  intervalStyle: 'postgres',
  extraFloatDigits: 1,
  byteaOutput: 'hex'
}

const FIELDS = [{ attnum: 2, typeOid: OID.text, typmod: -1 }] as never

/** A relation whose key is column `id` of this type, or `id` and `k`. */
const relationOf = (oid: number, isPair: boolean): Relation => {
  const columns = [
    { attnum: 1, name: 'id', type: { oid, typmod: -1 }, notNull: true },
    { attnum: 2, name: 'v', type: { oid: OID.text, typmod: -1 }, notNull: false },
    { attnum: 3, name: 'k', type: { oid: OID.text, typmod: -1 }, notNull: false }
  ]
  return { schema: { id: 1, columns, key: isPair ? [3, 1] : [1] } } as unknown as Relation
}

interface Asked {
  readonly oid?: number
  readonly isPair?: boolean
  /** The parameters: their types and values. */
  readonly given?: readonly (readonly [oid: number, value: Value])[]
}

/** The keys; 'others' where they are for others to say; undefined: it is no look-up. */
function keys(rest: string, { oid = OID.int8, isPair = false, given = [] }: Asked) {
  const select = unwrap(parseSql(`SELECT v FROM r AS x ${rest}`)[0]!.node, 'SelectStmt')!
  const lookup = readKeyLookup(select, relationOf(oid, isPair), given.map(([type]) => type), FIELDS)
  if (!lookup) return undefined
  const valueOf = (source: (typeof lookup.sources)[number]) =>
    'parameter' in source ? given[source.parameter - 1]![1] : source.constant
  return keysOf(lookup, valueOf, settings) ?? 'others'
}

const [int2s, int4s, int8s, texts, varchars] = [OID.int2, OID.int4, OID.int8, OID.text, OID.varchar].map(
  (oid) => ARRAY_OID[oid]!
)
const int4 = (value: number | null) => [OID.int4, value] as const
const int8 = (value: bigint | null) => [OID.int8, value] as const

type Case = readonly [rest: string, want: readonly unknown[] | 'others' | undefined, asked?: Asked]

void t.test('what is written with a key', async (t) => {
  const cases: readonly Case[] = [
    ['WHERE id = 5', [5n]],
    ['WHERE (x.id = -5)', [-5n]],
    ['WHERE id = 5 LIMIT 1', [5n]],
    ['WHERE id = 5 LIMIT 21 OFFSET 0', [5n]],
    ['WHERE id = 5 ORDER BY x.id, v DESC LIMIT 1', [5n]],
    ['WHERE id = 5 LIMIT ALL', undefined],
    ['WHERE id = 5 LIMIT 0', 'others'],
    ['WHERE id = 5 LIMIT -1', 'others'],
    ['WHERE id = 5 OFFSET 1', 'others'],
    ["WHERE id = 5 LIMIT '1'", undefined],
    ['WHERE id = 5 LIMIT 1 + 1', undefined],
    ['WHERE id = 5 ORDER BY v FETCH FIRST 1 ROW WITH TIES', undefined],
    ['WHERE id = 5 ORDER BY length(v)', undefined],
    ['WHERE id = 5 ORDER BY 1', undefined],
    ['WHERE id = 5 FOR UPDATE', undefined],
    ['WHERE id = $1 LIMIT $2', [7n], { given: [int8(7n), int8(1n)] }],
    ['WHERE id = $1 LIMIT $2 OFFSET $3', [7n], { given: [int4(7), int8(null), int8(0n)] }],
    ['WHERE id = $1 LIMIT $2 OFFSET $3', [7n], { given: [int4(7), int8(2n), int8(null)] }],
    ['WHERE id = $1 LIMIT $2', 'others', { given: [int8(7n), int8(0n)] }],
    ['WHERE id = $1 OFFSET $2', 'others', { given: [int8(7n), int8(1n)] }],
    ['WHERE id = $1', 'others', { given: [int8(null)] }],
    ['WHERE (x.id = $1 AND 1=1) LIMIT $2 OFFSET $3', [7n], { given: [int8(7n), int8(1n), int8(0n)] }],
    ['WHERE (x.id IN ($1) AND 1=1) OFFSET $2', [7n], { given: [int8(7n), int8(0n)] }],
    ['WHERE 1=1', undefined],
    ['WHERE id = 5 AND 1=0', undefined],
    ["WHERE id = 5 AND '1'='1'", undefined],
    ['WHERE id = 5 AND 1<>1', undefined],
    ['WHERE id = 5 AND v = 1', undefined],
    ['WHERE id = 5 OR id = 6', undefined],
    ['WHERE id <> 5', undefined],
    ['WHERE id = 5.0', undefined],
    ['WHERE id OPERATOR(public.=) 5', undefined]
  ]
  for (const [rest, want, asked = {}] of cases) t.strictSame(keys(rest, asked), want, rest)
})

void t.test('casts', async (t) => {
  const uuid = '6ecd8c99-4036-403d-bf84-cf8400f67836'
  const cases: readonly Case[] = [
    ['WHERE id = $1::bigint', [7n], { given: [int8(7n)] }],
    ['WHERE id = $1::INTEGER LIMIT $2', [7n], { given: [int4(7), int8(1n)] }],
    ['WHERE id = $1::uuid', [uuid], { oid: OID.uuid, given: [[OID.uuid, uuid]] }],
    ['WHERE id = $1::varchar', ['a'], { oid: OID.text, given: [[OID.varchar, 'a']] }],
    ['WHERE id = $1::int', undefined, { given: [[OID.text, '7']] }],
    ['WHERE id = $1::smallint', undefined, { given: [int8(70_000n)] }],
    ['WHERE id = $1::varchar(1)', undefined, { oid: OID.text, given: [[OID.varchar, 'ab']] }],
    ['WHERE id = $1::mine.int', undefined, { given: [int4(7)] }],
    ['WHERE id = $1::text::bigint', undefined, { given: [[OID.text, '7']] }],
    ["WHERE id = '7'::bigint", [7n]],
    ['WHERE id = 7::bigint', [7n]],
    ["WHERE id = '7'::int", undefined],
    ['WHERE id = 7::int', undefined, { oid: OID.int4 }],
    ["WHERE id = 'a'::varchar", ['a'], { oid: OID.text }],
    ["WHERE id = 'abc'::varchar(1)", undefined, { oid: OID.text }],
    [`WHERE id = '${uuid}'::uuid`, [uuid], { oid: OID.uuid }],
    ["WHERE id = '7'::text", undefined]
  ]
  for (const [rest, want, asked = {}] of cases) t.strictSame(keys(rest, asked), want, rest)
})

void t.test('lists', async (t) => {
  const many = Array.from({ length: limits.lookupKeysMax + 1 }, (_, i) => i)
  const cases: readonly Case[] = [
    ['WHERE id IN (3, 1, -2, 3)', [3n, 1n, -2n]],
    ["WHERE id IN (1, '2')", [1n, 2n]],
    ["WHERE id IN ('x')", 'others'],
    ['WHERE id IN (1, NULL)', undefined],
    ['WHERE id IN (1, v)', undefined],
    ['WHERE id IN (SELECT 1)', undefined],
    ['WHERE id NOT IN (1, 2)', undefined],
    ['WHERE id IN (1, 2) ORDER BY id', undefined],
    ['WHERE id IN (1, 2) LIMIT 2', [1n, 2n]],
    ['WHERE id IN (1, 2) LIMIT 1', 'others'],
    ['WHERE id IN ($1, $2, $3)', [1n, 2n], { given: [int4(1), int4(null), int4(2)] }],
    ['WHERE id IN ($1::INTEGER, $2::INTEGER)', [1n, 2n], { given: [int4(1), int4(2)] }],
    ['WHERE id = ANY($1)', [1n, 2n], { given: [[int8s!, [1n, null, 2n, 1n]]] }],
    ['WHERE id = ANY($1::int[])', [1n], { given: [[int4s!, [1]]] }],
    ['WHERE id = ANY($1)', [1], { oid: OID.int4, given: [[int2s!, [1]]] }],
    ['WHERE id = ANY($1)', ['a', ''], { oid: OID.varchar, given: [[texts!, ['a', '']]] }],
    ['WHERE id = ANY($1)', [], { given: [[int8s!, []]] }],
    ['WHERE id = ANY($1)', [], { given: [[int8s!, null]] }],
    ['WHERE id = ANY($1)', 'others', { given: [[int4s!, [[1, 2], [3, 4]]]] }],
    ['WHERE id = ANY($1)', 'others', { given: [[int4s!, many]] }],
    ['WHERE id = ANY($1)', undefined, { given: [[texts!, ['1']]] }],
    ['WHERE id = ANY($1)', undefined, { oid: OID.uuid, given: [[texts!, ['1']]] }],
    ['WHERE id = ALL($1)', undefined, { given: [[int8s!, [1n]]] }],
    ['WHERE id > ANY($1)', undefined, { given: [[int8s!, [1n]]] }],
    ['WHERE $1 = ANY(ARRAY[id])', undefined, { given: [int8(1n)] }],
    ["WHERE id = ANY(ARRAY[1, 2])", [1n, 2n]],
    ["WHERE id = ANY(ARRAY[1, '2'])", undefined],
    ["WHERE id = ANY(ARRAY['a', $1])", undefined, { oid: OID.text, given: [[OID.text, 'b']] }],
    ["WHERE id = ANY(ARRAY['a', 'b'])", ['a', 'b'], { oid: OID.text }],
    ['WHERE id = ANY($1::varchar(1)[])', undefined, { oid: OID.varchar, given: [[varchars!, ['a ']]] }],
    ['WHERE id = ANY($1::varchar[])', ['a '], { oid: OID.varchar, given: [[varchars!, ['a ']]] }],
    ["WHERE id IN (1, $1)", undefined, { given: [[OID.float8, 1.5]] }],
    ["WHERE id IN ('2024-01-01', $1)", undefined, { oid: OID.date, given: [[OID.timestamp, 0n]] }],
    ["WHERE id IN ('2024-01-01', timestamp '2024-01-01')", undefined, { oid: OID.date }],
    ["WHERE id = ANY('{1,2}'::int[])", undefined],
    ["WHERE k = 'a' AND id = 1", ['1:a1:1'], { isPair: true }],
    ["WHERE k = 'a' AND id IN (1, 2)", undefined, { isPair: true }],
    ["WHERE k = 'a'", undefined, { isPair: true }],
    ["WHERE k = 'a' AND k = 'b'", undefined, { isPair: true }]
  ]
  for (const [rest, want, asked = {}] of cases) t.strictSame(keys(rest, asked), want, rest)
})
