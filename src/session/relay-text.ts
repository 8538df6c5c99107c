// Which text a relayed statement is sent with: as it came, unless it reads a relation past its
// children (rewrite.ts) and the name really is a relation's.

import type { Conversation } from './conversation.ts'
import { askNames } from './describe.ts'
import { quotedName } from './inspect.ts'
import type { Inspection } from './inspect.ts'

type Relay = Extract<Inspection, { kind: 'relay' }>

/** The text to send, or undefined to send the frame as it came. */
export async function relayText(
  c: Conversation,
  inspection: Relay,
  end: 'flush' | 'sync'
): Promise<string | undefined> {
  if (inspection.text === undefined) return undefined
  const facts = await askNames(c, inspection.tables.map(quotedName), end)
  const { catalog } = c.context
  const isOurs = facts?.names.some(
    ({ oid }) => oid !== undefined && catalog.byTwin(c.identity.database, oid) !== undefined
  )
  return isOurs ? inspection.text : undefined
}
