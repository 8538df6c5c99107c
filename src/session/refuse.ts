// A statement that must be relayed reads a relation without a live child: relayed, it would see no
// rows. For everyone but superusers the guard upstream says so; here it is said for all
// (invariant 2). Pure.

import type { Relation } from '../catalog/relation.ts'
import { objectNotReady } from '../errors.ts'
import type { PgError } from '../errors.ts'

/** The error, or undefined when all of the relations can be read upstream. */
export function refusal(relations: readonly Relation[], reason: string): PgError | undefined {
  const childless = relations.find((relation) => !relation.hasChild)
  if (!childless) return undefined
  return objectNotReady(
    `relation "${childless.definition.name}" cannot be read by a statement that Postgres has to run`,
    {
      detail: `It has no live child upstream, and jetgres cannot answer this itself: ${reason}.`,
      hint:
        'Let the maintenance role (the user of --upstream) be a superuser, or install ' +
        'postgres_fdw, make that role the owner of it and a member of the roles that own relations.'
    }
  )
}
