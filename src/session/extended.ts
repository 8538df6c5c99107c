// The extended query protocol where a statement may be ours. The client's SELECTs are prepared
// upstream all the same, so SQL-level EXECUTE and DEALLOCATE know them; what is kept back is Bind and
// Execute of portals that are answered here. Each local reply waits until what was relayed before it
// has been answered.

import { duplicateCursor, inFailedTransaction, PgError, toPgError } from '../errors.ts'
import {
  BIND_COMPLETE,
  commandComplete,
  NO_DATA,
  PARSE_COMPLETE,
  parameterDescription,
  rowDescription
} from '../wire/backend.ts'
import { HEADER_BYTES } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'
import {
  decodeBind,
  decodeBindNames,
  decodeExecute,
  decodeParse,
  decodeTarget,
  frontend
} from '../wire/frontend.ts'
import { movedPortals, readSkip } from '../sql/moves.ts'
import type { BindMessage, ParseMessage } from '../wire/frontend.ts'
import type { Conversation } from './conversation.ts'
import type { Inspection } from './inspect.ts'
import { inspectKnown } from './known-selects.ts'
import { OurPortal } from './our-portal.ts'
import { isUnpreparable, rolledBack } from './prepare-transaction.ts'
import { PreparedSelect } from './prepared-select.ts'
import { relayText } from './relay-text.ts'
import { SelectPortal } from './select-portal.ts'
import { columnsOf, fieldsOf } from './statements/reply.ts'
import { UnnamedSelects } from './unnamed-selects.ts'
import { UpstreamError } from './upstream-error.ts'

type Ours = Extract<Inspection, { kind: 'ours' }> & { readonly frame: Frame }

export class Extended {
  readonly #c: Conversation
  /** Statements that may be answered here, by the client's name; all others are the upstream's. */
  readonly #statements = new Map<string, PreparedSelect | Ours>()
  /** Portals that are answered here. */
  readonly #portals = new Map<string, SelectPortal | OurPortal>()
  readonly #unnamed = new UnnamedSelects()

