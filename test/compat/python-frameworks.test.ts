// Goal: what stands on Python's drivers works through jetgres as against Postgres: SQLAlchemy, Django,
// pgcli.
// Method: a program each, in clients/, creates a table, reads it in all the ways its driver has and
// drops it; what it prints must be the same on Postgres, through jetgres on a table and on an
// ingested relation (see support/driven.ts).

import t from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { without } from './support/programs.ts'
import { drivePython } from './support/python.ts'
import type { PythonDriver } from './support/python.ts'

const DRIVERS: readonly PythonDriver[] = [
  ['sqlalchemy', 'sqlalchemy_reads.py', /^reflected: 'driven'/m, /^object: 'row 3'/m],
  ['django', 'django_reads.py', /^inspectdb: "# This is an auto-gen/m, /^locked: \['row 1'\]/m],
  ['pgcli', 'pgcli_reads.py', /^\\dt: .*'driven'/m, /^SELECT \* FROM dri: .*'driven'/m]
]

void t.test('from Python frameworks', without(withoutNats()), (t) => drivePython(t, DRIVERS))
