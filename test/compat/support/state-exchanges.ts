// The exchanges that state.test.ts puts to both servers: what SQL changes of a session, and what of
// it a read that is answered locally has to obey.

import { frontend as f } from '../../../src/wire/frontend.ts'
import { ALL, BY_ID } from './exchanges.ts'
import type { Exchange } from './exchanges.ts'
import { bind, parse, portalOf, q, run, statementOf, sync } from './messages.ts'

/** One row of every kind of output that a setting changes. */
const SHOWN = 'SELECT * FROM moments ORDER BY id'
const closePortal = (name: string): Buffer => f.close({ type: 'P', name })

/** Reads twice, by both protocols. */
const READ: readonly Exchange[] = [[q(SHOWN)], [parse(SHOWN), bind(), run(), sync]]
const COUNT = q('SELECT count(*) FROM items')
const BY_ORDER = 'SELECT id FROM items ORDER BY id'
/** Reads that leave a table's children out, and so have to be sent otherwise. */
const COPIES = ['COPY items TO STDOUT', 'SELECT count(*) FROM ONLY items']

/** A setting of each kind that changes what a read shows, and how it looks up names. */
const SETTINGS: readonly (readonly [name: string, value: string])[] = [
  ['TimeZone', 'America/New_York'],
  ['DateStyle', 'SQL, DMY'],
  ['IntervalStyle', 'iso_8601'],
  ['extra_float_digits', '-3'],
  ['bytea_output', 'escape'],
  ['client_encoding', 'LATIN1']
]

const undone = SETTINGS.map(([name, value]): readonly [string, readonly Exchange[]] => {
  const set = (how: string): Buffer => q(`SET ${how} ${name} = '${value}'`)
  return [
    `${name} as SET, SET LOCAL and set_config have it, until it is undone`,
    [
      [q('BEGIN')],
      [set('LOCAL')],
      ...READ,
      [q('COMMIT')],
      ...READ,
      [q('BEGIN')],
      [q('SAVEPOINT a')],
      [q(`SELECT set_config('${name}', '${value}', false)`)],
      ...READ,
      [q('ROLLBACK TO SAVEPOINT a')],
      ...READ,
      [set('')],
      ...READ,
      [q('ROLLBACK')],
      ...READ,
      [set('SESSION')],
      ...READ,
      [q(`RESET ${name}`)],
      ...READ,
      [parse(`SET ${name} = '${value}'`), bind(), run(), parse(SHOWN), bind(), run(), sync],
      [q('DISCARD ALL')],
      ...READ
    ]
  ]
})

