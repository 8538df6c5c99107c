// A SELECT the client has prepared that may be answered here. Keeps the plan and knows when it must
// be made anew: whatever was relayed since may have changed settings, names or privileges.

// The global one is looked up by a call, each time.
import { performance } from 'node:perf_hooks'

import { limits } from '../limits.ts'
import { PgError } from '../errors.ts'
import { decodeUtf8 } from '../types/bytes.ts'
import { codecFor } from '../types/codec.ts'
import type { Value } from '../types/value.ts'
import type { Frame } from '../wire/frames.ts'
import { formatAt } from '../wire/frontend.ts'
import type { BindMessage, ParseMessage } from '../wire/frontend.ts'
import type { Conversation } from './conversation.ts'
import { askPreparedStill, askStill, describePrepared } from './describe.ts'
import { inspect, quotedName } from './inspect.ts'
import type { Inspection } from './inspect.ts'
import { LocalPortal } from './local-portal.ts'
import { keysOf } from './lookup-keys.ts'
import type { Constant, KeySource } from './lookup-terms.ts'
import { isMomentary } from './plan.ts'
import type { LocalPlan, Planned } from './plan.ts'
import { SelectPortal } from './select-portal.ts'
import { sharedName } from './shared-plans.ts'
import { holds, standingOf } from './standstill.ts'
import type { Standing } from './standstill.ts'
import { planStatement } from './upstream-rows.ts'
import { UpstreamError } from './upstream-error.ts'

type Select = Extract<Inspection, { kind: 'select' }>

export class PreparedSelect {
  readonly #name: string
  /** As Parse gave them. */
  readonly #types: readonly number[]
  #text: string
  #inspection: Select
  /** Not of one that is momentary: what it was lent would be held as long as the statement. */
  #planned: Planned | undefined
  /** It was last to be answered here. */
  #isLocal = false
  /** The session's epoch and the time (ms) the plan is of. */
  #epoch = -1
  #plannedAt = 0
  /** A Parse that the upstream has not got, because all that followed was answered here. */
  #unsent: Buffer | undefined

  constructor({ name, text, types }: ParseMessage, inspection: Select) {
    this.#name = name
    this.#types = types
    this.#text = text
    this.#inspection = inspection
  }

