// What the maintenance role's connections are set to, whatever ALTER ROLE, ALTER DATABASE or the server's
// configuration say: those are meant for people's sessions, and would end ours or have them do something else.

import type pg from 'pg'

/** A start-up packet outranks all of those. Nothing here is newer than Postgres 15. */
const SETTINGS: Readonly<Record<string, string>> = {
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  search_path: 'pg_catalog,pg_temp',
  row_security: 'on'
}

/** For the start-up packet. */
export const SESSION_OPTIONS = Object.entries(SETTINGS)
  .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
  .join(' ')

/** What servers before 17 would refuse to start with. */
export async function setNewerSettings(client: pg.ClientBase): Promise<void> {
  await client.query(`
    SELECT pg_catalog.set_config('transaction_timeout', '0', false)
    WHERE pg_catalog.current_setting('transaction_timeout', true) <> '0'`)
}
