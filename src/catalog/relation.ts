// One ingested relation: its definition, where it stands, and its ingestion once that runs.

import { objectNotReady } from '../errors.ts'
import type { Ingestion } from '../ingest/ingestion.ts'
import type { IngestionStatus } from '../ingest/ingestion-status.ts'
import type { Fields, RowKey } from '../store/row-slab.ts'
import { OID } from '../types/oids.ts'
import type { RelationSchema } from '../types/value.ts'
import type { Definition } from './definition.ts'

/**
 * How fresh a read must be: what is committed (never waits); also what has been received; also what
 * the stream holds at that moment.
 */
export type Consistency = 'committed' | 'received' | 'stream'

export class Relation {
  /** Replaced when the twin is renamed or the relation becomes active. */
  definition: Definition
  /** Undefined until the transaction that made the relation has committed. */
  ingestion: Ingestion | undefined
  /** False while the twin has no live child: what is relayed would not see the rows. */
  hasChild = true
  /** Its twin was altered in a transaction that is still open: only Postgres knows what it is. */
  isAltering = false

  constructor(definition: Definition) {
    this.definition = definition
  }

  get id(): number {
    return this.definition.schema.id
  }

  get schema(): RelationSchema {
    return this.definition.schema
  }

  /**
   * The schema as the translator may see it. Text that is not compared bytewise is shown as json,
   * which is projected and nothing else.
   */
  get comparable(): RelationSchema {
    const { schema } = this
    if (!schema.columns.some((column) => column.isCollated)) return schema
    const opaque = { oid: OID.json, typmod: -1 }
    const columns = schema.columns.map((column) =>
      column.isCollated ? { ...column, type: opaque } : column
    )
    return { ...schema, columns }
  }

  get isActive(): boolean {
    return this.ingestion !== undefined
  }

  /** schema.name, for messages. */
  get label(): string {
    return `${this.definition.schemaName}.${this.definition.name}`
  }

  /**
   * Makes the store as fresh as a read of this consistency wants it (DESIGN: committed, received,
   * stream).
   * @throws PgError 55000 before the relation's CREATE has committed, or when it can't catch up
   */
  async refresh(consistency: Consistency): Promise<void> {
    if (!this.ingestion) {
      throw objectNotReady(`relation "${this.definition.name}" cannot be read yet`, {
        detail: 'The transaction that created it has not committed.',
        hint: 'Ingestion starts at COMMIT.'
      })
    }
    if (consistency === 'received') await this.ingestion.freshness.flush()
    else if (consistency === 'stream') await this.ingestion.freshness.catchUp()
  }

  /** Whether the row of this key, as it is in the store, is as fresh as a read wants it. */
  isFresh(consistency: Consistency, key: RowKey): boolean {
    if (!this.ingestion || consistency === 'stream') return false
    return consistency === 'committed' || this.ingestion.freshness.isSettled(key)
  }

  /** The row of this key that waits for its commit, where a read wants it: as Freshness.receivedRow. */
  receivedRow(
    consistency: Consistency,
    key: RowKey,
    isRefreshed: boolean
  ): Fields | null | undefined {
    return consistency === 'received'
      ? this.ingestion?.freshness.receivedRow(key, isRefreshed)
      : undefined
  }

  /**
   * Has the rows of these keys as fresh as a read wants them, in the store or by receivedRow.
   * @throws PgError as refresh
   */
  async refreshRows(consistency: Consistency, keys: readonly RowKey[]): Promise<void> {
    if (!this.ingestion || consistency !== 'received') return this.refresh(consistency)
    await this.ingestion.freshness.settle(keys)
  }

  status(): IngestionStatus | undefined {
    return this.ingestion?.status()
  }
}
