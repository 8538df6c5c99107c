// SHOW jetgres.…: what only the proxy knows of a session.

import { undefinedObject } from '../../errors.ts'
import type { ShowSetting } from '../../sql/commands.ts'
import { describeRoute } from '../context.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import type { Reply } from './reply.ts'
import { PROCESS_TABLES } from './show-process.ts'
import { showStatus, STATUS_TABLES } from './show-status.ts'

/** What jetgres.consistency is when nobody has set it. */
const DEFAULT_CONSISTENCY = 'received'

const KNOWN = [
  'jetgres.last_route',
  'jetgres.consistency',
  ...STATUS_TABLES.keys(),
  ...PROCESS_TABLES.keys()
]

export async function showSetting(c: Conversation, statement: ShowSetting): Promise<Reply> {
  const { name } = statement
  const status = STATUS_TABLES.get(name) ?? PROCESS_TABLES.get(name)
  if (status) return showStatus(c, status)
  return { columns: [name], rows: [[await valueOf(c, name)]], tag: 'SHOW' }
}

async function valueOf(c: Conversation, name: string): Promise<string> {
  if (name === 'jetgres.last_route') return describeRoute(c.lastRoute)
  // Settings with a prefix are Postgres's own: SET stores them there, transaction and all.
  const [row] = await askUpstream(c, 'SELECT pg_catalog.current_setting($1, true)', [name])
  const value = row?.[0] ?? ''
  if (value !== '') return value
  if (name === 'jetgres.consistency') return DEFAULT_CONSISTENCY
  throw undefinedObject(`unrecognized configuration parameter "${name}"`, {
    hint: `jetgres knows ${KNOWN.join(', ')}.`
  })
}
