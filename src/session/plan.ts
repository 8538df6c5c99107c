// The router's second half: may this SELECT be answered here, and how. Pure but for looking
// relations up. Anything not proven equal yields the reason to relay.

import type { Catalog } from '../catalog/catalog.ts'
import type { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Relation } from '../catalog/relation.ts'
import type { Node } from '../sql/ast.ts'
import type { LentTables } from '../store/own-tables.ts'
import { NOW } from '../translate/context.ts'
import { translate } from '../translate/translate.ts'
import { codecFor, settingsSupported } from '../types/codec.ts'
import type { Lent } from '../translate/upstream-tables.ts'
import type { Names } from '../translate/views.ts'
import type { ColumnType } from '../types/value.ts'
import type { Field } from '../wire/backend.ts'
import type { Beside } from './beside.ts'
import type { SessionFacts } from './facts.ts'
import type { TableName } from './inspect.ts'
import { readKeyLookup } from './key-lookup.ts'
import type { KeyLookup } from './key-lookup.ts'
import { refusal } from './refuse.ts'

/** What the upstream says of a prepared statement. */
export interface Description {
  readonly parameters: readonly number[]
  readonly fields: readonly Field[]
}

export interface LocalPlan {
  readonly sql: string
  /** Some row may be one that only Postgres can answer, or raises an error: see translate.ts. */
  readonly mayFail: boolean
  /** The SQL's own parameters: which of Postgres's (1-based) each is, or NOW, and the type to bind it as. */
  readonly binds: readonly { readonly number: number; readonly typeOid: number }[]
  /** What the upstream takes the client's parameters for. */
  readonly parameterTypes: readonly number[]
  readonly fields: readonly Field[]
  readonly relations: readonly Relation[]
  readonly facts: SessionFacts
  /** The upstream tables that it reads. */
  readonly lent: readonly Lent[]
  /** What they become in the store, once their rows are read. */
  readonly lentTables?: LentTables
  /** Set where the statement is one: its rows may be in memory. */
  readonly lookup: KeyLookup | undefined
}

export type Planned =
  | { readonly plan: LocalPlan }
  | { readonly relay: string }
  /** Must be relayed, and may not. */
  | { readonly refuse: PgError }
  /** Names no relation after all. */
  | { readonly plain: true }

export interface PlanInput {
  readonly select: Node
  readonly tables: readonly TableName[]
  readonly facts: SessionFacts
  readonly description: Description
  readonly overloaded: string | undefined
  readonly database: string
  /** Relations that the open transaction has written to. */
  readonly written: ReadonlySet<number>
  /** What else it reads, as far as that can be read here. */
  readonly beside?: Beside
}

export function planSelect(input: PlanInput, catalog: Catalog): Planned {
  const found = input.facts.names.map(({ oid }) =>
    oid === undefined ? undefined : catalog.byTwin(input.database, oid)
  )
  const relations = relationsOf(input, found)
  if (relations.length === 0) return { plain: true }
  const reason =
    sessionReason(input) ??
    namesReason(input, found) ??
    writtenReason(input, relations) ??
    outputReason(input)
  const planned = reason === undefined ? planTranslated(input, found, relations) : { relay: reason }
  const refuse = 'relay' in planned ? refusal(relations, planned.relay) : undefined
  return refuse ? { refuse } : planned
}

/** Those that it names, and those that its views read. */
function relationsOf(
  { facts, beside }: PlanInput,
  found: readonly (Relation | undefined)[]
): readonly Relation[] {
  const views = facts.names.flatMap(({ oid }) => beside?.views.get(oid ?? 0) ?? [])
  const all = [...found.filter(isFound), ...views.flatMap(({ relations }) => relations)]
  return [...new Set(all)]
}

/** OIDs of the tables and views that are no relations, where it is worth asking for them. */
export function oidsBeside(input: PlanInput, catalog: Catalog): readonly number[] {
  const { database, facts } = input
  const isOurs = (oid: number): boolean => catalog.byTwin(database, oid) !== undefined
  const oids = facts.names.flatMap(({ oid }) => oid ?? [])
  const others = new Set(oids.filter((oid) => !isOurs(oid)))
  const isMixed = oids.some((oid) => isOurs(oid) || catalog.isView(database, oid))
  if (!isMixed || others.size > limits.besideMax) return []
  return (sessionReason(input) ?? outputReason(input)) ? [] : [...others]
}

/**
 * Those in which the store's UTF-8 goes out as it is. UNICODE is the one alias of UTF8 that Postgres
 * keeps as it was set, as LibreOffice does.
 */
