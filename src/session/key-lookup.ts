// Recognises a look-up: SELECT of plain columns of one relation whose key is compared by = with a
// parameter or a constant, or, where it is one column, with several; with what an ORM puts behind it,
// LIMIT and OFFSET, and where it is one row at most ORDER BY. Its rows may be in memory. Pure; what it
// does not recognise is no look-up and is planned like any other SELECT.

import type { Relation } from '../catalog/relation.ts'
import { childOf, listOf, textOf, unwrap } from '../sql/ast.ts'
import type { Node } from '../sql/ast.ts'
import { OID } from '../types/oids.ts'
import { elementType } from '../types/store-type.ts'
import type { Column, ColumnType, RelationSchema } from '../types/value.ts'
import type { Field } from '../wire/backend.ts'
import { comparisons, keySource } from './lookup-terms.ts'
import type { KeySource } from './lookup-terms.ts'

export interface KeyLookup {
  readonly relation: Relation
  /** The schema this was read from; the relation's may become another one. */
  readonly schema: RelationSchema
  /** Of the key's columns, in key order. */
  readonly types: readonly ColumnType[]
  /** Of each column of the key; with `isList`, all that its one column may be. */
  readonly sources: readonly KeySource[]
  readonly isList: boolean
  readonly limit: KeySource | undefined
  readonly offset: KeySource | undefined
  /** Of each result column, its place in the schema. */
  readonly columns: readonly number[]
}

/** Clauses without which a SELECT of one relation is just its rows that WHERE lets through. */
const OTHER_CLAUSES = [
  'distinctClause',
  'groupClause',
  'havingClause',
  'windowClause',
  'lockingClause',
  'withClause',
  'valuesLists',
  'intoClause',
  'larg'
]

const INTEGERS: ReadonlySet<number> = new Set([OID.int2, OID.int4, OID.int8])
const TEXTS: ReadonlySet<number> = new Set([OID.text, OID.varchar])
/** Types whose values are equal exactly where their canonical values are. */
const OTHERS: ReadonlySet<number> = new Set([
  OID.bool,
  OID.date,
  OID.timestamp,
  OID.timestamptz,
  OID.uuid
])

/** `parameters` and `fields`: as the upstream described the statement. */
export function readKeyLookup(
  select: Node,
  relation: Relation,
  parameters: readonly number[],
  fields: readonly Field[]
): KeyLookup | undefined {
  const { schema } = relation
  if (schema.key.length === 0 || OTHER_CLAUSES.some((clause) => clause in select)) return undefined
  const columns = resultColumns(select, schema, fields)
  const key = comparedKey(select, schema, parameters)
  const bounds = boundsOf(select)
  if (!columns || !key || !bounds || !isOrderOpen(select, key.isList)) return undefined
  return { relation, schema, columns, ...key, ...bounds }
}

/** All that its rows depend on. */
export const sourcesOf = ({ sources, limit, offset }: KeyLookup): readonly KeySource[] => [
  ...sources,
  ...(limit ? [limit] : []),
  ...(offset ? [offset] : [])
]

function comparedKey(
  select: Node,
  schema: RelationSchema,
  parameters: readonly number[]
): Pick<KeyLookup, 'types' | 'sources' | 'isList'> | undefined {
  const compared = comparisons(childOf(select, 'whereClause'))
  if (compared?.size !== schema.key.length) return undefined
  const sources: KeySource[] = []
  const types: ColumnType[] = []
  let hasList = false
  for (const attnum of schema.key) {
    const column = schema.columns.find((each) => each.attnum === attnum)
    const found = column && compared.get(column.name)
    if (!found?.sources.every((each) => isComparable(column!, each, parameters))) return undefined
    hasList ||= found.isList
    sources.push(...found.sources)
    types.push(column!.type)
  }
  return hasList && types.length > 1 ? undefined : { types, sources, isList: hasList }
}

/** Where the result's columns are in the schema; undefined unless each is a column as it is. */
function resultColumns(
  select: Node,
  schema: RelationSchema,
  fields: readonly Field[]
): readonly number[] | undefined {
  const targets = listOf(select, 'targetList').map((target) => unwrap(target, 'ResTarget'))
  const isPlain = (target: Node | undefined): boolean => {
    const value = target && childOf(target, 'val')
    return target?.['indirection'] === undefined && unwrap(value, 'ColumnRef') !== undefined
  }
  if (!isOneTable(select) || !targets.every(isPlain)) return undefined
  const places = fields.map(({ attnum, typeOid, typmod }) =>
    schema.columns.findIndex(
      ({ type, ...column }) =>
        column.attnum === attnum && type.oid === typeOid && type.typmod === typmod
    )
  )
  return places.includes(-1) ? undefined : places
}

/** By its own column names. */
function isOneTable(select: Node): boolean {
  const [item, ...others] = listOf(select, 'fromClause')
  const range = unwrap(item, 'RangeVar')
  const alias = range && childOf(range, 'alias')
  return range !== undefined && others.length === 0 && alias?.['colnames'] === undefined
}

/** Undefined where they are not plain. */
function boundsOf(select: Node): Pick<KeyLookup, 'limit' | 'offset'> | undefined {
  if (textOf(select, 'limitOption') === 'LIMIT_OPTION_WITH_TIES') return undefined
  const [limit, offset] = ['limitCount', 'limitOffset'].map((clause) => countOf(select, clause))
  return limit === 'other' || offset === 'other' ? undefined : { limit, offset }
}

function countOf(select: Node, clause: string): KeySource | 'other' | undefined {
  if (!(clause in select)) return undefined
  const source = keySource(childOf(select, clause))
  const isPlain = source?.castTo === undefined && !isTextIn(source)
  return source && isPlain ? source : 'other'
}

const isTextIn = (source: KeySource | undefined): boolean =>
  source !== undefined && 'constant' in source && source.constant.isText

/** One row is in any order. */
function isOrderOpen(select: Node, isList: boolean): boolean {
  const sorted = listOf(select, 'sortClause').map((item) => unwrap(item, 'SortBy'))
  if (isList) return sorted.length === 0
  return sorted.every((item) => item && unwrap(childOf(item, 'node'), 'ColumnRef') !== undefined)
}

/** Is the comparison one of canonical values? */
function isComparable(
  { type, isCollated }: Column,
  source: KeySource,
  parameters: readonly number[]
): boolean {
  const [isInteger, isText] = [INTEGERS.has(type.oid), TEXTS.has(type.oid)]
  if (isCollated || (!isInteger && !isText && !OTHERS.has(type.oid))) return false
  if ('constant' in source) return isConstantOf(type.oid, source)
  const given = parameters[source.parameter - 1] ?? 0
  // What the parameter is cast from could be refused.
  if (source.castTo !== undefined && source.castTo !== given) return false
  const oid = source.isArray ? elementType({ oid: given, typmod: -1 })?.oid : given
  if (oid === undefined) return false
  if (isInteger) return INTEGERS.has(oid)
  return isText ? TEXTS.has(oid) : oid === type.oid
}

/** Whatever constant stands there: a pattern has others. */
function isConstantOf(
  oid: number,
  { constant, castTo }: Extract<KeySource, { constant: unknown }>
): boolean {
  if (castTo === undefined) return constant.isText || INTEGERS.has(oid)
  // Digits that int8 holds could be too many for another type.
  if (!constant.isText) return castTo === oid && oid === OID.int8
  return castTo === oid || (TEXTS.has(castTo) && TEXTS.has(oid))
}
