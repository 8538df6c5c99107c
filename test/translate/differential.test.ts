// Goal: whatever translate() accepts has the answer that Postgres gives (invariant 1: never wrong).
// Method: the same edge values in a real Postgres and in DuckDB; hundreds of statements by hand and
// random ones by a seeded generator are asked of both: column names and types, values and order must be
// equal. What DuckDB refuses to run counts as relayed. Postgres raising where DuckDB answers counts as
// a difference. In the end the share that ran locally is printed by construct.

import { join } from 'node:path'

import t from 'tap'

import { startPostgres } from '../support/postgres-server.ts'
import { random as randomOf } from '../support/random.ts'
import { Both, type Outcome } from './both.ts'
import { Shares, shareTable } from './constructs.ts'
import { deviationStatement } from './deviating.ts'
import { randomStatement } from './generator.ts'
import { VIEWS } from './made-views.ts'
import { STATEMENTS } from './statements.ts'

/** By hand: each statement as Postgres prints it as a view's body. */
const AS_VIEWS = process.env.AS_VIEWS !== undefined
/** BY_HAND=0 leaves those out of a long run of random ones. */
const BY_HAND = process.env.BY_HAND !== '0'
const RANDOM_STATEMENTS = Number(process.env.RANDOM_STATEMENTS ?? 500)

/** Constructs that no statement has locally. */
const POSTGRES_OWN: readonly string[] = [
  'FOR UPDATE, FOR SHARE',
  'TABLESAMPLE',
  'WITH TIES',
  'subscript or field'
]

/** A run by hand takes its time. */
const long = RANDOM_STATEMENTS > 1_000 ? { timeout: 3_600_000 } : {}

void t.test('both answer alike', long, async (t) => {
  const postgres = await startPostgres(t)
  const both = await Both.open(await postgres.connect(), join(t.testdir(), 'store.duckdb'))
  t.teardown(() => both.close())
  const byHand = new Shares()
  const random = new Shares()

  void t.test('statements by hand', { ...long, skip: !BY_HAND }, async (t) => {
    const tally = new Tally(byHand)
    for (const asked of STATEMENTS) {
      const [text, ...params] = typeof asked === 'string' ? [asked] : asked
      const sql = AS_VIEWS ? await both.bodyOf(text ?? '') : (text ?? '')
      if (sql !== undefined) tally.add(sql, await both.ask(sql, params))
    }
    t.comment(tally.summary())
    if (process.env.SHOW_RELAYED) for (const line of tally.notLocal) t.comment(line)
    for (const line of tally.differences) t.comment(line)
    t.equal(tally.differences.length, 0, 'no answer differs')
    t.ok(tally.share() > 0.5, 'most of them ran locally')
  })

  void t.test('random statements', long, async (t) => {
    const rng = randomOf(t)
    const tally = new Tally(random)
    for (let i = 0; i < RANDOM_STATEMENTS; i++) {
      const sql = randomStatement(rng)
      tally.add(sql, await both.ask(sql))
      if (i % 1_000 === 999) t.comment(`${i + 1} asked: ${tally.summary()}`)
    }
    t.comment(tally.summary())
    if (process.env.SHOW_RELAYED) for (const line of tally.notLocal) t.comment(line)
    for (const line of tally.differences) t.comment(line)
    t.equal(tally.differences.length, 0, 'no answer differs')
    t.ok(tally.share() > 0.3, 'a good part of them ran locally')
  })

  void t.test('variances of random groups', long, async (t) => {
    const rng = randomOf(t)
    const tally = new Tally(new Shares())
    for (let i = 0; i < Math.max(25, RANDOM_STATEMENTS / 20); i++) {
      const sql = deviationStatement(rng)
      tally.add(sql, await both.ask(sql))
    }
    t.comment(tally.summary())
    if (process.env.SHOW_RELAYED) for (const line of tally.notLocal) t.comment(line)
    for (const line of tally.differences) t.comment(line)
    t.equal(tally.differences.length, 0, 'no answer differs')
    t.ok(tally.share() > 0.5, 'most of them ran locally')
  })

  void t.test('the share by construct', (t) => {
    for (const line of shareTable({ 'by hand': byHand, random })) t.comment(line)
    const relayed = byHand.names().filter((name) => byHand.of(name).local === 0)
    t.same(relayed.toSorted(), BY_HAND && !AS_VIEWS ? POSTGRES_OWN : [], 'all but these run locally')
    t.end()
  })
})

class Tally {
  readonly #shares: Shares
  readonly differences: string[] = []
  readonly notLocal: string[] = []
  readonly #counts = new Map<string, number>()

  constructor(shares: Shares) {
    this.#shares = shares
  }

  add(sql: string, outcome: Outcome): void {
    this.#shares.add(sql, outcome, VIEWS)
    this.#counts.set(outcome.kind, (this.#counts.get(outcome.kind) ?? 0) + 1)
    if (outcome.kind === 'different') this.differences.push(`${sql}\n  ${outcome.detail}`)
    else if (outcome.kind !== 'same')
      this.notLocal.push(`${outcome.kind}: ${sql} -- ${outcome.reason}`)
  }

  /** Of the statements that Postgres accepts, those that DuckDB answered. */
  share(): number {
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
    return (this.#counts.get('same') ?? 0) / (total - (this.#counts.get('refused') ?? 0))
  }

  summary(): string {
    const counts = [...this.#counts].map(([kind, count]) => `${count} ${kind}`).join(', ')
    return `${counts}: ${Math.round(this.share() * 100)} % ran locally`
  }
}