const plainEncodings: ReadonlySet<string> = new Set(['UTF8', 'UNICODE', 'SQL_ASCII'])

/** Something about the session that only Postgres honours. */
function sessionReason({ facts, overloaded }: PlanInput): string | undefined {
  // Whether a transaction is open may not be known inside a batch: the level alone decides.
  if (facts.isolation !== 'read committed') return `transaction_isolation is ${facts.isolation}`
  if (!plainEncodings.has(facts.clientEncoding)) return `client_encoding is ${facts.clientEncoding}`
  // The lexer reads backslashes as "on" has it.
  if (!facts.standardStrings) return 'standard_conforming_strings is off'
  if (overloaded !== undefined) return `"${overloaded}" may mean one of the search path's own`
  return settingsSupported(facts.output)
}

function namesReason(
  { facts, tables, beside }: PlanInput,
  found: readonly (Relation | undefined)[]
): string | undefined {
  for (const [i, name] of facts.names.entries()) {
    const relation = found[i]
    // A name that is no table is a CTE's; the translator knows its scope.
    if (name.oid === undefined) continue
    const label = tables[i]!.name
    const view = beside?.views.get(name.oid)
    if (!relation && !view && !beside?.tables.has(name.oid))
      return `"${label}" is not an ingested relation`
    if (view?.reason !== undefined) return view.reason
    if (!name.maySelect) return `no SELECT privilege on the whole of "${label}"`
    if (name.rowSecurity) return `row-level security is on for "${label}"`
    if (name.hasOtherChild) return `"${label}" has another child table`
    if (!relation) continue
    if (!relation.isActive) return `"${label}" is not ingesting yet`
    if (relation.isAltering) return `"${label}" is being altered`
  }
  return undefined
}

/** What a transaction has written is not in the store before it has committed. */
function writtenReason({ written }: PlanInput, relations: readonly Relation[]): string | undefined {
  const found = relations.find(({ id }) => written.has(id))
  return found && `"${found.definition.name}" was written to in this transaction`
}

function outputReason({ description }: PlanInput): string | undefined {
  const types = [...description.fields.map((field) => field.typeOid), ...description.parameters]
  const unknown = types.find((oid) => codecFor(oid) === undefined)
  return unknown === undefined ? undefined : `type ${unknown} is not known here`
}

function planTranslated(
  input: PlanInput,
  found: readonly (Relation | undefined)[],
  relations: readonly Relation[]
): Planned {
  const { parameters, fields } = input.description
  const described: ColumnType[] = fields.map(({ typeOid, typmod }) => ({ oid: typeOid, typmod }))
  const translation = translate(input.select, {
    ...namesOf(input, found),
    described,
    parameters,
    timeZone: input.facts.output.timeZone,
    hasNow: true,
    floatAggregates: input.facts.floatAggregates
  })
  if ('relay' in translation) return translation
  return {
    plan: {
      sql: translation.sql,
      mayFail: translation.mayFail,
      binds: translation.parameters.map((number, i) => ({
        number,
        typeOid: translation.parameterTypes[i]!
      })),
      parameterTypes: parameters,
      fields,
      relations,
      facts: input.facts,
      lent: translation.lent,
      lookup: found[0] && readKeyLookup(input.select, found[0], parameters, fields)
    }
  }
}

/** What the statement's own names mean. */
function namesOf(
  { tables, facts, beside }: PlanInput,
  found: readonly (Relation | undefined)[]
): Names {
  const places = new Map(tables.map(({ schema, name }, i) => [keyOf(schema, name), i]))
  const placeOf = (schema: string | undefined, name: string): number =>
    places.get(keyOf(schema, name)) ?? -1
  const oidOf = (schema: string | undefined, name: string): number =>
    facts.names[placeOf(schema, name)]?.oid ?? 0
  return {
    relation: (schema, name) => found[placeOf(schema, name)]?.comparable,
    upstreamTable: (schema, name) => beside?.tables.get(oidOf(schema, name)),
    view: (schema, name) => beside?.views.get(oidOf(schema, name))?.view
  }
}

/** It is of its transaction's start. */
export const isOfNow = ({ binds }: LocalPlan): boolean => binds.some(({ number }) => number === NOW)

/** It is of one execution only; of another one only if its rows are known to be the same. */
export const isMomentary = (plan: LocalPlan): boolean => plan.lent.length > 0 || isOfNow(plan)

const keyOf = (schema: string | undefined, name: string): string => `${schema ?? ''}.${name}`

const isFound = (relation: Relation | undefined): relation is Relation => relation !== undefined
