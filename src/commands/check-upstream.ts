// What `jetgres check` asks of the upstream: can the maintenance role log in, is it a server that takes
// what jetgres puts there, and may the role put it there. Reads only.

import { PgError } from '../errors.ts'
import { connectMaintenance } from '../upstream/maintenance-client.ts'
import type { MaintenanceClient } from '../upstream/maintenance-client.ts'
import { loadTarget } from '../upstream/dial.ts'
import { ok, reasonOf, wrong } from './finding.ts'
import type { Finding } from './finding.ts'

const WHAT = 'upstream'
/** Older ones have never been tried. */
const VERSION_MIN = 150_000

/** A connection of the maintenance role, or why there is none. */
export async function openUpstream(url: string): Promise<MaintenanceClient | Finding> {
  try {
    return await connectMaintenance(await loadTarget(url))
  } catch (error) {
    const detail = error instanceof PgError && error.detail !== undefined ? `: ${error.detail}` : ''
    return wrong(WHAT, `${reasonOf(error)}${detail}`, adviceOf(error))
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  '28P01': "set the maintenance role's password in --upstream (JETGRES_UPSTREAM)",
  '28000': 'let the role in: pg_hba.conf of the upstream, or another role in --upstream',
  '3D000': 'name a database that exists in --upstream, or make it with createdb',
  '53300': 'raise max_connections of the upstream: jetgres needs one for each client and 8 more',
  '57P03': 'wait until the upstream has started'
}

const adviceOf = (error: unknown): string =>
  ADVICE[(error as { code?: string }).code ?? ''] ??
  'start that Postgres, or correct host, port and sslmode in --upstream'

interface Facts {
  readonly version: number
  readonly name: string
  readonly role: string
  readonly database: string
  readonly standby: boolean
  readonly readonly: boolean
  readonly super: boolean
  readonly mayCreate: boolean
  readonly encoding: string
  readonly fdw: 'installed' | 'available' | 'missing'
  readonly mayUseFdw: boolean
  readonly hasSchema: boolean
  readonly ownsSchema: boolean
}

const FACTS = `
SELECT current_setting('server_version_num')::int AS version,
  current_setting('server_version') AS name, current_user AS role, current_database() AS database,
  pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only')::bool AS readonly,
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super,
  has_database_privilege(current_database(), 'CREATE') AS "mayCreate",
  pg_encoding_to_char(d.encoding) AS encoding,
  CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'postgres_fdw') THEN 'installed'
       WHEN EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgres_fdw') THEN 'available'
       ELSE 'missing' END AS fdw,
  COALESCE((SELECT has_foreign_data_wrapper_privilege(oid, 'USAGE') FROM pg_foreign_data_wrapper
            WHERE fdwname = 'postgres_fdw'), false) AS "mayUseFdw",
  EXISTS (SELECT FROM pg_namespace WHERE nspname = 'jetgres_live') AS "hasSchema",
  COALESCE((SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace
            WHERE nspname = 'jetgres_live'), false) AS "ownsSchema"
FROM pg_database d WHERE datname = current_database()`

export async function checkUpstream(client: MaintenanceClient): Promise<Finding[]> {
  const [facts] = await client.query<Facts>(FACTS)
  if (!facts) return [wrong(WHAT, 'does not tell what it is', 'name a Postgres with --upstream')]
  return [serverFinding(facts), ...rightsFindings(facts)]
}

function serverFinding(facts: Facts): Finding {
  const { name, version, role, database } = facts
  const told = `Postgres ${name}, database "${database}", as "${role}"`
  if (version < VERSION_MIN) return wrong(WHAT, told, 'use Postgres 15 or later')
  if (facts.standby) {
    return wrong(
      WHAT,
      `${told}: a standby`,
      'name the primary, or add target_session_attrs=primary'
    )
  }
  if (facts.readonly) {
    const advice = `ALTER ROLE "${role}" RESET default_transaction_read_only`
    return wrong(WHAT, `${told}: its transactions are read-only`, advice)
  }
  if (facts.encoding !== 'UTF8') {
    return wrong(
      WHAT,
      `${told}: its encoding is ${facts.encoding}`,
      'use a database of encoding UTF8'
    )
  }
  return ok(WHAT, told)
}

function rightsFindings(facts: Facts): Finding[] {
  if (facts.super) return [ok('rights', `"${facts.role}" is a superuser`), extensionFinding(facts)]
  return [schemaFinding(facts), extensionFinding(facts)]
}

function schemaFinding({ role, database, hasSchema, ownsSchema, mayCreate }: Facts): Finding {
  const what = 'rights'
  if (hasSchema && !ownsSchema) {
    const advice = `as a superuser: ALTER SCHEMA jetgres_live OWNER TO "${role}"; or use the role it has`
    return wrong(what, `schema "jetgres_live" belongs to another role than "${role}"`, advice)
  }
  if (hasSchema || mayCreate) {
    return ok(
      what,
      `"${role}" may make schemas; it must be a member of each role that creates relations`
    )
  }
  const advice = `as a superuser: GRANT CREATE ON DATABASE "${database}" TO "${role}"`
  return wrong(what, `"${role}" may make no schema in "${database}"`, advice)
}

function extensionFinding({ fdw, mayUseFdw, role, super: isSuper }: Facts): Finding {
  const what = 'postgres_fdw'
  if (fdw === 'missing') {
    return wrong(
      what,
      'is not there',
      "install Postgres's contrib package on the upstream's machine"
    )
  }
  if (isSuper) return ok(what, fdw === 'installed' ? 'is installed' : 'can be installed')
  const grant = `GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO "${role}"`
  if (fdw === 'available') {
    const advice = `as a superuser: CREATE EXTENSION postgres_fdw; ${grant}`
    return wrong(what, `is not installed, and "${role}" may not install it`, advice)
  }
  if (mayUseFdw) return ok(what, `is installed, and "${role}" may use it`)
  return wrong(what, `"${role}" may not use it`, `as a superuser: ${grant}`)
}
