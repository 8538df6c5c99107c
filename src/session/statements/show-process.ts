// SHOW jetgres.sessions, .routes and .settings: what this jetgres is at and how it is set. Everybody
// sees his own sessions; the rest is for members of pg_monitor, as pg_stat_activity has it.

import { insufficientPrivilege } from '../../errors.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import type { StatusTable } from './show-status.ts'

/** More than clients an upstream takes. */
const SESSIONS_SHOWN = 10_000

const IS_MONITOR = `SELECT pg_catalog.pg_has_role('pg_monitor', 'USAGE')`

async function isMonitor(c: Conversation): Promise<boolean> {
  const [row] = await askUpstream(c, IS_MONITOR, [])
  return row?.[0] === 't'
}

async function checkMonitor(c: Conversation, name: string): Promise<void> {
  if (await isMonitor(c)) return
  throw insufficientPrivilege(`permission denied to examine "${name}"`, {
    hint: 'Only roles with privileges of "pg_monitor" may: GRANT pg_monitor TO the role.'
  })
}

const sessions: StatusTable = {
  columns: [
    'Pid',
    'User',
    'Database',
    'Application',
    'State',
    'Last Route',
    'Messages',
    'Started At'
  ],
  rows: async (c) => {
    const mayAll = await isMonitor(c)
    const all = c.context.registry.sessions(SESSIONS_SHOWN)
    const shown = all.filter(({ user }) => mayAll || user === c.identity.user)
    return shown.map((session) => [
      String(session.pid),
      session.user,
      session.database,
      session.application,
      session.isBusy ? 'busy' : 'idle',
      session.lastRoute,
      String(session.messages),
      new Date(session.startedAt).toISOString()
    ])
  }
}

const routes: StatusTable = {
  columns: ['Route', 'Reason', 'Statements'],
  rows: async (c) => {
    await checkMonitor(c, 'jetgres.routes')
    const { activity } = c.context
    return [
      ...Object.entries(activity.counts).map(([route, count]) => [route, null, String(count)]),
      ...activity.reasons().map(({ reason, count }) => ['relay', reason, String(count)])
    ]
  }
}

const settings: StatusTable = {
  columns: ['Name', 'Value'],
  rows: async (c) => {
    await checkMonitor(c, 'jetgres.settings')
    return c.context.settings.map(([name, value]) => [name, value])
  }
}

export const PROCESS_TABLES: ReadonlyMap<string, StatusTable> = new Map([
  ['jetgres.sessions', sessions],
  ['jetgres.routes', routes],
  ['jetgres.settings', settings]
])
