// Goal: plans that sessions share are bounded, by number and by the rows that they were lent.
// Method: plans of nothing but the facts that count are kept, and looked for.

import t from 'tap'

import { limits } from '../../src/limits.ts'
import type { Conversation } from '../../src/session/conversation.ts'
import { SharedPlans } from '../../src/session/shared-plans.ts'
import type { SharedPlan } from '../../src/session/shared-plans.ts'
import { Standstill } from '../../src/session/standstill.ts'

const state = { snapshot: '1:1:', session: '', isWhole: true }
const standstill = new Standstill()
standstill.heard(state)
const c = { written: new Set(), hasFailed: false, context: { standstill } } as unknown as Conversation

const lent = (bytes: number): SharedPlan =>
  ({ standing: { plan: { lentTables: { tables: [], bytes } }, state, schemas: [] } }) as unknown as SharedPlan
const plain = { standing: { plan: {}, state, schemas: [] } } as unknown as SharedPlan

void t.test('the rows lent to plans are bounded, the oldest go first', (t) => {
  const plans = new SharedPlans()
  const has = (...names: string[]): boolean[] => names.map((name) => plans.find(c, name) !== undefined)
  const third = Math.floor(limits.lentBytesKeptMax / 3)
  plans.keep('plain', plain)
  for (const name of ['a', 'b', 'c']) plans.keep(name, lent(third))
  t.same(has('plain', 'a', 'b', 'c'), [true, true, true, true])
  plans.keep('a', lent(third))
  t.same(has('a', 'b', 'c'), [true, true, true], 'made anew, it counts once')
  plans.keep('d', lent(third))
  t.same(has('plain', 'a', 'b', 'c', 'd'), [true, true, false, true, true])
  plans.keep('a', lent(0))
  plans.keep('e', lent(third))
  t.same(has('a', 'c', 'd', 'e'), [true, true, true, true], 'what is replaced is given back')
  plans.keep('large', lent(limits.lentBytesKeptMax + 1))
  t.same(has('plain', 'c', 'd', 'e', 'large'), [true, false, false, false, false])
  plans.keep('a', lent(limits.lentBytesKeptMax))
  t.same(has('a'), [true], 'nothing is counted that is gone')
  plans.clear()
  t.same(has('plain', 'a'), [false, false])
  for (const name of ['a', 'b', 'c']) plans.keep(name, lent(third))
  t.same(has('a', 'b', 'c'), [true, true, true])
  t.end()
})

void t.test('their number is', (t) => {
  const plans = new SharedPlans()
  for (let i = 0; i <= limits.sharedPlans; i++) plans.keep(`${i}`, lent(1))
  t.equal(plans.find(c, '0'), undefined)
  t.ok(plans.find(c, '1'))
  t.ok(plans.find(c, `${limits.sharedPlans}`))
  plans.keep('x'.repeat(limits.keptPlanCharsMax + 1), plain)
  t.equal(plans.find(c, 'x'.repeat(limits.keptPlanCharsMax + 1)), undefined, 'nor is one with a long text kept')
  t.end()
})
