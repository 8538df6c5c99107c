// One SELECT being answered from the store: opened at its first Execute, read on at the next, ended
// with its portal. Owns the snapshot meanwhile; must not know frames other than rows.

import type { Relation } from '../catalog/relation.ts'
import { queryCanceled } from '../errors.ts'
import type { PgError } from '../errors.ts'
import type { Fields, RowKey } from '../store/row-slab.ts'
import type { RowEncoder, RowForm } from '../store/row-encoder.ts'
import type { Chunk, Cursor, Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'
import { NOW } from '../translate/context.ts'
import type { Value } from '../types/value.ts'
import type { SocketOutput } from '../upstream/socket-output.ts'
import { RowWriter } from '../wire/row-writer.ts'
import type { KeyLookup } from './key-lookup.ts'
import type { LocalPlan } from './plan.ts'
import { outputOf } from './plan-output.ts'
import type { PlanOutput } from './plan-output.ts'

/** Why a run was stopped from outside. */
export type StopReason = 'user request' | 'statement timeout' | 'client gone' | 'upstream'

export interface RunResult {
  readonly rows: number
  /** False when the row limit was met, be there more rows or not: the portal is suspended. */
  readonly complete: boolean
}

const NO_ROWS = { frames: Buffer.alloc(0), rows: 0 }

export class LocalPortal {
  readonly plan: LocalPlan
  readonly #values: readonly Value[]
  /** Of a look-up. */
  readonly #keys: readonly RowKey[] | undefined
  readonly #output: PlanOutput
  readonly #store: Store
  #snapshot: Snapshot | undefined
  #cursor: Cursor | undefined
  #encoder: RowEncoder | undefined
  /** The chunk in hand and the first of its rows not sent yet. */
  #chunk: Chunk | undefined
  #row = 0
  /** The chunk behind it, once it is asked for. */
  #next: Promise<Chunk | undefined> | undefined
  #stopped: StopReason | undefined
  /** Ends the wait for fresh rows. */
  #wake: (() => void) | undefined
  /** The answer is on its way: from here on a failure cannot be relayed any more. */
  #hasSent = false
  /** The rows came from memory; there are no more. */
  #isAnswered = false
  #isRefreshed = false
  /** What becomes of DataRow frames. */
  #pass = (rows: Buffer): Buffer => rows
  #form: RowForm = 'rows'

  /**
   * `values`: one for each of the statement's parameters; `formats`: Bind's result formats; `keys`:
   * what a look-up looks for.
   */
  constructor(
    plan: LocalPlan,
    values: readonly Value[],
    formats: readonly number[],
    store: Store,
    keys?: readonly RowKey[]
  ) {
    this.plan = plan
    this.#values = values
    this.#keys = keys
    this.#output = outputOf(plan, formats)
    this.#store = store
  }

  /** RowDescription. */
  get description(): Buffer {
    return this.#output.description
  }

  /** What goes out in the place of its rows: `pass` takes whole DataRow frames. */
  passRows(pass: (rows: Buffer) => Buffer): void {
    this.#pass = pass
  }

  /** Its rows leave as lines of COPY. Not of a look-up. */
  copyRows(): void {
    this.#form = 'lines'
  }

  get hasSent(): boolean {
    return this.#hasSent
  }

  /**
   * The whole answer where neither the store nor a commit is needed: the rows' frames, and how many;
   * undefined: it has to be opened and run. `rowsMax`: 0 for all.
   */
  answerNow(rowsMax: number): { readonly frames: Buffer; readonly rows: number } | undefined {
    if (this.#cursor) return undefined
    if (this.#isAnswered) return NO_ROWS
    const { lookup } = this.plan
    const keys = this.#keys
    if (!lookup || !keys || lookup.relation.schema !== lookup.schema) return undefined
    if (rowsMax > 0 && keys.length > rowsMax) return undefined
    const rows = this.#rowsNow(lookup, keys)
    if (rows === undefined) return undefined
    this.#isAnswered = this.#hasSent = true
    return rows === 0 ? NO_ROWS : { frames: this.#pass(this.#output.keptRow.take()), rows }
  }

  /** Adds the rows of all keys; undefined where one is not at hand. */
  #rowsNow(lookup: KeyLookup, keys: readonly RowKey[]): number | undefined {
    const { keptRow } = this.#output
    let rows = 0
    for (const key of keys) {
      const kept = this.#rowNow(lookup, key)
      if (kept === undefined) {
        keptRow.take()
        return undefined
      }
      if (kept === null) continue
      keptRow.add(kept)
      rows++
    }
    return rows
  }

  /** A look-up's row, from what waits for its commit or what is kept of the store; null: there is none. */
  #rowNow({ relation, schema }: KeyLookup, key: RowKey): Fields | null | undefined {
    const { facts } = this.plan
    const received = relation.receivedRow(facts.consistency, key, this.#isRefreshed)
    if (received !== undefined) return received
    return relation.isFresh(facts.consistency, key) ? this.#store.rowByKey(schema, key) : undefined
  }

  /** Makes the relations as fresh as the session wants them. @throws PgError */
  async refresh(): Promise<void> {
    if (this.#cursor) return
    const fresh = Promise.all(this.plan.relations.map((relation) => this.#refresh(relation)))
    await Promise.race([fresh, new Promise<void>((resolve) => (this.#wake = resolve))])
    this.#throwIfStopped()
    this.#isRefreshed = true
  }

  #refresh(relation: Relation): Promise<void> {
    const { facts, lookup } = this.plan
    // Rows that wait have the relation's columns: a look-up by others asks the store.
    return this.#keys === undefined || relation.schema !== lookup?.schema
      ? relation.refresh(facts.consistency)
      : relation.refreshRows(facts.consistency, this.#keys)
  }

  /**
   * Takes the snapshot and starts the query; a second call does nothing.
   * @throws whatever the store says: the caller relays the statement then
   */
  async open(): Promise<void> {
    if (this.#cursor) return
    const { plan } = this
    this.#snapshot = await this.#store.snapshot({ pinned: false })
    const parameters = plan.binds.map(({ number, typeOid }) => ({
      value: this.#valueOf(number),
      type: { oid: typeOid, typmod: -1 }
    }))
    this.#cursor = await this.#snapshot.query(plan.sql, parameters, plan.lentTables)
    // What fails must do so before its first row, or it could not be relayed any more.
    if (plan.mayFail) await this.#cursor.whole()
    this.#encoder = this.#cursor.encoder(this.#output.columns, plan.facts.output, this.#form)
    await this.#advance()
  }

  #valueOf(number: number): Value {
    return number === NOW ? this.plan.facts.now : (this.#values[number - 1] ?? null)
  }

  /**
   * Sends up to `rowsMax` rows (0: all). `before` runs once the first of them are encoded, or there
   * are none: until then nothing is sent and the statement can still be relayed.
   * @throws 57014 when stopped
   */
  async run(output: SocketOutput, rowsMax: number, before: () => void): Promise<RunResult> {
    const writer = new RowWriter()
    let rows = 0
    while (this.#chunk && (rowsMax === 0 || rows < rowsMax)) {
      const { rowCount } = this.#chunk
      const end = rowsMax === 0 ? rowCount : Math.min(rowCount, this.#row + rowsMax - rows)
      if (end === rowCount) this.#next ??= this.#fetchAhead()
      const row = this.#chunk.encode(writer, this.#encoder!, this.#row, end)
      if (rows === 0) before()
      this.#hasSent = true
      output.write(this.#pass(writer.take()))
      rows += row - this.#row
      this.#row = row
      if (row === rowCount) await this.#advance()
      await output.drained()
      this.#throwIfStopped()
    }
    if (rows === 0) before()
    this.#hasSent = true
    if (!this.#chunk) await this.close()
    return { rows, complete: rowsMax === 0 || rows < rowsMax }
  }

  /** Ends the run from outside, soon. */
  stop(reason: StopReason): void {
    this.#stopped ??= reason
    this.#wake?.()
    this.#snapshot?.interrupt()
  }

  get stopped(): StopReason | undefined {
    return this.#stopped
  }

  /** Without a promise where nothing is held. */
  close(): Promise<void> | undefined {
    const cursor = this.#cursor
    const snapshot = this.#snapshot
    this.#chunk = undefined
    this.#snapshot = undefined
    cursor?.close()
    return snapshot?.release()
  }

  /** DuckDB makes the next rows while those in hand are encoded and sent. */
  #fetchAhead(): Promise<Chunk | undefined> {
    const next = this.#cursor!.next()
    // Its failure is told to whoever waits for it, which nobody does if encoding fails first.
    next.catch(() => undefined)
    return next
  }

  async #advance(): Promise<void> {
    const next = this.#next ?? this.#cursor?.next()
    this.#next = undefined
    this.#row = 0
    this.#chunk = await next
    this.#throwIfStopped()
  }

  /** What the client is told of the stop. */
  stopError(): PgError {
    return queryCanceled(`canceling statement due to ${this.#stopped ?? 'user request'}`)
  }

  #throwIfStopped(): void {
    if (this.#stopped) throw this.stopError()
  }
}
