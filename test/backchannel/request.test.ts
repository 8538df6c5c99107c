// Goal: a DECLARE's SELECT is understood as postgres_fdw means it.
// Method: statements as its deparse.c writes them, read by scanRequest; anything else is refused.

import t from 'tap'

import { relationIdOf, scanRequest } from '../../src/backchannel/request.ts'
import { PgError } from '../../src/errors.ts'
import { loadParser } from '../../src/sql/parser.ts'
import { OID } from '../../src/types/oids.ts'

await loadParser()

void t.test('finds the relation and the types of its parameters', async (t) => {
  const cases: [text: string, values: string[], id: number, types: number[]][] = [
    ['SELECT c1, c2 FROM jetgres_live.r7', [], 7, []],
    ['SELECT NULL FROM jetgres_live.r12 WHERE ((c1 > 10))', [], 12, []],
    ['SELECT c1 FROM jetgres_live.r7 WHERE ((c1 = $1::integer))', ['5'], 7, [OID.int4]],
    [
      'SELECT c1 FROM jetgres_live.r7 WHERE ((c2 = $2::text)) AND ((c1 = $1::bigint))',
      ['5', 'x'],
      7,
      [OID.int8, OID.text]
    ],
    ['SELECT c1 FROM jetgres_live.r7 WHERE ((c1 = ANY ($1::integer[])))', ['{1,2}'], 7, [1007]],
    [
      'SELECT c1 FROM jetgres_live.r7 WHERE ((c3 > $1::timestamp with time zone))',
      ['2024-01-01 00:00:00+00'],
      7,
      [OID.timestamptz]
    ]
  ]
  for (const [text, values, id, types] of cases) {
    const request = scanRequest(text, values)
    t.equal(relationIdOf(request.table), id, text)
    t.strictSame(request.parameterTypes, types, text)
    t.strictSame(request.parameters, values, text)
  }
})

void t.test('refuses whatever is not one SELECT of one live child', async (t) => {
  const texts = [
    'SELECT 1',
    'SELECT c1 FROM r7',
    'SELECT c1 FROM public.r7',
    'DELETE FROM jetgres_live.r7',
    'SELECT c1 FROM (SELECT 1) x'
  ]
  for (const text of texts) {
    t.throws(() => scanRequest(text, []), { code: '0A000' }, text)
  }
  t.equal(scanRequest('SELECT c1 FROM jetgres_live.gaps', []).table, 'gaps')
  t.throws(() => scanRequest('SELECT c1 FROM jetgres_live.secret', []), { code: '42P01' })
})

void t.test('takes a relation number from nothing but a child name', async (t) => {
  t.equal(relationIdOf('r7'), 7)
  for (const name of ['r', 'r7x', 'x7', 'r-1', '']) {
    t.throws(() => relationIdOf(name), PgError, name)
  }
})
