// Goal (invariant 3): rows and position commit together, so a crash at any instant loses nothing
// and doubles nothing. Method: a child process applies a known stream and is killed with SIGKILL at
// random moments; after each kill the rows must be exactly the fold of the stream up to the stored
// position, and everything the child reported as applied must be there.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Test } from 'tap'
import { Store } from '../../src/store/store.ts'
import type { Value } from '../../src/types/value.ts'
import { random } from '../support/random.ts'
import { isBad, rowOf } from './crash-deliveries.ts'
import { CREATED, INTEGER, TEXT, log, readAll, schemaOf, storePath } from './fixtures.ts'

const KILLS = 10
const CHILD = fileURLToPath(new URL('crash-child.ts', import.meta.url))

void t.test('a crash loses nothing and doubles nothing', async (t) => {
  const chance = random(t)
  const path = await storePath(t)
  const store = await Store.open({ path, log })
  for (const [id, key] of [[1, [1]], [2, []]] as const) {
    await store.define(schemaOf(id, [INTEGER, TEXT], key), '', { sequence: 0, created: CREATED })
  }
  await store.close()
  for (let kill = 1; kill <= KILLS; kill++) {
    const seed = chance.int(1, 1e9)
    const reported = await runAndKill(path, seed, chance.int(1, 30), chance.int(0, 2_000_000))
    t.ok(reported > 0, `kill ${kill} came after ${reported} batches`)
    await checkStore(t, path)
  }
})

/** Kills the child once it has reported `batches`, `spins` turns later; counts its reports. */
async function runAndKill(
  path: string,
  seed: number,
  batches: number,
  spins: number
): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, CHILD, path, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let reported = 0
  let isKilled = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    reported += text.split('\n').length - 1
    if (reported < batches || isKilled) return
    isKilled = true
    for (let i = 0; i < spins; i++) Math.sqrt(i)
    child.kill('SIGKILL')
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`the child ended by itself: ${code}`)
  return reported
}

async function checkStore(t: Test, path: string): Promise<void> {
  const store = await Store.open({ path, log })
  try {
    for (const id of [1, 2]) {
      const { sequence } = await store.position(id)
      const got = await readAll(store, `SELECT * FROM r${id} ORDER BY _seq`)
      const want = fold(id, sequence)
      t.ok(sequence > 0)
      t.equal(got.length, want.length, `relation ${id}: rows up to ${sequence}`)
      const wrong = got.findIndex((row, i) => row.some((value, n) => value !== want[i]?.[n]))
      t.equal(wrong, -1, 'each of them right')
      t.equal(await store.droppedCount(id), Math.floor(sequence / 50))
    }
  } finally {
    await store.close()
  }
}

/** The rows that the stream up to `last` makes, by sequence. */
function fold(id: number, last: number): Value[][] {
  const rows = new Map<number, Value[]>()
  for (let sequence = 1; sequence <= last; sequence++) {
    if (isBad(sequence)) continue
    const [key, text] = rowOf(sequence)
    const slot = id === 1 ? key : sequence
    rows.delete(slot)
    rows.set(slot, [key, text, BigInt(sequence)])
  }
  return [...rows.values()]
}
