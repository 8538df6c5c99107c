// A Postgres 18 with TLS and rules of our own for who may come how, for one test.

import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'

import type { Test } from 'tap'

import { certificateAuthority } from './certificates.ts'
import type { Authority, Certificate } from './certificates.ts'
import { startPostgres } from './postgres-server.ts'
import type { PostgresServer } from './postgres-server.ts'

export interface TlsPostgres extends PostgresServer {
  readonly authority: Authority
  /** Replaces pg_hba.conf; new connections follow it. */
  allow(...lines: readonly string[]): Promise<void>
}

/** The group of the user that Postgres runs as when we are root. */
function postgresGroup(): number | undefined {
  if (process.getuid?.() !== 0) return undefined
  return Number(execFileSync('id', ['-g', 'postgres'], { encoding: 'utf8' }))
}

/** Everybody is trusted until `allow`; the certificate is for localhost, and for no address. */
export async function startTlsPostgres(t: Pick<Test, 'teardown'>): Promise<TlsPostgres> {
  const authority = await certificateAuthority(t, { group: postgresGroup() })
  const server = await authority.issue('localhost', { names: 'DNS:localhost' })
  const postgres = await startPostgres(t, { settings: tlsSettings(server, authority) })
  const allow = async (...lines: readonly string[]): Promise<void> => {
    // By the socket, which the rules always let in.
    const client = await postgres.connect({ host: postgres.socketDir })
    const { rows } = await client.query<{ hba_file: string }>('SHOW hba_file')
    await writeFile(rows[0]!.hba_file, ['local all all trust', ...lines, ''].join('\n'))
    await client.query('SELECT pg_reload_conf()')
    await client.end()
  }
  return Object.defineProperties({ authority, allow } as TlsPostgres, Object.getOwnPropertyDescriptors(postgres))
}

const tlsSettings = (server: Certificate, authority: Authority): Record<string, string> => ({
  ssl: 'on',
  ssl_cert_file: server.cert,
  ssl_key_file: server.key,
  ssl_ca_file: authority.cert
})
