// Goal: a remote SELECT is moved to its scratch table whole, however its table's name is written.
// Method: a table of texts as postgres_fdw writes them, with and without quote_all_identifiers.

import t from 'tap'

import { scanRequest } from '../../src/backchannel/request.ts'
import { onScratch } from '../../src/backchannel/scratch.ts'
import { loadParser } from '../../src/sql/parser.ts'

await loadParser()

const cases: readonly (readonly [id: number, text: string, want: string])[] = [
  [
    7,
    `SELECT c1 FROM jetgres_live.r7 WHERE ((c2 ~ 'é'))`,
    `SELECT c1 FROM scratch WHERE ((c2 ~ 'é'))`
  ],
  [
    7,
    `SELECT "c1" FROM "jetgres_live"."r7" WHERE (("c2" ~ 'x'))`,
    `SELECT "c1" FROM scratch WHERE (("c2" ~ 'x'))`
  ],
  [
    2917,
    `SELECT length('äöü'), "c1" FROM "jetgres_live"."r2917"`,
    `SELECT length('äöü'), "c1" FROM scratch`
  ],
  [2917, 'SELECT NULL FROM jetgres_live.r2917', 'SELECT NULL FROM scratch']
]

void t.test('only the name of the table is replaced', async (t) => {
  for (const [, text, want] of cases) {
    t.equal(onScratch(scanRequest(text, []), 'scratch'), want, text)
  }
})
