// What the status page shows at a glance, as plain JSON: relations, sessions, routes, NATS, faults.
// Made from what is in memory; holds no rows, no constants of statements and no secrets.

import type { Catalog } from '../catalog/catalog.ts'
import type { Relation } from '../catalog/relation.ts'
import type { NatsConnections } from '../ingest/connection.ts'
import { limits } from '../limits.ts'
import type { Metrics } from '../metrics.ts'
import type { Activity } from '../session/activity.ts'
import type { SessionRegistry, SessionView } from '../session/registry.ts'
import type { Store } from '../store/store.ts'

/** All that the HTTP server looks at. */
export interface Watched {
  readonly version: string
  readonly upstream: string
  readonly catalog: Catalog
  readonly store: Store
  readonly connections: NatsConnections
  readonly registry: SessionRegistry
  readonly activity: Activity
  readonly metrics: Metrics
  /** Why statements can't be served now; empty when they can. */
  readonly faults: () => readonly string[]
}

export interface RelationView {
  readonly id: number
  readonly name: string
  readonly database: string
  readonly kind: string
  readonly stream: string
  readonly subjects: readonly string[]
  readonly state: string
  readonly isPaused: boolean
  readonly position: number | undefined
  readonly lag: number | undefined
  readonly lagSeconds: number | undefined
  readonly rate: number | undefined
  /** Of a catch-up: percent done, and seconds at the present rate. */
  readonly progress: number | undefined
  readonly secondsLeft: number | undefined
  readonly received: number | undefined
  readonly dropped: number
  readonly gaps: number | undefined
  readonly rows: number | undefined
  readonly lastDeliveryAt: number | undefined
  readonly lastError: string | undefined
}

export async function overview(
  watched: Watched,
  rows: ReadonlyMap<number, number>
): Promise<object> {
  const { catalog, registry, activity, connections } = watched
  const all = catalog.relations()
  const shown = all.slice(0, limits.relationsShownMax)
  return {
    at: Date.now(),
    version: watched.version,
    upstream: watched.upstream,
    faults: watched.faults(),
    relations: await Promise.all(shown.map((one) => relationView(one, watched.store, rows))),
    relationsHidden: all.length - shown.length,
    sessions: {
      count: registry.size,
      shown: registry.sessions(limits.statusLinesMax).map(withoutText)
    },
    statements: activity.counts,
    reasons: activity.reasons().slice(0, limits.statusReasonsMax),
    slowest: activity.slowest(),
    nats: connections.states().slice(0, limits.statusLinesMax)
  }
}

const withoutText = (session: SessionView): object => ({ ...session, query: undefined })

export async function relationView(
  relation: Relation,
  store: Store,
  rows: ReadonlyMap<number, number>
): Promise<RelationView> {
  const { definition, id } = relation
  const status = relation.status()
  const { lag, rate } = status ?? {}
  return {
    id,
    name: relation.label,
    database: definition.database,
    kind: definition.kind,
    stream: definition.connector.stream,
    subjects: definition.connector.subjects,
    state: status?.state ?? 'waiting for COMMIT',
    isPaused: definition.rateLimit === 0,
    position: status?.position.sequence,
    lag,
    lagSeconds: status?.lagSeconds,
    rate,
    progress: status?.progress,
    secondsLeft: status?.secondsLeft,
    received: status?.received,
    // It may have been dropped just now.
    dropped: await store.droppedCount(id).catch(() => 0),
    gaps: status?.gaps,
    rows: rows.get(id),
    lastDeliveryAt: status?.lastDeliveryAt,
    lastError: status?.lastError
  }
}
