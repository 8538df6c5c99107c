// Plans that one session has made and others may use: a new session's first statement then takes a small
// question and no description, of which a backend that has read no catalogs yet makes milliseconds.
// Owns how many are remembered; whether one holds, standstill.ts says, once the session has asked.

import { limits } from '../limits.ts'
import type { Conversation } from './conversation.ts'
import type { KeySource } from './key-lookup.ts'
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

  /** One that is worth asking for the session's state. `name`: of sharedName. */
  find(c: Conversation, name: string): SharedPlan | undefined {
    // Writes that go by the back channel give the upstream's transaction no number.
    if (c.written.size > 0 || c.hasFailed) return undefined
    const shared = this.#plans.get(name)
    return shared && !c.context.standstill.isOver(shared.standing.state) ? shared : undefined
  }

  keep(name: string, plan: SharedPlan): void {
    if (name.length > limits.keptPlanCharsMax) return
    this.#plans.delete(name)
    this.#plans.set(name, plan)
    if (this.#plans.size > limits.sharedPlans) this.#plans.delete(this.#plans.keys().next().value!)
  }
}

/**
 * What is said by this session's login role in its database: a text with the types that Parse gave, or
 * a simple query's text or pattern. No part of it holds a NUL.
 */
export const sharedName = (
  { identity }: Conversation,
  text: string,
  types?: readonly number[]
): string => `${identity.database}\0${identity.user}\0${types?.join() ?? 'simple'}\0${text}`
