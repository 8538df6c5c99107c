// ALTER TABLE | SOURCE as Postgres has it: which of its actions a relation takes, and how the live
// child, the store and ingestion follow the twin, all in the user's own transaction.

import type { Relation } from '../../catalog/relation.ts'
import { codecFor } from '../../types/codec.ts'
import { storeType } from '../../types/store-type.ts'
import { featureNotSupported, withPosition } from '../../errors.ts'
import { childOf, listOf, nodeKind, textOf } from '../../sql/ast.ts'
import type { Node } from '../../sql/ast.ts'
import type { Alter, PostgresAction } from '../../sql/alter.ts'
import { parseSql } from '../../sql/parser.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { adoptChild, releaseChild } from './live-child.ts'
import { plainName, sqlName } from './resolve.ts'
import { readColumns } from './twin.ts'

/** Subcommands that touch neither columns nor inheritance. */
const HARMLESS = new Set([
  'AT_ChangeOwner',
  'AT_SetStatistics',
  'AT_ReplicaIdentity',
  'AT_ColumnDefault',
  'AT_EnableRowSecurity',
  'AT_DisableRowSecurity',
  'AT_ForceRowSecurity',
  'AT_NoForceRowSecurity',
  'AT_SetOptions',
  'AT_ResetOptions',
  'AT_SetRelOptions',
  'AT_ResetRelOptions',
  'AT_SetStorage',
  'AT_SetCompression',
  'AT_ClusterOn',
  'AT_DropCluster'
])
/** What an added column may have. */
const OF_ADDED = new Set(['CONSTR_NULL', 'CONSTR_DEFAULT'])

const AGAIN = 'Use CREATE OR REPLACE: its rows are read anew from the stream.'

/** @throws PgError 0A000, and UpstreamError with what Postgres says */
export async function alterTwin(
  c: Conversation,
  relation: Relation,
  { name, position }: Alter,
  action: PostgresAction
): Promise<void> {
  if (action.fault) throw action.fault
  const before = `ALTER TABLE ${sqlName(name)} `
  const moved = (at: number): number => action.restPosition(at - before.length)
  const changes = readChanges(before + action.rest, relation, position, moved)
  c.mutated()
  if (!changes.columns) {
    c.touchedCatalog()
    await askUpstream(c, before + action.rest, [], moved)
    return
  }
  await releaseChild(c, relation)
  await askUpstream(c, before + action.rest, [], moved)
  const { columns, typeNames } = await readColumns(c, relation.definition.twinOid)
  for (const { name: column, type, attnum } of columns) {
    if (storeType(type) !== undefined && codecFor(type.oid)) continue
    throw featureNotSupported(
      `column "${column}" has type ${typeNames.get(attnum)}, which an ingested relation cannot hold`,
      { position, hint: 'Use jsonb for structured values, text for anything else.' }
    )
  }
  c.altered(relation)
  await c.context.catalog.extend(relation, columns)
  const { twinOid, kind, schema } = relation.definition
  if (relation.hasChild) await adoptChild(c, twinOid, kind, schema)
  if (changes.adds) {
    c.output.write(
      notice(`rows that "${plainName(name)}" has already are NULL in new columns`, AGAIN)
    )
  }
}

interface Changes {
  readonly columns: boolean
  readonly adds: boolean
}

/** @throws PgError 0A000 for what a relation does not take */
function readChanges(
  sql: string,
  relation: Relation,
  position: number,
  moved: (at: number) => number
): Changes {
  const node = parsed(sql, moved)
  const kind = nodeKind(node)
  const inside = childOf(node, kind) ?? {}
  if (kind === 'AlterObjectSchemaStmt') return { columns: false, adds: false }
  if (kind === 'RenameStmt') {
    const what = textOf(inside, 'renameType')
    if (what === 'OBJECT_TABLE') return { columns: false, adds: false }
    if (what === 'OBJECT_COLUMN') return { columns: true, adds: false }
  }
  if (kind !== 'AlterTableStmt') throw notTaken('this form of ALTER TABLE', position)
  const commands = listOf(inside, 'cmds').map((cmd) => childOf(cmd, 'AlterTableCmd') ?? {})
  for (const command of commands) checkCommand(command, relation, position)
  const types = commands.map((command) => textOf(command, 'subtype'))
  return {
    columns: types.some((type) => !HARMLESS.has(type)),
    adds: types.includes('AT_AddColumn')
  }
}

function parsed(sql: string, moved: (at: number) => number): Node {
  try {
    return parseSql(sql)[0]?.node ?? {}
  } catch (error) {
    throw withPosition(error, moved)
  }
}

function checkCommand(command: Node, relation: Relation, position: number): void {
  const type = textOf(command, 'subtype')
  if (HARMLESS.has(type) || type === 'AT_DropNotNull') return
  if (type === 'AT_DropColumn') return checkDropped(textOf(command, 'name'), relation, position)
  if (type !== 'AT_AddColumn') throw notTaken(NAMES[type] ?? 'this form of ALTER TABLE', position)
  const { encoding } = relation.definition
  if (encoding.encode === 'bytes') {
    throw notTaken('ADD COLUMN beside ENCODE BYTES', position)
  }
  const column = childOf(childOf(command, 'def') ?? {}, 'ColumnDef') ?? {}
  for (const wrapped of listOf(column, 'constraints')) {
    const constraint = textOf(childOf(wrapped, 'Constraint') ?? {}, 'contype')
    if (!OF_ADDED.has(constraint)) {
      throw featureNotSupported('an added column can only have a DEFAULT', {
        position,
        detail: 'Rows that are there already have no value for it.',
        hint: AGAIN
      })
    }
  }
}

const NAMES: Readonly<Record<string, string>> = {
  AT_DisableTrig: 'DISABLE TRIGGER',
  AT_DisableTrigAll: 'DISABLE TRIGGER',
  AT_DisableTrigUser: 'DISABLE TRIGGER',
  AT_AlterColumnType: 'ALTER COLUMN … TYPE',
  AT_SetNotNull: 'SET NOT NULL',
  AT_AddConstraint: 'ADD CONSTRAINT',
  AT_DropConstraint: 'DROP CONSTRAINT',
  AT_AddInherit: 'INHERIT',
  AT_AttachPartition: 'ATTACH PARTITION'
}

const notTaken = (what: string, position: number): Error =>
  featureNotSupported(`${what} is not supported in a relation with a connector`, {
    position,
    hint: AGAIN
  })

function checkDropped(name: string, { definition }: Relation, position: number): void {
  const { columns, key, onConflict } = definition.schema
  const attnum = columns.find((column) => column.name === name)?.attnum ?? 0
  const versions = onConflict?.keep === 'highest' ? onConflict.versions : []
  const role = key.includes(attnum) ? 'key' : versions.includes(attnum) ? 'version' : undefined
  if (role === undefined) return
  throw featureNotSupported(`column "${name}" cannot be dropped: it is a ${role} column`, {
    position,
    hint: AGAIN
  })
}
