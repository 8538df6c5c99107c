// Goal: a snapshot sees one committed state and its results are whole or an error; interrupting,
// releasing, leaking and crowding never harm others. Method: applies run against open snapshots;
// results are cut short on purpose; more snapshots are asked for than there are readers.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { limits } from '../../src/limits.ts'
import type { Cursor } from '../../src/store/snapshot.ts'
import type { Store } from '../../src/store/store.ts'
import type { Value } from '../../src/types/value.ts'
import { eventually } from '../support/eventually.ts'
import {
  CREATED,
  INTEGER,
  TEXT,
  batchOf,
  openStore,
  readAll,
  rowsOf,
  schemaOf
} from './fixtures.ts'

const START = { sequence: 0, created: CREATED }
const LONG_QUERY = `SELECT count(*) FROM range(1000000) a(i), range(1000000) b(j)
  WHERE (a.i * b.j) % 7 = 3`
const SUM = 'SELECT count(*)::INTEGER, sum(c2)::INTEGER FROM r1'

/** A store with one relation: `count` rows (i, 1). */
async function filled(t: Parameters<typeof openStore>[0], count: number): Promise<Store> {
  const store = await openStore(t)
  await store.define(schemaOf(1, [INTEGER, INTEGER], [1]), '', START)
  await store.apply(batchOf({ rows: Array.from({ length: count }, (_, i) => [i, 1]) }))
  return store
}

async function drain(cursor: Cursor): Promise<Value[]> {
  const values: Value[] = []
  for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) {
    values.push(...(chunk.columns[0] as Value[]))
  }
  return values
}

void t.test('sees what was committed when it was taken, whatever is applied later', async (t) => {
  const store = await filled(t, 10_000)
  const before = await store.snapshot()
  await store.apply(batchOf({ rows: Array.from({ length: 5000 }, (_, i) => [i, 2]), from: 10_001 }))
  const between = await store.snapshot()
  const unpinned = await store.snapshot({ pinned: false })
  const writes = Promise.all(
    [3, 4, 5].map((n) =>
      store.apply(
        batchOf({ rows: Array.from({ length: 10_000 }, (_, i) => [i, n]), from: n * 10_001 })
      )
    )
  )
  for (let round = 0; round < 20; round++) {
    t.strictSame(await rowsOf(before, SUM), [[10_000, 10_000]])
    t.strictSame(await rowsOf(between, SUM), [[10_000, 15_000]])
    const [[count, sum] = []] = await rowsOf(unpinned, SUM)
    t.equal(count, 10_000, 'never half a batch')
    t.ok([15_000, 30_000, 40_000, 50_000].includes(Number(sum)), `${Number(sum)} is committed`)
  }
  await writes
  await store.drop(1)
  t.strictSame(await rowsOf(before, SUM), [[10_000, 10_000]], 'even what was dropped')
  t.strictSame(await rowsOf(between, SUM), [[10_000, 15_000]])
  await Promise.all([before, between, unpinned].map((snapshot) => snapshot.release()))
  await t.rejects(readAll(store, SUM), { name: 'StoreError' })
})

void t.test('cursors of one snapshot are read in any order', async (t) => {
  const store = await filled(t, 30_000)
  const snapshot = await store.snapshot()
  const sql = 'SELECT c1 FROM r1 WHERE c1 % $1 = 0 ORDER BY 1'
  const asked = [2, 3, 5].map((value) => snapshot.query(sql, [{ value, type: INTEGER }]))
  const cursors = await Promise.all(asked)
  t.strictSame(cursors[0]?.columnTypes, ['INTEGER'])
  const got: Value[][] = [[], [], []]
  for (let open = 3; open > 0; ) {
    open = 3
    for (const [i, cursor] of cursors.entries()) {
      const chunk = await cursor.next()
      if (chunk) got[i]?.push(...(chunk.columns[0] as Value[]))
      else open--
    }
  }
  for (const [i, step] of [2, 3, 5].entries()) {
    const want = Array.from({ length: 30_000 / step }, (_, n) => n * step)
    t.strictSame(got[i], want, `every ${step}`)
  }
  cursors[0]?.close()
  const closed = await snapshot.query(sql, [{ value: 1, type: INTEGER }])
  closed.close()
  t.equal(await closed.next(), undefined)
  t.strictSame(await rowsOf(snapshot, SUM), [[30_000, 30_000]])
  await snapshot.release()
})

