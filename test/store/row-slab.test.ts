// Goal: the slab holds what was last set for each key, whatever grows, shrinks, goes and comes again, in
// memory and in the file. Method: random operations against a Map; keys of every kind; sizes that make
// records move, and enough of them that segments are cleared and the index grows.

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'
import type { Test } from 'tap'

import { RECORD_BYTES_MAX } from '../../src/store/record-segments.ts'
import { RowSlab } from '../../src/store/row-slab.ts'
import type { RowKey } from '../../src/store/row-slab.ts'
import { SegmentFile } from '../../src/store/segment-file.ts'
import { random } from '../support/random.ts'

const KEYS: Readonly<Record<string, (n: number) => RowKey>> = {
  integer: (n) => n - 500,
  bigint: (n) => BigInt(n - 500) * 4_294_967_296n,
  text: (n) => `${'ü'.repeat(n % 7)}key-${n}`
}

const MiB = 1024 * 1024

/** An empty slab, and the folder of its file. */
async function openSlab(t: Test): Promise<{ slab: RowSlab; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'jetgres-slab-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const slab = new RowSlab(new SegmentFile(folder))
  t.teardown(() => slab.close())
  return { slab, folder }
}

/** What the slab holds for the key, as text. */
function read(slab: RowSlab, key: RowKey): string | null | undefined {
  const found = slab.find(key)
  return found ? found.bytes.toString('latin1', found.start, found.end) : found
}

for (const [kind, keyOf] of Object.entries(KEYS)) {
  for (const isSpilled of [false, true]) {
    void t.test(`random changes by ${kind} keys, ${isSpilled ? 'some in the file' : 'in memory'}`, async (t) => {
      const next = random(t)
      const { slab, folder } = await openSlab(t)
      const want = new Map<RowKey, string | null>()
      let spilling: Promise<void> | undefined
      for (let step = 0; step < 20_000; step++) {
        const key = keyOf(next.int(0, 3_000))
        if (step === 10_000) slab.reserve(50_000)
        if (isSpilled && step % 1_000 === 0) await spilling
        // Changes go on while it is written.
        if (isSpilled && step % 1_000 === 1) spilling = slab.spill(next.int(1, 4) * MiB)
        if (isSpilled && step % 100 === 0) await new Promise(setImmediate)
        const choice = next.int(0, 9)
        if (choice === 0) {
          slab.remove(key)
          want.delete(key)
        } else if (choice === 1) {
          slab.setNone(key)
          want.set(key, null)
        } else {
          const fields = String(step).repeat(next.int(0, 400))
          slab.set(key, Buffer.from(fields), fields.length)
          want.set(key, fields)
        }
        const other = keyOf(next.int(0, 3_000))
        if (step % 10 === 0 && read(slab, other) !== want.get(other)) t.fail(`key ${other}`)
      }
      await spilling
      let wrong = 0
      for (let n = 0; n <= 3_000; n++) if (read(slab, keyOf(n)) !== want.get(keyOf(n))) wrong++
      t.equal(wrong, 0, 'keys whose fields are others')
      t.equal(slab.count, want.size)
      t.strictSame(await readdir(folder), [], 'the file has no name')
    })
  }
}

void t.test('what goes into the file frees memory, and no more than asked for', async (t) => {
  const { slab } = await openSlab(t)
  const text = (key: number): string => `${key} `.repeat(key % 400)
  for (let key = 0; key < 20_000; key++) slab.set(key, Buffer.from(text(key)), text(key).length)
  const before = slab.bytes
  await slab.spill(5 * MiB)
  t.equal(before - slab.bytes, 5 * MiB)
  await slab.spill(before)
  t.ok(slab.bytes < 2 * MiB, 'the index and the segment that is being filled stay')
  t.equal(slab.indexBytes(20_000), slab.bytes - MiB)
  let wrong = 0
  for (let key = 0; key < 20_000; key++) if (read(slab, key) !== text(key)) wrong++
  t.equal(wrong, 0)
  slab.set(7, Buffer.from('changed'), 7)
  t.equal(read(slab, 7), 'changed')
})

void t.test('what is on its way into the file stays as it is', async (t) => {
  const { slab } = await openSlab(t)
  const keys = 2_000
  const set = (key: number, round: number): boolean => slab.set(key, Buffer.alloc(2_000, round), 1_000 + round * 8)
  for (let key = 0; key < keys; key++) set(key, 1)
  const spilling = slab.spill(64 * MiB)
  // Enough for each segment to be cleared several times.
  for (let round = 2; round < 20; round++) for (let key = 0; key < keys; key += 2) set(key, round)
  await spilling
  let wrong = 0
  for (let key = 0; key < keys; key++) {
    const want = key % 2 === 0 ? 19 : 1
    const found = slab.find(key)
    if (found?.bytes[found.end - 1] !== want || found.end - found.start !== 1_000 + want * 8) wrong++
  }
  t.equal(wrong, 0)
})

void t.test('a slab that is closed while it is being written lets go of its file', async (t) => {
  const { slab, folder } = await openSlab(t)
  for (let key = 0; key < 5_000; key++) slab.set(key, Buffer.alloc(1_000), 1_000)
  const spilling = slab.spill(4 * MiB)
  slab.close()
  await spilling.catch((error: Error) => t.match(error.message, /no longer/))
  t.strictSame(await readdir(folder), [])
})

for (const isSpilled of [false, true]) {
  void t.test(`replaced records are cleared away${isSpilled ? ', in the file too' : ''}`, async (t) => {
    const { slab } = await openSlab(t)
    const fields = Buffer.alloc(2_000)
    for (let round = 0; round < 40; round++) {
      for (let key = 0; key < 1_000; key++) slab.set(key, fields, 100 + round * 40)
      if (isSpilled) await slab.spill(64 * MiB)
    }
    // 1,000 records of about 1.7 kB each at the end; 40 rounds together were 36 MB.
    const bytes = slab.bytesExpected(slab.count)
    t.ok(bytes < 8_000_000, `${bytes} bytes`)
    t.equal(slab.count, 1_000)
  })
}

void t.test('keys that come and go do not grow the index', async (t) => {
  const { slab } = await openSlab(t)
  const fields = Buffer.alloc(8)
  for (let key = 0; key < 200_000; key++) {
    slab.set(key, fields, 8)
    if (key >= 100) slab.remove(key - 100)
  }
  t.equal(slab.count, 100)
  t.ok(slab.bytes < 5_000_000, `${slab.bytes} bytes`)
  t.equal(slab.find(199_950)?.end !== undefined, true)
  t.equal(slab.find(100), undefined)
})

void t.test('what is too large, or no key, is refused', async (t) => {
  const { slab } = await openSlab(t)
  t.equal(slab.set(1, Buffer.alloc(RECORD_BYTES_MAX), RECORD_BYTES_MAX), false)
  t.equal(slab.set('k'.repeat(2_000), Buffer.alloc(1), 1), false)
  t.equal(slab.setNone(Infinity), false)
  t.equal(slab.find(Infinity), undefined)
  t.equal(slab.count, 0)
})
