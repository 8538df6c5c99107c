// Goal: rows become the lines that Postgres's COPY TO STDOUT writes, one CopyData frame each.
// Method: fields as the documentation of COPY has them escaped, and as many random rows read back by
// the documentation's rules. Rows straight from the store: test/store/field-writers.test.ts.

import t from 'tap'

import { COPY_DONE, copyOutResponse, writeCopyLines } from '../../src/wire/copy-out.ts'
import { FieldColumn, NULL_LENGTH } from '../../src/wire/field-column.ts'
import { bodyOf, FrameReader } from '../../src/wire/frames.ts'
import { RowWriter } from '../../src/wire/row-writer.ts'
import { random } from '../support/random.ts'

type Row = readonly (string | null)[]

/** All of one width. */
function linesOf(rows: readonly Row[]): string[] {
  const columns = (rows[0] ?? []).map((_, i) => {
    const column = new FieldColumn()
    column.open(rows.length, 0)
    for (const [n, row] of rows.entries()) {
      const field = row[i]!
      if (field === null) column.lengths[n] = NULL_LENGTH
      else column.appendText(n, field)
    }
    return column
  })
  const writer = new RowWriter()
  writeCopyLines(writer, columns, rows.length)
  const frames = [...new FrameReader().push(writer.take())]
  for (const { type } of frames) t.equal(String.fromCharCode(type), 'd')
  return frames.map((frame) => bodyOf(frame).toString())
}

void t.test('fields are escaped as the documentation says', (t) => {
  const table: [Row, string][] = [
    [[], '\n'],
    [[''], '\n'],
    [[null], '\\N\n'],
    [['1', null, 'x'], '1\t\\N\tx\n'],
    [['\\N'], '\\\\N\n'],
    [['\\.'], '\\\\.\n'],
    [['a\tb\nc\rd\be\ff\vg\\'], 'a\\tb\\nc\\rd\\be\\ff\\vg\\\\\n'],
    [['\x01\x07\x7f'], '\x01\x07\x7f\n'],
    [['Grüezi 🚀'], 'Grüezi 🚀\n']
  ]
  for (const [row, want] of table) t.same(linesOf([row]), [want], JSON.stringify(row))
  t.same(linesOf([]), [])
  t.same(linesOf([['\\\\\\\\'], ['\t\t\t\t']]), [`${'\\'.repeat(8)}\n`, '\\t\\t\\t\\t\n'])
  t.end()
})

const LETTERS = { b: '\b', t: '\t', n: '\n', v: '\v', f: '\f', r: '\r', '\\': '\\' } as const

/** What COPY FROM makes of a line. */
function readLine(line: string): Row {
  return line
    .slice(0, -1)
    .split('\t')
    .map((field) => {
      if (field === '\\N') return null
      return field.replace(/\\(.)/g, (_, letter: keyof typeof LETTERS) => LETTERS[letter])
    })
}

void t.test('random rows are read back as they were', (t) => {
  const chance = random(t)
  const alphabet = ['a', '\\', '\t', '\n', 'N', '.', '\r', '\v', 'é', '🚀', '']
  const field = (): string | null => {
    if (chance.bool(0.1)) return null
    return Array.from({ length: chance.int(0, 11) }, () => chance.pick(alphabet)).join('')
  }
  for (let width = 1; width <= 5; width++) {
    const rows = Array.from({ length: 60 }, () => Array.from({ length: width }, field))
    t.same(linesOf(rows).map(readLine), rows)
  }
  t.end()
})

void t.test('the frames around the lines', (t) => {
  t.equal(copyOutResponse(2).toString('hex'), '480000000b00000200000000')
  t.equal(COPY_DONE.toString('latin1'), 'c\0\0\0\x04')
  t.end()
})
