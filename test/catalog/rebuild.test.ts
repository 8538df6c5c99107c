// Goal: of a damaged store everything that can be read stays, everything else is put where its stream
// fills it again, no definition is lost, and the damaged files are kept as they were.
// Method: a store of two relations, its files damaged in every way that disks know, rebuilt and opened.

import { copyFile, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import t from 'tap'
import type { Test } from 'tap'

import { rebuildStore } from '../../src/catalog/rebuild.ts'
import { Store } from '../../src/store/store.ts'
import { batchOf, CREATED, INTEGER, log, readAll, schemaOf, storePath, TEXT } from '../store/fixtures.ts'

const FROM = { sequence: 5, created: CREATED }
const BIG = 1
const SMALL = 2
/** Enough that most blocks of the file are BIG's alone. */
const ROWS = 80_000

const definitionOf = (id: number, name: string): string => {
  const schema = schemaOf(id, [INTEGER, TEXT], [1])
  const connector = { stream: 'S' }
  const names = { database: 'postgres', schemaName: 'public', name }
  return JSON.stringify({ version: 1, ...names, schema, connector, from: FROM })
}

/** Such as no compression makes small. */
const wordOf = (i: number): string =>
  [2_654_435_761, 40_503, 2_246_822_519].map((f) => ((i * f) % 4_294_967_291).toString(36)).join('')

/** Closed, the rows of BIG in its first blocks and one more row of SMALL in its log. */
async function makeStore(t: Test): Promise<string> {
  const path = await storePath(t)
  const store = await Store.open({ path, log, threads: 1 })
  for (const [id, name] of [[BIG, 'big'], [SMALL, 'small']] as const) {
    await store.define(schemaOf(id, [INTEGER, TEXT], [1]), definitionOf(id, name), FROM)
  }
  const rows = Array.from({ length: ROWS }, (_, i) => [i, wordOf(i)])
  await store.apply(batchOf({ id: BIG, from: 6, rows }))
  await store.apply(batchOf({ id: SMALL, from: 6, rows: [[1, 'a']] }))
  await store.close()
  const again = await Store.open({ path, log, threads: 1 })
  for (let i = 2; i < 20; i++) {
    await again.apply(batchOf({ id: SMALL, from: 5 + i, rows: [[i, 'b'.repeat(500)]] }))
  }
  // The files of a jetgres that was killed.
  for (const ending of ['', '.wal']) await copyFile(`${path}${ending}`, `${path}.killed${ending}`)
  await again.close()
  for (const ending of ['', '.wal']) await copyFile(`${path}.killed${ending}`, `${path}${ending}`)
  return path
}

async function overwrite(path: string, share: number, bytes: number): Promise<void> {
  const { size } = await stat(path)
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(bytes, 0xa5), 0, bytes, Math.floor(size * share))
  await file.close()
}

interface Damage {
  readonly name: string
  readonly harm: (path: string) => Promise<void>
  /** Rows and position of each relation after it. */
  readonly big: readonly [rows: number, position: number]
  readonly small: readonly [rows: number, position: number]
  readonly opens?: true
}

const WHOLE = [ROWS, 5 + ROWS] as const
const EMPTY = [0, 5] as const

const DAMAGES: readonly Damage[] = [
  { name: 'the head', harm: (path) => overwrite(path, 0, 16_384), big: EMPTY, small: EMPTY },
  { name: 'its end cut off', harm: (path) => truncate(path, 300_000), big: EMPTY, small: EMPTY },
  { name: 'the file lost', harm: (path) => rm(path), big: EMPTY, small: EMPTY },
  {
    name: 'the log',
    harm: (path) => overwrite(`${path}.wal`, 0.5, 64),
    big: WHOLE,
    small: [1, 6]
  },
  {
    name: 'the end of the log in zeros, as after a power cut',
    harm: async (path) => {
      const text = await readFile(`${path}.wal`)
      await writeFile(`${path}.wal`, text.fill(0, Math.floor(text.length / 2)))
    },
    big: WHOLE,
    small: [1, 6]
  },
  {
    name: 'rows of one relation',
    harm: (path) => overwrite(path, 0.5, 64),
    big: EMPTY,
    small: [19, 24],
    opens: true
  }
]

