// The simple query protocol where a statement may be ours: one SELECT answered from the store, one
// of our statements, or several statements run as one batch. The rest is relayed as it came.

import { inFailedTransaction, PgError, toPgError } from '../errors.ts'
import { readyForQuery, selected } from '../wire/backend.ts'
import type { Frame } from '../wire/frames.ts'
import { frontend } from '../wire/frontend.ts'
import type { Conversation } from './conversation.ts'
import { copyOut } from './copy-out.ts'
import { askStill, describeQuery } from './describe.ts'
import { Dump } from './dump.ts'
import { quotedName } from './inspect.ts'
import type { Inspection } from './inspect.ts'
import { KeptPlans } from './kept-plans.ts'
import type { Kept } from './kept-plans.ts'
import { inspectKnown } from './known-selects.ts'
import { answerNow, runLocal } from './local-run.ts'
import { planSelect } from './plan.ts'
import type { LocalPlan } from './plan.ts'
import { isUnpreparable, rolledBack } from './prepare-transaction.ts'
import { relayQuery } from './relay-text.ts'
import { withCatalogHint } from './rw-catalog.ts'
import { runSeveral } from './several.ts'
import { encodeReply, isRelayed } from './statements/reply.ts'
import { keepsRoute, runStatement } from './statements/run.ts'
import { LocalPortal } from './local-portal.ts'
import { planStatement } from './upstream-rows.ts'
import type { RunResult } from './local-portal.ts'

type Select = Extract<Inspection, { kind: 'select' }>

export class Simple {
  readonly #c: Conversation
  readonly #plans = new KeptPlans()
  readonly #dump: Dump | undefined

  constructor(conversation: Conversation) {
    this.#c = conversation
    this.#dump = conversation.identity.isDump ? new Dump(conversation) : undefined
  }

  /** Returns a promise only when the statement isn't relayed at once. */
  query(frame: Frame, text: string): Promise<void> | undefined {
    return this.#dump ? this.#dumping(this.#dump, frame, text) : this.#query(frame, text)
  }

