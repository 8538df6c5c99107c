// Goal: drivers of other languages work through jetgres as against Postgres: psqlODBC, in three of
// its ways to read, DBD::Pg, PHP's PDO and pgsql, ruby-pg, Go's lib/pq.
// Method: a program each, in clients/, creates a table, reads it in all the ways its driver has and
// drops it; what it prints must be the same on Postgres, through jetgres on a table and on an
// ingested relation (see support/driven.ts).

import { join } from 'node:path'

import t from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { driven, openCircuit } from './support/driven.ts'
import {
  client,
  lacksCommand,
  lacksFile,
  lacksPythonModule,
  PYTHON,
  run,
  without
} from './support/programs.ts'
import type { Outcome } from './support/programs.ts'

/** Where Debian's package writes the driver's name down. */
const ODBC_NAMES = '/etc/odbcinst.ini'
/** Debian's: its libraries are found without modules, and nothing is fetched. */
const GO = '/usr/bin/go'
const GO_PATH = '/usr/share/gocode'
const LIB_PQ = join(GO_PATH, 'src/github.com/lib/pq')
const GO_ENV = { GO111MODULE: 'off', GOPATH: GO_PATH, GOFLAGS: '', GOTOOLCHAIN: 'local' }
/** What Tableau and Excel set, what R sets, and a savepoint around each statement. */
const ODBC_OPTIONS = [
  'UseDeclareFetch=1;Fetch=2',
  'UseDeclareFetch=0',
  'UseServerSidePrepare=0;Protocol=7.4-2'
]

interface Driver {
  readonly title: string
  readonly command: readonly [program: string, ...args: string[]]
  /** Makes the program in a folder of the test's. */
  readonly build?: (folder: string) => Promise<Outcome>
  readonly lacks: string | false
  /** What it must have printed. */
  readonly wanted: readonly RegExp[]
}

const DRIVERS: readonly Driver[] = [
  ...ODBC_OPTIONS.map(
    (options): Driver => ({
      title: `psqlODBC, ${options}`,
      command: [PYTHON, client('odbc_reads.py'), 'PostgreSQL Unicode', options],
      lacks: lacksPythonModule('pyodbc') || lacksFile(ODBC_NAMES),
      wanted: [/^keys: .*'driven_pkey'/m, /^interleaved: \[\(0, 8\)/m, /^cancelled: .*'57014'/m]
    })
  ),
  {
    title: 'DBD::Pg',
    command: ['perl', client('dbd_reads.pl')],
    lacks: lacksCommand('perl', '-MDBD::Pg', '-e1'),
    wanted: [/^by id: "named" /m, /^heard: "told" "word"/m, /^cancelled: .*"57014"/m]
  },
  {
    title: 'PHP PDO and pgsql',
    command: ['php', client('pdo_reads.php')],
    lacks: lacksCommand('php', '-r', 'exit((int) !extension_loaded("pdo_pgsql"));'),
    wanted: [/^prepared: {"id":1,/m, /^meta: {"id"/m, /^out of time: "57014"/m]
  },
  {
    title: 'ruby-pg',
    command: ['ruby', client('ruby_reads.rb')],
    lacks: lacksCommand('ruby', '-rpg', '-e0'),
    wanted: [/^pipelined: \[\["row 1"\]\]/m, /^aborted: true/m, /^cancelled: PG::QueryCanceled/m]
  },
  {
    title: "Go's lib/pq",
    build: (folder) =>
      run(GO, ['build', '-o', join(folder, 'pq_reads'), client('pq_reads.go')], { env: GO_ENV }),
    command: ['pq_reads'],
    lacks: lacksFile(GO) || lacksFile(LIB_PQ),
    wanted: [/^arrays: \[a\] \[1 -2\] \[true false\]/m, /^heard: told word/m, /^cancelled: ERROR 57014/m]
  }
]

void t.test('from other languages', without(withoutNats()), async (t) => {
  const circuit = await openCircuit(t)
  for (const { title, build, command, lacks, wanted } of DRIVERS) {
    await t.test(title, without(lacks), async (t) => {
      const [program, ...args] = command
      if (!build) return circuit.drive(t, driven(program, ...args), wanted)
      const folder = t.testdir()
      const { code, stderr } = await build(folder)
      t.equal(code, 0, stderr)
      await circuit.drive(t, driven(join(folder, program), ...args), wanted)
    })
  }
})
