// The tables that tell how jetgres stands: their columns, as the upstream's foreign tables have them
// and as rows come over the back channel. Data only. New columns go to the end.

/** Of this jetgres, whatever its relations. */
export type ProcessTable = 'sessions' | 'routes' | 'settings'
/** Of each relation of a database. */
export type RelationTable = 'relations' | 'dropped' | 'gaps'
export type StatusTable = RelationTable | ProcessTable

interface StatusColumn {
  readonly name: string
  /** As Postgres spells it. */
  readonly type: string
}

const column = (name: string, type: string): StatusColumn => ({ name, type })

/** A RelationTable's first column is the twin's OID; the views put schema and name in its place. */
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
    column('last_error', 'text'),
    column('target', 'bigint'),
    column('progress', 'double precision'),
    column('seconds_left', 'double precision')
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
  ],
  // Names as pg_stat_activity has them.
  sessions: [
    column('pid', 'integer'),
    column('usename', 'text'),
    column('datname', 'text'),
    column('application_name', 'text'),
    column('started_at', 'timestamptz'),
    column('state', 'text'),
    column('last_route', 'text'),
    column('messages', 'bigint'),
    column('query', 'text')
  ],
  routes: [column('route', 'text'), column('reason', 'text'), column('statements', 'bigint')],
  settings: [column('name', 'text'), column('value', 'text')]
}

export const isProcessTable = (table: StatusTable): table is ProcessTable =>
  table === 'sessions' || table === 'routes' || table === 'settings'

export const isStatusTable = (name: string): name is StatusTable =>
  Object.hasOwn(STATUS_TABLES, name)
