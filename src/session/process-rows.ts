// What this jetgres is at and how it is set, as rows of text: for SHOW jetgres.… and for the views of
// schema jetgres. Knows nothing of who may see them.

import type { ShownSetting } from '../config-shown.ts'
import { limits } from '../limits.ts'
import type { ProcessTable } from '../types/status-tables.ts'
import type { Activity } from './activity.ts'
import type { SessionRegistry } from './registry.ts'

export interface ProcessFacts {
  readonly registry: SessionRegistry
  readonly activity: Activity
  readonly settings: readonly ShownSetting[]
}

type Row = readonly (string | null)[]

/** Fields in the order of STATUS_TABLES. */
export function processRows(table: ProcessTable, facts: ProcessFacts): Row[] {
  switch (table) {
    case 'sessions':
      return sessionRows(facts)
    case 'routes':
      return routeRows(facts)
    case 'settings':
      return facts.settings.map(([name, value]) => [name, value])
  }
}

const sessionRows = ({ registry }: ProcessFacts): Row[] =>
  registry
    .sessions(limits.sessionsShownMax)
    .map((session) => [
      String(session.pid),
      session.user,
      session.database,
      session.application,
      new Date(session.startedAt).toISOString(),
      session.isBusy ? 'busy' : 'idle',
      session.lastRoute,
      String(session.messages),
      session.query
    ])

const routeRows = ({ activity }: ProcessFacts): Row[] => [
  ...Object.entries(activity.counts).map(([route, count]) => [route, null, String(count)]),
  ...activity.reasons().map(({ reason, count }) => ['relay', reason, String(count)])
]
