// Statements that are nearly right: good ones with tokens and characters cut, doubled, swapped, put
// in. What the fuzz tests feed the readers and the server.

import type { Random } from '../support/random.ts'

const PIECES = [
  '(', ')', ',', ';', "'", '"', '.', '=', '*', '<', '>', '>>', '[', ']', '$$', '/*', '*/', '--',
  '\n', '`', '\\', '\0', '😀', '\ud800', 'é', 'U&"', "E'", '$1', '0', '-', 'WITH', 'PRIMARY KEY',
  'AS', 'NOT', 'NULL', 'COLLATE', 'struct<', 'map(', 'array', 'INCLUDE', 'INCLUDE key', 'UPSERT',
  'BYTES', 'ON CONFLICT', 'FORMAT', 'connector', 'select', 'CREATE SOURCE', 'uescape',
  'begin atomic', 'case', 'end', 'default', 'watermark for', 'OR REPLACE', 'secret', '=`x`'
]

/** The text with one change. */
export function mutated(rnd: Random, text: string): string {
  const from = rnd.int(0, text.length)
  const to = Math.min(text.length, from + rnd.int(0, 12))
  const cut = text.slice(from, to)
  const [head, tail] = [text.slice(0, from), text.slice(to)]
  switch (rnd.int(0, 4)) {
    case 0:
      return head + tail
    case 1:
      return head + cut + cut + tail
    case 2:
      return `${head} ${rnd.pick(PIECES)} ${cut}${tail}`
    case 3:
      return head + rnd.pick(PIECES) + tail
    default:
      return tail + cut + head
  }
}
