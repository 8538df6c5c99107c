// What all sessions have done, in numbers: statements by route, why they were relayed, the slowest of
// late. Bounded whatever clients send; keeps no constants of a statement. Must never slow one down.

import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { Route } from './context.ts'

export type RouteName = Route['to']

export interface SlowStatement {
  readonly route: RouteName
  readonly ms: number
  /** Unix time in milliseconds of its end. */
  readonly endedAt: number
  /** Without its constants; '' where it isn't known. */
  readonly text: string
}

export interface ActivityOptions {
  /** Statements that take so long are logged; Infinity: none. */
  readonly slowMs: number
  readonly log: Logger
  /** Told of each statement that was timed. */
  readonly onTimed?: (route: RouteName, seconds: number) => void
}

/** Reasons beyond limits.relayReasonsKept are counted together. */
const OTHERS = 'other reasons'

export class Activity {
  readonly #options: ActivityOptions
  readonly #counts: Record<RouteName, number> = { local: 0, relay: 0, define: 0 }
  readonly #reasons = new Map<string, number>()
  #slowest: SlowStatement[] = []

  constructor(options: ActivityOptions) {
    this.#options = options
  }

  /** Statements since the start. */
  get counts(): Readonly<Record<RouteName, number>> {
    return this.#counts
  }

  /** A statement goes this way. */
  routed(route: Route): void {
    this.#counts[route.to]++
    if (route.to === 'relay' && route.reason !== undefined) this.#reason(route.reason)
  }

  /** One that was timed has ended. Answers from memory, at once, are not timed. */
  took(route: RouteName, ms: number, text: string, session: number): void {
    this.#options.onTimed?.(route, ms / 1_000)
    const fastest = this.#slowest.at(-1)
    const isFull = this.#slowest.length >= limits.slowStatementsKept
    if (!isFull || ms > (fastest?.ms ?? 0)) this.#keep({ route, ms, endedAt: Date.now(), text })
    if (ms < this.#options.slowMs) return
    const facts = { session, route, ms: Math.round(ms), statement: withoutConstants(text) }
    this.#options.log.warn(facts, 'slow statement')
  }

  /** Why statements that name a relation were relayed, the commonest first. */
  reasons(): { readonly reason: string; readonly count: number }[] {
    const all = [...this.#reasons].map(([reason, count]) => ({ reason, count }))
    return all.sort((a, b) => b.count - a.count)
  }

  /** Of the last hour, the slowest first. */
  slowest(): readonly SlowStatement[] {
    this.#forget()
    return this.#slowest
  }

  #reason(reason: string): void {
    const isNew = !this.#reasons.has(reason)
    const key = isNew && this.#reasons.size >= limits.relayReasonsKept ? OTHERS : reason
    this.#reasons.set(key, (this.#reasons.get(key) ?? 0) + 1)
  }

  #keep(statement: SlowStatement): void {
    this.#forget()
    const kept = { ...statement, text: withoutConstants(statement.text) }
    this.#slowest = [...this.#slowest, kept]
      .sort((a, b) => b.ms - a.ms)
      .slice(0, limits.slowStatementsKept)
  }

  #forget(): void {
    const since = Date.now() - limits.slowStatementMs
    if (this.#slowest.some(({ endedAt }) => endedAt < since)) {
      this.#slowest = this.#slowest.filter(({ endedAt }) => endedAt >= since)
    }
  }
}

/** What may be a string that ends elsewhere than at the next quote, or a password without quotes. */
const UNSURE = /\\|\$[\p{L}_]*\$|\b(?:password|secret|credential)/iu

const SECRET = /\b(?:password|secret|credential|nkey|jwt|token|creds)|\btls\.key/i

/** A statement's text for those who may see it; of one that may hold a secret, without constants. */
export const withoutSecrets = (text: string): string => {
  const start = text.slice(0, limits.watchedSqlCharsShown)
  return SECRET.test(start) ? withoutConstants(text) : start
}

/**
 * A statement's text with a question mark for each constant; of one whose strings can't be told by
 * their quotes, its first word.
 */
export function withoutConstants(text: string): string {
  const start = text.slice(0, limits.watchedSqlCharsShown)
  if (UNSURE.test(start)) return `${/^\s*\w*/.exec(start)?.[0].trim()} …`
  const isCut = start.length < text.length
  return start
    .replaceAll(/'(?:[^']|'')*(?:'|$)/g, '?')
    .replaceAll(/(?<![\w$"])\d+(?:\.\d+)?(?:e[+-]?\d+)?\b/gi, '?')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .concat(isCut ? ' …' : '')
}
