// Goal: pgjdbc works through jetgres as against Postgres: it creates a relation and reads it with
// and without parameters, in and out of transactions, in text and (from the 6th execution) in
// binary, by portals with a fetch size, in each of its query modes, and asks for its metadata.
// Method: clients/Reads.java, compiled here, runs on both; its output must be the same (see
// support/driven.ts).

import t from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { driveBoth } from './support/driven.ts'
import { client, lacksFile, PG_JDBC, run, without } from './support/programs.ts'

const skip = without(withoutNats(), lacksFile(PG_JDBC), lacksFile('/usr/bin/javac'))

void t.test('pgjdbc reads a relation as it reads a table', skip, async (t) => {
  const classes = t.testdir()
  const compiled = await run('javac', ['-cp', PG_JDBC, '-d', classes, client('Reads.java')])
  t.equal(compiled.code, 0, compiled.stderr)
  await driveBoth(
    t,
    ({ host, port, user, database }, ddl, rows) => {
      const url = `jdbc:postgresql://${host}:${port}/${database}?user=${user}`
      const args = ['-Xshare:auto', '-XX:TieredStopAtLevel=1', '-cp', `${classes}:${PG_JDBC}`]
      return run('java', [...args, 'Reads', url, ddl, String(rows)])
    },
    [
      /^rows: 0\|row 0\|0\.00\|/m,
      /^cursor 7: 1,2\|/m,
      /^tables: \w+\|public\|driven\|TABLE\|/m,
      /^keys: .*driven_pkey/m
    ]
  )
})
