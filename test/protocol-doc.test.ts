// Goal: docs/PROTOCOL.md names no test that isn't there.
// Method: each "test/…: name" of its table is looked up in that file, among its tests and among the
// titled cases of a table that it imports.

import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

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
    const quoted = `'${name.replaceAll("'", "\\'")}'`
    const isThere = source.includes(`t.test(${quoted}`) || (await casesOf(file, source)).includes(`\n    ${quoted},`)
    t.ok(isThere, `${file}: ${name}`)
  }
})

/** The sources of the tables that a test plays. */
async function casesOf(file: string, source: string): Promise<string> {
  const names = [...source.matchAll(/from '(\.\/support\/[\w-]+exchanges\.ts)'/g)]
  const paths = names.map(([, name = '']) => join(root, dirname(file), name))
  return (await Promise.all(paths.map((path) => readFile(path, 'utf8')))).join('\n')
}