/** On a copy: closing a store writes to its file. */
async function foundWhenRead(t: Test, path: string, name: string): Promise<void> {
  for (const ending of ['', '.wal']) await copyFile(`${path}${ending}`, `${path}.opened${ending}`)
  const store = await Store.open({ path: `${path}.opened`, log })
  const reading = readAll(store, `SELECT sum(length(c2)) FROM r${BIG}`)
  await t.rejects(reading, /damaged: "jetgres rebuild"/, `${name}: found when they are read`)
  t.same(await readAll(store, `SELECT count(*) FROM r${SMALL}`), [[19n]], `${name}: others are read`)
  await store.apply(batchOf({ id: SMALL, from: 100, rows: [[100, 'c']] }))
  t.same(await readAll(store, `SELECT count(*) FROM r${SMALL}`), [[20n]], `${name}: and written`)
  await store.close()
}

void t.test('each kind of damage', async (t) => {
  const made = await makeStore(t)
  for (const { name, harm, big, small, opens } of DAMAGES) {
    const path = await storePath(t)
    for (const ending of ['', '.wal', '.definitions.json']) {
      await copyFile(`${made}${ending}`, `${path}${ending}`)
    }
    await harm(path)
    const damaged = await readFile(path).catch(() => undefined)
    if (opens) await foundWhenRead(t, path, name)
    else await t.rejects(Store.open({ path, log }), /jetgres rebuild/, `${name}: refused, with the way out`)

    const { relations, asideAt } = await rebuildStore(path, log)
    t.same(
      relations.map(({ isKept }) => isKept),
      [big !== EMPTY, small !== EMPTY],
      `${name}: what is kept`
    )
    const aside = asideAt && (await readFile(asideAt))
    t.ok(damaged === undefined || (aside && damaged.equals(aside)), `${name}: the file as it was`)
    const store = await Store.open({ path, log })
    for (const [id, want] of [[BIG, big], [SMALL, small]] as const) {
      const [[count] = []] = await readAll(store, `SELECT count(*) FROM r${id}`)
      t.same([Number(count), (await store.position(id)).sequence], want, `${name}: relation ${id}`)
    }
    t.same(
      (await store.definitions()).map(({ definition }) => definition),
      [definitionOf(BIG, 'big'), definitionOf(SMALL, 'small')],
      `${name}: every definition`
    )
    t.equal(await store.nextId(), 3, 'no id comes again')
    await store.close()
    const left = await readdir(dirname(path))
    t.same(left.filter((file) => /rebuilt|\.copy|\.new$/.test(file)), [], `${name}: nothing else`)
  }
})

void t.test('one relation by its name, the others as they are', async (t) => {
  const path = await makeStore(t)
  await t.rejects(rebuildStore(path, log, 'nobody'), /no relation here: postgres\.public\.big/)
  const { relations } = await rebuildStore(path, log, 'public.big')
  t.same(relations.map(({ isKept }) => isKept), [false, true])
  const store = await Store.open({ path, log })
  t.same(await store.position(BIG), FROM)
  t.equal((await store.position(SMALL)).sequence, 24)
  await store.close()
})

void t.test('definitions that are lost too are told so, and nothing is changed', async (t) => {
  const path = await makeStore(t)
  await rm(`${path}.definitions.json`)
  await overwrite(path, 0, 16_384)
  const before = await readFile(path)
  await t.rejects(rebuildStore(path, log), /nothing to rebuild/)
  t.ok(before.equals(await readFile(path)))
  t.notOk((await readdir(dirname(path))).includes(join('store.duckdb.rebuilt')))
})
