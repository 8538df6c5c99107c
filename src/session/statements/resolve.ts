// Which relation a name in one of our statements means, as the session resolves it.

import type { Relation } from '../../catalog/relation.ts'
import { undefinedTable } from '../../errors.ts'
import type { QualifiedName } from '../../sql/cursor.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'

export interface ResolvedTable {
  readonly oid: number | undefined
  readonly relation: Relation | undefined
}

export async function resolve(c: Conversation, name: QualifiedName): Promise<ResolvedTable> {
  const [row] = await askUpstream(c, 'SELECT pg_catalog.to_regclass($1)::pg_catalog.oid', [
    sqlName(name)
  ])
  const oid = row?.[0] ? Number(row[0]) : undefined
  const relation =
    oid === undefined ? undefined : c.context.catalog.byTwin(c.identity.database, oid)
  return { oid, relation }
}

/** @throws PgError 42P01 when the name means nothing */
export async function resolveExisting(
  c: Conversation,
  name: QualifiedName
): Promise<ResolvedTable & { readonly oid: number }> {
  const { oid, relation } = await resolve(c, name)
  if (oid === undefined) {
    throw undefinedTable(`relation "${plainName(name)}" does not exist`, {
      position: name.position
    })
  }
  return { oid, relation }
}

/** Quoted, for to_regclass and generated SQL. */
export const sqlName = ({ schema, name }: Pick<QualifiedName, 'schema' | 'name'>): string =>
  [...(schema === undefined ? [] : [schema]), name]
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.')

/** As Postgres's messages print it. */
export const plainName = ({ schema, name }: QualifiedName): string =>
  schema === undefined ? name : `${schema}.${name}`
