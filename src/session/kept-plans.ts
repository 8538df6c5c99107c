// What this session knows of the texts it has sent before, so that a text that comes again needs no
// round trip upstream; look-ups are known by their pattern, whatever their constants. Owns when a plan
// is too old: as a prepared SELECT's (prepared-select.ts).

// The global one is looked up by a call, each time.
import { performance } from 'node:perf_hooks'

import { limits } from '../limits.ts'
import type { NameScan } from '../sql/classify.ts'
import type { RowKey } from '../store/row-slab.ts'
import type { Conversation } from './conversation.ts'
import type { State } from './facts.ts'
import { sourcesOf } from './key-lookup.ts'
import { patternOf } from './literals.ts'
import type { Literal, LiteralRef } from './literals.ts'
import { keysOf } from './lookup-keys.ts'
import type { Constant, KeySource } from './lookup-terms.ts'
import { isMomentary } from './plan.ts'
import type { LocalPlan } from './plan.ts'
import { sharedName } from './shared-plans.ts'
import type { SharedPlan } from './shared-plans.ts'
import { holds, standingOf } from './standstill.ts'

export interface Kept {
  /** With `isOther`: the plan of a text with other constants. Only its row in memory is this text's. */
  readonly plan: LocalPlan
  readonly isOther: boolean
  /** Of a look-up. */
  readonly keys: readonly RowKey[] | undefined
}

interface Entry {
  readonly plan: LocalPlan
  readonly epoch: number
  readonly plannedAt: number
  readonly names: NameScan
  /** Of a pattern: the constant of each of the look-up's sources. */
  readonly constants: ReadonlyMap<KeySource, LiteralRef> | undefined
}

export class KeptPlans {
  /** By text or pattern, the oldest first. */
  readonly #entries = new Map<string, Entry>()
  /** Looking for a pattern costs a scan. */
  #patterns = 0

  /** The plan of such a text, if it still holds. */
  find(c: Conversation, text: string): Kept | undefined {
    if (this.#entries.size === 0) return undefined
    const exact = this.#fresh(c, text)
    if (exact && !exact.constants) return keptOf(exact.plan)
    const pattern = this.#patterns > 0 ? patternOf(text) : undefined
    const entry = pattern && this.#fresh(c, pattern.text)
    if (!entry?.constants) return undefined
    const { plan, constants } = entry
    const keys = keysIn(plan, (source) => literalAt(pattern!.literals, constants.get(source)))
    // A constant that its type can't read is for Postgres to judge.
    return keys && { plan, keys, isOther: true }
  }

  #fresh(c: Conversation, text: string): Entry | undefined {
    const entry = this.#known(c, text)
    const isYoung = entry && performance.now() - entry.plannedAt < limits.planFreshMs
    return isYoung ? entry : undefined
  }

