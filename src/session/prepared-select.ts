// A SELECT the client has prepared that may be answered here. Keeps the plan and knows when it must
// be made anew: whatever was relayed since may have changed settings, names or privileges.

import { limits } from '../limits.ts'
import { PgError } from '../errors.ts'
import { codecFor } from '../types/codec.ts'
import type { Value } from '../types/value.ts'
import type { Frame } from '../wire/frames.ts'
import { formatAt } from '../wire/frontend.ts'
import type { BindMessage } from '../wire/frontend.ts'
import type { Conversation } from './conversation.ts'
import { describePrepared } from './describe.ts'
import { quotedName } from './inspect.ts'
import type { Inspection } from './inspect.ts'
import { LocalPortal } from './local-portal.ts'
import { planSelect } from './plan.ts'
import type { LocalPlan, Planned } from './plan.ts'
import { SelectPortal } from './select-portal.ts'
import { UpstreamError } from './upstream-error.ts'

type Select = Extract<Inspection, { kind: 'select' }>

export class PreparedSelect {
  readonly #name: string
  readonly #inspection: Select
  #planned: Planned | undefined
  /** The session's epoch and the time (ms) the plan is of. */
  #epoch = -1
  #plannedAt = 0

  constructor(name: string, inspection: Select) {
    this.#name = name
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
    if (c.hasFailed) return 'relay'
    const planned = await this.#plan(c)
    if (!planned) return undefined
    if ('refuse' in planned) throw planned.refuse
    c.relayReason = 'relay' in planned ? planned.relay : undefined
    if (!('plan' in planned)) return 'relay'
    const values = decodeParameters(planned.plan, message)
    if (!values) return 'relay'
    const local = new LocalPortal(planned.plan, values, message.resultFormats, c.context.store)
    return new SelectPortal(local, frame)
  }

  async #plan(c: Conversation): Promise<Planned | undefined> {
    const isFresh = this.#epoch === c.epoch && Date.now() - this.#plannedAt < limits.planFreshMs
    if (this.#planned && isFresh) return this.#planned
    const names = this.#inspection.tables.map(quotedName)
    const described = await describePrepared(c, this.#name, names)
    if ('error' in described) throw new UpstreamError(described.error, (position) => position)
    this.#epoch = c.epoch
    this.#plannedAt = Date.now()
    this.#planned = planSelect(
      {
        ...this.#inspection,
        ...described,
        database: c.identity.database
      },
      c.context.catalog
    )
    return this.#planned
  }
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
        : codec.fromText(bytes.toString(), type, plan.facts.output)
    })
  } catch (error) {
    if (error instanceof PgError) return undefined
    throw error
  }
}
