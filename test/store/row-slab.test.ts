// Goal: the slab holds what was last set for each key, whatever grows, shrinks, goes and comes again.
// Method: random operations against a Map; keys of every kind; sizes that make records move, and
// enough of them that segments are cleared and the index grows.

import t from 'tap'
import { RECORD_BYTES_MAX, RowSlab } from '../../src/store/row-slab.ts'
import type { RowKey } from '../../src/store/row-slab.ts'
import { random } from '../support/random.ts'

const KEYS: Readonly<Record<string, (n: number) => RowKey>> = {
  integer: (n) => n - 500,
  bigint: (n) => BigInt(n - 500) * 4_294_967_296n,
  text: (n) => `${'ü'.repeat(n % 7)}key-${n}`
}

/** What the slab holds for the key, as text. */
function read(slab: RowSlab, key: RowKey): string | null | undefined {
  const found = slab.find(key)
  return found ? found.bytes.toString('latin1', found.start, found.end) : found
}

for (const [kind, keyOf] of Object.entries(KEYS)) {
  void t.test(`random changes by ${kind} keys are kept`, async (t) => {
    const next = random(t)
    const slab = new RowSlab()
    const want = new Map<RowKey, string | null>()
    for (let step = 0; step < 20_000; step++) {
      const key = keyOf(next.int(0, 3_000))
      if (step === 10_000) slab.reserve(50_000)
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
    }
    let wrong = 0
    for (let n = 0; n <= 3_000; n++) if (read(slab, keyOf(n)) !== want.get(keyOf(n))) wrong++
    t.equal(wrong, 0, 'keys whose fields are others')
    t.equal(slab.count, want.size)
  })
}

void t.test('replaced records are cleared away', async (t) => {
  const slab = new RowSlab()
  const fields = Buffer.alloc(2_000)
  for (let round = 0; round < 40; round++) {
    for (let key = 0; key < 1_000; key++) slab.set(key, fields, 100 + round * 40)
  }
  // 1,000 records of about 1.7 kB each at the end; 40 rounds together were 36 MB.
  t.ok(slab.bytes < 8_000_000, `${slab.bytes} bytes`)
  t.equal(slab.count, 1_000)
})

void t.test('keys that come and go do not grow the index', async (t) => {
  const slab = new RowSlab()
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
  const slab = new RowSlab()
  t.equal(slab.set(1, Buffer.alloc(RECORD_BYTES_MAX), RECORD_BYTES_MAX), false)
  t.equal(slab.set('k'.repeat(2_000), Buffer.alloc(1), 1), false)
  t.equal(slab.setNone(Infinity), false)
  t.equal(slab.find(Infinity), undefined)
  t.equal(slab.count, 0)
})
