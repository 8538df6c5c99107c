// Goal: docs/SQL.md names no test that isn't there, and every option there is.
// Method: each "test/…: name" of its tables is looked up in that file, each key of the option table in
// the document.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { OPTIONS } from '../src/sql/option-table.ts'

const root = join(import.meta.dirname, '..')
const text = await readFile(join(root, 'docs/SQL.md'), 'utf8')

void t.test('the tests it names exist', async (t) => {
  const rows = [...text.matchAll(/^\| (?!clause|option \||statement).*\| (.*) \|$/gm)]
  const named = rows.filter(([, shown]) => shown !== '–')
  t.ok(named.length > 50, `${named.length} are named`)
  for (const [row, shown = ''] of named) {
    const [, file = '', name = ''] = /^(test\/\S+\.test\.ts): (.+)$/.exec(shown) ?? []
    const source = file === '' ? '' : await readFile(join(root, file), 'utf8')
    const isThere = ["'", '`'].some((quote) =>
      source.includes(`t.test(${quote}${quote === "'" ? name.replaceAll("'", "\\'") : name}${quote}`)
    )
    t.ok(isThere, row)
  }
})

void t.test('it tells of every option', async (t) => {
  for (const key of Object.keys(OPTIONS)) t.ok(text.includes(`\`${key}\``), key)
})
