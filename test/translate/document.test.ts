// Goal: docs/SQL-SELECT.md says what the translator's tables say, and every entry has its test.
// Method: it is written anew and compared; UPDATE_DOCS=1 puts it in place.

import { readFile, writeFile } from 'node:fs/promises'

import { loadModule } from 'libpg-query'
import t from 'tap'

import { document, UNSHOWN } from './document.ts'

const FILE = new URL('../../docs/SQL-SELECT.md', import.meta.url)

await loadModule()

void t.test('the document of the tables', async (t) => {
  const text = document()
  const unshown = text.split('\n').filter((line) => line.includes(`| ${UNSHOWN} |`))
  t.same(unshown, [], 'every entry is in a statement of the differential test')
  if (process.env.UPDATE_DOCS) await writeFile(FILE, text)
  t.equal(await readFile(FILE, 'utf8'), text, 'docs/SQL-SELECT.md is current')
})