void t.test('results set aside are bounded', async (t) => {
  const store = await openStore(t)
  const snapshot = await store.snapshot()
  const size = 1 << 20
  const rows = Math.ceil(limits.heldResultBytesMax / size) + 10
  const large = await snapshot.query(`SELECT repeat('x', ${size}) FROM range(${rows})`)
  t.strictSame(await rowsOf(snapshot, 'SELECT 1'), [[1]], 'the next query works')
  await t.rejects(drain(large), { name: 'StoreError', message: /too many unread results/ })
  large.close()
  const small = await snapshot.query("SELECT repeat('x', 100) FROM range(5000)")
  t.strictSame(await rowsOf(snapshot, 'SELECT 1'), [[1]])
  t.equal((await drain(small)).length, 5000, 'there is room again')
  await snapshot.release()
})

void t.test('what NULL has for a length does not count', async (t) => {
  const store = await openStore(t)
  const schema = schemaOf(1, [INTEGER, TEXT], [1])
  await store.define(schema, '', { sequence: 0, created: CREATED })
  const count = 60_000
  const rows = Array.from({ length: count }, (_, i) => [i, i % 33 === 0 ? null : `a longer text ${i}`])
  await store.apply(batchOf({ rows }))
  const snapshot = await store.snapshot()
  const texts = await snapshot.query('SELECT c2 FROM r1')
  await texts.whole()
  t.equal((await drain(texts)).length, count)
  await snapshot.release()
})

void t.test('a result that fails half-way is an error, never a short result', async (t) => {
  const store = await openStore(t)
  const failing = `SELECT CASE WHEN i = 700000 THEN 'boom' ELSE '1' END::INTEGER
    FROM range(1000000) r(i)`
  for (const pinned of [true, false]) {
    const direct = await store.snapshot({ pinned })
    await t.rejects(drain(await direct.query(failing)), { name: 'StoreError' })
    await direct.release()
    const aside = await store.snapshot({ pinned })
    const cursor = await aside.query(failing)
    await aside.query('SELECT 1').catch((error: unknown) => t.match(error, { name: 'StoreError' }))
    await t.rejects(drain(cursor), { name: 'StoreError' }, 'set aside')
    await aside.release()
    await t.rejects(cursor.next(), { name: 'StoreError', message: /released/ })
  }
  await t.rejects(readAll(store, 'SELECT * FROM nowhere'), { name: 'StoreError' })
  await t.rejects(readAll(store, 'SELECT $1'), { message: /has 1 parameters, 0 were given/ })
  t.strictSame(await readAll(store, 'SELECT 1'), [[1]])
})

void t.test('interrupts what is in hand, promptly, and only that', async (t) => {
  const store = await filled(t, 100)
  const other = await store.snapshot()
  for (const pinned of [true, false]) {
    const snapshot = await store.snapshot({ pinned })
    snapshot.interrupt()
    t.strictSame(await rowsOf(snapshot, SUM), [[100, 100]], 'nothing in hand: nothing happens')
    const running = snapshot.query(LONG_QUERY)
    const waiting = snapshot.query('SELECT 1')
    const started = performance.now()
    snapshot.interrupt()
    await t.rejects(running, { name: 'StoreError' })
    await t.rejects(waiting, { name: 'StoreError' }, 'what waits too')
    t.ok(performance.now() - started < 10_000, 'soon')
    if (!pinned) t.strictSame(await rowsOf(snapshot, SUM), [[100, 100]], 'goes on')
    const started2 = performance.now()
    const again = snapshot.query(LONG_QUERY)
    again.catch(() => undefined)
    await snapshot.release()
    t.ok(performance.now() - started2 < 10_000, 'release interrupts')
    await t.rejects(again, { name: 'StoreError' })
  }
  t.strictSame(await rowsOf(other, SUM), [[100, 100]])
  await other.release()
})

void t.test('an interrupt reaches a query that waits for a thread', async (t) => {
  const store = await openStore(t)
  const snapshots = await Promise.all(Array.from({ length: 8 }, () => store.snapshot()))
  const queries = snapshots.map((snapshot) => snapshot.query(LONG_QUERY))
  const results = Promise.allSettled(queries)
  for (const snapshot of snapshots) snapshot.interrupt()
  for (const result of await results) t.equal(result.status, 'rejected')
  await Promise.all(snapshots.map((snapshot) => snapshot.release()))
})

void t.test('readers are lent in turn, back after any number of releases', async (t) => {
  const store = await filled(t, 10)
  const lent = await Promise.all(
    Array.from({ length: limits.readersMax }, () => store.snapshot())
  )
  const order: number[] = []
  const waiting = [0, 1, 2].map(async (n) => {
    // A transaction's beginning would take each of them its own time.
    const snapshot = await store.snapshot({ pinned: false })
    order.push(n)
    return snapshot
  })
  t.strictSame(order, [], 'all are lent')
  for (const snapshot of lent.slice(0, 3)) await snapshot.release()
  const late = await Promise.all(waiting)
  t.strictSame(order, [0, 1, 2])
  for (const snapshot of lent) await snapshot.release()
  await lent[0]?.release()
  await t.rejects(async () => lent[0]?.query('SELECT 1'), { message: /released/ })
  for (const snapshot of late) t.strictSame(await rowsOf(snapshot, SUM), [[10, 10]])
  const rest = await Promise.all(
    Array.from({ length: limits.readersMax - 3 }, () => store.snapshot())
  )
  await Promise.all([...late, ...rest].map((snapshot) => snapshot.release()))
})

