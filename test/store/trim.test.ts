// Goal: trimming removes the rows of deliveries before a sequence, and those named, nothing else.
// Method: two relations, one trimmed twice.

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
