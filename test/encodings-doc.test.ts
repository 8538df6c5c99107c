// Goal: docs/ENCODINGS.md names no test that isn't there, and every clause of its table names one.
// Method: each "test/…: name" of the table is looked up in that file.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

const root = join(import.meta.dirname, '..')

void t.test('the tests it names exist', async (t) => {
  const text = await readFile(join(root, 'docs/ENCODINGS.md'), 'utf8')
  const named = [...text.matchAll(/\| (test\/\S+\.test\.ts): (.+?) \|$/gm)]
  const rows = text.match(/^\| (?:`|a key)/gm) ?? []
  t.ok(named.length >= 9, `${named.length} are named`)
  t.equal(named.length, rows.length, 'by every row')
  for (const [, file = '', name = ''] of named) {
    const source = await readFile(join(root, file), 'utf8')
    t.ok(source.includes(`t.test('${name.replaceAll("'", "\\'")}'`), `${file}: ${name}`)
  }
})
