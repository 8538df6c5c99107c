// Which text a relayed statement that may name a relation is sent with: as it came, unless it reads
// one past its children (rewrite.ts) and the name really is a relation's. Refuses what may not be
// relayed. Asking brings the session's isolation and consistency up to date for the back channel.

import type { Conversation } from './conversation.ts'
import { askNames } from './describe.ts'
import { quotedName } from './inspect.ts'
import type { Inspection } from './inspect.ts'
import { refusal } from './refuse.ts'

type Relay = Extract<Inspection, { kind: 'relay' }>

/**
 * The text to send, or undefined to send the frame as it came.
 * @throws PgError 55000 when a relation in it has no live child
 */
export async function relayText(
  c: Conversation,
  inspection: Relay,
  end: 'flush' | 'sync'
): Promise<string | undefined> {
  const { catalog } = c.context
  const { database } = c.identity
  const facts = await askNames(c, inspection.tables.map(quotedName), end)
  const relations = catalog.byTwins(database, facts?.names.map(({ oid }) => oid) ?? [])
  const refused = refusal(relations, inspection.reason)
  if (refused) throw refused
  return relations.length > 0 ? inspection.text : undefined
}