  async #dumping(dump: Dump, frame: Frame, text: string): Promise<void> {
    const { link } = this.#c
    await link.drained()
    if (!link.skipping) await dump.restrict()
    const asked = dump.withoutOurs(text)
    return asked === undefined ? this.#query(frame, text) : this.#relay(frontend.query(asked))
  }

  #query(frame: Frame, text: string): Promise<void> | undefined {
    if (isUnpreparable(this.#c, text)) return this.#unprepared(frame, text)
    const kept = this.#c.isUndisturbed ? this.#plans.find(this.#c, text) : undefined
    const done = kept && this.#again(frame, text, kept)
    if (done) return done === 'answered' ? undefined : done
    const mayRenew = this.#c.isUndisturbed && !kept && this.#plans.mayRenew(this.#c, text)
    return mayRenew ? this.#renewed(frame, text) : this.#afresh(frame, text)
  }

  /** A plan whose second is over, as long as nothing changes upstream. */
  async #renewed(frame: Frame, text: string): Promise<void> {
    let kept: Kept | undefined
    try {
      kept = await this.#askedStill(text)
    } catch (error) {
      if (this.#c.link.closed) throw error
      return this.#reported(error)
    }
    const done = kept && this.#again(frame, text, kept)
    if (done) return done === 'answered' ? undefined : done
    return this.#afresh(frame, text)
  }

  /** The plan of such a text, where the upstream says that one may hold. @throws UpstreamError */
  async #askedStill(text: string): Promise<Kept | undefined> {
    const epoch = this.#c.planEpoch
    const state = await askStill(this.#c, 'sync')
    const { isUndisturbed, planEpoch } = this.#c
    return isUndisturbed && epoch === planEpoch
      ? this.#plans.renew(this.#c, text, state)
      : undefined
  }

  #afresh(frame: Frame, text: string): Promise<void> | undefined {
    const inspection = this.#inspect(text)
    if (!(inspection instanceof PgError) && inspection.kind === 'plain') {
      this.#c.sawRelayed(text)
      return this.#relay(frame.bytes)
    }
    return this.#inspected(frame, text, inspection)
  }

  /** A text that is known, without a promise where its row is in memory; undefined: start afresh. */
  #again(frame: Frame, text: string, kept: Kept): Promise<void> | 'answered' | undefined {
    const { output, context } = this.#c
    this.#c.batchEnded()
    const portal = new LocalPortal(kept.plan, [], [], context.store, kept.keys)
    const result = answerNow(this.#c, portal, 0, () => output.write(portal.description))
    if (result) {
      this.#selected(result)
      return 'answered'
    }
    const plan = kept.isOther ? this.#planLike(text, kept.plan) : kept.plan
    return plan && this.#run(frame, text, new LocalPortal(plan, [], [], context.store, kept.keys))
  }

  /** The plan of a text that differs in its constants from one that was described. */
  #planLike(text: string, { facts, fields, parameterTypes }: LocalPlan): LocalPlan | undefined {
    const inspection = this.#inspect(text)
    if (inspection instanceof PgError || inspection.kind !== 'select') return undefined
    const description = { fields, parameters: parameterTypes }
    const { identity, context } = this.#c
    // The functions and operators are the same.
    const known = {
      facts,
      description,
      overloaded: undefined,
      database: identity.database,
      written: this.#c.written
    }
    const planned = planSelect({ ...inspection, ...known }, context.catalog)
    return 'plan' in planned ? planned.plan : undefined
  }

  #selected({ rows }: RunResult): void {
    this.#c.output.write(selected(rows))
    this.#c.output.write(readyForQuery(this.#c.link.status))
  }

  async #unprepared(frame: Frame, text: string): Promise<void> {
    const { link } = this.#c
    await link.drained()
    if (link.skipping) return this.#relay(frame.bytes)
    // The transaction may have ended, or failed, by what was relayed before.
    if (!isUnpreparable(this.#c, text)) return this.#query(frame, text)
    await this.#reported(await rolledBack(this.#c))
  }

  /** An error in a statement of ours is reported like any other, in its turn. */
  #inspect(text: string): Inspection | PgError {
    try {
      return inspectKnown(text, this.#c.context.names())
    } catch (error) {
      return toPgError(error)
    }
  }

  #relay(bytes: Buffer, reason?: string): undefined {
    this.#c.lastRoute = reason === undefined ? { to: 'relay' } : { to: 'relay', reason }
    this.#c.batchEnded()
    this.#c.mutated()
    this.#c.hasUnnamed = false
    this.#c.link.request('query', bytes)
    return undefined
  }

  async #inspected(frame: Frame, text: string, inspection: Inspection | PgError): Promise<void> {
    const { link } = this.#c
    await link.drained()
    if (link.skipping || this.#isLost(inspection)) return this.#relay(frame.bytes)
    this.#c.batchEnded()
    if (this.#c.hasFailed && !(inspection instanceof PgError) && inspection.kind === 'ours') {
      return this.#reported(inFailedTransaction())
    }
    if (inspection instanceof PgError) return this.#reported(inspection)
    try {
      await this.#answer(frame, text, inspection)
    } catch (error) {
      if (link.closed) throw error
      await this.#reported(error)
    }
  }

  /** In a failed transaction Postgres says so, of all but what it would not understand. */
  #isLost(inspection: Inspection | PgError): boolean {
    if (!this.#c.hasFailed) return false
    return inspection instanceof PgError || !['ours', 'several'].includes(inspection.kind)
  }

  async #answer(frame: Frame, text: string, inspection: Inspection): Promise<void> {
    switch (inspection.kind) {
      case 'plain':
        return this.#relay(frame.bytes)
      case 'relay': {
        this.#c.sawRelayed(text)
        const sent = await relayQuery(this.#c, inspection, text)
        if (sent !== undefined) await this.#dump?.permit()
        const copied = inspection.isCopy ? await this.#copyOut(sent ?? text) : undefined
        if (copied === 'answered') return
        const reason = copied?.relay ?? inspection.reason
        return this.#relay(sent ? frontend.query(sent) : frame.bytes, reason)
      }
      case 'select':
        return this.#select(frame, text, inspection)
      case 'ours':
        return this.#ours(inspection, frame)
      case 'several':
        return runSeveral(this.#c, inspection.parts)
    }
  }

  /** A dump reads through the upstream, in one snapshot with all else. */
  async #copyOut(copy: string): Promise<Awaited<ReturnType<typeof copyOut>> | undefined> {
    const result = this.#dump ? undefined : await copyOut(this.#c, copy)
    if (result === 'answered') this.#c.output.write(readyForQuery(this.#c.link.status))
    return result
  }

  async #select(frame: Frame, text: string, inspection: Select): Promise<void> {
    const { link, output, context, identity } = this.#c
    const mayBorrow = this.#c.isUndisturbed && this.#plans.mayBorrow(this.#c, text)
    const kept = mayBorrow ? await this.#askedStill(text) : undefined
    const done = kept && this.#again(frame, text, kept)
    if (done) return done === 'answered' ? undefined : done
    const epoch = this.#c.planEpoch
    const described = await describeQuery(
      this.#c,
      text,
      inspection.tables.map(quotedName),
      inspection.used
    )
    if ('error' in described) {
      output.write(withCatalogHint(described.error))
      output.write(readyForQuery(link.status))
      return
    }
    const { description, facts, overloaded, still } = described
    if (description.parameters.length > 0) return this.#relay(frame.bytes, 'it has parameters')
    const { database } = identity
    const input = {
      ...inspection,
      facts,
      description,
      overloaded,
      database,
      written: this.#c.written
    }
    const planned = await planStatement(this.#c, input, 'sync')
    if ('plain' in planned) return this.#relay(frame.bytes)
    if ('relay' in planned) return this.#relay(frame.bytes, planned.relay)
    if ('refuse' in planned) return this.#reported(planned.refuse)
    const { plan, keys } = this.#plans.keep(this.#c, text, planned.plan, { epoch, still })
    await this.#run(frame, text, new LocalPortal(plan, [], [], context.store, keys))
  }

  async #run(frame: Frame, text: string, portal: LocalPortal): Promise<void> {
    const { link } = this.#c
    const result = await runLocal(this.#c, portal, text, 0, () =>
      this.#c.output.write(portal.description)
    )
    // Where the backend waited beside it, that ends with a Sync.
    if (link.dirty && !link.skipping) await this.#c.finish()
    if ('relay' in result) return this.#relay(frame.bytes, result.relay)
    if ('error' in result) return this.#reported(result.error)
    this.#selected(result)
  }

  /** As a batch of its own: an error of ours then undoes what the upstream did for it. */
  async #ours(inspection: Extract<Inspection, { kind: 'ours' }>, frame: Frame): Promise<void> {
    this.#c.mutated()
    const { output, link } = this.#c
    this.#c.batchStarted()
    try {
      const reply = await runStatement(this.#c, inspection.statement, inspection.text)
      if (isRelayed(reply)) {
        await this.#c.finish()
        return this.#relay(frame.bytes, reply === 'relay' ? undefined : reply.relay)
      }
      await this.#c.finish()
      output.write(encodeReply(reply))
    } catch (error) {
      await this.#c.report(error)
      await this.#c.finish()
    } finally {
      this.#c.batchEnded()
    }
    if (!keepsRoute(inspection.statement)) this.#c.lastRoute = { to: 'define' }
    output.write(readyForQuery(link.status))
  }

  async #reported(error: unknown): Promise<void> {
    await this.#c.report(error)
    if (this.#c.link.closed) return
    if (this.#c.link.skipping) await this.#c.finish()
    this.#c.output.write(readyForQuery(this.#c.link.status))
  }
}
