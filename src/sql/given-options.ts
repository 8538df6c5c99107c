// The options of WITH by their canonical keys, each checked for its kind, and what the user should
// know of them. Knows no meaning.

import { invalidOptionName, invalidParameterValue } from '../errors.ts'
import { OPTIONS, canonicalKey, isMisspelt, nearestKey } from './option-table.ts'
import { duplicatedOption } from './option-list.ts'
import type { GivenOption } from './option-list.ts'
import type { OptionKind } from './option-table.ts'

/** The options given, by canonical key. */
export class Options {
  readonly notices: string[] = []
  readonly #withPosition: number
  readonly #byKey = new Map<string, GivenOption>()

  constructor(given: readonly GivenOption[], withPosition: number) {
    this.#withPosition = withPosition
    for (const option of given) {
      const key = canonicalKey(option.key)
      if (key === undefined) throw unknownOption(option)
      if (this.#byKey.has(key)) throw duplicatedOption(option)
      checkKind(option, OPTIONS[key]!.kind)
      this.#byKey.set(key, option)
    }
  }

  get(key: string): GivenOption | undefined {
    return this.#byKey.get(key)
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  required(key: string): GivenOption {
    const option = this.get(key)
    if (option) return option
    const hint = `Add ${key} = '…' to the WITH clause.`
    throw invalidParameterValue(`missing field \`${key}\``, { position: this.#withPosition, hint })
  }

  /** Where an error about `key` points: at its value, or at WITH when it is missing. */
  positionOf(key: string): number {
    return this.get(key)?.valuePosition ?? this.#withPosition
  }

  noticeMisspelt(): void {
    const misspelt = [...this.#byKey].filter(([, { key }]) => isMisspelt(key))
    if (misspelt.length === 0) return
    const given = quoted(misspelt.map(([, { key }]) => key))
    const [noun, verb] = misspelt.length === 1 ? ['option', 'is'] : ['options', 'are']
    this.notices.push(`${noun} ${given} ${verb} taken as ${quoted(misspelt.map(([key]) => key))}`)
  }

  noticeUnused(): void {
    const unused = [...this.#byKey.keys()].filter((key) => !OPTIONS[key]!.hasEffect)
    if (unused.length === 0) return
    const names = quoted(unused.map((key) => this.get(key)!.key))
    const [noun, verb] = unused.length === 1 ? ['option', 'has'] : ['options', 'have']
    this.notices.push(`${noun} ${names} ${verb} no effect`)
  }
}

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ')

function unknownOption({ key, position }: GivenOption): Error {
  const near = nearestKey(key)
  return invalidOptionName(`invalid option "${key}"`, {
    position,
    detail: `Valid options are: ${Object.keys(OPTIONS).join(', ')}.`,
    hint: near === undefined ? undefined : `Perhaps you meant the option "${near}".`
  })
}

const KIND: Readonly<Record<OptionKind, { pattern: RegExp; name: string }>> = {
  string: { pattern: /^/, name: 'a string' },
  boolean: { pattern: /^(?:true|false)$/i, name: 'true or false' },
  integer: { pattern: /^-?\d{1,19}$/, name: 'an integer' },
  natural: { pattern: /^\d{1,19}$/, name: 'an integer that is not negative' },
  naturals: { pattern: /^\s*\d{1,19}(?:\s*,\s*\d{1,19})*\s*$/, name: 'integers between commas' },
  ackPolicy: { pattern: /^(?:none|all|explicit)$/i, name: 'none, all or explicit' },
  replayPolicy: { pattern: /^(?:instant|original)$/i, name: 'instant or original' },
  wait: { pattern: /^(?:caught_up|none)$/i, name: 'caught_up or none' }
}

function checkKind(option: GivenOption, kind: OptionKind): void {
  if (KIND[kind].pattern.test(option.value)) return
  throw invalidParameterValue(`invalid value for option "${option.key}": "${option.value}"`, {
    position: option.valuePosition,
    hint: `Expected ${KIND[kind].name}.`
  })
}
