// ALTER TABLE | SOURCE of a relation. What leaves the columns alone is Postgres's to do; what would
// change them is refused until the store can follow.

import { featureNotSupported, wrongObjectType } from '../../errors.ts'
import { childOf, listOf, nodeKind, textOf } from '../../sql/ast.ts'
import type { Node } from '../../sql/ast.ts'
import type { Alter } from '../../sql/commands.ts'
import { parseSql } from '../../sql/parser.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { isRefreshSchema, refreshSchema } from './refresh-schema.ts'
import { plainName, resolve, sqlName } from './resolve.ts'
import { done } from './reply.ts'
import type { Reply } from './reply.ts'

/** Subcommands of ALTER TABLE that touch neither columns nor inheritance. */
const HARMLESS = new Set(['AT_ChangeOwner', 'AT_SetStatistics', 'AT_ReplicaIdentity'])

export async function alterRelation(
  c: Conversation,
  statement: Alter,
  text: string
): Promise<Reply | 'relay'> {
  const { oid, relation } = await resolve(c, statement.name)
  const facts = { position: statement.name.position }
  if (statement.relation === 'source' && relation?.definition.kind !== 'source') {
    if (oid === undefined) return unknownSource(c, statement)
    throw wrongObjectType(`"${plainName(statement.name)}" is not a source`, facts)
  }
  if (!relation) return 'relay'
  if (isRefreshSchema(statement)) return refreshSchema(c, relation, statement)
  const sql = `ALTER TABLE ${sqlName(statement.name)} ${statement.rest}`
  checkHarmless(sql, statement)
  c.touchedCatalog()
  const shift = statement.restPosition - (sql.length - statement.rest.length) - 1
  await askUpstream(c, statement.relation === 'table' ? text : sql, [], (position) =>
    statement.relation === 'table' ? position : position + shift
  )
  return done(`ALTER ${statement.relation.toUpperCase()}`)
}

/** Postgres's own words for a table that isn't there, IF EXISTS included. */
async function unknownSource(c: Conversation, statement: Alter): Promise<Reply> {
  const guard = statement.ifExists ? 'IF EXISTS ' : ''
  await askUpstream(c, `ALTER TABLE ${guard}${sqlName(statement.name)} ${statement.rest}`)
  return done('ALTER SOURCE')
}

function checkHarmless(sql: string, statement: Alter): void {
  const node = parseSql(sql)[0]?.node
  if (node && isHarmless(node)) return
  throw featureNotSupported('columns of an ingested relation cannot be altered yet', {
    position: statement.restPosition,
    hint: 'Drop the relation and create it again: its rows are read anew from the stream.'
  })
}

function isHarmless(node: Node): boolean {
  const kind = nodeKind(node)
  const inside = childOf(node, kind)
  if (!inside) return false
  if (kind === 'RenameStmt') return textOf(inside, 'renameType') === 'OBJECT_TABLE'
  if (kind === 'AlterObjectSchemaStmt') return true
  return (
    kind === 'AlterTableStmt' &&
    listOf(inside, 'cmds').every((command) =>
      HARMLESS.has(textOf(childOf(command, 'AlterTableCmd') ?? {}, 'subtype'))
    )
  )
}
