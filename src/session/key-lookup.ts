// Recognises a look-up: SELECT of plain columns of one relation, each column of its key compared by =
// with a parameter or a constant. Such a statement has at most one row, which may be in memory. Pure;
// what it does not recognise is no look-up and is planned like any other SELECT.

import type { Relation } from '../catalog/relation.ts'
import { PgError } from '../errors.ts'
import { childOf, listOf, numberOf, textOf, unwrap } from '../sql/ast.ts'
import type { Node } from '../sql/ast.ts'
import { rowKey } from '../store/batch-rows.ts'
import type { RowKey } from '../store/row-slab.ts'
import { codecFor } from '../types/codec.ts'
import { OID } from '../types/oids.ts'
import type { Column, ColumnType, OutputSettings, RelationSchema, Value } from '../types/value.ts'
import type { Field } from '../wire/backend.ts'

/** A constant as the statement has it. */
export interface Constant {
  readonly isText: boolean
  /** Digits with their sign, or the text between the quotes. */
  readonly text: string
}

/** What a key column is compared with. */
export type KeySource =
  /** 1-based. */
  | { readonly parameter: number }
  /** `at`: the byte of the statement where it begins, its sign included. */
  | { readonly constant: Constant; readonly at: number }

export interface KeyLookup {
  readonly relation: Relation
  /** The schema this was read from; the relation's may become another one. */
  readonly schema: RelationSchema
  /** Of the key's columns, in key order. */
  readonly types: readonly ColumnType[]
  readonly sources: readonly KeySource[]
  /** Of each result column, its place in the schema. */
  readonly columns: readonly number[]
}

/** Clauses without which a SELECT of one relation is just its rows that WHERE lets through. */
const OTHER_CLAUSES = [
  'distinctClause',
  'groupClause',
  'havingClause',
  'windowClause',
  'sortClause',
  'limitCount',
  'limitOffset',
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
  const compared = comparisons(childOf(select, 'whereClause'))
  if (!columns || compared?.size !== schema.key.length) return undefined
  const sources: KeySource[] = []
  const types: ColumnType[] = []
  for (const attnum of schema.key) {
    const column = schema.columns.find((each) => each.attnum === attnum)
    const source = column && compared.get(column.name)
    if (!column || !source || !isComparable(column, source, parameters)) return undefined
    sources.push(source)
    types.push(column.type)
  }
  return { relation, schema, types, sources, columns }
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

/** column = value AND column = value …, by column; undefined for any other condition. */
function comparisons(where: Node | undefined): Map<string, KeySource> | undefined {
  const both = unwrap(where, 'BoolExpr')
  const isAnd = both !== undefined && textOf(both, 'boolop') === 'AND_EXPR'
  const terms = isAnd ? listOf(both, 'args') : where ? [where] : []
  const found = new Map<string, KeySource>()
  for (const term of terms) {
    const compared = comparison(unwrap(term, 'A_Expr'))
    if (!compared || found.has(compared.column)) return undefined
    found.set(compared.column, compared.source)
  }
  return found
}

function comparison(term: Node | undefined): { column: string; source: KeySource } | undefined {
  if (!term || textOf(term, 'kind') !== 'AEXPR_OP') return undefined
  const [operator, ...schema] = listOf(term, 'name').map((part) => unwrap(part, 'String'))
  if (schema.length > 0 || !operator || textOf(operator, 'sval') !== '=') return undefined
  const [left, right] = [childOf(term, 'lexpr'), childOf(term, 'rexpr')]
  const column = columnName(left) ?? columnName(right)
  const source = keySource(columnName(left) === undefined ? left : right)
  return column !== undefined && source ? { column, source } : undefined
}

/** With one relation in FROM, the last part of a reference is the column's name. */
function columnName(node: Node | undefined): string | undefined {
  const ref = unwrap(node, 'ColumnRef')
  const last = ref && unwrap(listOf(ref, 'fields').at(-1), 'String')
  return last && textOf(last, 'sval')
}

function keySource(node: Node | undefined): KeySource | undefined {
  const parameter = unwrap(node, 'ParamRef')
  if (parameter) return { parameter: numberOf(parameter, 'number') }
  const constant = unwrap(node, 'A_Const')
  if (!constant) return undefined
  const at = numberOf(constant, 'location')
  const [integer, text] = [childOf(constant, 'ival'), childOf(constant, 'sval')]
  if (integer) return { constant: { isText: false, text: String(numberOf(integer, 'ival')) }, at }
  return text && { constant: { isText: true, text: textOf(text, 'sval') }, at }
}

/** Is the comparison one of canonical values? */
function isComparable(
  { type, isCollated }: Column,
  source: KeySource,
  parameters: readonly number[]
): boolean {
  if (isCollated) return false
  const [isInteger, isText] = [INTEGERS.has(type.oid), TEXTS.has(type.oid)]
  if (!isInteger && !isText && !OTHERS.has(type.oid)) return false
  if ('constant' in source) return source.constant.isText || isInteger
  const oid = parameters[source.parameter - 1] ?? 0
  if (isInteger) return INTEGERS.has(oid)
  return isText ? TEXTS.has(oid) : oid === type.oid
}

/**
 * The key that is looked up, of the statement's parameters and constants; undefined where there is
 * none: a NULL equals nothing, and a constant that the type can't read is Postgres's to judge.
 */
export function keyOf(
  { types, sources }: KeyLookup,
  value: (source: KeySource) => Value | Constant,
  settings: OutputSettings
): RowKey | undefined {
  const values: Value[] = []
  for (let i = 0; i < sources.length; i++) {
    const keyValue = toKeyValue(types[i]!, value(sources[i]!), settings)
    if (keyValue === undefined) return undefined
    values.push(keyValue)
  }
  return rowKey(types, values)
}

function toKeyValue(
  type: ColumnType,
  value: Value | Constant,
  settings: OutputSettings
): Value | undefined {
  if (value === null) return undefined
  const given = isConstant(value) ? parsed(value, type.oid, settings) : value
  if (given === undefined) return undefined
  if (type.oid === OID.int8) return BigInt(given as number | bigint)
  return typeof given === 'bigint' && INTEGERS.has(type.oid) ? Number(given) : given
}

const isConstant = (value: Value | Constant): value is Constant =>
  typeof value === 'object' && value !== null && 'isText' in value

function parsed({ isText, text }: Constant, oid: number, settings: OutputSettings) {
  if (!isText) return BigInt(text)
  try {
    return codecFor(oid)?.fromText(text, { oid, typmod: -1 }, settings)
  } catch (error) {
    if (error instanceof PgError) return undefined
    throw error
  }
}
