// Goal: Python's drivers work through jetgres as against Postgres: psycopg2, psycopg 3, asyncpg.
// Method: a program each, in clients/, creates a table, reads it in all the ways its driver has and
// drops it; what it prints must be the same on Postgres, through jetgres on a table and on an
// ingested relation (see support/driven.ts).

import t from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { without } from './support/programs.ts'
import { drivePython } from './support/python.ts'
import type { PythonDriver } from './support/python.ts'

const DRIVERS: readonly PythonDriver[] = [
  [
    'psycopg2',
    'psycopg2_reads.py',
    /^rows: \[\(0, 'row 0'/m,
    /^named cursor: \[\(0,/m,
    /^cancelled: .*'57014'/m,
    /^afterwards: \[\(9,\)\]/m
  ],
  ['psycopg', 'psycopg3_values.py', /^copied rows: /m, /^dropped: 'DROP TABLE'/m],
  [
    'psycopg',
    'psycopg3_sessions.py',
    /^pipelined: \[\[\('row 0',\)/m,
    /^server cursor: /m,
    /^cancelled: .*'57014'/m,
    /^dropped: 'DROP TABLE'/m
  ],
  ['asyncpg', 'asyncpg_reads.py', /^two cursors: \[\[3, 2/m, /^timed out: /m, /^route by id: local$/m]
]

void t.test('from Python', without(withoutNats()), (t) => drivePython(t, DRIVERS))
