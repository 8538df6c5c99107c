// Goal: an upstream that goes away while the maintenance role works there costs that work, never the
// process. Method: a real Postgres that ends the very connection, with a query in it, between two and by a crash.

import type pg from 'pg'
import t from 'tap'

import { createLogger } from '../../src/log.ts'
import { loadTarget } from '../../src/upstream/dial.ts'
import { MaintenanceDatabase } from '../../src/upstream/maintenance.ts'
import { eventually } from '../support/eventually.ts'
import { startPostgres } from '../support/postgres-server.ts'

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

async function isAsleep(admin: pg.Client, pid: number): Promise<boolean> {
  const found = await admin.query(
    "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'",
    [pid]
  )
  return found.rowCount === 1
}