  /**
   * A portal to be answered here; 'relay' when it isn't; undefined when the upstream skips by now.
   * @throws UpstreamError
   */
  async bind(
    c: Conversation,
    message: BindMessage,
    frame: Frame
  ): Promise<SelectPortal | 'relay' | undefined> {
    const renewed = await this.#renew(c)
    if (!renewed) await this.parseUpstream(c)
    if (c.hasFailed) return 'relay'
    const planned = renewed ? { plan: renewed } : await this.#plan(c)
    if (!planned) return undefined
    if ('refuse' in planned) throw planned.refuse
    c.relayReason = 'relay' in planned ? planned.relay : undefined
    return 'plan' in planned ? (this.#portal(planned.plan, c, message, frame) ?? 'relay') : 'relay'
  }

  /** The same where the upstream need not be asked; undefined: it must be, or the answer is its. */
  bindNow(c: Conversation, message: BindMessage, frame: Frame): SelectPortal | undefined {
    const planned = this.#planned
    if (c.hasFailed || !planned || !('plan' in planned) || !this.#isFresh(c)) return undefined
    c.relayReason = undefined
    return this.#portal(planned.plan, c, message, frame)
  }

  /** Undefined when Postgres shall judge what Bind says. */
  #portal(
    plan: LocalPlan,
    c: Conversation,
    message: BindMessage,
    frame: Frame
  ): SelectPortal | undefined {
    const local = localPortal(plan, c, message)
    return local && new SelectPortal(message.portal, local, frame, this)
  }

  /** The client has parsed the same again: false when the upstream must hear of it. */
  parseAgain(c: Conversation, frame: Frame): boolean {
    const isKnown = this.#isLocal && (this.#isFresh(c) || this.#shared(c) !== undefined)
    if (isKnown) this.#unsent = Buffer.from(frame.bytes)
    return isKnown
  }

  get text(): string {
    return this.#text
  }

  get isUnsent(): boolean {
    return this.#unsent !== undefined
  }

  /** Sends a Parse that was kept back. @throws UpstreamError */
  async parseUpstream(c: Conversation): Promise<void> {
    if (!this.#unsent) return
    const bytes = this.#unsent
    this.#unsent = undefined
    c.hasUnnamed = true
    const { error } = await c.ask([{ kind: 'parse', bytes }])
    if (error) throw new UpstreamError(error, (position) => position)
  }

  #isFresh(c: Conversation): boolean {
    const isYoung = performance.now() - this.#plannedAt < limits.planFreshMs
    return this.#planned !== undefined && isYoung && this.#epoch === c.planEpoch
  }

  /** What this session or another has planned, where it is worth asking for the state. */
  #shared(c: Conversation): Standing | undefined {
    return c.context.sharedPlans.find(c, this.#sharedName(c))?.standing
  }

  #sharedName(c: Conversation): string {
    return sharedName(c, this.#text, this.#types)
  }

  /** A plan that holds because nothing has changed upstream. @throws UpstreamError */
  async #renew(c: Conversation): Promise<LocalPlan | undefined> {
    const standing = this.#isFresh(c) ? undefined : this.#shared(c)
    if (!standing) return undefined
    const epoch = c.planEpoch
    if (!(await this.#isStill(c, standing)) || epoch !== c.planEpoch) return undefined
    const { plan } = standing
    c.heard(plan.facts)
    this.#keep({ plan }, epoch, performance.now())
    return plan
  }

  /** Once the upstream has said what it takes the name for, only what is relayed changes that. */
  async #isStill(c: Conversation, standing: Standing): Promise<boolean> {
    const isKnown = this.#unsent !== undefined || this.#epoch === c.planEpoch
    if (isKnown) return holds(standing, await askStill(c, 'flush'))
    const { state, parameters, text = this.#text } = await askPreparedStill(c, this.#name)
    const hasTypes = parameters.join() === standing.plan.parameterTypes.join()
    return text === this.#text && hasTypes && holds(standing, state)
  }

  /** `at`: when the upstream was asked. */
  #keep(planned: Planned, epoch: number, at: number): void {
    this.#isLocal = 'plan' in planned
    this.#planned = 'plan' in planned && isMomentary(planned.plan) ? undefined : planned
    this.#epoch = epoch
    this.#plannedAt = at
  }

  async #plan(c: Conversation): Promise<Planned | undefined> {
    if (this.#planned && this.#isFresh(c)) return this.#planned
    const epoch = c.planEpoch
    const names = this.#inspection.tables.map(quotedName)
    const described = await describePrepared(c, this.#name, names, this.#inspection.used)
    if ('error' in described) throw new UpstreamError(described.error, (position) => position)
    if (described.text !== undefined && described.text !== this.#text) {
      return this.#replan(c, described.text)
    }
    const at = performance.now()
    const input = {
      ...this.#inspection,
      ...described,
      database: c.identity.database,
      written: c.written
    }
    const planned = await planStatement(c, input, 'flush')
    this.#keep(planned, epoch, at)
    const standing = 'plan' in planned ? standingOf(planned.plan, described.still) : undefined
    if (standing) c.context.sharedPlans.keep(this.#sharedName(c), { standing })
    return planned
  }

  /** The upstream has another statement by this name: that one counts. */
  async #replan(c: Conversation, text: string): Promise<Planned | undefined> {
    const inspection = inspect(text, c.context.names())
    if (inspection.kind !== 'select') return { plain: true }
    this.#text = text
    this.#inspection = inspection
    return this.#plan(c)
  }
}

function localPortal(
  plan: LocalPlan,
  c: Conversation,
  message: BindMessage
): LocalPortal | undefined {
  const values = isWellFormed(message, plan) && decodeParameters(plan, message)
  if (!values) return undefined
  const { lookup, facts } = plan
  const valueOf = (source: KeySource): Value | Constant =>
    'parameter' in source ? (values[source.parameter - 1] ?? null) : source.constant
  const keys = lookup && keysOf(lookup, valueOf, facts.output)
  return new LocalPortal(plan, values, message.resultFormats, c.context.store, keys)
}

/** What Bind says of formats, where Postgres would not refuse it. */
function isWellFormed(message: BindMessage, plan: LocalPlan): boolean {
  const { parameterFormats, parameters, resultFormats } = message
  const fits = (formats: readonly number[], count: number): boolean =>
    (formats.length <= 1 || formats.length === count) &&
    formats.every((format) => format === 0 || format === 1)
  return fits(parameterFormats, parameters.length) && fits(resultFormats, plan.fields.length)
}

/** Undefined when a value can't be read here: the upstream shall judge it. */
function decodeParameters(plan: LocalPlan, message: BindMessage): Value[] | undefined {
  if (message.parameters.length !== plan.parameterTypes.length) return undefined
  try {
    return message.parameters.map((bytes, i) => {
      if (bytes === null) return null
      const type = { oid: plan.parameterTypes[i]!, typmod: -1 }
      const codec = codecFor(type.oid)!
      return formatAt(message.parameterFormats, i) === 1
        ? codec.fromBinary(bytes, type)
        : codec.fromText(decodeUtf8(bytes), type, plan.facts.output)
    })
  } catch (error) {
    if (error instanceof PgError) return undefined
    throw error
  }
}
