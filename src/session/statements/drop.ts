// DROP TABLE and DROP SOURCE of relations: the live child goes first, then Postgres drops the twin,
// both in the user's transaction. Ingestion stops when that has committed.

import type { Relation } from '../../catalog/relation.ts'
import { undefinedTable, wrongObjectType } from '../../errors.ts'
import type { Drop } from '../../sql/commands.ts'
import type { QualifiedName } from '../../sql/cursor.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { releaseChild } from './live-child.ts'
import { plainName, resolve, sqlName } from './resolve.ts'
import type { ResolvedTable } from './resolve.ts'
import { done } from './reply.ts'
import type { Reply } from './reply.ts'

interface Named extends ResolvedTable {
  readonly name: QualifiedName
}

export async function dropRelations(
  c: Conversation,
  statement: Drop,
  text: string
): Promise<Reply | 'relay'> {
  const named: Named[] = []
  for (const name of statement.names) named.push({ name, ...(await resolve(c, name)) })
  const relations = named.flatMap(({ relation }) => relation ?? [])
  if (statement.relation === 'table' && relations.length === 0) return 'relay'
  checkKinds(statement, named)
  for (const relation of relations) await releaseChild(c, relation)
  c.touchedCatalog()
  if (statement.relation === 'table') await askUpstream(c, text, [], (position) => position)
  else await dropSources(c, statement, named)
  return done(`DROP ${statement.relation.toUpperCase()}`)
}

function checkKinds(statement: Drop, named: readonly Named[]): void {
  for (const { name, oid, relation } of named) {
    const facts = { position: name.position }
    const label = plainName(name)
    if (statement.relation === 'source' && oid === undefined && !statement.ifExists) {
      throw undefinedTable(`source "${label}" does not exist`, facts)
    }
    if (statement.relation === 'source' && oid !== undefined && kindOf(relation) !== 'source') {
      const hint = 'Use DROP TABLE to drop a table.'
      throw wrongObjectType(`"${label}" is not a source`, { ...facts, hint })
    }
    if (statement.relation === 'table' && kindOf(relation) === 'source') {
      const hint = 'Use DROP SOURCE to drop a source.'
      throw wrongObjectType(`"${label}" is not a table`, { ...facts, hint })
    }
  }
}

const kindOf = (relation: Relation | undefined): string | undefined => relation?.definition.kind

async function dropSources(
  c: Conversation,
  statement: Drop,
  named: readonly Named[]
): Promise<void> {
  for (const { name, oid } of named) {
    if (oid !== undefined) continue
    c.output.write(notice(`source "${plainName(name)}" does not exist, skipping`))
  }
  const there = named.filter(({ oid }) => oid !== undefined)
  if (there.length === 0) return
  const list = there.map(({ name }) => sqlName(name)).join(', ')
  await askUpstream(c, `DROP TABLE ${list} ${statement.behavior}`)
}