/** Title → exchanges of one client. */
export const STATE_CASES: readonly (readonly [title: string, exchanges: readonly Exchange[]])[] = [
  ...undone,
  [
    'search_path decides what a prepared name means',
    [
      [q('CREATE SCHEMA IF NOT EXISTS other; CREATE TABLE IF NOT EXISTS other.items (id int, label text)')],
      [parse(BY_ID, 's'), bind([1], [], 's'), run(), sync],
      [q('BEGIN')],
      [q('SET LOCAL search_path = other')],
      [bind([1], [], 's'), portalOf(), run(), sync],
      [q(BY_ID.replace('$1', '1'))],
      [q('ROLLBACK')],
      [bind([1], [], 's'), run(), sync],
      [q('SET search_path = other, public')],
      [bind([1], [], 's'), run(), sync],
      [q('RESET ALL')],
      [bind([1], [], 's'), run(), sync],
      [q('DROP SCHEMA other CASCADE')]
    ]
  ],
  [
    'a role without rights is refused, until it is reset',
    [
      [q('BEGIN')],
      [parse(BY_ID, 's'), bind([1], [], 's'), run(), sync],
      [q('SET LOCAL ROLE pg_signal_backend')],
      [q('SAVEPOINT a')],
      [bind([1], [], 's'), run(), sync],
      [q('ROLLBACK TO a')],
      [COUNT],
      [q('ROLLBACK')],
      [bind([1], [], 's'), run(), sync],
      [q('SET ROLE pg_signal_backend')],
      [COUNT],
      [q('RESET ROLE')],
      [COUNT]
    ]
  ],
  [
    'DISCARD ALL forgets statements, and is refused where a transaction is open',
    [
      [parse(BY_ID, 's'), bind([1], [], 's'), run(), sync],
      [q('BEGIN'), q('DISCARD ALL')],
      [q('ROLLBACK')],
      [bind([1], [], 's'), run(), sync],
      [q('DISCARD ALL')],
      [bind([1], [], 's'), run(), sync],
      [statementOf('s'), sync],
      [parse(BY_ID, 's'), bind([1], [], 's'), run(), sync],
      [q('DISCARD PLANS')],
      [bind([1], [], 's'), run(), sync]
    ]
  ],
  [
    'DEALLOCATE by every way',
    [
      [parse(BY_ID, 's'), parse(ALL, 't'), sync],
      [q('DEALLOCATE s')],
      [bind([1], [], 's'), run(), sync],
      [bind([], [], 't'), run(), sync],
      [parse('DEALLOCATE t'), bind(), run(), bind([], [], 't'), run(), sync],
      [parse(BY_ID, 's'), parse('DEALLOCATE ALL'), bind(), run(), parse(ALL, 's'), bind([], [], 's'), run(1), sync],
      [q('DEALLOCATE nowhere')],
      [q('BEGIN')],
      [q('DEALLOCATE ALL')],
      [q('ROLLBACK')],
      [bind([], [], 's'), run(), sync]
    ]
  ],
  [
    'CLOSE and CLOSE ALL end portals of the protocol too',
    [
      [q('BEGIN')],
      [parse(ALL), bind([], [], '', 'p'), run(2, 'p'), bind([], [], '', 'r'), run(1, 'r'), sync],
      [q('SELECT name FROM pg_cursors ORDER BY 1')],
      [q('CLOSE p')],
      [run(2, 'r'), sync],
      [q('SAVEPOINT a')],
      [run(2, 'p'), sync],
      [q('ROLLBACK TO a')],
      [q('CLOSE ALL')],
      [run(2, 'r'), sync],
      [q('ROLLBACK')]
    ]
  ],
  [
    'a portal ends with the savepoint behind which it was opened',
    [
      [q('BEGIN')],
      [parse(ALL), bind([], [], '', 'before'), run(2, 'before'), sync],
      [q('SAVEPOINT a')],
      [parse(ALL), bind([], [], '', 'behind'), run(2, 'behind'), sync],
      [q('ROLLBACK TO a')],
      [run(2, 'before'), sync],
      [run(2, 'behind'), sync],
      [q('ROLLBACK')],
      [q('BEGIN'), q('SAVEPOINT a')],
      [parse(ALL), bind([], [], '', 'kept'), run(2, 'kept'), sync],
      [q('RELEASE a')],
      [run(2, 'kept'), sync],
      [q('COMMIT')],
      [run(2, 'kept'), sync]
    ]
  ],
  [
    'a failed transaction answers no portal until it is rolled back',
    [
      [q('BEGIN')],
      [parse(ALL), bind([], [], '', 'p'), run(2, 'p'), bind(), run(1), sync],
      [q('SAVEPOINT a')],
      [q('SELECT 1/0')],
      [run(2, 'p'), sync],
      [portalOf('p'), sync],
      [run(2), sync],
      [bind([], [], '', 'n'), sync],
      [q('ROLLBACK TO a')],
      [run(2, 'p'), sync],
      [run(2, 'p'), closePortal('p'), run(1, 'p'), sync],
      [q('COMMIT')]
    ]
  ],
  [
    'one name is one portal, wherever it is answered',
    [
      [q('BEGIN; SAVEPOINT a')],
      [parse(ALL), parse('SELECT g FROM generate_series(1, 9) g', 'far'), sync],
      [bind([], [], 'far', 'p'), run(2, 'p'), sync],
      [bind([], [], '', 'p'), sync],
      [q('ROLLBACK TO a')],
      [parse(ALL), bind([], [], '', 'p'), run(2, 'p'), sync],
      [bind([], [], 'far', 'p'), sync],
      [q('ROLLBACK TO a')],
      [bind([], [], 'far', 'p'), run(2, 'p'), closePortal('p'), sync],
      [parse(ALL), bind([], [], '', 'p'), run(2, 'p'), closePortal('p'), sync],
      [bind([], [], 'far', 'p'), run(2, 'p'), sync],
      [q('DECLARE c CURSOR FOR SELECT id FROM items ORDER BY id')],
      [portalOf('c'), run(2, 'c'), sync],
      [parse(ALL), bind([], [], '', 'c'), sync],
      [q('ROLLBACK')]
    ]
  ],
  [
    'portals of both kinds, suspended across Syncs, go on in turns',
    [
      [q('BEGIN')],
      [
        parse(ALL, 'near'),
        parse('SELECT g, now() IS NULL FROM generate_series(1, 9) g', 'far'),
        bind([], [], 'near', 'n'),
        bind([], [1], 'far', 'f'),
        run(2, 'n'),
        run(2, 'f'),
        sync
      ],
      [run(3, 'f'), run(3, 'n'), run(1, 'f'), run(1, 'n'), sync],
      [portalOf('f'), portalOf('n'), COUNT],
      [run(3, 'n'), sync],
      [q('SELECT 1')],
      [run(0, 'f'), run(0, 'n'), run(0, 'f'), run(0, 'n'), sync],
      [closePortal('f'), closePortal('n'), run(0, 'n'), sync],
      [q('ROLLBACK')]
    ]
  ],
  [
    'portals end with their batch where no transaction is open',
    [
      [parse(ALL, 's'), bind([], [], 's', 'p'), run(2, 'p'), sync],
      [run(2, 'p'), sync],
      [bind([], [], 's', 'p'), run(2, 'p'), run(2, 'p'), sync]
    ]
  ],
  [
    'a cached plan must not change its result type',
    [
      [parse(ALL, 's'), bind([], [], 's'), run(1), sync],
      [q('CREATE TEMP TABLE items (id bigint, label text)')],
      [bind([], [], 's'), run(1), sync],
      [statementOf('s'), sync],
      [q('DROP TABLE pg_temp.items')],
      [bind([], [], 's'), run(1), sync],
      [parse('SELECT id FROM items ORDER BY id', 'same'), bind([], [], 'same'), run(1), sync],
      [q('CREATE TEMP TABLE items (other text, id int)')],
      [bind([], [], 'same'), run(1), sync],
      [q('DROP TABLE pg_temp.items')]
    ]
  ],
  [
    'statement_timeout, as each way of setting it has it',
    [
      [q('BEGIN')],
      [q(`SET LOCAL statement_timeout = '1s'`)],
      [COUNT],
      [q('SELECT pg_sleep(5)')],
      [q('ROLLBACK')],
      [COUNT]
    ]
  ],
  [
    'portals that are read on behind a statement with the word fetch in it',
    [
      [q('BEGIN')],
      [parse(BY_ORDER), bind([], [], '', 'p'), run(4, 'p'), sync],
      [parse(`${BY_ORDER} FETCH FIRST 2 ROWS ONLY`), bind(), run(), sync],
      [q('MOVE FORWARD 2 p')],
      [run(1, 'p'), sync],
      [q(`${BY_ORDER} FETCH FIRST 2 ROWS ONLY`)],
      [run(0, 'p'), sync],
      [q('MOVE FORWARD 2 FROM p')],
      [q('FETCH 2 FROM p')],
      [q('COMMIT')],
      [q('BEGIN')],
      [parse(BY_ORDER), bind([], [], '', 'p'), run(4, 'p'), sync],
      [q('MOVE FORWARD 20 p')],
      [run(1, 'p'), sync],
      [q('ROLLBACK')],
      [q('BEGIN')],
      [parse(BY_ORDER), bind([], [], '', 'p'), sync],
      [parse('SELECT 1 AS fetch'), bind(), run(), sync],
      [parse('FETCH 3 FROM p'), bind(), run(), sync],
      [run(2, 'p'), sync],
      [q('MOVE 1 IN p; FETCH 1 p')],
      [q('COMMIT')]
    ]
  ],
  [
    'COPY and ONLY behind what ends a failed transaction, or says where names are looked up',
    COPIES.flatMap((text): Exchange[] => [
        [q('BEGIN')],
        [q('SELECT 1/0')],
        [q(text)],
        [parse(text), bind(), run(), sync],
        [q(`ROLLBACK; ${text}`)],
        [q('BEGIN; SAVEPOINT a')],
        [q('SELECT 1/0')],
        [q(`ROLLBACK TO a; ${text}; SELECT 1`)],
        [q('SELECT 1/0')],
        [parse('ROLLBACK'), bind(), run(), parse(text), bind(), run(), sync],
        [q('SET search_path = nowhere')],
        [q(`SET search_path = public; ${text}`)],
        [q(`SET search_path = nowhere; ${text}`)],
        [q(`RESET search_path; ${text}; nonsense`)],
        [q('RESET search_path')]
      ])
  ],
  [
    'what must not run in a transaction, by the extended protocol',
    [
      [parse('REINDEX TABLE CONCURRENTLY items'), bind(), run(), sync],
      [parse('DECLARE c CURSOR FOR SELECT id FROM items'), bind(), run(), sync],
      [parse("DO 'BEGIN PERFORM 1 FROM items; COMMIT; END'"), bind(), run(), sync],
      [parse('SET LOCAL application_name = items'), bind(), run(), sync],
      [parse('SELECT 1'), bind(), run(), parse('REINDEX TABLE CONCURRENTLY items'), bind(), run(), sync]
    ]
  ],
  [
    'READ ONLY transactions read',
    [
      [q('BEGIN READ ONLY')],
      [COUNT],
      [parse(BY_ID), bind([1]), run(), sync],
      [q('CREATE TABLE nothing ()')],
      [q('COMMIT')],
      [COUNT]
    ]
  ]
]

