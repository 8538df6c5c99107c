// Goal: texts go through the lexer and grammar with right positions, and no text can break them.
// Method: tables of texts with non-ASCII characters in the way; texts nested to destruction.

import t from 'tap'
import { limits } from '../../src/limits.ts'
import { nestingBound } from '../../src/sql/nesting.ts'
import { byteToIndex, loadParser, parseSql, scanTokens } from '../../src/sql/parser.ts'
import { splitStatements } from '../../src/sql/split.ts'
import {
  characterPosition,
  identifierName,
  indexOfCharacter,
  stringValue
} from '../../src/sql/tokens.ts'
import { expectError } from './expect-error.ts'

await loadParser()

void t.test('statements are found at their own place behind non-ASCII text', async (t) => {
  const text = "select 'é😀' ; /* ü */ select \"ß\" as x;;"
  const parsed = parseSql(text)
  t.strictSame(
    parsed.map((s) => text.slice(s.start, s.end).trim()),
    ["select 'é😀'", 'select "ß" as x']
  )
  t.strictSame(Object.keys(parsed[0]!.node), ['SelectStmt'])
})

void t.test('an empty text has no statements', async (t) => {
  for (const text of ['', '  ', ';', '-- nothing', '/* */ ;; ']) t.strictSame(parseSql(text), [])
})

void t.test('a syntax error points at its character, not its byte', async (t) => {
  const cases: [string, string][] = [
    ['select 1; ▼selec 2', 'syntax error at or near "selec"'],
    ["select 'é😀' from ▼from", 'syntax error at or near "from"'],
    ["select ▼'abc", 'unterminated quoted string at or near "\'abc"'],
    ['select 1 +▼', 'syntax error at end of input']
  ]
  for (const [marked, message] of cases) {
    expectError(t, marked, parseSql, { code: '42601', message })
  }
})

void t.test('a text that the grammar cannot hold is refused, not tried', async (t) => {
  const tooLong = `select '${'x'.repeat(limits.inspectedSqlCharsMax)}'`
  for (const act of [parseSql, scanTokens]) {
    t.throws(() => act(tooLong), {
      code: '54000',
      message: 'statement is too long to be inspected'
    })
    t.throws(() => act('select 1\0'), { code: '22021' })
  }
})

void t.test('a statement nested too deeply is refused and the next one is parsed', async (t) => {
  const shapes: Record<string, (n: number) => string> = {
    chain: (n) => `select ${'1+'.repeat(n)}1`,
    brackets: (n) => `select ${'('.repeat(n)}1${')'.repeat(n)}`,
    unclosed: (n) => `select ${'('.repeat(n)}`,
    calls: (n) => `select ${'f('.repeat(n)}1${')'.repeat(n)}`,
    not: (n) => `select ${'not '.repeat(n)}true`,
    cases: (n) => `select ${'case when true then '.repeat(n)}1${' end'.repeat(n)}`,
    unions: (n) => `select 1, 2${' union select 1, 2'.repeat(n)}`,
    joins: (n) => `select * from a${' join a on true'.repeat(n)}`,
    casts: (n) => `select 1${'::int'.repeat(n)}`,
    arrays: (n) => `select ${'array['.repeat(n)}1${']'.repeat(n)}`,
    staircase: (n) => `select ${'('.repeat(n / 10)}1${`${'+1'.repeat(10)})`.repeat(n / 10)}`
  }
  for (const [name, shape] of Object.entries(shapes)) {
    t.throws(() => parseSql(shape(20_000)), { code: '54000' }, name)
    t.equal(parseSql('select 1').length, 1, `after ${name}`)
  }
})

void t.test('a parser that ran out of stack is replaced and answers again', async (t) => {
  const chain = `select ${'1+'.repeat(limits.sqlNestingMax - 10)}1`
  let crash: unknown
  // Goes down until the stack ends, then parses on the way up until it is the parser that fails.
  const dive = (): void => {
    try {
      dive()
    } catch (error) {
      if (crash !== undefined || !(error instanceof RangeError)) throw error
      try {
        parseSql(chain)
      } catch (failure) {
        if (failure instanceof RangeError) throw failure
        crash = failure
      }
    }
  }
  dive()
  t.match(crash, { name: 'PgError', code: '54000', cause: RangeError })
  t.equal(parseSql('select 1').length, 1, 'meanwhile the old instance answers')
  await loadParser()
  t.equal(parseSql(chain).length, 1)
})

void t.test('a shape just below the bound is parsed', async (t) => {
  const n = limits.sqlNestingMax - 10
  t.equal(parseSql(`select ${'1+'.repeat(n)}1`).length, 1)
  t.equal(parseSql(`select 1${'::int'.repeat(n / 2)}`).length, 1)
})

void t.test('a long flat statement is not taken for a deep one', async (t) => {
  const rows = Array.from({ length: 5_000 }, (_, i) => `(${i}, 'a-b:c', -1.5)`).join(', ')
  t.ok(nestingBound(`insert into x values ${rows}`) < 20)
  const list = Array.from({ length: 5_000 }, (_, i) => -i).join(',')
  t.equal(parseSql(`select 1 where x in (${list})`).length, 1)
})

