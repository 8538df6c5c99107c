// What one translation carries along: the caller's scope, the parameters met so far, fresh names and
// the bounds. Lives for one call of translate().
// Must never be shared between two translations.

import { limits } from '../limits.ts'
import { OID } from '../types/oids.ts'
import type { ColumnType, RelationSchema } from '../types/value.ts'
import { numericParameter, type Parameters } from './coerce.ts'
import type { Expr, Facts } from './expr.ts'
import { CONSTANT, relay, typed } from './expr.ts'

export interface TranslateScope {
  /** The relation that a name in FROM means in this session; undefined: none of ours → relay. */
  relation(schema: string | undefined, name: string): RelationSchema | undefined
  /** What the upstream said the result columns are; undefined when nobody asked it (back channel). */
  readonly described: readonly ColumnType[] | undefined
  /** Parameter type OIDs, $1 first, as the upstream inferred them; 0 or absent: not known. */
  readonly parameters: readonly number[]
  /** The session's TimeZone as Postgres reports it; where it is UTC, more can be translated. */
  readonly timeZone?: string | undefined
}

const UTC_NAMES = new Set([
  'utc',
  'gmt',
  'etc/utc',
  'etc/gmt',
  'zulu',
  'etc/zulu',
  'uct',
  'etc/uct',
  'universal'
])

export class Context implements Parameters {
  readonly scope: TranslateScope
  /** DuckDB's $1, $2 …: which Postgres parameter each is. */
  readonly used: number[] = []
  readonly utc: boolean
  readonly #oids = new Map<number, number>()
  #depth = 0
  #names = 0

  constructor(scope: TranslateScope) {
    this.scope = scope
    this.utc = UTC_NAMES.has(scope.timeZone?.toLowerCase() ?? '')
  }

  /** A range name that nothing else in this statement has. */
  rangeName(): string {
    this.#names += 1
    return `t${this.#names}`
  }

  /** Runs one level deeper; relays where a statement is nested beyond the bound. */
  deeper<T>(run: () => T): T {
    if (this.#depth >= limits.translatedDepthMax) relay('nested too deeply')
    this.#depth += 1
    try {
      return run()
    } finally {
      this.#depth -= 1
    }
  }

  /** A ParamRef: typed when the upstream said so, else it takes the type it first meets. */
  parameterRef(number: number): Expr {
    const known = this.scope.parameters[number - 1] ?? 0
    const oid = known === OID.unknown ? 0 : known
    if (oid !== 0) return this.parameter(number, oid)
    return {
      ...CONSTANT,
      sql: '',
      type: { oid: OID.unknown, typmod: -1 },
      form: '',
      column: false,
      parameter: number
    }
  }

  parameter(number: number, oid: number): Expr {
    const before = this.#oids.get(number)
    if (before !== undefined && before !== oid) relay(`parameter $${number} has two types`)
    this.#oids.set(number, oid)
    if (!this.used.includes(number)) this.used.push(number)
    const facts: Facts = CONSTANT
    const placeholder = `$${this.used.indexOf(number) + 1}`
    if (oid === OID.numeric) return numericParameter(`CAST(${placeholder} AS VARCHAR)`, facts)
    const bare = typed(placeholder, oid, facts)
    return { ...bare, sql: `CAST(${placeholder} AS ${bare.form})` }
  }

  /** The OID each used parameter is bound as, in the order of `used`. */
  usedTypes(): readonly number[] {
    return this.used.map((number) => this.#oids.get(number) ?? 0)
  }
}
