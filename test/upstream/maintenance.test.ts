// Goal: an upstream that goes away while the maintenance role works there costs that work, never the
// process, and what is set for that role costs nothing.
// Method: a real Postgres that ends the very connection, with a query in it, between two and by a crash.

import type pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'

import { limits } from '../../src/limits.ts'
import { createLogger } from '../../src/log.ts'
import { loadTarget } from '../../src/upstream/dial.ts'
import { MaintenanceDatabase } from '../../src/upstream/maintenance.ts'
import { ScratchSpace } from '../../src/upstream/scratch-table.ts'
import { eventually } from '../support/eventually.ts'
import { startPostgres } from '../support/postgres-server.ts'
import type { PostgresServer } from '../support/postgres-server.ts'

const log = createLogger({ level: 'silent', format: 'json' })

void t.test('a connection that is lost while somebody has it', async (t) => {
  const server = await startPostgres(t)
  const admin = await server.connect()
  let isLost = false
  const database = new MaintenanceDatabase('postgres', {
    target: await loadTarget(server.url),
    secret: 'secret',
    backchannel: () => ({ host: '127.0.0.1', port: 1 }),
    lost: () => (isLost = true),
    log
  })
  t.teardown(() => database.close())
  const inQuery = database.withClient((client) =>
    client.query('SELECT pg_terminate_backend(pg_backend_pid())')
  )
  await t.rejects(inQuery, { code: '57P01' })
  const between = database.withClient(async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const isOver = new Promise((resolve) => client.once('end', resolve))
    await admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
    await isOver
    await client.query('SELECT 1')
  })
  await t.rejects(between)
  t.ok(isLost, 'that is told')
  await eventually(async () => (await database.query('SELECT 1')).length === 1)
  // A query that the backend has read ends with the connection, one still unread has it reset.
  for (const isUnderWay of [true, false]) {
    isLost = false
    const crashing = database.withClient(async (client) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      const { pid } = rows[0]!
      const asked = client.query('SELECT pg_sleep(60)')
      if (isUnderWay) await eventually(() => isAsleep(admin, pid))
      process.kill(pid, 'SIGKILL')
      await asked
    })
    await t.rejects(crashing, isUnderWay ? /terminated unexpectedly/ : /terminated|ECONNRESET/)
    t.ok(isLost, 'a crash is told, too')
    await eventually(async () => (await database.query('SELECT 1')).length === 1)
  }
})

void t.test('settings of the role do not act on its connections', async (t) => {
  const server = await startPostgres(t)
  const admin = await server.connect()
  await admin.query('CREATE ROLE keeper SUPERUSER LOGIN; CREATE SCHEMA elsewhere')
  const settings = {
    statement_timeout: '20s',
    lock_timeout: '20s',
    idle_in_transaction_session_timeout: '20s',
    idle_session_timeout: '20s',
    transaction_timeout: '20s',
    default_transaction_read_only: 'on',
    default_transaction_isolation: 'serializable',
    search_path: 'elsewhere, pg_catalog'
  }
  for (const [name, value] of Object.entries(settings)) {
    const literal = name === 'search_path' ? value : `'${value}'`
    await admin.query(`ALTER ROLE keeper SET ${name} = ${literal}`)
  }
  const database = await open(t, server, { user: 'keeper', database: 'postgres' })
  await database.withClient(async (client) => {
    await client.query('BEGIN')
    const shown = Object.keys(settings).map((name) => `current_setting('${name}') AS ${name}`)
    const { rows } = await client.query(`SELECT ${shown.join(', ')}`)
    t.same(rows, [
      {
        statement_timeout: '0',
        lock_timeout: '0',
        idle_in_transaction_session_timeout: '0',
        idle_session_timeout: '0',
        transaction_timeout: '0',
        default_transaction_read_only: 'off',
        default_transaction_isolation: 'read committed',
        search_path: 'pg_catalog, pg_temp'
      }
    ])
    await client.query('ROLLBACK')
  })
  await database.installBridge()
})

void t.test('a scratch table says why it has no connection', async (t) => {
  const server = await startPostgres(t)
  const gone = await open(t, server, { user: 'postgres', database: 'gone' })
  await t.rejects(new ScratchSpace(gone).table(0, []), {
    code: '3D000',
    message: 'database "gone" does not exist'
  })
  const nobody = await open(t, server, { user: 'nobody', database: 'postgres' })
  await t.rejects(new ScratchSpace(nobody).table(0, []), { code: '28000' })
  const busy = await open(t, server, { user: 'postgres', database: 'postgres' })
  const held = Array.from({ length: limits.maintenanceConnectionsMax }, () => busy.connect())
  const clients = await Promise.all(held)
  await t.rejects(new ScratchSpace(busy).table(0, []), { code: '53300', hint: /^Too many/ })
  for (const client of clients) client.release()
  await server.stop()
  const away = await open(t, server, { user: 'postgres', database: 'postgres' })
  await t.rejects(new ScratchSpace(away).table(0, []), { code: '08001' })
})

interface Login {
  readonly user: string
  readonly database: string
}

async function open(t: Test, server: PostgresServer, login: Login): Promise<MaintenanceDatabase> {
  const database = new MaintenanceDatabase(login.database, {
    target: await loadTarget(server.url.replace('postgres@', `${login.user}@`)),
    secret: 'secret',
    backchannel: () => ({ host: '127.0.0.1', port: 1 }),
    lost: () => undefined,
    log
  })
  t.teardown(() => database.close())
  return database
}

async function isAsleep(admin: pg.Client, pid: number): Promise<boolean> {
  const found = await admin.query(
    "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'",
    [pid]
  )
  return found.rowCount === 1
}
