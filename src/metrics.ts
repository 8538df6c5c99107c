// The door to prom-client: every metric, its name, help and labels. Owns the registry; what is counted
// belongs to others, and is asked for when somebody looks. A label's values are bounded.

import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'

import { Durations } from './durations.ts'
import { limits } from './limits.ts'

/** Of one relation, as of now. */
export interface RelationFacts {
  /** schema.name; with its database where there are several. */
  readonly relation: string
  readonly state: string
  readonly position: number
  readonly received: number
  readonly applied: number
  readonly dropped: number
  readonly gaps: number
  readonly restarts: number
  readonly lag: number | undefined
  readonly lagSeconds: number | undefined
  readonly lastDeliveryAt: number | undefined
}

export interface MetricsSource {
  readonly version: string
  relations(): readonly RelationFacts[]
  sessions(): number
  natsConnections(): { readonly up: number; readonly down: number }
  /** Why statements cannot be served now. */
  faults(): readonly string[]
  statements(): Readonly<Record<string, number>>
}

/** From a look-up's to a report's. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Named against the conventions (a gauge must not end in _total), and of no use here. */
const UNWANTED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total'
]

export class Metrics {
  readonly #registry = new Registry()
  readonly #source: MetricsSource
  readonly #duration = new Durations(
    'jetgres_statement_duration_seconds',
    'Time taken by statements, but for those answered from memory at once.',
    'route',
    SECONDS
  )

  constructor(source: MetricsSource) {
    this.#source = source
    collectDefaultMetrics({ register: this.#registry })
    for (const name of UNWANTED) this.#registry.removeSingleMetric(name)
    this.#addProcess()
    this.#addRelations()
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE

  timed(route: string, seconds: number): void {
    this.#duration.observe(route, seconds)
  }

  /** The exposition text. */
  async text(): Promise<string> {
    return (await this.#registry.metrics()) + this.#duration.text()
  }

  #gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect: () => gauge.set(read())
    })
  }

  #addProcess(): void {
    const source = this.#source
    const registers = [this.#registry]
    const info = new Gauge({
      name: 'jetgres_info',
      help: 'Always 1; its label tells the version.',
      labelNames: ['version'],
      registers
    })
    info.set({ version: source.version }, 1)
    const ready = (): number => (source.faults().length === 0 ? 1 : 0)
    this.#gauge('jetgres_ready', '1 when statements can be served: /readyz tells why not.', ready)
    this.#gauge('jetgres_sessions', 'Clients connected now.', () => source.sessions())
    const connections: Gauge<'state'> = new Gauge({
      name: 'jetgres_nats_connections',
      help: 'Connections to NATS servers that relations share.',
      labelNames: ['state'],
      registers,
      collect: () => {
        for (const [state, n] of Object.entries(source.natsConnections()))
          connections.set({ state }, n)
      }
    })
    const statements: Counter<'route'> = new Counter({
      name: 'jetgres_statements_total',
      help: 'Statements by the route they took.',
      labelNames: ['route'],
      registers,
      collect: () => {
        statements.reset()
        for (const [route, n] of Object.entries(source.statements())) statements.inc({ route }, n)
      }
    })
  }

  #addRelations(): void {
    const relations = (): readonly RelationFacts[] => this.#source.relations()
    this.#gauge('jetgres_relations', 'Relations there are.', () => relations().length)
    const states: Gauge<'relation' | 'state'> = new Gauge({
      name: 'jetgres_relation_state',
      help: 'Always 1; its label tells the state of a relation.',
      labelNames: ['relation', 'state'],
      registers: [this.#registry],
      collect: () => {
        states.reset()
        for (const { relation, state } of this.#labelled()) states.set({ relation, state }, 1)
      }
    })
    for (const [name, help, read] of COUNTERS) this.#perRelation(Counter, name, help, read)
    for (const [name, help, read] of GAUGES) this.#perRelation(Gauge, name, help, read)
  }

  #perRelation(
    Metric: typeof Counter | typeof Gauge,
    name: string,
    help: string,
    read: Read
  ): void {
    const metric: Counter<'relation'> | Gauge<'relation'> = new Metric({
      name,
      help,
      labelNames: ['relation'],
      registers: [this.#registry],
      collect: () => {
        metric.reset()
        for (const facts of this.#labelled()) {
          const value = read(facts)
          if (value !== undefined) metric.inc({ relation: facts.relation }, value)
        }
      }
    })
  }

  /** Those that get labels of their own. */
  #labelled(): readonly RelationFacts[] {
    return this.#source.relations().slice(0, limits.relationsShownMax)
  }
}

type Read = (facts: RelationFacts) => number | undefined

const COUNTERS: readonly (readonly [name: string, help: string, read: Read])[] = [
  ['jetgres_relation_deliveries_total', 'Deliveries received.', ({ received }) => received],
  [
    'jetgres_relation_rows_total',
    'Deliveries that became rows and are on disk.',
    ({ applied }) => applied
  ],
  ['jetgres_relation_dropped_total', 'Deliveries that became no row.', ({ dropped }) => dropped],
  [
    'jetgres_relation_lost_total',
    'Stream sequences that were gone before they could be read.',
    ({ gaps }) => gaps
  ],
  [
    'jetgres_relation_restarts_total',
    'How often the stream began another life.',
    ({ restarts }) => restarts
  ]
]

const GAUGES: readonly (readonly [name: string, help: string, read: Read])[] = [
  ['jetgres_relation_position', 'The last stream sequence on disk.', ({ position }) => position],
  [
    'jetgres_relation_lag_deliveries',
    'Deliveries that the stream holds and that have not come.',
    ({ lag }) => lag
  ],
  [
    'jetgres_relation_lag_seconds',
    'Age of the last delivery received, while others wait; 0 when none does.',
    ({ lagSeconds }) => lagSeconds
  ],
  [
    'jetgres_relation_last_delivery_timestamp_seconds',
    'When the last delivery came, as Unix time.',
    ({ lastDeliveryAt }) => (lastDeliveryAt === undefined ? undefined : lastDeliveryAt / 1_000)
  ]
]
