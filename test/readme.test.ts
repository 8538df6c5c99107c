// Goal: README says what the program does.
// Method: what README shows is compared with the sources it speaks of.

import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { configMarkdown } from '../src/config-help.ts'
import { readConfig } from '../src/config.ts'

const root = join(import.meta.dirname, '..')
const readme = () => readFile(join(root, 'README.md'), 'utf8')

void t.test('its table of options is that of config.ts', async (t) => {
  const [, shown] = /<!-- config: begin -->\n([^]*?)\n<!-- config: end -->/.exec(await readme()) ?? []
  t.equal(shown, configMarkdown(), 'else run: npm run build && node scripts/readme-config.mjs')
})

void t.test('the npm scripts it names exist', async (t) => {
  const text = await readme()
  const about: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const { scripts } = about as { scripts: Record<string, string> }
  const named = [...text.matchAll(/npm (?:run )?([a-z:]+)/g)].map((match) => match[1] ?? '')
  const wanted = new Set(named.filter((name) => !/^(ci|install)$/.test(name)))
  t.ok(wanted.size >= 4, [...wanted].join(', '))
  for (const name of wanted) if (!/^(and|are|is)$/.test(name)) t.ok(scripts[name], `npm run ${name}`)
})

void t.test('the files it links to exist', async (t) => {
  const links = [...(await readme()).matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1] ?? '')
  t.ok(links.length > 0)
  for (const link of links) t.ok((await stat(join(root, link))).isFile(), link)
})

void t.test('the flags it shows are understood', async (t) => {
  const commands = [...(await readme()).matchAll(/npm start(?: --)?(.*)/g)].map((m) => m[1] ?? '')
  t.ok(commands.length >= 2)
  for (const command of commands) {
    const words = command.trim().split(/ +/).filter(Boolean)
    const argv = words.map((word) => word.replaceAll("'", ''))
    t.ok(readConfig(argv, {}), command)
  }
})
