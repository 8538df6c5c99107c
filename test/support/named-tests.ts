// Whether the test that a document names is there: "test/…/x.test.ts: its title". A title made in a
// loop is a template, which the document fills in or names as it is.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const titles = new Map<string, Promise<readonly RegExp[]>>()

/** `named` as documents write it; false where it names no file or a title that the file has not. */
export async function isNamedTest(named: string): Promise<boolean> {
  const [, file, title] = /^(test\/\S+\.test\.ts): (.+)$/.exec(named) ?? []
  if (file === undefined || title === undefined) return false
  if (!titles.has(file)) titles.set(file, titlesOf(file))
  return (await titles.get(file)!).some((pattern) => pattern.test(title))
}

async function titlesOf(file: string): Promise<readonly RegExp[]> {
  const source = await readFile(join(root, file), 'utf8').catch(() => '')
  const found = source.matchAll(/\bt\.test\((['"`])((?:\\.|(?!\1).)+)\1/g)
  return [...found].map(([, , title = '']) => patternOf(title.replaceAll(/\\(.)/g, '$1')))
}

/** What a template leaves open is any text. */
const patternOf = (title: string): RegExp => {
  const fixed = title.split(/\$\{[^}]*\}/).map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&'))
  return new RegExp(`^${fixed.join('.+')}$`)
}

/** Of each row of the tables whose last column is "shown by": the row, and the tests it names. */
export function shownRows(text: string): { row: string; named: readonly string[] }[] {
  const rows = []
  let isIn = false
  for (const row of text.split('\n')) {
    if (!row.startsWith('|')) isIn = false
    else if (row.endsWith('| shown by |')) isIn = true
    else if (isIn && !row.startsWith('|---')) {
      rows.push({ row, named: row.slice(0, -2).split('| ').at(-1)!.split(/; (?=test\/)/) })
    }
  }
  return rows
}
