// What the maintenance role's connections are set to, whatever ALTER ROLE, ALTER DATABASE or the server's
// configuration say: those are meant for people's sessions, and would end ours or have them do something else.

import type pg from 'pg'

const SETTINGS: Readonly<Record<string, string>> = {
  statement_timeout: '0',
  lock_timeout: '0',
  transaction_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  search_path: 'pg_catalog, pg_temp',
  row_security: 'on'
}

/** Those that the server knows: older ones lack some. */
const SET = `SELECT pg_catalog.set_config(name, value, false)
  FROM pg_catalog.json_each_text($1) AS given(name, value)
  WHERE pg_catalog.current_setting(name, true) IS NOT NULL`

/** By a query: poolers refuse start-up packets that have `options`. */
export async function setSettings(client: pg.ClientBase): Promise<void> {
  await client.query(SET, [JSON.stringify(SETTINGS)])
}
