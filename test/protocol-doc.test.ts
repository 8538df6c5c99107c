// Goal: docs/PROTOCOL.md names no test that isn't there.
// Method: each "test/…: name" of its table is looked up in that file.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

const root = join(import.meta.dirname, '..')

void t.test('the tests it names exist', async (t) => {
  const text = await readFile(join(root, 'docs/PROTOCOL.md'), 'utf8')
  const named = [...text.matchAll(/\| (test\/\S+\.test\.ts): (.+?) \|$/gm)]
  const rows = [...text.matchAll(/^\| (?!feature|client's|clear|TLS \|)/gm)]
  t.ok(named.length > 25, `${named.length} are named`)
  t.equal(named.length, rows.length, 'by every row of the first table')
  for (const [, file = '', name = ''] of named) {
    const source = await readFile(join(root, file), 'utf8')
    t.ok(source.includes(`t.test('${name.replaceAll("'", "\\'")}'`), `${file}: ${name}`)
  }
})
