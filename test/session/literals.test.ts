// Goal: two texts have one pattern only if they differ in nothing but the values of plain constants.
// Method: a table of texts with the pattern wanted, constants marked; random constants put into a
// pattern come out again.

import t from 'tap'

import { patternOf } from '../../src/session/literals.ts'
import { random } from '../support/random.ts'

/** ‹i› for a number, ‹s› for a text; no pattern: undefined. */
const shown = (text: string): string | undefined =>
  patternOf(text)?.text.replaceAll('\u0001', '‹i›').replaceAll('\u0002', '‹s›')

void t.test('what is a constant', async (t) => {
  const cases: readonly (readonly [text: string, want: string | undefined])[] = [
    ['SELECT * FROM t1 WHERE id = 12;', 'SELECT * FROM t1 WHERE id = ‹i›;'],
    ["select a from t where k='it''s' and n = -5", 'select a from t where k=‹s› and n = -‹i›'],
    ['select x2y, a$1 from t where k=1', 'select x2y, a$1 from t where k=‹i›'],
    ['where id=1and k=2', undefined],
    ['where a = 1.5', undefined],
    ['where a = .5', 'where a = .5'],
    ['where a = 1e5', undefined],
    ['where a = 0x1F', undefined],
    ['where a = 1_000', undefined],
    ['where a = 123456789012345678', 'where a = ‹i›'],
    ['where a = 1234567890123456789', undefined],
    ["where a = E'x'", undefined],
    ["where a = U&'x'", undefined],
    ["where a = &'x'", undefined],
    ["where a = N'x'", undefined],
    ["where a = 'back\\slash'", undefined],
    ["where a = 'open", undefined],
    ["where a = 'x''", undefined],
    ["where a = ''", 'where a = ‹s›'],
    ['where "a" = 1', 'where "a" = ‹i›'],
    [`where "it's 1 "" $ \\ --" = 1 and "b"='x'`, `where "it's 1 "" $ \\ --" = ‹i› and "b"=‹s›`],
    ['where "a" = 1 and "b', undefined],
    ['where "a""" = 1 and "b"" = 2', undefined],
    ['where "\u0001" = 1', undefined],
    ['where U&"a" = 1', undefined],
    ['where a = $1', undefined],
    ['where a = $$x$$', undefined],
    ['select 1 -- 2', undefined],
    ['select 1 /* 2 */', undefined],
    ['select 4 - 2 / 1 * 3', 'select ‹i› - ‹i› / ‹i› * ‹i›'],
    ['select \u0001 from t', undefined],
    ['select ü9 from t where ü9 = 9', 'select ü9 from t where ü9 = ‹i›'],
    [`select ${'1,'.repeat(64)}1`, undefined],
    [`select ${'a,'.repeat(2_000)}1`, undefined]
  ]
  for (const [text, want] of cases) t.equal(shown(text), want, text.slice(0, 60))
})

void t.test('the constants are those of the text', async (t) => {
  const next = random(t)
  for (let round = 0; round < 200; round++) {
    const number = String(next.int(0, 1e9))
    const words = Array.from({ length: next.int(0, 9) }, () => next.pick(['a', "'", '"', ' ', 'é', '$', '-']))
    const text = words.join('')
    const found = patternOf(`where k = ${number} and t = '${text.replaceAll("'", "''")}'`)
    t.strictSame(
      found?.literals.map((literal) => [literal.isText, literal.text]),
      [[false, number], [true, text]]
    )
  }
})
