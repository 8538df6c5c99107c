// Goal: docs/ENCODINGS.md names a test for every row of its tables, none that isn't there, and every
// type that JSON is tried with. Method: each "test/…: name" is looked up in that file, each type in
// the names of the cases.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { TABLE } from './decode/field-cases.ts'
import { isNamedTest, shownRows } from './support/named-tests.ts'

const text = await readFile(join(import.meta.dirname, '../docs/ENCODINGS.md'), 'utf8')

void t.test('the tests it names exist', async (t) => {
  const rows = shownRows(text)
  t.ok(rows.length > 50, `${rows.length} rows`)
  for (const { named } of rows) {
    for (const test of named) t.ok(await isNamedTest(test), test)
  }
  t.notOk(await isNamedTest('test/decode/json.test.ts: no such title'), 'one that is not there')
})

void t.test('each type has its cases', async (t) => {
  const tried = TABLE.map(([name]) => name).filter((name) => !/bomb|kept as text/.test(name))
  const named = [...text.matchAll(/json\.test\.ts: (.+?) takes what fits/g)].map(([, name]) => name)
  t.same(tried.filter((name) => !named.includes(name)), [], 'each is told of')
  t.same(named.filter((name) => !tried.some((type) => type === name)), [], 'and no other')
})
