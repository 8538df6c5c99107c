// The conditions of a look-up, as the parser has them: column = value, column IN (…), column = ANY (…),
// joined by AND. Pure; must never know what the columns are.

import { childOf, listOf, numberOf, textOf, unwrap } from '../sql/ast.ts'
import type { Node } from '../sql/ast.ts'
import { plainTypeOf } from '../translate/families.ts'

/** A constant as the statement has it. */
export interface Constant {
  readonly isText: boolean
  /** Digits with their sign, or the text between the quotes. */
  readonly text: string
}

/** What a key column is compared with, and the type that it is cast to there. */
export type KeySource =
  /** 1-based; `isArray`: any of its elements. */
  (
    | { readonly parameter: number; readonly isArray?: boolean }
    /** `at`: the byte of the statement where it begins, its sign included. */
    | { readonly constant: Constant; readonly at: number }
  ) & { readonly castTo?: number }

/** What a column may be. */
export interface Compared {
  readonly sources: readonly KeySource[]
  /** It may be any of them. */
  readonly isList: boolean
}

/** By column; undefined for any other condition. */
export function comparisons(where: Node | undefined): Map<string, Compared> | undefined {
  const both = unwrap(where, 'BoolExpr')
  const isAnd = both !== undefined && textOf(both, 'boolop') === 'AND_EXPR'
  const terms = isAnd ? listOf(both, 'args') : where ? [where] : []
  const found = new Map<string, Compared>()
  for (const term of terms) {
    if (isOneIsOne(term)) continue
    const [column, compared] = comparison(unwrap(term, 'A_Expr')) ?? []
    if (column === undefined || !compared || found.has(column)) return undefined
    found.set(column, compared)
  }
  return found
}

/** By its bare name. */
function isEquals(term: Node): boolean {
  const [operator, ...schema] = listOf(term, 'name').map((part) => unwrap(part, 'String'))
  return schema.length === 0 && operator !== undefined && textOf(operator, 'sval') === '='
}

/** What Prisma puts behind a key. */
function isOneIsOne(node: Node): boolean {
  const term = unwrap(node, 'A_Expr')
  if (!term || textOf(term, 'kind') !== 'AEXPR_OP' || !isEquals(term)) return false
  return ['lexpr', 'rexpr'].every((side) => isOne(keySource(childOf(term, side))))
}

const isOne = (source: KeySource | undefined): boolean =>
  source !== undefined &&
  'constant' in source &&
  source.castTo === undefined &&
  !source.constant.isText &&
  source.constant.text === '1'

function comparison(term: Node | undefined): [column: string, Compared] | undefined {
  if (!term || !isEquals(term)) return undefined
  const [left, right] = [childOf(term, 'lexpr'), childOf(term, 'rexpr')]
  switch (textOf(term, 'kind')) {
    case 'AEXPR_OP':
      return equality(left, right)
    case 'AEXPR_IN':
      return ofList(left, unwrap(right, 'List'), 'items')
    case 'AEXPR_OP_ANY':
      return ofElements(left, unwrap(right, 'A_ArrayExpr')) ?? ofArray(left, right)
    default:
      return undefined
  }
}

function equality(left: Node | undefined, right: Node | undefined): [string, Compared] | undefined {
  const column = columnName(left) ?? columnName(right)
  const source = keySource(columnName(left) === undefined ? left : right)
  return column !== undefined && source ? [column, { sources: [source], isList: false }] : undefined
}

function ofList(
  left: Node | undefined,
  list: Node | undefined,
  field: string
): [string, Compared] | undefined {
  const column = columnName(left)
  const sources = list ? listOf(list, field).map(keySource) : []
  const isWhole = sources.length > 0 && sources.every((source) => source !== undefined)
  return column !== undefined && isWhole ? [column, { sources, isList: true }] : undefined
}

/** In ARRAY[…] a bare text is of the other elements' type, whatever the column's is. */
function ofElements(
  left: Node | undefined,
  list: Node | undefined
): [string, Compared] | undefined {
  const [column, compared] = ofList(left, list, 'elements') ?? []
  if (column === undefined || !compared) return undefined
  const bare = compared.sources.filter(isBareText).length
  return bare === 0 || bare === compared.sources.length ? [column, compared] : undefined
}

const isBareText = (source: KeySource): boolean =>
  'constant' in source && source.constant.isText && source.castTo === undefined

function ofArray(left: Node | undefined, right: Node | undefined): [string, Compared] | undefined {
  const column = columnName(left)
  const source = keySource(right)
  if (column === undefined || !source || !('parameter' in source)) return undefined
  return [column, { sources: [{ ...source, isArray: true }], isList: true }]
}

/** With one relation in FROM, the last part of a reference is the column's name. */
function columnName(node: Node | undefined): string | undefined {
  const ref = unwrap(node, 'ColumnRef')
  const last = ref && unwrap(listOf(ref, 'fields').at(-1), 'String')
  return last && textOf(last, 'sval')
}

/** A parameter or a constant, cast once at most. */
export function keySource(node: Node | undefined): KeySource | undefined {
  const cast = unwrap(node, 'TypeCast')
  if (!cast) return bareSource(node)
  const source = bareSource(childOf(cast, 'arg'))
  const castTo = plainTypeOf(childOf(cast, 'typeName'))
  return source && castTo !== undefined ? { ...source, castTo } : undefined
}

function bareSource(node: Node | undefined): KeySource | undefined {
  const parameter = unwrap(node, 'ParamRef')
  if (parameter) return { parameter: numberOf(parameter, 'number') }
  const constant = unwrap(node, 'A_Const')
  if (!constant) return undefined
  const at = numberOf(constant, 'location')
  const [integer, text] = [childOf(constant, 'ival'), childOf(constant, 'sval')]
  if (integer) return { constant: { isText: false, text: String(numberOf(integer, 'ival')) }, at }
  return text && { constant: { isText: true, text: textOf(text, 'sval') }, at }
}
