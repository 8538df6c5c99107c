// Goal: users of the upstream log in through jetgres with their own passwords, whatever of the two
// connections has TLS; and a wrong password is refused in the upstream's own words.
// Method: TLS on the client's side × TLS on the upstream's × how the upstream checks, with psql and
// node-postgres, in front of Postgres 15 and 18.

import pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'

import { startPostgres15 } from '../compat/support/postgres15.ts'
import { lacksFile, PG_BIN, run, without } from '../compat/support/programs.ts'
import { certificateAuthority } from '../support/certificates.ts'
import { startJetgres } from '../support/jetgres.ts'
import type { Jetgres } from '../support/jetgres.ts'
import { addTls } from '../support/postgres-tls.ts'
import { startPostgres } from '../support/postgres-server.ts'

const RULES = [
  'host all postgres all trust',
  'host all by_md5 all md5',
  'host all by_clear all password',
  'host all by_scram all scram-sha-256'
]
const ROLES = [
  `SET password_encryption = 'md5'`,
  `CREATE ROLE by_md5 LOGIN PASSWORD 'right one'`,
  `SET password_encryption = 'scram-sha-256'`,
  `CREATE ROLE by_clear LOGIN PASSWORD 'right one'`,
  `CREATE ROLE by_scram LOGIN PASSWORD 'right one'`
]

interface Upstream {
  readonly host: string
  readonly port: number
  readonly user: string
}

interface Legs {
  readonly client: boolean
  readonly upstream: boolean
}

/** One jetgres for each of the upstream's legs; both offer TLS to clients. */
async function stage(t: Test, upstream: Upstream): Promise<(legs: Legs) => Jetgres> {
  const tls = await addTls(t, upstream)
  await tls.run(...ROLES)
  await tls.allow(...RULES)
  const authority = await certificateAuthority(t)
  const { cert, key } = await authority.issue('localhost', { names: ['localhost'] })
  const at = (query: string): Promise<Jetgres> =>
    startJetgres(t, {
      upstream: `postgresql://postgres@localhost:${upstream.port}/postgres?${query}`,
      args: ['--tls-cert', cert, '--tls-key', key]
    })
  const [clear, encrypted] = await Promise.all([
    at('sslmode=disable'),
    at(`sslmode=verify-full&sslrootcert=${tls.authority.cert}`)
  ])
  return (legs) => (legs.upstream ? encrypted : clear)
}

const LEGS: readonly Legs[] = [
  { client: false, upstream: false },
  { client: false, upstream: true },
  { client: true, upstream: false },
  { client: true, upstream: true }
]

const name = ({ client, upstream }: Legs): string =>
  `client ${client ? 'TLS' : 'clear'}, upstream ${upstream ? 'TLS' : 'clear'}`

const USERS = ['by_md5', 'by_clear', 'by_scram', 'postgres']
const SQL = `SELECT current_user || ' ' || ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`

const PSQL = `${PG_BIN}/psql`

async function psql(at: Jetgres, legs: Legs, user: string, password: string, more = '') {
  const mode = legs.client ? 'require' : 'disable'
  const target = `host=127.0.0.1 port=${at.port} user=${user} dbname=postgres sslmode=${mode} ${more}`
  return run(PSQL, ['-XAtwc', SQL, target], { env: { PGPASSWORD: password } })
}

async function nodePg(at: Jetgres, legs: Legs, user: string, password: string): Promise<string> {
  const ssl = legs.client ? { rejectUnauthorized: false } : false
  const client = new pg.Client({ host: '127.0.0.1', port: at.port, user, password, database: 'postgres', ssl })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<{ text: string }>(SQL.replace('FROM', 'AS text FROM'))).rows[0]!.text
  } finally {
    await client.end()
  }
}

type At = (legs: Legs) => Jetgres

/** What node-postgres sees over all legs, for every way of checking. */
async function byNodePg(t: Test, jetgresFor: At): Promise<void> {
  for (const legs of LEGS) {
    const at = jetgresFor(legs)
    for (const user of USERS) {
      const label = `${user}, ${name(legs)}`
      t.equal(await nodePg(at, legs, user, 'right one'), `${user} ${legs.upstream}`, label)
      if (user === 'postgres') continue
      await t.rejects(nodePg(at, legs, user, 'wrong'), { code: '28P01' }, label)
    }
  }
}

/** The same with psql, and what only libpq can ask for. */
async function byPsql(t: Test, jetgresFor: At): Promise<void> {
  for (const legs of LEGS) {
    const at = jetgresFor(legs)
    for (const user of USERS) {
      const label = `${user}, ${name(legs)}`
      const { stdout, stderr } = await psql(at, legs, user, 'right one')
      t.equal(stdout.trim(), `${user} ${legs.upstream}`, `${label}: ${stderr}`)
      if (user === 'postgres') continue
      const wrong = await psql(at, legs, user, 'wrong')
      t.match(wrong.stderr, new RegExp(`FATAL:  password authentication failed for user "${user}"`), label)
    }
    const required = await psql(at, legs, 'by_scram', 'right one', 'channel_binding=require')
    t.match(required.stderr, /channel binding/, `channel_binding=require is refused: ${name(legs)}`)
    const disabled = await psql(at, legs, 'by_scram', 'right one', 'channel_binding=disable')
    t.equal(disabled.stdout.trim(), `by_scram ${legs.upstream}`, `channel_binding=disable: ${name(legs)}`)
    const nobody = await psql(at, legs, 'nobody_here', 'x')
    t.match(nobody.stderr, /FATAL:  no pg_hba.conf entry/, name(legs))
  }
}

async function matrix(t: Test, upstream: Upstream): Promise<void> {
  const jetgresFor = await stage(t, upstream)
  await t.test('node-postgres', (t) => byNodePg(t, jetgresFor))
  await t.test('psql', without(lacksFile(PSQL)), (t) => byPsql(t, jetgresFor))
}

void t.test('Postgres 18', async (t) => matrix(t, await startPostgres(t)))

void t.test('Postgres 15', without(lacksFile(`${PG_BIN}/initdb`)), async (t) => {
  await matrix(t, await startPostgres15(t))
})
