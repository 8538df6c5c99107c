// Plans that one session has made and others may use: a new session's first statement then takes a small
// question and no description, of which a backend that has read no catalogs yet makes milliseconds. With
// them the rows of upstream tables that they were lent, which need not be read again.
// Owns how many are remembered; whether one holds, standstill.ts says, once the session has asked.

import { limits } from '../limits.ts'
import type { Conversation } from './conversation.ts'
import type { KeySource } from './lookup-terms.ts'
import type { LiteralRef } from './literals.ts'
import type { Standing } from './standstill.ts'

export interface SharedPlan {
  readonly standing: Standing
  /** Of a pattern: the constant of each of the look-up's sources. */
  readonly constants?: ReadonlyMap<KeySource, LiteralRef> | undefined
}

export class SharedPlans {
  /** The oldest first. */
  readonly #plans = new Map<string, SharedPlan>()
  /** Of the rows lent to them. */
  #lentBytes = 0

  /** One that is worth asking for the session's state. `name`: of sharedName. */
  find(c: Conversation, name: string): SharedPlan | undefined {
    // Writes that go by the back channel give the upstream's transaction no number.
    if (c.written.size > 0 || c.hasFailed) return undefined
    const shared = this.#plans.get(name)
    return shared && !c.context.standstill.isOver(shared.standing.state) ? shared : undefined
  }

  keep(name: string, plan: SharedPlan): void {
    if (name.length > limits.keptPlanCharsMax) return
    this.#forget(name)
    this.#plans.set(name, plan)
    this.#lentBytes += lentBytesOf(plan)
    if (this.#plans.size > limits.sharedPlans) this.#forget(this.#plans.keys().next().value!)
    for (const [kept, { standing }] of this.#plans) {
      if (this.#lentBytes <= limits.lentBytesKeptMax) return
      if (standing.plan.lentTables) this.#forget(kept)
    }
  }

  /**
   * A server that has crashed may give its transactions numbers that it gave before, and empties
   * unlogged tables without any: what was known of it is of a state that cannot be told from the next.
   */
  clear(): void {
    this.#plans.clear()
    this.#lentBytes = 0
  }

  #forget(name: string): void {
    const plan = this.#plans.get(name)
    if (plan) this.#lentBytes -= lentBytesOf(plan)
    this.#plans.delete(name)
  }
}

const lentBytesOf = ({ standing }: SharedPlan): number => standing.plan.lentTables?.bytes ?? 0

/**
 * What is said by this session's login role in its database: a text with the types that Parse gave, or
 * a simple query's text or pattern. No part of it holds a NUL.
 */
export const sharedName = (
  { identity }: Conversation,
  text: string,
  types?: readonly number[]
): string => `${identity.database}\0${identity.user}\0${types?.join() ?? 'simple'}\0${text}`
