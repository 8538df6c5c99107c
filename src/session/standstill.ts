// Whether anything at all was done upstream since a plan was made: if not, it holds for longer than its
// second, and one small question tells. Two snapshots are alike only where no transaction ended between
// them, and names, columns, privileges, policies, functions and views all change by transactions;
// settings, which don't, are compared beside (facts.ts).
// Must never be all that a plan goes by: what its own session relays ends it (the epoch), and so does
// what becomes of its relations here.

import { limits } from '../limits.ts'
import type { RelationSchema } from '../types/value.ts'
import { isMomentary } from './plan.ts'
import type { LocalPlan } from './plan.ts'

/** What a session knows of it. */
export class Standstill {
  #state = ''
  #since = 0

  /**
   * Notes the state that the session was told just now; returns it where it has been so for long
   * enough that what was asked in it is of it (limits.standstillMs).
   */
  heard(state: string): string | undefined {
    const now = performance.now()
    if (state !== this.#state) {
      this.#state = state
      this.#since = now
    }
    return now - this.#since >= limits.standstillMs ? state : undefined
  }

  /** Something else is known already: there is nothing to ask. */
  isOver(state: string): boolean {
    return state !== this.#state
  }
}

/** A plan, and what it was made in. */
export interface Standing {
  readonly plan: LocalPlan
  readonly state: string
  /** Of its relations. */
  readonly schemas: readonly RelationSchema[]
}

/** `still`: what it was described in, where that stood still. */
export const standingOf = (plan: LocalPlan, still: string | undefined): Standing | undefined =>
  still === undefined || isMomentary(plan)
    ? undefined
    : { plan, state: still, schemas: plan.relations.map(({ schema }) => schema) }

/** Whether the plan holds in a state. */
export const holds = ({ plan, state, schemas }: Standing, now: string | undefined): boolean =>
  state === now &&
  plan.relations.every(
    (relation, i) => relation.isActive && !relation.isAltering && relation.schema === schemas[i]
  )
