// Goal: psycopg2 works through jetgres as against Postgres: it creates a relation and reads it with
// and without parameters, in and out of transactions, by named cursors, and cancels.
// Method: clients/reads.py runs on both; its output must be the same (see support/driven.ts).

import t from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { driveBoth } from './support/driven.ts'
import { client, lacksPythonModule, PYTHON, run, without } from './support/programs.ts'

const skip = without(withoutNats(), lacksPythonModule('psycopg2'))

void t.test('psycopg2 reads a relation as it reads a table', skip, async (t) => {
  await driveBoth(
    t,
    ({ host, port, user, database }, ddl, rows) => {
      const dsn = `host=${host} port=${port} user=${user} dbname=${database}`
      return run(PYTHON, [client('reads.py'), dsn, ddl, String(rows)])
    },
    [
      /^rows: \[\(0, 'row 0'/m,
      /^named cursor: \[\(0,/m,
      /^cancelled: '57014'/m,
      /^afterwards: \[\(9,\)\]/m
    ]
  )
})
