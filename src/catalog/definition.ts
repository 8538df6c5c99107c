// A relation's definition as it is kept in the data directory: everything needed to resume it
// without asking anybody. Holds secrets; must never reach a log, a client or the upstream.

import { invariant } from '../errors.ts'
import type { Encoding, NatsConnector, StreamPosition } from '../types/connector.ts'
import type { RelationSchema } from '../types/value.ts'
import type { Writes } from '../upstream/bridge-writes.ts'

export type RelationKind = 'table' | 'source'

export interface Definition {
  /** Of this form; another number is another jetgres's. */
  readonly version: 1
  /** pending: made in a transaction whose end is not known yet. */
  readonly state: 'pending' | 'active'
  readonly kind: RelationKind
  readonly database: string
  /** pg_control_system().system_identifier of the upstream: OIDs mean nothing elsewhere. */
  readonly upstream: string
  readonly twinOid: number
  /** As of the last look at the twin. */
  readonly schemaName: string
  readonly name: string
  readonly schema: RelationSchema
  readonly connector: NatsConnector
  readonly encoding: Encoding
  /** WITH as given, for ALTER … CONNECTOR WITH and SHOW CREATE. */
  readonly options: readonly DefinedOption[]
  /** The rest of the user's statement, for SHOW CREATE. */
  readonly clauses: Clauses
  /** attnum → the field of the payload that a column is filled from, where that isn't its name. */
  readonly payloadNames?: Readonly<Record<number, string>>
  /** Deliveries a second; 0: ingestion is paused; undefined: as many as there are. */
  readonly rateLimit?: number | undefined
  /** Behind which its rows begin in the stream: where it is read anew from. */
  readonly from?: StreamPosition
  /** The limit to go on with after a pause. */
  readonly rateLimitBefore?: number | undefined
}

/** What SQL may write: a source mirrors its stream, and without a key no row can be found again. */
export function writesOf(kind: RelationKind, { key }: RelationSchema): Writes {
  if (kind === 'source') return 'none'
  return key.length === 0 ? 'inserts' : 'all'
}

export interface DefinedOption {
  readonly key: string
  /** '' of a secret: that is looked up. */
  readonly value: string
  readonly secret?: { readonly schema: string; readonly name: string }
}

/** What of a CREATE statement is in no other part of a definition, as the user wrote it. */
export interface Clauses {
  /** The watermark in the list of columns. */
  readonly watermark?: string
  /** Between the columns and WITH: APPEND ONLY, ON CONFLICT, INCLUDE, …. */
  readonly before: string
  /** Behind WITH: FORMAT … ENCODE …. */
  readonly after: string
}

export const writeDefinition = (definition: Definition): string => JSON.stringify(definition)

/** @throws PgError XX000 when it isn't one of ours */
export function readDefinition(text: string): Definition {
  const definition = JSON.parse(text) as Definition
  invariant(definition.version === 1, 'a relation definition of version 1')
  return definition
}