  constructor(conversation: Conversation) {
    this.#c = conversation
    conversation.onIdle(() => this.#dropPortals())
  }

  /** No statement and no portal is answered here: what frames name is the upstream's. */
  get isClear(): boolean {
    return this.#statements.size === 0 && this.#portals.size === 0
  }

  parse(frame: Frame): Promise<void> | undefined {
    this.#c.batchStarted()
    const message = decodeParse(frame.bytes, HEADER_BYTES)
    const moved = this.beforeMove(message.text, 'flush')
    if (moved) return moved.then(() => this.parse(frame))
    const open = this.#portals.get('')
    if (message.name === '' && open instanceof SelectPortal && open.mayRelay) {
      return this.#inTurn(async () => {
        // Its statement is about to go: it could not be relayed any more.
        await open.bindUpstream(this.#c)
        await this.parse(frame)
      })
    }
    if (message.name === '' && this.#parseAgain(message, frame)) return undefined
    if (isUnpreparable(this.#c, message.text)) {
      return this.#inTurn(async () => {
        // The transaction may have ended, or failed, by what was relayed before.
        if (!isUnpreparable(this.#c, message.text)) return this.parse(frame)
        await this.#c.report(await rolledBack(this.#c))
      })
    }
    let inspection: Inspection
    try {
      inspection = inspectKnown(message.text, this.#c.context.names())
    } catch (error) {
      return this.#inTurn(() => this.#c.report(toPgError(error)))
    }
    this.#statements.delete(message.name)
    this.#c.sawRelayed(message.text)
    this.#c.text = message.text
    if (inspection.kind === 'ours') return this.#parseOurs({ ...inspection, frame }, message.name)
    if (inspection.kind === 'relay') return this.#parseRelayed(frame, message, inspection)
    if (inspection.kind === 'select') this.#keep(message, inspection)
    if (message.name === '') this.#c.hasUnnamed = true
    return this.#c.link.request('parse', frame.bytes)
  }

  #keep(message: ParseMessage, inspection: Extract<Inspection, { kind: 'select' }>): void {
    const select = new PreparedSelect(message, inspection)
    this.#statements.set(message.name, select)
    if (message.name === '') this.#unnamed.keep(message, this.#c.context.names(), select)
  }

  /** The unnamed statement again: nobody need parse it as long as its plan holds. */
  #parseAgain(message: ParseMessage, frame: Frame): boolean {
    if (!this.#c.link.isQuiet || this.#c.hasFailed) return false
    const known = this.#unnamed.find(message, this.#c.context.names())
    if (!known?.parseAgain(this.#c, frame)) return false
    this.#statements.set('', known)
    this.#c.output.write(PARSE_COMPLETE)
    return true
  }

  bind(frame: Frame): Promise<void> | undefined {
    this.#c.batchStarted()
    const names = decodeBindNames(frame.bytes, HEADER_BYTES)
    const statement = this.#statements.get(names.statement)
    if (!statement) {
      if (names.portal === '') this.#closePortal('')
      return this.#bindRelayed(names.portal, frame)
    }
    const message = decodeBind(frame.bytes, HEADER_BYTES, names)
    if (message.portal === '') this.#closePortal('')
    if (statement instanceof PreparedSelect) {
      if (this.#bindNow(statement, message, frame)) return undefined
      return this.#inTurn(() => this.#bindSelect(statement, message, frame))
    }
    return this.#inTurn(async () => {
      this.#checkFree(message.portal)
      const asks = { parse: statement.frame.bytes, bind: frame.bytes }
      this.#portals.set(message.portal, new OurPortal(statement, message.resultFormats, asks))
      this.#c.output.write(BIND_COMPLETE)
    })
  }

  async #bindSelect(statement: PreparedSelect, message: BindMessage, frame: Frame): Promise<void> {
    const portal = await statement.bind(this.#c, message, frame)
    if (portal === 'relay') return this.#bindRelayed(message.portal, frame)
    if (!portal) return
    await portal.hold(this.#c)
    if (portal.isHeld) this.#closePortal(message.portal)
    else this.#checkFree(message.portal)
    this.#portals.set(message.portal, portal)
    this.#c.output.write(BIND_COMPLETE)
  }

  /** Where a portal of ours has the name, the upstream knows whether it still has. */
  #bindRelayed(name: string, frame: Frame): Promise<void> | undefined {
    if (name === '') this.#c.hasUnnamed = true
    if (!this.#portals.has(name)) return this.#c.link.request('bind', frame.bytes)
    return this.#inTurn(async () => {
      const held = this.#portals.get(name)
      if (held && !(held instanceof SelectPortal && held.isHeld)) this.#checkFree(name)
      const { error } = await this.#c.ask([{ kind: 'bind', bytes: frame.bytes }])
      if (error) throw new UpstreamError(error, (position) => position)
      this.#closePortal(name)
      this.#c.output.write(BIND_COMPLETE)
    })
  }

  /** Without a promise, for what is bound again and again; false when it takes one. */
  #bindNow(statement: PreparedSelect, message: BindMessage, frame: Frame): boolean {
    if (message.portal !== '' || !this.#c.link.isQuiet) return false
    const portal = statement.bindNow(this.#c, message, frame)
    if (!portal) return false
    this.#portals.set('', portal)
    this.#c.output.write(BIND_COMPLETE)
    return true
  }

  /** The unnamed portal of a SELECT, where what concerns it may be answered at once. */
  #quickPortal(name: string): SelectPortal | undefined {
    if (name !== '' || !this.#c.link.isQuiet || this.#c.hasFailed) return undefined
    const portal = this.#portals.get('')
    return portal instanceof SelectPortal ? portal : undefined
  }

  describe(frame: Frame): Promise<void> | undefined {
    this.#c.batchStarted()
    const { kind, name } = decodeTarget(frame.bytes, HEADER_BYTES)
    const portal = kind === 'P' ? this.#portals.get(name) : undefined
    const statement = kind === 'S' ? this.#statements.get(name) : undefined
    if (portal) {
      if (this.#quickPortal(name)?.describeNow(this.#c)) return undefined
      return this.#inTurn(async () => {
        await this.#checkOpen(name, portal)
        this.#c.output.write(portal.description)
      })
    }
    if (statement instanceof PreparedSelect && statement.isUnsent) {
      return this.#inTurn(async () => {
        await statement.parseUpstream(this.#c)
        this.#c.link.request('describe', frame.bytes)
      })
    }
    if (!statement || statement instanceof PreparedSelect) {
      return this.#c.link.request('describe', frame.bytes)
    }
    return this.#inTurn(async () => this.#describeOurs(statement))
  }

  execute(frame: Frame): Promise<void> | undefined {
    this.#c.batchStarted()
    const { portal: name, rowsMax } = decodeExecute(frame.bytes, HEADER_BYTES)
    if (this.#quickPortal(name)?.executeNow(this.#c, rowsMax)) return undefined
    const portal = this.#portals.get(name)
    if (portal) {
      return this.#inTurn(async () => {
        await this.#checkOpen(name, portal)
        await portal.execute(this.#c, frame, rowsMax)
      })
    }
    this.#c.executed()
    return this.#c.link.request('execute', frame.bytes)
  }

  close(frame: Frame): undefined {
    this.#c.batchStarted()
    const { kind, name } = decodeTarget(frame.bytes, HEADER_BYTES)
    if (kind === 'S') this.#statements.delete(name)
    else this.#closePortal(name)
    this.#c.link.request('close', frame.bytes)
    return undefined
  }

  /** Runs a local step in its turn: after the replies to all that was relayed before it. */
  async #inTurn(step: () => Promise<void>): Promise<void> {
    await this.#c.link.drained()
    if (this.#c.link.skipping || this.#c.link.closed) return
    try {
      await step()
    } catch (error) {
      await this.#c.report(error)
    }
  }

  #parseOurs(statement: Ours, name: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#c.hasFailed) throw inFailedTransaction()
      this.#statements.set(name, statement)
      this.#c.output.write(PARSE_COMPLETE)
    })
  }

  #parseRelayed(
    frame: Frame,
    message: ParseMessage,
    inspection: Extract<Inspection, { kind: 'relay' }>
  ): Promise<void> | undefined {
    this.#c.relayReason = inspection.reason
    return this.#inTurn(async () => {
      const { hasFailed, link } = this.#c
      // A ROLLBACK in front of it may have mended that: only the upstream knows.
      if (hasFailed && inspection.text === undefined) return link.request('parse', frame.bytes)
      // Behind anything in its batch, VACUUM and its like would be within a transaction.
      const isFirst = !link.dirty && link.status === 'I'
      const text = await relayText(this.#c, inspection, isFirst ? 'sync' : 'flush')
      const { name, types } = message
      const bytes =
        text === undefined ? frame.bytes : frontend.parse({ name, text, types: [...types] })
      link.request('parse', bytes)
    })
  }

  #describeOurs(statement: Ours): void {
    const fields = fieldsOf(statement.statement, () => 0)
    this.#c.output.write(parameterDescription([]))
    const isEmpty = columnsOf(statement.statement).length === 0
    this.#c.output.write(isEmpty ? NO_DATA : rowDescription(fields))
  }

  /** A simple query ends the unnamed statement and portal. */
  queryCame(): void {
    if (this.isClear) return
    this.#statements.delete('')
    this.#closePortal('')
  }

  /** FETCH and MOVE find portals by name too: those that are read here go over to the upstream. */
  beforeMove(text: string, end: 'flush' | 'sync'): Promise<void> | undefined {
    if (this.#portals.size === 0 || this.#c.hasFailed) return undefined
    const portals = [...movedPortals(text)]
      .map((name) => this.#portals.get(name))
      .filter((portal) => portal instanceof SelectPortal)
      .filter((portal) => portal.isBehind)
    if (portals.length === 0) return undefined
    return this.#inTurn(async () => {
      for (const portal of portals) await portal.handOver(this.#c, end)
    })
  }

  /** MOVE FORWARD as a simple query, where rows of its portal were read here: the next are passed over here. */
  skip(text: string): Promise<void> | undefined {
    const skip = this.#portals.size > 0 && !this.#c.hasFailed ? readSkip(text) : undefined
    const portal = skip && this.#portals.get(skip.portal)
    if (!skip || !(portal instanceof SelectPortal) || !portal.isPartlyRead) return undefined
    return this.#inTurn(async () => {
      await this.#checkOpen(skip.portal, portal)
      this.#c.output.write(commandComplete(`MOVE ${await portal.skip(this.#c, skip.rows)}`))
    })
  }

  /** @throws PgError 25P02, 34000 */
  async #checkOpen(name: string, portal: SelectPortal | OurPortal): Promise<void> {
    try {
      await portal.checkOpen(this.#c)
    } catch (error) {
      if (error instanceof PgError && error.code === '34000') this.#closePortal(name)
      throw error
    }
  }

  /** @throws PgError 42P03 */
  #checkFree(portal: string): void {
    if (this.#portals.has(portal)) throw duplicateCursor(`cursor "${portal}" already exists`)
  }

  #closePortal(name: string): void {
    const portal = this.#portals.get(name)
    this.#portals.delete(name)
    if (portal) void portal.close()
  }

  #dropPortals(): void {
    if (this.#portals.size === 0) return
    for (const name of this.#portals.keys()) this.#closePortal(name)
  }
}
