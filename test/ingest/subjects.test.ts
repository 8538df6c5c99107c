// Goal: the subject algebra agrees with nats-server's rules. Method: tables of both answers, and a
// check of cover and overlap against their definition over every small filter and subject.

import t from 'tap'

import {
  filtersAreDisjoint,
  isSubjectFilter,
  minimalFilters,
  subjectCovers,
  subjectsOverlap
} from '../../src/ingest/subjects.ts'

void t.test('tells filters from what is none', async (t) => {
  for (const good of ['a', 'a.b', '*', '>', 'a.*.c', 'a.>', 'orders-1.$x', 'a*b']) {
    t.ok(isSubjectFilter(good), good)
  }
  for (const bad of ['', '.', 'a.', '.a', 'a..b', '>.a', 'a.>.b', 'a b', 'a.\tb']) {
    t.notOk(isSubjectFilter(bad), bad)
  }
})

void t.test('cover and overlap', async (t) => {
  const cases: [string, string, boolean, boolean][] = [
    ['a.b', 'a.b', true, true],
    ['a.*', 'a.b', true, true],
    ['a.b', 'a.*', false, true],
    ['>', 'a', true, true],
    ['a.>', 'a', false, false],
    ['a.>', 'a.*', true, true],
    ['a.*', 'a.>', false, true],
    ['a.>', 'a.>', true, true],
    ['*.b', 'a.*', false, true],
    ['a.*.x', 'a.b.*', false, true],
    ['a.b', 'a.c', false, false],
    ['a.b', 'a.b.c', false, false],
    ['*', 'a.b', false, false]
  ]
  for (const [a, b, covers, overlaps] of cases) {
    t.equal(subjectCovers(a, b), covers, `${a} covers ${b}`)
    t.equal(subjectsOverlap(a, b), overlaps, `${a} overlaps ${b}`)
    t.equal(subjectsOverlap(b, a), overlaps, `${b} overlaps ${a}`)
  }
})

void t.test('cover and overlap mean what they say for every subject', async (t) => {
  const tokens = ['a', 'b']
  const extend = (lists: string[][], by: string[]) =>
    lists.flatMap((list) => by.map((token) => [...list, token]))
  const one = tokens.map((token) => [token])
  const two = extend(one, tokens)
  const subjects = [...one, ...two, ...extend(two, tokens)].map((list) => list.join('.'))
  const wild = [...tokens, '*']
  const heads = [...wild.map((token) => [token]), ...extend(wild.map((w) => [w]), wild)]
  const filters = ['>', ...heads.flatMap((list) => [list.join('.'), [...list, '>'].join('.')])]
  const matches = (filter: string) => subjects.filter((subject) => subjectCovers(filter, subject))
  let wrong = 0
  for (const a of filters) {
    for (const b of filters) {
      const left = new Set(matches(a))
      const right = matches(b)
      const both = right.filter((subject) => left.has(subject))
      if (subjectsOverlap(a, b) !== both.length > 0) wrong++
      if (subjectCovers(a, b) && both.length !== right.length) wrong++
    }
  }
  t.ok(filters.length > 20)
  t.equal(wrong, 0)
})

void t.test('filters are reduced to what a server accepts', async (t) => {
  t.same(minimalFilters(['a', 'a', 'b']), ['a', 'b'])
  t.same(minimalFilters(['a.b', 'a.*', 'c']), ['a.*', 'c'])
  t.same(minimalFilters(['a.>', '>', 'b']), ['>'])
  t.ok(filtersAreDisjoint(['a.*', 'b.*', 'a']))
  t.notOk(filtersAreDisjoint(['a.*.x', 'a.b.*']))
})
