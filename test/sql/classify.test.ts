// Goal: the cheap scans never miss what concerns us. Method: tables, and random texts that are made
// to contain a name in every spelling Postgres folds to it.

import t from 'tap'
import { NameScan, startsIntercepted } from '../../src/sql/classify.ts'
import { random } from '../support/random.ts'

const mentions = (names: string[], text: string): boolean => new NameScan(names).mentions(text)

void t.test('a name is found however it is spelled', async (t) => {
  const cases: [string, string][] = [
    ['live', 'select * from live'],
    ['live', 'select * from LIVE'],
    ['live', 'select * from "live"'],
    ['live', 'select * from public.live where x=1'],
    ['live', 'select*from/**/live/**/'],
    ['live', 'select(live.*)::text'],
    ['live', 'live'],
    ['live', 'copy live(a)to stdout'],
    ['live', 'select 1from live'],
    ['live', 'select * from U&"\\006Cive"'],
    ['live', 'select * from u&"li\\0076e"'],
    ['Live', 'select * from "Live"'],
    ['my table', 'select * from "my table"'],
    ['a"b', 'select * from "a""b"'],
    ['a$b', 'select * from A$B'],
    ['1st', 'select * from "1st"'],
    ['größe', 'select * from größe'],
    ['GRÖSSE', 'select * from "GRÖSSE"'],
    ['ΑΣ', 'select * from "ΑΣ".b'],
    ['odd name', 'select * from U&"odd\\0020name"'],
    ['x'.repeat(63), `select * from ${'x'.repeat(80)}`],
    ['_a1', 'select * from _A1']
  ]
  for (const [name, text] of cases) t.ok(mentions([name], text), `${name} in ${text}`)
})

void t.test('a text without the name is turned away', async (t) => {
  const cases: [string, string][] = [
    ['live', 'select * from alive'],
    ['live', 'select * from live2'],
    ['live', 'select * from olive_oil, lives, liv, e'],
    ['live', ''],
    ['my table', 'select * from my_table'],
    ['a1', 'select a, 1, a11, ba1']
  ]
  for (const [name, text] of cases) t.notOk(mentions([name], text), `${name} in ${text}`)
  t.notOk(mentions([], 'select U&"x"'))
})

void t.test('among many names and random words none is missed', async (t) => {
  const rnd = random(t)
  const letters = Array.from('abcdefghijklmnopqrstuvwxyz_0123456789')
  const letter = (): string => rnd.pick(letters)
  const tail = (): string => Array.from({ length: rnd.int(1, 12) }, letter).join('')
  const word = (): string => rnd.pick(['a', 'b', 'c', 'x', '_']) + tail()
  const names = new Set(Array.from({ length: 300 }, word))
  const scan = new NameScan(names)
  const failures: string[] = []
  const spellings = [
    (n: string) => n.toUpperCase(),
    (n: string) => `"${n}"`,
    (n: string) => `s.${n}`,
    (n: string) => n.replace(/[a-z]/g, (c) => (rnd.bool() ? c.toUpperCase() : c))
  ]
  for (let i = 0; i < 2_000; i++) {
    const others = Array.from({ length: rnd.int(0, 5) }, word)
    const name = rnd.pick([...names])
    const words = rnd.shuffle([...others, rnd.pick(spellings)(name)])
    const text = words.join(rnd.pick([' ', ',', '(', '/**/', '\n', '=']))
    const isKnown = others.some((other) => names.has(other))
    const wrong =
      (scan.mentions(text) ? '' : `${name} missed in ${text}`) ||
      (scan.mentions(others.join(' ')) === isKnown ? '' : `wrong for ${others.join(' ')}`)
    if (wrong !== '') failures.push(wrong)
  }
  t.strictSame(failures, [])
})

void t.test('every statement of ours is seen', async (t) => {
  const ours = [
    "create table t (a int) with (connector = 'nats')",
    'CREATE TABLE t (a int) WITH ("CONNECTOR"=\'nats\')',
    "create/**/temp/**/table t (a int) with (connector='x')",
    'create source s',
    'create index on t (a)',
    'CREATE UNIQUE INDEX i ON t (a)',
    'grant select on source s to bob',
    'REVOKE all ON SOURCE s FROM bob',
    'create or replace source s',
    'create temporary source s',
    'create materialized source s',
    'drop source s',
    'drop table if exists t',
    'alter source s rename to x',
    'alter table t rename to x',
    'show sources',
    'show tables like \'a\'',
    'show create table t',
    'show columns from t',
    'SHOW jetgres.consistency',
    'show "jetgres".consistency',
    'describe t',
    'desc t',
    'explain select * from t',
    'EXPLAIN (ANALYZE) SELECT * FROM t'
  ]
  const frames = [
    (sql: string) => sql,
    (sql: string) => ` \t\n${sql.toUpperCase()}`,
    (sql: string) => `-- a comment; with more\n/* x /* y */ ; */ ${sql}`,
    (sql: string) => `-- mac\r${sql}`,
    (sql: string) => `select ';'; ${sql}`,
    (sql: string) => `begin;${sql};commit`,
    (sql: string) => `;;${sql}`,
    (sql: string) => sql.replaceAll(' ', '/* */ -- c\n')
  ]
  for (const sql of ours) {
    for (const frame of frames) t.ok(startsIntercepted(frame(sql)), frame(sql))
  }
})

void t.test('everyday statements are turned away', async (t) => {
  const everyday = [
    '',
    ' ',
    'select 1',
    'select * from t order by x desc',
    "insert into t values ('create source')",
    'begin',
    'BEGIN; select 1; COMMIT',
    'show all',
    'show server_version',
    'show transaction isolation level',
    'set search_path to x',
    'create table t (a int)',
    'grant select on t to bob',
    'create view source_view as select 1',
    'drop view v',
    'drop index i',
    'alter role r set x = 1',
    'describes',
    '/* drop table x',
    '-- drop table x',
    'with x as (select 1) select * from x'
  ]
  for (const sql of everyday) t.notOk(startsIntercepted(sql), sql)
})
