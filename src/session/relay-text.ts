// Which text a relayed statement that may name a relation is sent with: as it came, unless it reads
// one past its children (rewrite.ts) and the name really is a relation's. Refuses what may not be
// relayed. Asking brings the session's isolation and consistency up to date for the back channel.

import { featureNotSupported } from '../errors.ts'
import type { Conversation } from './conversation.ts'
import { askNames } from './describe.ts'
import { askOnce } from './facts.ts'
import { quotedName } from './inspect.ts'
import type { Inspection } from './inspect.ts'
import { UNREADABLE } from './inspect.ts'
import { refusal } from './refuse.ts'
import { UpstreamError } from './upstream-error.ts'

type Relay = Extract<Inspection, { kind: 'relay' }>

const PRIVATE = 'jetgres copy'

/**
 * The text of a simple query to send, or undefined to send the frame as it came.
 * @throws UpstreamError when a COPY is wrong: the twin, which is empty, is copied first
 * @throws whatever relayText does
 */
export async function relayQuery(
  c: Conversation,
  inspection: Relay,
  text: string
): Promise<string | undefined> {
  const sent = await relayText(c, inspection, 'sync')
  if (sent !== undefined && inspection.isCopy) {
    const { error } = await c.link.exchange(askOnce(text, [], PRIVATE), 'sync')
    if (error) throw new UpstreamError(error, (position) => position)
  }
  return sent
}

/**
 * The text to send, or undefined to send the frame as it came.
 * @throws PgError 55000 when a relation in it has no live child; 0A000 when the text to be
 *   rewritten is in an encoding that we cannot write
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
  if (inspection.makesView) c.touchedCatalog()
  if (relations.length === 0 || inspection.text === undefined) return undefined
  if (inspection.text.includes(UNREADABLE)) {
    throw featureNotSupported('ONLY and COPY of an ingested relation need a statement in UTF-8', {
      hint: 'Set client_encoding to UTF8, or leave ONLY out and use COPY (SELECT …).'
    })
  }
  return inspection.text
}