/** Every way to copy a relation out, as its statement's end. */
const COPY_OPTIONS = [
  '',
  'WITH (FORMAT csv)',
  `WITH (FORMAT csv, HEADER, DELIMITER ';', NULL 'none', QUOTE '''', ESCAPE '\\', FORCE_QUOTE *)`,
  'WITH (FORMAT csv, HEADER true, FORCE_QUOTE (label, id))',
  'WITH (FORMAT text, DELIMITER \',\', NULL \'\')',
  'WITH (FORMAT binary)',
  `WITH (ENCODING 'LATIN1')`,
  `WITH CSV HEADER QUOTE '"' FORCE QUOTE label`,
  `DELIMITERS '|' WITH NULL AS 'x'`,
  'WITH BINARY'
]

const COPIED = [
  'items',
  'public.items',
  '"public"."items"',
  'items (id)',
  'items (label, id, "ok")',
  'public.items ( amount , id )',
  'items (nope)',
  'items (id, id)',
  'public."Items"',
  'nowhere.items'
]

export const COPY_CASES: readonly (readonly [title: string, exchanges: readonly Exchange[]])[] = [
  ...COPIED.map((copied): readonly [string, readonly Exchange[]] => [
    `COPY ${copied} TO STDOUT`,
    COPY_OPTIONS.map((options) => [q(`COPY ${copied} TO STDOUT ${options}`)])
  ]),
  [
    'COPY by the extended protocol, among other statements, and in a transaction',
    [
      [parse('COPY items TO STDOUT (FORMAT csv)'), bind(), run(), sync],
      [parse('COPY items (id) TO STDOUT', 'c'), statementOf('c'), bind([], [], 'c'), portalOf(), run(), sync],
      [q('COPY items TO STDOUT; SELECT 1; COPY items (id) TO STDOUT CSV')],
      [q('BEGIN'), q('COPY ONLY items TO STDOUT')],
      [q('COPY items TO STDOUT'), q('ROLLBACK')],
      [q('COPY items (id) TO STDOUT WHERE id = 1')],
      [q(`COPY items TO STDOUT (FORMAT 'xml')`)],
      [q('COPY items TO STDOUT (FORCE_NULL (id))')],
      [q('COPY (SELECT * FROM items WHERE id < 3 ORDER BY id) TO STDOUT (FORMAT binary)')],
      [q('/* c */ copy /* d */ items /* e */ to stdout -- f')]
    ]
  ]
]
