// What every session is given. Types only.

import type { Catalog } from '../catalog/catalog.ts'
import type { ShownSetting } from '../config-shown.ts'
import type { Logger } from '../log.ts'
import type { NameScan } from '../sql/classify.ts'
import type { Store } from '../store/store.ts'
import type { Maintenance } from '../upstream/maintenance.ts'
import type { Target } from '../upstream/dial.ts'
import type { Activity } from './activity.ts'
import type { ClientTls } from './encryption.ts'
import type { SessionRegistry } from './registry.ts'
import type { SharedPlans } from './shared-plans.ts'
import type { Standstill } from './standstill.ts'

/** How a statement was answered. */
export type Route =
  | { readonly to: 'local' }
  | { readonly to: 'define' }
  /** `reason` when a relation's name stands in the statement. */
  | { readonly to: 'relay'; readonly reason?: string }

export interface SessionContext {
  readonly target: Target
  /** undefined: no TLS towards clients. */
  readonly tls: ClientTls | undefined
  readonly requireTls: boolean
  /** How long start-up and authentication may take. */
  readonly startupMs: number
  readonly store: Store
  readonly catalog: Catalog
  readonly maintenance: Maintenance
  readonly registry: SessionRegistry
  readonly activity: Activity
  readonly sharedPlans: SharedPlans
  readonly standstill: Standstill
  /** How this jetgres is configured, secrets hidden. */
  readonly settings: readonly ShownSetting[]
  /** The names of all relations, as of now. */
  readonly names: () => NameScan
  readonly log: Logger
}

export const describeRoute = (route: Route): string =>
  route.to === 'relay' && route.reason !== undefined ? `relay (${route.reason})` : route.to
