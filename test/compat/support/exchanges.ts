// The exchanges that protocol.test.ts puts to both servers.

import { frontend as f } from '../../../src/wire/frontend.ts'
import {
  bind,
  bindBytes,
  callPlus,
  closeStatement,
  flush,
  frameOf,
  parse,
  portalOf,
  q,
  run,
  statementOf,
  sync
} from './messages.ts'

export type Exchange = readonly Buffer[]

export const ALL = 'SELECT * FROM items ORDER BY id'
export const BY_LABEL = 'SELECT id FROM items WHERE label = $1'
export const BY_ID = 'SELECT id, label FROM items WHERE id = $1'

/** Title → exchanges of one client. */
export const CASES: readonly (readonly [title: string, exchanges: readonly Exchange[]])[] = [
  ['answers a simple query', [[q(ALL)], [q('SELECT count(*) FROM items')]]],
  [
    'answers in text, in binary, and in a format for each column',
    [
      [parse(ALL), bind(), portalOf(), run(), sync],
      [parse(ALL), bind([], [1]), portalOf(), run(), sync],
      [parse(ALL), bind([], [0, 1, 0, 1]), portalOf(), run(), sync],
      [parse(ALL), bind([], [0, 0, 0, 0]), run(), sync]
    ]
  ],
  [
    'takes parameters in text and in binary',
    [
      [parse(BY_ID), statementOf(), bind([3]), run(), sync],
      [
        parse(BY_ID),
        bindBytes('', '', [Buffer.from([0, 0, 0, 3])], [1], [1]),
        portalOf(),
        run(),
        sync
      ],
      [
        parse(BY_ID, '', [21]),
        statementOf(),
        bindBytes('', '', [Buffer.from([0, 3])], [], [1]),
        run(),
        sync
      ],
      [parse(BY_ID), bind([null]), run(), sync],
      [
        parse('SELECT count(*) FROM items WHERE label = $1 OR amount > $2'),
        statementOf(),
        bind(['row 1', 1.5]),
        run(),
        sync
      ]
    ]
  ],
  [
    'skips to Sync behind a Flush with a body, and goes on',
    [
      [parse(BY_ID), bind([3]), frameOf('H', Buffer.from('x')), run(), sync],
      [frameOf('H', Buffer.from('x')), parse(BY_ID), bind([3]), run(), sync],
      [parse(BY_ID), bind([3]), flush, run(), sync],
      [q(ALL)]
    ]
  ],
  [
    'says what is wrong with a Bind',
    [
      [parse(BY_ID), bind(['x']), run(), sync],
      [parse(BY_ID), bind([]), run(), sync],
      [parse(BY_ID), bind([1, 2]), run(), sync],
      [parse(BY_ID), bind([99999999999]), run(), sync],
      [parse(BY_LABEL), bindBytes('', '', [Buffer.from([0x61, 0xff])], []), run(), sync],
      [parse(BY_LABEL), bindBytes('', '', [Buffer.from([0x61, 0])], []), run(), sync],
      [parse(BY_ID), bind([1], [0, 0, 0]), run(), sync],
      [parse(BY_ID), bind([1], [2]), run(), sync],
      [parse(BY_ID), bindBytes('', '', [Buffer.from('1')], [], [0, 0]), run(), sync],
      [parse(BY_ID), bindBytes('', '', [Buffer.from('1')], [], [2]), run(), sync],
      [parse(BY_ID), bindBytes('', '', [Buffer.from([0, 3])], [], [1]), run(), sync],
      [parse(BY_ID), bindBytes('', '', [Buffer.from([0xff])], [], [0]), run(), sync],
      [bind([1], [], 'nowhere'), run(), sync]
    ]
  ],
  [
    'suspends a portal at its row limit and goes on across Syncs in a transaction',
    [
      [q('BEGIN')],
      [parse(ALL), bind([], [], '', 'p'), portalOf('p'), run(3, 'p'), sync],
      [run(3, 'p'), sync],
      [q('SELECT 1')],
      [q('SELECT count(*) FROM items')],
      [portalOf('p'), run(3, 'p'), sync],
      [run(3, 'p'), sync],
      [run(3, 'p'), sync],
      [run(0, 'p'), f.close({ type: 'P', name: 'p' }), sync],
      [run(0, 'p'), sync],
      [q('ROLLBACK')]
    ]
  ],
  [
    'ends a suspended portal with its transaction',
    [
      [parse(ALL), bind(), run(4), run(4), run(4), sync],
      [run(), sync],
      [q('BEGIN')],
      [parse(ALL), bind([], [], '', 'p'), run(1, 'p'), sync],
      [q('COMMIT')],
      [run(1, 'p'), sync]
    ]
  ],
  [
    'takes a row limit that is met exactly, and one below zero',
    [
      [parse(ALL), bind(), run(10), run(10), sync],
      [parse(ALL), bind(), run(-1), sync]
    ]
  ],
  [
    'keeps order in a pipeline of statements answered here and there',
    [
      [
        parse(BY_ID, 's1'),
        bind([1], [], 's1'),
        run(),
        parse('SELECT 1'),
        bind(),
        run(),
        parse(ALL),
        bind(),
        portalOf(),
        run(2),
        bind([2], [], 's1'),
        run(),
        parse('SELECT now() IS NULL'),
        bind(),
        run(),
        bind([3], [], 's1'),
        portalOf(),
        run(),
        closeStatement('s1'),
        sync
      ],
      [bind([4], [], 's1'), run(), sync]
    ]
  ],
  [
    'skips to Sync behind an error, wherever that arose',
    [
      [parse('SELECT nope FROM items'), bind(), run(), parse(ALL), bind(), run(), sync],
      [
        parse('SELECT 1/(id - 2) FROM items ORDER BY id'),
        bind(),
        run(),
        parse(ALL),
        bind(),
        run(),
        q(ALL),
        sync
      ],
      [parse('SELECT 1/0'), bind(), run(), parse(ALL), bind(), run(), sync],
      [parse(ALL), bind(), run(), sync]
    ]
  ],
  [
    'undoes a batch that an error ends',
    [
      [q('CREATE TEMP TABLE w (a int)')],
      [
        parse('INSERT INTO w VALUES (1)'),
        bind(),
        run(),
        parse(ALL),
        bind(),
        run(1),
        parse('SELECT 1/(id - 2) FROM items'),
        bind(),
        run(),
        sync
      ],
      [q('SELECT count(*) FROM w')]
    ]
  ],
  [
    'sends what is asked for at a Flush, before any Sync',
    [
      [parse(BY_ID, 'fl'), statementOf('fl'), flush],
      [bind([5], [1], 'fl'), portalOf(), run(), flush],
      [sync]
    ]
  ],
  [
    'knows prepared statements by protocol and by SQL alike',
    [
      [parse(BY_ID, 'k'), sync],
      [q('EXECUTE k(4)')],
      [q('DEALLOCATE k')],
      [bind([4], [], 'k'), run(), sync],
      [q('PREPARE k(int) AS SELECT label, id FROM items WHERE id = $1')],
      [statementOf('k'), bind([4], [], 'k'), portalOf(), run(), sync],
      [q('DISCARD ALL')],
      [bind([4], [], 'k'), run(), sync]
    ]
  ],
  [
    'keeps the statement whose name is given twice',
    [
      [parse('SELECT id FROM items WHERE id < 2 ORDER BY 1', 'd'), sync],
      [parse('SELECT id FROM items WHERE id > 7 ORDER BY 1', 'd'), sync],
      [bind([], [], 'd'), run(), sync],
      [q('DEALLOCATE ALL')],
      [parse('SELECT id FROM items WHERE id = 5', 'd'), bind([], [], 'd'), run(), sync],
      [
        closeStatement('d'),
        parse('SELECT id FROM items WHERE id = 6', 'd'),
        bind([], [], 'd'),
        run(),
        sync
      ]
    ]
  ],
  [
    'forgets a name whose Parse failed',
    [
      [parse('SELECT nope FROM items', 'bad'), sync],
      [bind([], [], 'bad'), run(), sync],
      [parse(ALL, 'bad'), bind([], [], 'bad'), run(1), sync]
    ]
  ],
  [
    'loses the unnamed statement to a simple query',
    [
      [parse(ALL), sync],
      [q('SELECT count(*) FROM items')],
      [bind(), run(), sync],
      [parse(ALL), sync],
      [q('SELECT 1')],
      [bind(), run(), sync]
    ]
  ],
  [
    'reports failed transactions in every ReadyForQuery',
    [
      [q('BEGIN')],
      [q('SELECT count(*) FROM items')],
      [q('SELECT nope FROM items')],
      [q('SELECT count(*) FROM items')],
      [parse(ALL), bind(), run(), sync],
      [sync],
      [q('COMMIT')],
      [q('BEGIN; SELECT count(*) FROM items; SELECT 1/0; SELECT 2')],
      [q('ROLLBACK')]
    ]
  ],
  [
    'answers what says nothing',
    [
      [q('')],
      [q(' ; ; ')],
      [parse(''), bind(), portalOf(), run(), sync],
      [sync],
      [flush, sync],
      [parse('-- items'), bind(), run(), sync]
    ]
  ],
  [
    'runs a portal twice, and describes it after',
    [
      [q('BEGIN')],
      [parse(ALL), bind([], [1], '', 'z'), run(0, 'z'), run(0, 'z'), portalOf('z'), sync],
      [q('COMMIT')]
    ]
  ],
  [
    'takes the place of a portal of the same name',
    [
      [q('BEGIN')],
      [parse(ALL), bind([], [], '', ''), run(2), bind(), run(2), sync],
      [parse(ALL), bind([], [], '', 'n'), bind([], [], '', 'n'), run(0, 'n'), sync],
      [q('ROLLBACK')]
    ]
  ],
  [
    'copies by the extended protocol',
    [
      [q('CREATE TEMP TABLE cp (a int)')],
      [
        parse('COPY cp FROM STDIN'),
        bind(),
        run(),
        sync,
        f.copyData(Buffer.from('1\n2\n')),
        f.copyDone(),
        sync
      ],
      [parse('COPY (SELECT id FROM items ORDER BY 1) TO STDOUT'), bind(), run(), sync],
      [q('SELECT count(*) FROM cp')],
      [parse(ALL), bind(), run(1), sync]
    ]
  ],
  [
    'fails a copy and goes on',
    [
      [q('CREATE TEMP TABLE cp2 (a int)')],
      [q('COPY cp2 FROM STDIN'), f.copyData(Buffer.from('x\n')), f.copyDone()],
      [q('COPY cp2 FROM STDIN'), f.copyFail('no more')],
      [q('SELECT count(*) FROM items')]
    ]
  ],
  [
    'reads a second time what changed the first time',
    [
      [parse(BY_ID, 'r'), bind([1], [], 'r'), run(), sync],
      [q('CREATE TEMP TABLE items (id text, label text)')],
      [parse('SELECT * FROM items'), bind(), portalOf(), run(), sync],
      [q('DROP TABLE pg_temp.items')],
      [bind([1], [], 'r'), run(), sync]
    ]
  ],
  [
    'calls functions',
    [[q('BEGIN')], [callPlus()], [q('SELECT count(*) FROM items')], [q('COMMIT')]]
  ],
  ['refuses a message of no known type', [[frameOf('y', Buffer.alloc(0))]]]
]
