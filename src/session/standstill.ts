// Whether anything at all was done upstream since a plan was made: if not, it holds for longer than its
// second, in sessions other than its own too, and one small question tells. Two snapshots are alike only
// where no transaction ended between them, and names, columns, privileges, policies, functions and
// views all change by transactions; what else a session's texts depend on is compared beside (facts.ts).
// Must never be all that a plan goes by: what becomes of its relations here ends it, too.

import { limits } from '../limits.ts'
import type { RelationSchema } from '../types/value.ts'
import type { State } from './facts.ts'
import { isOfNow } from './plan.ts'
import type { LocalPlan } from './plan.ts'

/** What all sessions together know of it. */
export class Standstill {
  #snapshot = ''
  #since = 0

  /**
   * Notes the state that a session was told just now; returns it where it leaves nothing out, and the
   * upstream has stood still for long enough that what was asked in it is of it (limits.standstillMs).
   */
  heard(state: State): State | undefined {
    const now = performance.now()
    if (state.snapshot !== this.#snapshot) {
      this.#snapshot = state.snapshot
      this.#since = now
    }
    return state.isWhole && now - this.#since >= limits.standstillMs ? state : undefined
  }

  /** Something else is known already: there is nothing to ask. */
  isOver(state: State): boolean {
    return state.snapshot !== this.#snapshot
  }
}

/** A plan, and what it was made in. */
export interface Standing {
  readonly plan: LocalPlan
  readonly state: State
  /** Of its relations. */
  readonly schemas: readonly RelationSchema[]
}

/** `still`: what it was described in, where that stood still. */
export const standingOf = (plan: LocalPlan, still: State | undefined): Standing | undefined =>
  still === undefined || isOfNow(plan)
    ? undefined
    : { plan, state: still, schemas: plan.relations.map(({ schema }) => schema) }

/** Whether the plan holds in a state. */
export const holds = ({ plan, state, schemas }: Standing, now: State | undefined): boolean =>
  state.snapshot === now?.snapshot &&
  state.session === now.session &&
  plan.relations.every(
    (relation, i) => relation.isActive && !relation.isAltering && relation.schema === schemas[i]
  )
