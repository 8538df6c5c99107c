// Goal: docs/SQL.md names a test for every row, none that isn't there, and every option there is.
// Method: each "test/…: name" of its tables is looked up in that file, each key of the option table in
// the document.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { OPTIONS } from '../src/sql/option-table.ts'
import { isNamedTest, shownRows } from './support/named-tests.ts'

const text = await readFile(join(import.meta.dirname, '../docs/SQL.md'), 'utf8')

void t.test('the tests it names exist', async (t) => {
  const rows = shownRows(text)
  t.ok(rows.length > 100, `${rows.length} rows`)
  for (const { named } of rows) {
    for (const test of named) t.ok(await isNamedTest(test), test)
  }
})

void t.test('it tells of every option', async (t) => {
  for (const key of Object.keys(OPTIONS)) t.ok(text.includes(`\`${key}\``), key)
})
