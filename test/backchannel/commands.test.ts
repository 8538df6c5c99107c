// Goal: the back channel knows postgres_fdw's commands, each in its fixed spelling, and no others.
// Method: texts as connection.c, deparse.c and postgres_fdw.c write them.

import t from 'tap'

import { readCommands } from '../../src/backchannel/commands.ts'

const kinds = (text: string): string[] | undefined =>
  readCommands(text)?.map((command) => command.kind)

void t.test('reads what postgres_fdw says', async (t) => {
  const cases: [text: string, kinds: string[]][] = [
    ['START TRANSACTION ISOLATION LEVEL REPEATABLE READ', ['begin']],
    ['START TRANSACTION ISOLATION LEVEL SERIALIZABLE', ['begin']],
    ['COMMIT TRANSACTION', ['commit']],
    ['ABORT TRANSACTION', ['abort']],
    ['SET search_path = pg_catalog', ['set']],
    ["SET timezone = 'GMT'", ['set']],
    ['SAVEPOINT s2', ['savepoint']],
    ['RELEASE SAVEPOINT s2', ['releaseSavepoint']],
    ['ROLLBACK TO SAVEPOINT s2; RELEASE SAVEPOINT s2', ['rollBackTo', 'releaseSavepoint']],
    ['DEALLOCATE ALL', ['deallocate']],
    ['DEALLOCATE pgsql_fdw_prep_1', ['deallocate']],
    ['INSERT INTO jetgres_live.changes(relation, before, after) VALUES ($1, $2, $3)', ['change']],
    ['UPDATE jetgres_live.r1 SET c1 = $2, c2 = $3 WHERE ctid = $1', ['changed']],
    ['DELETE FROM jetgres_live.r1 WHERE ctid = $1 RETURNING c1, ctid', ['changed']],
    ['MOVE BACKWARD ALL IN c3', ['rewind']],
    ['CLOSE c3', ['close']]
  ]
  for (const [text, want] of cases) t.strictSame(kinds(text), want, text)
})

void t.test('keeps the parts of DECLARE and FETCH', async (t) => {
  const select = "SELECT c1 FROM jetgres_live.r1 WHERE ((c1 = 'a;b; COMMIT'))"
  t.strictSame(readCommands(`DECLARE c1 CURSOR FOR\n${select}`), [
    { kind: 'declare', cursor: 'c1', select }
  ])
  t.strictSame(readCommands('FETCH 50000 FROM c1'), [
    { kind: 'fetch', cursor: 'c1', count: 50_000 }
  ])
})

void t.test('knows nothing else', async (t) => {
  const texts = [
    'SELECT 1',
    'DROP TABLE x',
    'DELETE FROM jetgres_live.r1',
    'UPDATE jetgres_live.r1 SET c1 = 7 WHERE (c1 = 1)',
    'INSERT INTO jetgres_live.r1(c1) VALUES ($1)',
    'COMMIT; DROP TABLE x',
    'PREPARE p AS SELECT 1',
    'FETCH ALL FROM c1; SELECT 1',
    'DECLARE c1 CURSOR FOR DELETE FROM x'
  ]
  for (const text of texts) t.equal(readCommands(text), undefined, text)
})
