// The relations that tell how ingestion stands: their columns, as the upstream's foreign tables have
// them and as rows come over the back channel. Data only. New columns go to the end.

export type StatusTable = 'relations' | 'dropped' | 'gaps'

interface StatusColumn {
  readonly name: string
  /** As Postgres spells it. */
  readonly type: string
}

const column = (name: string, type: string): StatusColumn => ({ name, type })

/** The first column is the twin's OID; the views put name and owner in its place. */
export const STATUS_TABLES: Readonly<Record<StatusTable, readonly StatusColumn[]>> = {
  relations: [
    column('twin', 'oid'),
    column('kind', 'text'),
    column('stream', 'text'),
    column('subjects', 'text[]'),
    column('consumer', 'text'),
    column('state', 'text'),
    column('position', 'bigint'),
    column('lag', 'bigint'),
    column('lag_seconds', 'double precision'),
    column('rate', 'double precision'),
    column('received', 'bigint'),
    column('applied', 'bigint'),
    column('dropped', 'bigint'),
    column('gaps', 'bigint'),
    column('restarts', 'bigint'),
    column('last_delivery_at', 'timestamptz'),
    column('last_error', 'text')
  ],
  dropped: [
    column('twin', 'oid'),
    column('sequence', 'bigint'),
    column('subject', 'text'),
    column('error', 'text'),
    column('payload', 'bytea')
  ],
  gaps: [
    column('twin', 'oid'),
    column('first_sequence', 'bigint'),
    column('last_sequence', 'bigint'),
    column('noticed_at', 'timestamptz')
  ]
}

export const isStatusTable = (name: string): name is StatusTable =>
  Object.hasOwn(STATUS_TABLES, name)
