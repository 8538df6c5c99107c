// Gathers what is watched from the parts that know it, for the status page and for metrics; and asks
// the upstream, now and then, whether it is there.

import type { Relation } from '../catalog/relation.ts'
import { limits } from '../limits.ts'
import { Metrics } from '../metrics.ts'
import type { RelationFacts } from '../metrics.ts'
import { Activity } from '../session/activity.ts'
import type { Logger } from '../log.ts'
import type { Maintenance } from '../upstream/maintenance.ts'
import type { Watched } from './overview.ts'

type Parts = Pick<Watched, 'version' | 'catalog' | 'registry' | 'connections'>

/** The two know each other: what is timed is measured, and what is counted is shown. */
export function openMeasures(
  parts: Parts,
  readiness: Readiness,
  slowMs: number,
  log: Logger
): Pick<Watched, 'activity' | 'metrics'> {
  const activity = new Activity({
    slowMs,
    log,
    onTimed: (route, seconds) => metrics.timed(route, seconds)
  })
  const metrics = new Metrics({
    version: parts.version,
    relations: () => factsOf(parts.catalog.relations()),
    sessions: () => parts.registry.size,
    natsConnections: () => {
      const states = parts.connections.states()
      const up = states.filter(({ isUp }) => isUp).length
      return { up, down: states.length - up }
    },
    faults: () => readiness.faults,
    statements: () => activity.counts
  })
  return { activity, metrics }
}

/** Why statements can't be served now; the log gets a line when that changes. */
export class Readiness {
  readonly #maintenance: Maintenance
  readonly #log: Logger
  #timer: NodeJS.Timeout | undefined
  #faults: readonly string[] = []

  constructor(maintenance: Maintenance, log: Logger) {
    this.#maintenance = maintenance
    this.#log = log
  }

  get faults(): readonly string[] {
    return this.#faults
  }

  async open(): Promise<void> {
    await this.#look()
    this.#timer = setInterval(() => void this.#look(), limits.readinessMs).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    const wasReady = this.#faults.length === 0
    try {
      await this.#maintenance.ping()
      this.#faults = []
      if (!wasReady) this.#log.info('the upstream can be reached again')
    } catch (err) {
      this.#faults = [`the upstream cannot be reached: ${(err as Error).message}`]
      if (wasReady) this.#log.warn({ err }, 'the upstream cannot be reached')
    }
  }
}

function factsOf(relations: readonly Relation[]): RelationFacts[] {
  const databases = new Set(relations.map(({ definition }) => definition.database))
  return relations.map((relation) => {
    const status = relation.status()
    const { label, definition } = relation
    return {
      relation: databases.size > 1 ? `${definition.database}.${label}` : label,
      state: status?.state ?? 'waiting for COMMIT',
      position: status?.position.sequence ?? 0,
      received: status?.received ?? 0,
      applied: status?.applied ?? 0,
      dropped: status?.dropped ?? 0,
      gaps: status?.gaps ?? 0,
      restarts: status?.restarts ?? 0,
      lag: status?.lag,
      lagSeconds: status?.lagSeconds,
      lastDeliveryAt: status?.lastDeliveryAt
    }
  })
}
