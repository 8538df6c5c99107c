// Which columns the names in JSON payloads fill. Deliveries repeat their names, mostly in one order: the
// name that came n-th last time is tried before anything is looked up. Owns what is remembered of
// names; must never look at a value.

import { isAscii } from 'node:buffer'

import { limits } from '../limits.ts'
import type { Column } from '../types/value.ts'

/** A column that a field name may fill, and whether by its exact name. */
export interface Match {
  readonly index: number
  readonly exact: boolean
}

const NO_MATCH: readonly Match[] = []

export interface Known {
  /** The name as payloads spell it, between its quotes. */
  readonly spelled: string
  /** The same in UTF-8, with its quotes. */
  readonly bytes: Uint8Array
  /** All of it is in ASCII. */
  readonly isPlain: boolean
  readonly matches: readonly Match[]
}

export class FieldNames {
  readonly #columns: readonly Column[]
  readonly #known = new Map<string, Known>()
  readonly #order: Known[] = []
  #next = 0

  constructor(columns: readonly Column[]) {
    this.#columns = columns
  }

  /** Begins a payload. */
  rewind(): void {
    this.#next = 0
  }

  /** What is known of the name text.slice(start, end), which comes next. */
  known(text: string, start: number, end: number): Known {
    const expected = this.#order[this.#next]
    if (expected?.spelled.length === end - start && text.startsWith(expected.spelled, start)) {
      this.#next++
      return expected
    }
    return this.learn(text.slice(start, end))
  }

  /** The same where the name is the expected one, which begins with its quote at `at`. */
  expected(bytes: Uint8Array, at: number): Known | undefined {
    const expected = this.#order[this.#next]
    if (expected === undefined) return undefined
    const name = expected.bytes
    for (let i = 1; i < name.length; i++) if (bytes[at + i] !== name[i]) return undefined
    this.#next++
    return expected
  }

  /** The same of any name. */
  learn(name: string): Known {
    const nth = this.#next++
    const known = this.#lookUp(name)
    if (nth < limits.fieldNamesKept) this.#order[nth] = known
    return known
  }

  #lookUp(name: string): Known {
    const known = this.#known.get(name)
    if (known) return known
    const bytes = Buffer.from(`"${name}"`)
    // A copy: a slice would keep its whole payload in memory.
    const spelled = bytes.toString('utf8', 1, bytes.length - 1)
    const found = { spelled, bytes, isPlain: isAscii(bytes), matches: this.#find(spelled) }
    if (this.#known.size < limits.fieldNamesKept) this.#known.set(spelled, found)
    return found
  }

  #find(spelled: string): readonly Match[] {
    const name = spelled.includes('\\') ? (JSON.parse(`"${spelled}"`) as string) : spelled
    const lower = asciiLower(name)
    const found = this.#columns.flatMap((column, index): Match[] =>
      asciiLower(column.name) === lower ? [{ index, exact: column.name === name }] : []
    )
    return found.length === 0 ? NO_MATCH : found
  }
}

const asciiLower = (text: string): string =>
  text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
