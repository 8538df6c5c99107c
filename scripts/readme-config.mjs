// @ts-check
// Writes README's table of options from src/config-options.ts (run `npm run build` first). test/readme.test.ts
// fails where the two differ.

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

import { configMarkdown } from '../dist/config-help.js'

const path = resolve(import.meta.dirname, '../README.md')
const [begin, end] = ['<!-- config: begin -->', '<!-- config: end -->']

const text = readFileSync(path, 'utf8')
const [before, rest = ''] = text.split(begin)
const after = rest.split(end)[1]
if (after === undefined) throw new Error(`README.md lacks ${begin} … ${end}`)
writeFileSync(path, `${before}${begin}\n${configMarkdown()}\n${end}${after}`)
console.log('README.md is current')
