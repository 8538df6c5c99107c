// SHOW jetgres.sessions, .routes and .settings: what this jetgres is at and how it is set. Everybody
// sees his own sessions; the rest is for members of pg_monitor, as pg_stat_activity has it.

import { insufficientPrivilege } from '../../errors.ts'
import type { Conversation } from '../conversation.ts'
import { processRows } from '../process-rows.ts'
import { askUpstream } from './ask.ts'
import type { StatusTable } from './show-status.ts'

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
    const all = processRows('sessions', c.context)
    return all
      .filter(([, user]) => mayAll || user === c.identity.user)
      .map(([pid, user, database, application, startedAt, state, route, messages]) =>
        [pid, user, database, application, state, route, messages, startedAt].map(orNull)
      )
  }
}

const orNull = (field: string | null | undefined): string | null => field ?? null

const ofMonitors = (table: 'routes' | 'settings', columns: readonly string[]): StatusTable => ({
  columns,
  rows: async (c) => {
    await checkMonitor(c, `jetgres.${table}`)
    return processRows(table, c.context)
  }
})

export const PROCESS_TABLES: ReadonlyMap<string, StatusTable> = new Map([
  ['jetgres.sessions', sessions],
  ['jetgres.routes', ofMonitors('routes', ['Route', 'Reason', 'Statements'])],
  ['jetgres.settings', ofMonitors('settings', ['Name', 'Value'])]
])
