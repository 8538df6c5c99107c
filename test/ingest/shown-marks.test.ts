// Goal: how far rows were shown before their commit is known to the next process, and a damaged file is
// no worse than none. Method: marks raised in one folder, opened again as a killed process leaves them.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { ShownMarks } from '../../src/ingest/shown-marks.ts'

const created = '2026-11-22T01:02:03.123456789Z'

void t.test('a mark outlives the process that raised it', async (t) => {
  const path = join(t.testdir(), 'shown')
  const marks = ShownMarks.open(path)
  t.equal(marks.of(3).position, undefined)
  for (const sequence of [7, Number.MAX_SAFE_INTEGER, 12]) t.ok(marks.of(3).raise({ sequence, created }))
  t.ok(marks.of(0).raise({ sequence: 1, created }))
  t.ok(marks.of(900).raise({ sequence: 5, created: 'a' }))
  t.ok(marks.of(900).raise({ sequence: 2, created: 'b' }), 'another life counts from the beginning')
  // Not closed: a killed process closes nothing.
  const again = ShownMarks.open(path)
  t.same(again.of(3).position, { sequence: Number.MAX_SAFE_INTEGER, created }, 'the highest')
  t.same(again.of(0).position, { sequence: 1, created })
  t.same(again.of(900).position, { sequence: 2, created: 'b' })
  t.equal(again.of(4).position, undefined)
  again.close()
  marks.close()
})

void t.test('what cannot be noted may not be shown', async (t) => {
  const path = join(t.testdir(), 'shown')
  const marks = ShownMarks.open(path)
  const mark = marks.of(1)
  t.notOk(mark.raise({ sequence: 1, created: 'x'.repeat(200) }), 'no room for it')
  t.ok(mark.raise({ sequence: 4, created }))
  marks.close()
  t.notOk(mark.raise({ sequence: 5, created }), 'no file any more')
  t.same(mark.position, { sequence: 4, created })
  t.ok(mark.raise({ sequence: 4, created }), 'what is noted already may be')
})

void t.test('a damaged file', async (t) => {
  const path = join(t.testdir(), 'shown')
  const marks = ShownMarks.open(path)
  for (const id of [1, 2, 3]) marks.of(id).raise({ sequence: id, created })
  marks.close()
  const whole = await readFile(path)
  const moved = Buffer.concat([Buffer.alloc(128), whole])
  for (const damaged of [Buffer.alloc(0), whole.subarray(0, 300), moved, Buffer.alloc(512, 'x')]) {
    await writeFile(path, damaged)
    const left = ShownMarks.open(path)
    const found = [1, 2, 3].flatMap((id) => left.of(id).position ?? [])
    t.ok(found.length <= 1, 'no mark of another relation, and none that is cut')
    t.ok(left.of(2).raise({ sequence: 9, created }), 'new ones are noted')
    left.close()
    const opened = ShownMarks.open(path)
    t.same(opened.of(2).position, { sequence: 9, created })
    opened.close()
  }
})