void t.test('tokens carry their place, kind and folded word; comments are dropped', async (t) => {
  const text = 'Select /* é */ "A""b", é😀Ü, $1 -- x\n+ U&"d\\0061t"'
  const tokens = scanTokens(text)
  t.strictSame(
    tokens.map((token) => [token.kind, text.slice(token.start, token.end), token.word]),
    [
      ['keyword', 'Select', 'select'],
      ['identifier', '"A""b"', undefined],
      ['symbol', ',', undefined],
      ['identifier', 'é😀Ü', 'é😀Ü'],
      ['symbol', ',', undefined],
      ['parameter', '$1', undefined],
      ['symbol', '+', undefined],
      ['identifier', 'U&"d\\0061t"', undefined]
    ]
  )
  t.strictSame(tokens.filter((x) => x.kind === 'identifier').map(identifierName), [
    'A"b',
    'é😀Ü',
    'dat'
  ])
})

void t.test('a text that the lexer rejects is a syntax error', async (t) => {
  const texts = ["select 'abc", 'select "abc', 'select /* abc', 'select $a$ abc', "e'\\xff'"]
  for (const text of texts) {
    t.throws(() => scanTokens(text), { name: 'PgError', code: '42601' }, text)
  }
})

void t.test('an identifier is cut to 63 bytes, never inside a character', async (t) => {
  const [long, accented] = scanTokens(`${'a'.repeat(70)} "${'é'.repeat(40)}"`)
  t.equal(identifierName(long!), 'a'.repeat(63))
  t.equal(identifierName(accented!), 'é'.repeat(31))
})

void t.test('string constants are decoded as Postgres decodes them', async (t) => {
  const cases: [string, string | undefined][] = [
    ["'it''s'", "it's"],
    ["'a\\nb'", 'a\\nb'],
    ["E'a\\nb\\t\\'\\\\''x'", "a\nb\t'\\'x"],
    ["e'\\x41\\101\\u00e9\\U0001F600\\q'", 'AAé😀q'],
    ["'a'\n  'b'", 'ab'],
    ["'a' -- why\n 'b''c'\n'd'", "ab'cd"],
    ["E'a'\n'\\n'", 'a\n'],
    ['$$a$$', undefined],
    ["U&'a'", undefined],
    ["B'1'", undefined]
  ]
  for (const [text, expected] of cases) t.equal(stringValue(text), expected, text)
})

void t.test('character positions and string indexes convert both ways', async (t) => {
  const text = 'a😀bé😀'
  t.strictSame([0, 1, 3, 4, 5, 7].map((i) => characterPosition(text, i)), [1, 2, 3, 4, 5, 6])
  t.strictSame([1, 2, 3, 4, 5, 6, 99].map((p) => indexOfCharacter(text, p)), [0, 1, 3, 4, 5, 7, 7])
  const toIndex = byteToIndex(text)
  t.strictSame([12, 0, 1, 5, 6, 8].map(toIndex), [7, 0, 1, 3, 4, 5])
})

void t.test('texts are split where the grammar would', async (t) => {
  const body = 'create function f() returns int begin atomic select case when true then 1 end; end'
  const cases: [string, string[]][] = [
    ['select 1', ['select 1']],
    [' select 1 ; ', ['select 1']],
    ['', []],
    [' ; ;', []],
    ['-- only a comment', []],
    ["select 'a;b'; select 2", ["select 'a;b'", 'select 2']],
    ['select $x$ ; $x$;select 3;', ['select $x$ ; $x$', 'select 3']],
    ['select ";" ; select 3', ['select ";"', 'select 3']],
    ['/* a /* ; */ ; */ select 1; -- ;\n select 2', [
      '/* a /* ; */ ; */ select 1',
      '-- ;\n select 2'
    ]],
    ['select 1 -- ;', ['select 1 -- ;']],
    [`${body}; select 2`, [body, 'select 2']],
    [`${body.replace('function', 'or replace procedure')}; select 2`, [
      body.replace('function', 'or replace procedure'),
      'select 2'
    ]],
    ['begin; select case when true then 1 end; end', [
      'begin',
      'select case when true then 1 end',
      'end'
    ]],
    ['create rule r as on insert to t do (select 1; select 2); select 3', [
      'create rule r as on insert to t do (select 1; select 2)',
      'select 3'
    ]],
    ["select 'é😀' ; select 2", ["select 'é😀'", 'select 2']]
  ]
  for (const [text, expected] of cases) {
    const statements = splitStatements(text)
    t.strictSame(statements?.map((s) => s.text), expected, text)
    for (const s of statements ?? []) t.equal(text.slice(s.start, s.end), s.text)
  }
})

void t.test('a text that cannot be split surely is not split', async (t) => {
  for (const text of ["select 1; select 'a", 'select (1; select 2', 'select 1); drop table x']) {
    t.equal(splitStatements(text), undefined, text)
  }
})