void t.test('a leaked snapshot gives its reader back', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const store = await openStore(t)
  await Promise.all(Array.from({ length: limits.readersMax }, () => store.snapshot()))
  const next = store.snapshot()
  let arrived = false
  void next.then(() => (arrived = true))
  await eventually(() => {
    collect()
    return arrived
  })
  t.strictSame(await rowsOf(await next, 'SELECT 1'), [[1]])
  await (await next).release()
})

void t.test('closing ends what is in hand', async (t) => {
  const store = await filled(t, 10)
  const snapshot = await store.snapshot()
  const query = snapshot.query(LONG_QUERY)
  query.catch(() => undefined)
  const write = store.apply(batchOf({ rows: [[1, 5]], from: 100 }))
  await store.close()
  await t.rejects(query, { name: 'StoreError' })
  await write
  await snapshot.release()
  await t.rejects(store.apply(batchOf({ rows: [[1, 6]], from: 101 })), { message: /closed/ })
})

void t.test('reads cannot write, nor reach files', async (t) => {
  const store = await filled(t, 10)
  await store.define(schemaOf(2, [TEXT]), '', START)
  const writes = ['DELETE FROM r1', 'SET threads = 1', 'BEGIN', 'DROP TABLE r1']
  for (const sql of [...writes, 'SELECT 1; SELECT 2']) {
    await t.rejects(readAll(store, sql), { name: 'StoreError' }, sql)
  }
  await t.rejects(readAll(store, "SELECT * FROM read_text('/etc/hostname')"), {
    message: /disabled by configuration/
  })
  t.strictSame(await readAll(store, SUM), [[10, 10]])
})

// DuckDB plans by the statistics of the moment: a plan used again after a commit gave no rows for
// `> 255`, and a wrong order.
const BY_STATISTICS = [
  'SELECT c1 FROM r1 ORDER BY c1 DESC',
  'SELECT c1 FROM r1 WHERE c1 > 255 ORDER BY 1',
  'SELECT count(*)::INTEGER FROM r1 a JOIN r1 b USING (c1)',
  'SELECT c1, count(*)::INTEGER FROM r1 GROUP BY c1 ORDER BY 1',
  'SELECT count(*)::INTEGER FROM r1 WHERE c1 < 1000'
]

void t.test('a statement asked again knows of rows beyond those of its first plan', async (t) => {
  const store = await filled(t, 250)
  const seen = (sql: string, pinned: boolean) => inSnapshot(store, pinned, sql)
  for (const sql of BY_STATISTICS) await seen(sql, false)
  const before = await store.snapshot()
  await store.apply(
    batchOf({ rows: Array.from({ length: 5_000 }, (_, i) => [i + 250, 1]), from: 251 })
  )
  for (const [i, sql] of BY_STATISTICS.entries()) {
    // A comment makes it another statement, planned anew.
    const want = await seen(`${sql} -- anew`, true)
    t.strictSame(await seen(sql, false), want, sql)
    t.strictSame(await seen(sql, true), want, `pinned: ${sql}`)
    t.equal((await rowsOf(before, sql)).length, [250, 0, 1, 250, 1][i], `an old snapshot: ${sql}`)
  }
  await before.release()
})

void t.test('so it does while commits go on', async (t) => {
  const store = await filled(t, 10)
  let isOver = false
  let next = 10
  const writes = (async () => {
    for (; !isOver; next += 7) {
      const rows = Array.from({ length: 7 }, (_, i) => [next + i, 1])
      await store.apply(batchOf({ rows, from: next + 1 }))
    }
  })()
  for (let round = 0; round < 300; round++) {
    const pinned = round % 2 === 0
    const ids = await inSnapshot(store, pinned, 'SELECT c1 FROM r1 ORDER BY c1 DESC')
    if (ids[0]![0] !== ids.length - 1) t.same(ids[0], [ids.length - 1], `round ${round}`)
  }
  isOver = true
  await writes
  t.ok(next > 300, `${next} rows were written meanwhile`)
})

async function inSnapshot(store: Store, pinned: boolean, sql: string): Promise<Value[][]> {
  const snapshot = await store.snapshot({ pinned })
  try {
    return await rowsOf(snapshot, sql)
  } finally {
    await snapshot.release()
  }
}
