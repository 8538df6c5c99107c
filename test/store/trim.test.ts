// Goal: trimming removes the rows of deliveries before a sequence, and those named, nothing else; a
// batch that cuts removes what another life of the stream had behind a sequence, with its own coming in.
// Method: two relations, one trimmed and cut.

import t from 'tap'

import { batchOf, CREATED, INTEGER, openStore, readAll, schemaOf } from './fixtures.ts'

void t.test('rows before a sequence leave, and single ones', async (t) => {
  const store = await openStore(t)
  for (const id of [1, 2]) {
    await store.define(schemaOf(id, [INTEGER]), '', { sequence: 0, created: CREATED })
    await store.apply(batchOf({ id, from: 5, rows: [[5], [6], [7], [8]] }))
  }
  await store.trim(1, 5)
  t.same(await readAll(store, 'SELECT c1 FROM r1 ORDER BY 1'), [[5], [6], [7], [8]])
  await store.trim(1, 7)
  t.same(await readAll(store, 'SELECT c1 FROM r1 ORDER BY 1'), [[7], [8]])
  await store.trim(1, 7, [8, 9])
  t.same(await readAll(store, 'SELECT c1 FROM r1 ORDER BY 1'), [[7]], 'from the middle, too')
  t.same(await readAll(store, 'SELECT count(*) FROM r2'), [[4n]], 'others stay')
  t.equal((await store.position(1)).sequence, 8, 'and so does the position')
})

void t.test('a batch that cuts', async (t) => {
  const store = await openStore(t)
  for (const id of [1, 2]) {
    await store.define(schemaOf(id, [INTEGER]), '', { sequence: 0, created: CREATED })
    await store.apply(batchOf({ id, rows: [[1], [2], [3]] }))
  }
  const rows = (id: number): Promise<unknown[][]> => readAll(store, `SELECT c1 FROM r${id} ORDER BY 1`)
  await store.apply({ ...batchOf({ from: 4, rows: [[4]] }), cutsBehind: 0 })
  t.same(await rows(1), [[1], [2], [3], [4]], 'of the life that is known: nothing to clear')
  const created = 'another'
  await store.apply({ ...batchOf({ rows: [[5]], created }), cutsBehind: 0 })
  t.same(await rows(1), [[5]])
  await store.apply({ ...batchOf({ from: 2, rows: [[6]], created }), cutsBehind: 0 })
  t.same(await rows(1), [[5], [6]], 'once')
  await store.apply({ ...batchOf({ id: 2, rows: [], created }), cutsBehind: 0 })
  t.same(await rows(2), [], 'though nothing comes')
  t.same(await store.position(2), { sequence: 0, created })
  const third = 'a third'
  await store.apply({ ...batchOf({ from: 2, rows: [[8]], created: third }), cutsBehind: 1 })
  t.same(await rows(1), [[5], [8]], 'no more than what was behind it')
})
