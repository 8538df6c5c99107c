// The SELECTs a client sends again and again without naming them, as many drivers do: known by text
// and parameter types, they are neither parsed here nor sent upstream each time. Owns how many are
// remembered; a plan's age is prepared-select.ts's business.

import { limits } from '../limits.ts'
import type { NameScan } from '../sql/classify.ts'
import type { ParseMessage } from '../wire/frontend.ts'
import type { PreparedSelect } from './prepared-select.ts'

interface Entry {
  readonly select: PreparedSelect
  /** The relations' names when the text was inspected. */
  readonly names: NameScan
}

export class UnnamedSelects {
  /** The oldest first. */
  readonly #entries = new Map<string, Entry>()

  find(message: ParseMessage, names: NameScan): PreparedSelect | undefined {
    const entry = this.#entries.get(nameOf(message))
    return entry?.names === names ? entry.select : undefined
  }

  keep(message: ParseMessage, names: NameScan, select: PreparedSelect): void {
    const name = nameOf(message)
    if (name.length > limits.keptPlanCharsMax) return
    this.#entries.delete(name)
    this.#entries.set(name, { select, names })
    if (this.#entries.size <= limits.keptPlans) return
    this.#entries.delete(this.#entries.keys().next().value!)
  }
}

/** No text holds a NUL. */
const nameOf = ({ text, types }: ParseMessage): string =>
  types.length === 0 ? text : `${text}\0${types.join()}`
