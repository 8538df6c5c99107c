// Goal: drivers of other languages work through jetgres as against Postgres: psqlODBC, in three of
// its ways to read, DBD::Pg, PHP's PDO and pgsql, ruby-pg.
// Method: a program each, in clients/, creates a table, reads it in all the ways its driver has and
// drops it; what it prints must be the same on Postgres, through jetgres on a table and on an
// ingested relation (see support/driven.ts).

import t from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { driven, openCircuit } from './support/driven.ts'
import {
  client,
  lacksCommand,
  lacksFile,
  lacksPythonModule,
  PYTHON,
  without
} from './support/programs.ts'

/** Where Debian's package writes the driver's name down. */
const ODBC_NAMES = '/etc/odbcinst.ini'
/** What Tableau and Excel set, what R sets, and a savepoint around each statement. */
const ODBC_OPTIONS = [
  'UseDeclareFetch=1;Fetch=2',
  'UseDeclareFetch=0',
  'UseServerSidePrepare=0;Protocol=7.4-2'
]

interface Driver {
  readonly title: string
  readonly command: readonly [program: string, ...args: string[]]
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
  }
]

void t.test('from other languages', without(withoutNats()), async (t) => {
  const circuit = await openCircuit(t)
  for (const { title, command, lacks, wanted } of DRIVERS) {
    await t.test(title, without(lacks), (t) => circuit.drive(t, driven(...command), wanted))
  }
})
