// Goal: a delivery that is replayed leaves what it would have left in its turn: nothing where a later
// one of its key decides. Method: each way of deciding, with rows before, behind and beside it.

import t from 'tap'

import type { OnConflict, RelationSchema, Value } from '../../src/types/value.ts'
import { batchOf, CREATED, INTEGER, openStore, readAll, schemaOf, TEXT } from './fixtures.ts'

interface Case {
  readonly name: string
  readonly key?: readonly number[]
  readonly onConflict?: OnConflict
  /** Columns: key, version, text. */
  readonly before: readonly (readonly Value[])[]
  readonly sequences: readonly number[]
  readonly replayed: readonly (readonly Value[])[]
  readonly at: readonly number[]
  readonly deleted?: readonly number[]
  readonly doubtful?: readonly number[]
  readonly want: readonly (readonly Value[])[]
}

const versions = { keep: 'highest', versions: [2] } as const

const CASES: readonly Case[] = [
  {
    name: 'the newest delivery of a key is its row',
    before: [[1, 0, 'late'], [2, 0, 'early']],
    sequences: [9, 3],
    replayed: [[1, 0, 'r'], [2, 0, 'r'], [3, 0, 'older'], [3, 0, 'r']],
    at: [5, 6, 7, 8],
    want: [[1, 0, 'late'], [2, 0, 'r'], [3, 0, 'r']]
  },
  {
    name: 'without a key each is a row',
    key: [],
    before: [[1, 0, 'a']],
    sequences: [9],
    replayed: [[1, 0, 'b']],
    at: [5],
    want: [[1, 0, 'a'], [1, 0, 'b']]
  },
  {
    name: 'where the first is kept, the earlier one is it',
    onConflict: { keep: 'first' },
    before: [[1, 0, 'late'], [2, 0, 'early']],
    sequences: [9, 3],
    replayed: [[1, 0, 'r'], [2, 0, 'r']],
    at: [5, 6],
    want: [[1, 0, 'r'], [2, 0, 'early']]
  },
  {
    name: 'versions decide, and among equals the stream',
    onConflict: versions,
    before: [[1, 5, 'a'], [2, 5, 'late'], [3, 5, 'early'], [4, 5, 'a']],
    sequences: [3, 9, 3, 9],
    replayed: [[1, 4, 'r'], [2, 5, 'r'], [3, 5, 'r'], [4, 6, 'r']],
    at: [5, 6, 7, 8],
    want: [[1, 5, 'a'], [2, 5, 'late'], [3, 5, 'r'], [4, 6, 'r']]
  },
  {
    name: 'a deletion takes what came before it',
    before: [[1, 0, 'late'], [2, 0, 'early']],
    sequences: [9, 3],
    replayed: [[1, null, null], [2, null, null]],
    at: [5, 6],
    deleted: [0, 1],
    want: [[1, 0, 'late']]
  },
  {
    name: 'what may have been deleted since does not come back',
    before: [[1, 0, 'early']],
    sequences: [3],
    replayed: [[1, 0, 'r'], [2, 0, 'r'], [3, 0, 'r']],
    at: [5, 6, 7],
    doubtful: [0, 1],
    want: [[1, 0, 'r'], [3, 0, 'r']]
  }
]

void t.test('replayed rows', async (t) => {
  const store = await openStore(t)
  for (const [i, each] of CASES.entries()) {
    const { name, key = [1], onConflict, before, sequences, replayed, at, want } = each
    const id = i + 1
    const schema: RelationSchema = {
      ...schemaOf(id, [INTEGER, INTEGER, TEXT], key),
      ...(onConflict ? { onConflict } : {})
    }
    await store.define(schema, '', { sequence: 0, created: CREATED })
    for (const [n, row] of before.entries()) {
      const sequence = sequences[n]!
      // Each in a life of its own, so that they may come in any order.
      await store.apply(batchOf({ id, rows: [row], sequences: [sequence], created: `${n}` }))
    }
    const position = await store.position(id)
    const batch = batchOf({ id, rows: replayed, sequences: at, deleted: each.deleted ?? [] })
    await store.replay(batch, new Set(each.doubtful))
    const got = await readAll(store, `SELECT c1, c2, c3 FROM r${id} ORDER BY c1, c3`)
    t.same(got, want, name)
    t.same(await store.position(id), position, 'the position stays')
  }
})

void t.test('what is replayed is dropped no more; merged rows refuse', async (t) => {
  const store = await openStore(t)
  await store.define(schemaOf(1, [INTEGER], [1]), '', { sequence: 0, created: CREATED })
  const dropped = [3, 4].map((sequence) => ({
    sequence,
    subject: 's',
    error: 'bad',
    payload: Buffer.from('x')
  }))
  await store.apply({ ...batchOf({ id: 1, position: 4, dropped }), columns: [[]] })
  await store.replay(batchOf({ id: 1, rows: [[7]], sequences: [3] }), new Set())
  t.same((await store.dropped(1, 10)).map(({ sequence }) => sequence), [4])
  t.equal(await store.droppedCount(1), 2, 'dropped they were')
  const merged = { ...schemaOf(2, [INTEGER, TEXT], [1]), onConflict: { keep: 'notNull' as const } }
  await store.define(merged, '', { sequence: 0, created: CREATED })
  await t.rejects(store.replay(batchOf({ id: 2, rows: [[1, 'a']], sequences: [1] }), new Set()), /merged/)
})
