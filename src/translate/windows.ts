// Window functions: OVER (…) with its partitions, its order and its frame, written out in full.
// Which row comes first among equal ones is as open here as it is in Postgres.
// Must never leave a frame or a NULL placement to DuckDB's defaults.

import { OID } from '../types/oids.ts'
import * as ast from './ast.ts'
import { type Parameters, settle } from './coerce.ts'
import { partitionKey, sortDirection, sortable } from './comparisons.ts'
import { type Expr, relay } from './expr.ts'
import { isInteger } from './families.ts'

/** The windows that the SELECT's WINDOW clause names. */
export type Windows = ReadonlyMap<string, ast.Node>

export interface WindowParts {
  readonly parameters: Parameters
  readonly walk: (node: unknown) => Expr
  readonly windows: Windows
}

export const namedWindows = (select: ast.Node): Windows =>
  new Map(
    ast.list(select, 'windowClause').map((node) => {
      const { body } = ast.open(node)
      return [ast.str(body, 'name'), body]
    })
  )

interface Window {
  readonly partition: string
  /** The expressions of ORDER BY and the whole of it. */
  readonly keys: readonly Expr[]
  readonly order: string
  readonly frame: string
}

/** ` OVER (…)`. Source: parse_clause.c, transformWindowDefinitions. */
export function overClause(definition: ast.Node, parts: WindowParts, isFramed: boolean): string {
  // OVER w is that window; OVER (w …) takes its partitions and its order, not its frame.
  const name = ast.str(definition, 'name')
  const { partition, order, frame } = window(name === '' ? definition : find(name, parts), parts)
  const clauses = [partition, order, isFramed ? frame : '']
  return ` OVER (${clauses.filter((text) => text !== '').join(' ')})`
}

const find = (name: string, { windows }: WindowParts): ast.Node =>
  windows.get(name) ?? relay(`window "${name}" is not known`)

function window(definition: ast.Node, parts: WindowParts): Window {
  const refers = ast.str(definition, 'refname')
  const base = refers === '' ? undefined : window(find(refers, parts), parts)
  const own = ordered(definition, parts)
  const { keys, order } = base !== undefined && base.order !== '' ? base : own
  return {
    partition: base?.partition ?? partitions(definition, parts),
    keys,
    order,
    frame: frame(definition, keys, parts)
  }
}

function partitions(definition: ast.Node, { walk }: WindowParts): string {
  const keys = ast.list(definition, 'partitionClause').map((node) => partitionKey(walk(node)))
  return keys.length === 0 ? '' : `PARTITION BY ${keys.join(', ')}`
}

function ordered(definition: ast.Node, { walk }: WindowParts): Pick<Window, 'keys' | 'order'> {
  const items = ast.list(definition, 'orderClause').map((node) => ast.open(node).body)
  const keys = items.map((item) => walk(item['node']))
  const list = keys.map((key, i) => `${sortable(key)} ${sortDirection(items[i] ?? {})}`)
  return { keys, order: list.length === 0 ? '' : `ORDER BY ${list.join(', ')}` }
}

/** Bits of frameOptions. Source: nodes/parsenodes.h. */
const BIT = {
  nonDefault: 0x1,
  rows: 0x4,
  groups: 0x8,
  startUnbounded: 0x20,
  endUnbounded: 0x100,
  startCurrent: 0x200,
  endCurrent: 0x400,
  startPreceding: 0x800,
  endPreceding: 0x1000,
  startFollowing: 0x2000,
  endFollowing: 0x4000,
  excludeCurrent: 0x8000,
  excludeGroup: 0x10000,
  excludeTies: 0x20000
} as const

function frame(definition: ast.Node, keys: readonly Expr[], parts: WindowParts): string {
  const options = ast.int(definition, 'frameOptions')
  const is = (bit: keyof typeof BIT): boolean => (options & BIT[bit]) !== 0
  if (!is('nonDefault')) return 'RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW'
  const unit = is('rows') ? 'ROWS' : is('groups') ? 'GROUPS' : 'RANGE'
  const offset = (key: string): string =>
    unit === 'RANGE'
      ? distance(settle(parts.walk(definition[key]), OID.interval, parts.parameters), keys)
      : count(parts.walk(definition[key]))
  const start = is('startUnbounded')
    ? 'UNBOUNDED PRECEDING'
    : is('startCurrent')
      ? 'CURRENT ROW'
      : `${offset('startOffset')} ${is('startPreceding') ? 'PRECEDING' : 'FOLLOWING'}`
  const end = is('endUnbounded')
    ? 'UNBOUNDED FOLLOWING'
    : is('endCurrent')
      ? 'CURRENT ROW'
      : `${offset('endOffset')} ${is('endPreceding') ? 'PRECEDING' : 'FOLLOWING'}`
  return `${unit} BETWEEN ${start} AND ${end}${exclusion(is)}`
}

function exclusion(is: (bit: keyof typeof BIT) => boolean): string {
  if (is('excludeCurrent')) return ' EXCLUDE CURRENT ROW'
  if (is('excludeGroup')) return ' EXCLUDE GROUP'
  return is('excludeTies') ? ' EXCLUDE TIES' : ''
}

/** A number of rows or groups: a plain constant, so that neither side can raise. */
function count(offset: Expr): string {
  const value = Number(offset.literal ?? Number.NaN)
  if (!Number.isInteger(value) || value < 0) relay('a frame offset is not a plain constant')
  return offset.sql
}

/** A distance by value from an integer, a day or a timestamp: a plain constant as well. */
function distance(offset: Expr, keys: readonly Expr[]): string {
  const [key, ...more] = keys
  if (!key || more.length > 0) return relay('RANGE with an offset and several keys')
  if (isInteger(key.type.oid) && isInteger(offset.type.oid)) return count(offset)
  const span = offset.span ?? relay('a frame offset is not a plain constant')
  if (key.type.oid !== OID.timestamp || span.months !== 0 || span.days < 0 || span.micros < 0n)
    return relay('RANGE with an offset of this type')
  return offset.sql
}