  #known(c: Conversation, text: string): Entry | undefined {
    const entry = this.#entries.get(text)
    const isOfNow = entry?.epoch === c.planEpoch && entry.names === c.context.names()
    return isOfNow ? entry : undefined
  }

  /** Whether this session's plan of such a text is out of date and may hold all the same. */
  mayRenew(c: Conversation, text: string): boolean {
    const name = this.#known(c, text) || this.#patterns === 0 ? text : patternOf(text)?.text
    if (name === undefined || !this.#known(c, name)) return false
    return c.context.sharedPlans.find(c, sharedName(c, name)) !== undefined
  }

  /** Whether any session has a plan of such a text that may hold here: it is worth asking for the state. */
  mayBorrow(c: Conversation, text: string): boolean {
    return sharedOf(c, text) !== undefined
  }

  /**
   * A plan of the text, this session's or another's, is as if it had been made now, where it holds:
   * returns what `find` then would, and for this once one with rows that it was lent.
   */
  renew(c: Conversation, text: string, state: State | undefined): Kept | undefined {
    const { name, standing, constants } = sharedOf(c, text) ?? {}
    if (name === undefined || !standing || !holds(standing, state)) return undefined
    const { plan } = standing
    c.heard(plan.facts)
    if (isMomentary(plan)) return keptOf(plan)
    this.#put(c, name, { plan, epoch: c.planEpoch, constants })
    return this.find(c, text)
  }

  /**
   * Keeps the plan made of the text in the session's epoch `epoch` and in the state `still`, if that
   * stood; returns what `find` would.
   */
  keep(
    c: Conversation,
    text: string,
    plan: LocalPlan,
    { epoch, still }: { readonly epoch: number; readonly still: State | undefined }
  ): Kept {
    const pattern = plan.lookup && patternOf(text)
    const constants = pattern && constantsIn(text, pattern.literals, plan)
    const name = constants ? pattern.text : text
    this.#put(c, name, { plan, epoch, constants })
    const standing = standingOf(plan, still)
    if (standing) c.context.sharedPlans.keep(sharedName(c, name), { standing, constants })
    return keptOf(plan)
  }

  #put(c: Conversation, name: string, made: Pick<Entry, 'plan' | 'epoch' | 'constants'>): void {
    if (name.length > limits.keptPlanCharsMax || isMomentary(made.plan)) return
    this.#forget(name)
    const entry = { ...made, plannedAt: performance.now(), names: c.context.names() }
    this.#entries.set(name, entry)
    if (entry.constants) this.#patterns++
    if (this.#entries.size > limits.keptPlans) this.#forget(this.#entries.keys().next().value!)
  }

  #forget(name: string): void {
    if (this.#entries.get(name)?.constants) this.#patterns--
    this.#entries.delete(name)
  }
}

/** What any session has of the text, or of its pattern. */
function sharedOf(
  c: Conversation,
  text: string
): (SharedPlan & { readonly name: string }) | undefined {
  const { sharedPlans } = c.context
  const exact = sharedPlans.find(c, sharedName(c, text))
  if (exact && !exact.constants) return { name: text, ...exact }
  const name = patternOf(text)?.text
  const like = name === undefined ? undefined : sharedPlans.find(c, sharedName(c, name))
  return name !== undefined && like?.constants ? { name, ...like } : undefined
}

function keysIn(
  { lookup, facts }: LocalPlan,
  value: (source: KeySource) => Constant | null
): readonly RowKey[] | undefined {
  return lookup && keysOf(lookup, value, facts.output)
}

const keptOf = (plan: LocalPlan): Kept => ({
  plan,
  isOther: false,
  keys: keysIn(plan, (source) => ('constant' in source ? source.constant : null))
})

function literalAt(literals: readonly Literal[], ref: LiteralRef | undefined): Constant | null {
  const literal = ref && literals[ref.index]
  if (!literal) return null
  return ref.isNegative ? { isText: false, text: `-${literal.text}` } : literal
}

/** Which constant of the text each source is; undefined unless there are no others. */
function constantsIn(
  text: string,
  literals: readonly Literal[],
  { lookup }: LocalPlan
): ReadonlyMap<KeySource, LiteralRef> | undefined {
  const sources = lookup ? sourcesOf(lookup) : []
  if (sources.length !== literals.length) return undefined
  const refs = new Map<KeySource, LiteralRef>()
  for (const source of sources) {
    if (!('at' in source)) return undefined
    const ref = literals.map(({ at }, i) => literalRef(text, source.at, at, i)).find(isFound)
    if (!ref) return undefined
    refs.set(source, ref)
  }
  return refs
}

/** `start`: the byte where the constant begins, its sign included; `at`: the literal's place. */
function literalRef(
  text: string,
  start: number,
  at: number,
  index: number
): LiteralRef | undefined {
  const before = Buffer.from(text.slice(0, at)).subarray(start).toString()
  const begins = Buffer.byteLength(text.slice(0, at)) >= start
  if (!begins || !/^(-\s*)?$/.test(before)) return undefined
  return { index, isNegative: before !== '' }
}

const isFound = (ref: LiteralRef | undefined): ref is LiteralRef => ref !== undefined
