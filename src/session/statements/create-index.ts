// CREATE INDEX on a relation: Postgres makes it, and is told of; only a UNIQUE one would promise what
// nothing keeps.

import { featureNotSupported } from '../../errors.ts'
import type { CreateIndex } from '../../sql/create-index.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { plainName, resolve } from './resolve.ts'

/** @throws PgError 0A000 of a UNIQUE one */
export async function createIndex(
  c: Conversation,
  { name, uniquePosition }: CreateIndex
): Promise<'relay'> {
  const { relation } = await resolve(c, name)
  if (!relation) return 'relay'
  const label = plainName(name)
  if (uniquePosition !== undefined) {
    throw featureNotSupported(`a unique index on "${label}" is not supported`, {
      position: uniquePosition,
      detail: 'Its rows come from a stream and are not in Postgres: nothing would check them.',
      hint: 'Use PRIMARY KEY in CREATE TABLE.'
    })
  }
  c.output.write(notice(`the index has no effect: the rows of "${label}" are not in Postgres`))
  return 'relay'
}
