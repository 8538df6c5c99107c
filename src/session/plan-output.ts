// How one plan's rows look in one choice of formats: what can be made ready once, for a statement
// that is run again and again. Owns what is remembered of it, which ends with the plan.

import type { OutputColumn } from '../store/field-writers.ts'
import { rowDescription } from '../wire/backend.ts'
import { formatAt } from '../wire/frontend.ts'
import { KeptRow } from './kept-row.ts'
import type { LocalPlan } from './plan.ts'

/** Choices of formats remembered a plan: one, unless a client changes its mind. */
const OUTPUTS_MAX = 4

export class PlanOutput {
  readonly #plan: LocalPlan
  readonly formats: readonly number[]
  #description: Buffer | undefined
  #columns: readonly OutputColumn[] | undefined
  #keptRow: KeptRow | undefined

  constructor(plan: LocalPlan, formats: readonly number[]) {
    this.#plan = plan
    this.formats = formats
  }

  /** The upstream's own RowDescription, in these formats. */
  get description(): Buffer {
    this.#description ??= rowDescription(
      this.#plan.fields.map((field, i) => ({ ...field, format: formatAt(this.formats, i) }))
    )
    return this.#description
  }

  get columns(): readonly OutputColumn[] {
    this.#columns ??= this.#plan.fields.map(({ typeOid, typmod }, i) => ({
      type: { oid: typeOid, typmod },
      isBinary: formatAt(this.formats, i) === 1
    }))
    return this.#columns
  }

  /** Only of a look-up's plan. */
  get keptRow(): KeptRow {
    const { fields, facts, lookup } = this.#plan
    return (this.#keptRow ??= new KeptRow(
      fields,
      lookup!.columns,
      lookup!.schema.columns.length,
      this.formats,
      facts.output
    ))
  }
}

const outputs = new WeakMap<LocalPlan, PlanOutput[]>()

/** `formats`: Bind's result formats. */
export function outputOf(plan: LocalPlan, formats: readonly number[]): PlanOutput {
  const known = outputs.get(plan) ?? []
  const found = known.find((output) => isSame(output.formats, formats))
  if (found) return found
  const output = new PlanOutput(plan, formats)
  outputs.set(plan, [output, ...known.slice(0, OUTPUTS_MAX - 1)])
  return output
}

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((format, i) => format === b[i])
