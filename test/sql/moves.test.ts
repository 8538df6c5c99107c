// Goal: FETCH and MOVE are told from texts that hold the words. Method: texts, and the portals they name.

import t from 'tap'

import { movedPortals, readSkip } from '../../src/sql/moves.ts'
import { loadParser } from '../../src/sql/parser.ts'

await loadParser()

const CASES: readonly (readonly [text: string, names: readonly string[]])[] = [
  ['FETCH p', ['p']],
  ['FETCH 2 FROM P', ['p']],
  ['fetch backward all in "P"', ['P']],
  ['MOVE ABSOLUTE 3 FROM c1; SELECT 1; FETCH NEXT c2;', ['c1', 'c2']],
  ['/* first */ FETCH FORWARD 5 FROM p -- last', ['p']],
  ['SELECT * FROM p FETCH FIRST 1 ROWS ONLY', []],
  ['SELECT 1 AS fetch', []],
  ["SELECT 'FETCH p'", []],
  ['SELECT prefetch FROM p', []],
  ["DO 'BEGIN FETCH p INTO x; END'", []],
  ["FETCH 'p", []],
  ['', []]
]

void t.test('portals that a text reads on', (t) => {
  for (const [text, names] of CASES) t.same([...movedPortals(text)], names, text)
  t.end()
})

void t.test('how far', (t) => {
  for (const text of ['MOVE FORWARD 2 p', 'MOVE FORWARD 2 FROM p', 'move forward 2 in P']) {
    t.same(readSkip(text), { portal: 'p', rows: 2 }, text)
  }
  for (const text of ['MOVE 2 IN p', 'MOVE FORWARD ALL IN p', 'MOVE BACKWARD 2 IN p', 'FETCH FORWARD 2 IN p', 'MOVE FORWARD 2', 'MOVE FORWARD 2 p q', 'MOVE FORWARD 1.5 p', 'MOVE FORWARD 0 p']) {
    t.same(readSkip(text), undefined, text)
  }
  t.end()
})
