// ALTER TABLE | SOURCE … REPLAY DROPPED: the deliveries of jetgres.dropped are read again, after what
// kept them from being rows was mended. Not the upstream's, so it stays outside of transaction blocks.

import type { Relation } from '../../catalog/relation.ts'
import type { Alter } from '../../sql/alter.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { checkAllowed } from './alter-connector.ts'

/** @throws PgError 25001, 42501, 0A000, HV00N */
export async function replayDropped(
  c: Conversation,
  relation: Relation,
  statement: Alter
): Promise<void> {
  await checkAllowed(c, relation, statement, 'ALTER … REPLAY DROPPED')
  const { replayed, refused, gone } = await c.context.catalog.replay(relation)
  c.output.write(
    notice(
      `${replayed} dropped deliveries were replayed, ${refused} still cannot become rows, ` +
        `${gone} are no longer in the stream`
    )
  )
}
