// Goal: an upstream that goes away while the maintenance role works there costs that work, never the
// process. Method: a real Postgres that ends the very connection, with a query in it, between two and by a crash.

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
  isLost = false
  await eventually(async () => (await database.query('SELECT 1')).length === 1)
  const crashing = database.withClient(async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const asked = client.query('SELECT pg_sleep(60)')
    process.kill(rows[0]!.pid, 'SIGKILL')
    await asked
  })
  await t.rejects(crashing, /terminated unexpectedly/)
  t.ok(isLost, 'a crash is told, too, with a query under way')
  await eventually(async () => (await database.query('SELECT 1')).length === 1)
})
