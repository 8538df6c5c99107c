// A DECLARE's SELECT, understood as far as both ways of running it need: whose rows, and the types
// that postgres_fdw gave its parameters (deparse.c writes every one as $n::type). Pure.

import { featureNotSupported, undefinedTable } from '../errors.ts'
import { childOf, isNode, listOf, numberOf, textOf, unwrap } from '../sql/ast.ts'
import type { Node } from '../sql/ast.ts'
import { parseSql } from '../sql/parser.ts'
import { isStatusTable } from '../types/status-tables.ts'
import { ARRAY_OID, OID } from '../types/oids.ts'
import { SCHEMA } from '../upstream/bridge.ts'
import type { ScanRequest } from './remote.ts'

/** Type names as the parser gives them → OID; the grammar has made int4 of "integer" by then. */
const TYPE_OID: ReadonlyMap<string, number> = new Map(Object.entries(OID))

/** @throws PgError 0A000 when it isn't one SELECT of one live child or status table, 42P01 */
export function scanRequest(text: string, parameters: readonly (string | null)[]): ScanRequest {
  const select = unwrap(parseSql(text)[0]?.node, 'SelectStmt')
  const range = select && unwrap(listOf(select, 'fromClause')[0], 'RangeVar')
  if (!select || !range || textOf(range, 'schemaname') !== SCHEMA) {
    throw featureNotSupported('the back channel of jetgres serves live children only')
  }
  const table = textOf(range, 'relname')
  if (!isStatusTable(table)) relationIdOf(table)
  return {
    table,
    text,
    select: withoutRowMarks(select),
    parameterTypes: parameterTypes(select, parameters.length),
    parameters
  }
}

/**
 * A statement that locks or changes rows asks its other tables for ctid, to find their rows again,
 * and for locks. Postgres finds ours by their values, and they never change under a snapshot: a
 * ctid is only ever handed back, and must not be NULL then.
 */
function withoutRowMarks(select: Node): Node {
  const { lockingClause: _, ...rest } = select
  const targetList = listOf(select, 'targetList').map((target) =>
    isCtid(target) ? { ResTarget: { val: { A_Const: { sval: { sval: CTID } } } } } : target
  )
  return { ...rest, targetList }
}

/** Of every row. */
export const CTID = '(0,1)'

function isCtid(target: Node): boolean {
  const column = unwrap(childOf(childOf(target, 'ResTarget') ?? {}, 'val'), 'ColumnRef')
  const [field] = column ? listOf(column, 'fields') : []
  return textOf(childOf(field ?? {}, 'String') ?? {}, 'sval') === 'ctid'
}

/** r7 → 7. @throws PgError 42P01 */
export function relationIdOf(table: string): number {
  const match = /^r(\d+)$/.exec(table)
  if (!match) throw undefinedTable(`relation "${table}" does not exist`)
  return Number(match[1])
}

function parameterTypes(select: Node, count: number): number[] {
  const types = Array.from({ length: count }, () => 0)
  const stack: unknown[] = [select]
  while (stack.length > 0) {
    const item = stack.pop()
    if (Array.isArray(item)) stack.push(...(item as unknown[]))
    else if (isNode(item)) {
      const cast = childOf(item, 'TypeCast')
      const parameter = cast && unwrap(childOf(cast, 'arg'), 'ParamRef')
      if (parameter) types[numberOf(parameter, 'number') - 1] = castOid(childOf(cast, 'typeName'))
      stack.push(...Object.values(item))
    }
  }
  return types
}

function castOid(typeName: Node | undefined): number {
  if (!typeName) return 0
  const names = listOf(typeName, 'names').map((name) =>
    textOf(childOf(name, 'String') ?? {}, 'sval')
  )
  const oid = TYPE_OID.get(names.at(-1) ?? '') ?? 0
  return listOf(typeName, 'arrayBounds').length === 0 ? oid : (ARRAY_OID[oid] ?? 0)
}
