// Goal: what Python programs use works through jetgres as against Postgres: psycopg2,
// psycopg 3, asyncpg, SQLAlchemy,
// Django.
// Method: a program each, in clients/, creates a table, reads it in all the ways its driver has and
// drops it; what it prints must be the same on Postgres, through jetgres on a table and on an
// ingested relation (see support/driven.ts).

import t from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { driven, openCircuit } from './support/driven.ts'
import { client, lacksPythonModule, PYTHON, without } from './support/programs.ts'

/** Module, program, and what it must have printed. */
const DRIVERS: readonly (readonly [module: string, program: string, ...wanted: RegExp[]])[] = [
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
  ['asyncpg', 'asyncpg_reads.py', /^two cursors: \[\[3, 2/m, /^timed out: /m, /^route by id: local$/m],
  ['sqlalchemy', 'sqlalchemy_reads.py', /^reflected: 'driven'/m, /^object: 'row 3'/m],
  ['django', 'django_reads.py', /^inspectdb: "# This is an auto-gen/m, /^locked: \['row 1'\]/m]
]

void t.test('from Python', without(withoutNats()), async (t) => {
  const circuit = await openCircuit(t)
  for (const [module, program, ...wanted] of DRIVERS) {
    await t.test(program, without(lacksPythonModule(module)), (t) =>
      circuit.drive(t, driven(PYTHON, client(program)), wanted)
    )
  }
})
