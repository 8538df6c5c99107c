// Goal: space is taken back where it is worth it, table by table, and a step that finds nothing to do
// is not made again and again. Method: numbers.

import t from 'tap'

import { DeletedRows } from '../../src/store/deleted-rows.ts'

const rowGroup = 122_880

void t.test('a small table waits for a row group of deleted rows', async (t) => {
  const deleted = new DeletedRows()
  deleted.add('small', rowGroup - 1)
  t.notOk(deleted.areMany)
  deleted.add('small', 1)
  t.ok(deleted.areMany)
  t.ok(deleted.areEnough(new Map([['small', 200_000]])))
})

void t.test('a large one waits for a quarter', async (t) => {
  const kept = new Map([['large', 10_000_000]])
  const deleted = new DeletedRows()
  deleted.add('large', rowGroup)
  t.ok(deleted.areMany)
  t.notOk(deleted.areEnough(kept))
  t.notOk(deleted.areMany, 'nobody looks again before')
  deleted.add('large', 2_500_000 - rowGroup)
  t.ok(deleted.areMany)
  t.ok(deleted.areEnough(kept))
})

void t.test('a small table beside a large one does not wait for that', async (t) => {
  const deleted = new DeletedRows()
  deleted.add('large', rowGroup)
  deleted.add('small', rowGroup)
  const kept = new Map([
    ['large', 10_000_000],
    ['small', 2 * rowGroup]
  ])
  t.ok(deleted.areEnough(kept))
  const after = new Map(kept).set('small', rowGroup)
  t.equal(deleted.takenBack(kept, after), rowGroup)
  t.notOk(deleted.areMany)
  deleted.add('small', rowGroup)
  t.ok(deleted.areMany)
})

void t.test('after a step that found little, more have to come first', async (t) => {
  const kept = new Map([['one', 400_000]])
  const deleted = new DeletedRows()
  deleted.add('one', 2 * rowGroup)
  t.ok(deleted.areEnough(kept))
  t.equal(deleted.takenBack(kept, new Map([['one', 399_000]])), 1_000)
  t.notOk(deleted.areMany)
  t.notOk(deleted.areEnough(kept))
  deleted.add('one', rowGroup - 1)
  t.notOk(deleted.areMany)
  deleted.add('one', 1)
  t.ok(deleted.areEnough(kept))
})

void t.test('a step that could not be made is put off', async (t) => {
  const deleted = new DeletedRows()
  deleted.add('one', rowGroup)
  deleted.putOff()
  t.notOk(deleted.areMany)
  deleted.add('one', rowGroup)
  t.ok(deleted.areMany)
})

void t.test('a table that was dropped is forgotten', async (t) => {
  const deleted = new DeletedRows()
  deleted.add('gone', rowGroup)
  t.equal(deleted.takenBack(new Map([['gone', rowGroup]]), new Map()), rowGroup)
  t.notOk(deleted.areMany)
  deleted.add('gone', 1)
  t.notOk(deleted.areMany)
})
