// Goal: only values between backticks become strings, and no position moves. Method: a table.

import t from 'tap'
import { backticksAsQuotes } from '../../src/sql/backticks.ts'

void t.test('a value between backticks becomes a string of its length', async (t) => {
  const cases: [string, string][] = [
    ['WITH (jwt=`eyJ0.9x--y_z`, nkey = `SU`)', "WITH (jwt='eyJ0.9x--y_z', nkey = 'SU')"],
    ['(scan.startup.mode =\n `earliest`)', "(scan.startup.mode =\n 'earliest')"],
    ["(a='=`x`', b=E'=`')", "(a='=`x`', b=E'=`')"],
    ["('it''s =`x`', b=`y`)", "('it''s =`x`', b='y')"],
    ['("=`x`") -- =`x`\n/* =`x` */ b=`y`', '("=`x`") -- =`x`\n/* =`x` */ b=\'y\''],
    ['$a$ =`x` $a$ $$=`x`$$ b=`y`', "$a$ =`x` $a$ $$=`x`$$ b='y'"],
    ["a=`it's`", "a=`it's`"],
    ['a=`x', 'a=`x'],
    ['SELECT `x`', 'SELECT `x`']
  ]
  for (const [text, want] of cases) {
    t.equal(backticksAsQuotes(text), want)
    t.equal(want.length, text.length)
  }
})
