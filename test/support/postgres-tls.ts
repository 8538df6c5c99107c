// TLS for a running Postgres of any version, and rules of our own for who may come how.

import { stat, writeFile } from 'node:fs/promises'

import pg from 'pg'
import type { Test } from 'tap'

import { certificateAuthority } from './certificates.ts'
import type { Authority } from './certificates.ts'
import { eventually } from './eventually.ts'
import { startPostgres } from './postgres-server.ts'
import type { PostgresServer } from './postgres-server.ts'

export interface PostgresTls {
  readonly authority: Authority
  /** Replaces pg_hba.conf, except that the Unix socket lets everybody in. */
  allow(...lines: readonly string[]): Promise<void>
  /** Runs statements as the superuser, by the Unix socket. */
  run(...statements: readonly string[]): Promise<void>
}

interface Superuser {
  readonly host: string
  readonly port: number
  readonly user: string
}

/** The server's certificate is for localhost, and for no address. The superuser must be trusted. */
export async function addTls(t: Pick<Test, 'teardown'>, server: Superuser): Promise<PostgresTls> {
  const { port, user } = server
  let host = server.host
  const withClient = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
    const client = new pg.Client({ host, port, user, database: 'postgres' })
    await client.connect()
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  }
  const show = (name: string): Promise<string> =>
    withClient(async (client) => {
      const { rows } = await client.query<Record<string, string>>(`SHOW ${name}`)
      return rows[0]![name]!
    })
  const run: PostgresTls['run'] = (...statements) =>
    withClient(async (client) => {
      for (const statement of statements) await client.query(statement)
    })
  // Root starts Postgres as another user, to whose group its data belong.
  const { gid } = await stat(await show('data_directory'))
  const group = process.getuid?.() === 0 ? gid : undefined
  const authority = await certificateAuthority(t, { group })
  const own = await authority.issue('localhost', { names: ['localhost'] })
  const hba = await show('hba_file')
  host = (await show('unix_socket_directories')).replaceAll('"', '')
  await run(
    `ALTER SYSTEM SET ssl_cert_file = '${own.cert}'`,
    `ALTER SYSTEM SET ssl_key_file = '${own.key}'`,
    `ALTER SYSTEM SET ssl_ca_file = '${authority.cert}'`,
    `ALTER SYSTEM SET ssl = on`,
    'SELECT pg_reload_conf()'
  )
  await eventually(async () => (await show('ssl')) === 'on', { what: 'a Postgres with TLS' })
  const allow: PostgresTls['allow'] = async (...lines) => {
    await writeFile(hba, ['local all all trust', ...lines, ''].join('\n'))
    await run('SELECT pg_reload_conf()')
    const isLoaded = async (): Promise<boolean> =>
      withClient(async (client) => {
        const { rows } = await client.query('SELECT FROM pg_hba_file_rules WHERE error IS NULL')
        return rows.length === lines.length + 1
      })
    await eventually(isLoaded, { what: 'the new rules' })
  }
  return { authority, allow, run }
}

/** A Postgres 18 with TLS. */
export async function startTlsPostgres(
  t: Pick<Test, 'teardown'>
): Promise<PostgresServer & PostgresTls> {
  const server = await startPostgres(t)
  const descriptors = Object.getOwnPropertyDescriptors(server)
  return Object.defineProperties(await addTls(t, server), descriptors) as PostgresServer & PostgresTls
}
