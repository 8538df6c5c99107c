// Goal: a text is taken for what it is: nothing of ours, one SELECT that may be answered here, a
// statement of ours, or something to relay; and no read skips a relation's rows by ONLY or COPY.
// Method: tables of texts, with "trades" and "Odd name" as the relations.

import t from 'tap'

import { inspect, quotedName, tablesIn } from '../../src/session/inspect.ts'
import type { Inspection } from '../../src/session/inspect.ts'
import { NameScan } from '../../src/sql/classify.ts'
import { loadParser, parseSql } from '../../src/sql/parser.ts'

const NAMES = new NameScan(['trades', 'Odd name'])
const WITH =
  "WITH (connector='nats', server_url='h', subject='s', stream='t', connect_mode='plain')"

/** The kind, and what else is worth comparing. */
function told(inspection: Inspection): string {
  switch (inspection.kind) {
    case 'relay':
      return `relay: ${inspection.reason}`
    case 'select':
      return `select: ${inspection.tables.map(quotedName).sort().join(', ')}`
    case 'ours':
      return `ours: ${inspection.statement.kind}`
    case 'several':
      return `several: ${inspection.parts.map(({ text, shift }) => `${shift} ${text}`).join(' | ')}`
    default:
      return inspection.kind
  }
}

const KINDS: readonly (readonly [text: string, wanted: string])[] = [
  ['SELECT 1', 'plain'],
  ['', 'plain'],
  [';', 'plain'],
  ['SELECT * FROM others', 'plain'],
  ['SELECT * FROM tradesmen', 'plain'],
  ['CREATE TABLE x (a int)', 'plain'],
  ['DROP TABLE x', 'plain'],
  ['SHOW search_path', 'plain'],
  ['SELECT FROM WHERE trades', 'plain'],
  ["SELECT 'unfinished FROM trades", 'plain'],
  ['SELECT * FROM trades', 'select: "trades"'],
  ['select * from TRADES;', 'select: "trades"'],
  ['SELECT * FROM public."trades" t', 'select: "public"."trades"'],
  ['SELECT * FROM "Odd name"', 'select: "Odd name"'],
  ['TABLE trades', 'select: "trades"'],
  ['SELECT 1 WHERE EXISTS (SELECT FROM trades)', 'select: "trades"'],
  ['WITH c AS (SELECT * FROM trades) SELECT * FROM c, d.e', 'select: "c", "d"."e", "trades"'],
  ["SELECT 'trades'", 'select: '],
  ['SELECT * FROM trades; SELECT 1', 'relay: more than one statement'],
  ['EXPLAIN SELECT * FROM trades', 'ours: explain'],
  ['explain analyze verbose (SELECT * FROM trades) LIMIT 1;', 'ours: explain'],
  ['EXPLAIN (ANALYZE, COSTS off, FORMAT text) TABLE trades', 'ours: explain'],
  ['EXPLAIN (FORMAT json) SELECT * FROM trades', 'relay: EXPLAIN is relayed'],
  ['EXPLAIN (TIMING off, ANALYZE) SELECT * FROM trades', 'relay: EXPLAIN is relayed'],
  ['EXPLAIN (ANALYZE perhaps) SELECT * FROM trades', 'relay: EXPLAIN is relayed'],
  ['EXPLAIN SELECT * FROM trades WHERE id = $1', 'relay: EXPLAIN is relayed'],
  ['EXPLAIN SELECT * FROM ONLY trades', 'relay: EXPLAIN is relayed'],
  ['EXPLAIN INSERT INTO x SELECT * FROM trades', 'relay: EXPLAIN is relayed'],
  ['EXPLAIN SELECT * FROM others', 'plain'],
  ['EXPLAIN SELECT FROM WHERE trades', 'plain'],
  ['INSERT INTO x SELECT * FROM trades', 'relay: INSERT is relayed'],
  ['CREATE TABLE y AS SELECT * FROM trades', 'relay: CREATE TABLE AS is relayed'],
  ['DECLARE c CURSOR FOR SELECT * FROM trades', 'relay: DECLARE CURSOR is relayed'],
  ['PREPARE p AS SELECT * FROM trades', 'relay: PREPARE is relayed'],
  ['COPY trades FROM STDIN', 'relay: COPY is relayed'],
  ['SELECT name FROM rw_catalog.rw_sources', 'select: "rw_catalog"."rw_sources"'],
  ['TABLE RW_TABLES', 'select: "rw_tables"'],
  ['INSERT INTO rw_tables VALUES (1)', 'plain'],
  ['SELECT * FROM rw_tablespaces', 'plain'],
  ['SELECT * FROM ONLY trades', 'relay: ONLY is relayed'],
  ["SELECT '\ufffd' FROM trades", 'relay: the statement is not in UTF-8'],
  ['SHOW SOURCES', 'ours: showSources'],
  ['SHOW jetgres.last_route', 'ours: showSetting'],
  ['DESCRIBE trades', 'ours: describe'],
  ['DROP TABLE trades', 'ours: drop'],
  ['DROP SOURCE whatever', 'ours: drop'],
  ['ALTER TABLE trades RENAME TO t2', 'ours: alter'],
  [`CREATE TABLE n (id int PRIMARY KEY) ${WITH} FORMAT PLAIN ENCODE JSON`, 'ours: createRelation'],
  ['BEGIN; SHOW SOURCES; COMMIT', 'several: 0 BEGIN | 7 SHOW SOURCES | 21 COMMIT'],
  ["SELECT '😀'; DROP TABLE trades", "several: 0 SELECT '😀' | 12 DROP TABLE trades"],
  ["SELECT '😀'; COPY trades TO STDOUT", "several: 0 SELECT '😀' | 12 COPY trades TO STDOUT"],
  ['ROLLBACK; SELECT FROM ONLY trades', 'several: 0 ROLLBACK | 10 SELECT FROM ONLY trades']
]

const REWRITES: readonly (readonly [text: string, sent: string | undefined])[] = [
  ['COPY trades TO STDOUT', 'COPY (SELECT * FROM trades) TO STDOUT'],
  [
    'copy public.trades to stdout csv header',
    'copy (SELECT * FROM public.trades) to stdout csv header'
  ],
  ['COPY trades (id, "to") TO STDOUT', 'COPY (SELECT id, "to" FROM trades) TO STDOUT'],
  ['COPY BINARY trades TO STDOUT', 'COPY        (SELECT * FROM trades) TO STDOUT WITH BINARY'],
  [
    `COPY trades TO STDOUT USING DELIMITERS '|' WITH NULL AS 'x'`,
    `COPY (SELECT * FROM trades) TO STDOUT       WITH DELIMITER '|'      NULL AS 'x'`
  ],
  ['COPY "Odd name" TO STDOUT', 'COPY (SELECT * FROM "Odd name") TO STDOUT'],
  [
    "SELECT 'ä€😀' FROM ONLY trades",
    "SELECT 'ä€😀' FROM      trades"
  ],
  ['COPY (SELECT * FROM trades) TO STDOUT', undefined],
  ['COPY trades FROM STDIN', undefined],
  ['COPY others TO STDOUT -- trades', undefined],
  ['SELECT * FROM ONLY trades', 'SELECT * FROM      trades'],
  ['SELECT * FROM ONLY (trades) t', 'SELECT * FROM       trades  t'],
  ['TABLE ONLY trades', 'TABLE      trades'],
  ['SELECT * FROM ONLY others, trades', undefined],
  ['SELECT * FROM trades, ONLY public.trades b', 'SELECT * FROM trades,      public.trades b'],
  ['COPY (SELECT * FROM ONLY trades) TO STDOUT', 'COPY (SELECT * FROM      trades) TO STDOUT'],
  ['CREATE VIEW v AS SELECT * FROM ONLY trades', 'CREATE VIEW v AS SELECT * FROM      trades'],
  [
    'INSERT INTO x SELECT * FROM ONLY trades WHERE id IN (SELECT id FROM ONLY trades)',
    'INSERT INTO x SELECT * FROM      trades WHERE id IN (SELECT id FROM      trades)'
  ]
]

t.before(loadParser)

void t.test('texts are taken for what they are', async (t) => {
  for (const [text, wanted] of KINDS) t.equal(told(inspect(text, NAMES)), wanted, text)
})

void t.test('reads that would skip the rows are sent otherwise, positions kept', async (t) => {
  for (const [text, sent] of REWRITES) {
    const inspection = inspect(text, NAMES)
    t.equal('text' in inspection ? inspection.text : undefined, sent, text)
    if (sent !== undefined) t.doesNotThrow(() => parseSql(sent), sent)
  }
})

void t.test('what is plainly meant for jetgres and wrong is refused, at its place', async (t) => {
  const text =
    "CREATE TABLE n (id int) WITH (connector='nats', colour='red') FORMAT PLAIN ENCODE JSON"
  t.throws(() => inspect(text, NAMES), { name: 'PgError' })
  const shifted = `SELECT 1; ${text}`
  const position = (sql: string): number => {
    try {
      inspect(sql, NAMES)
    } catch (error) {
      return (error as { position: number }).position
    }
    return NaN
  }
  t.equal(position(shifted) - position(text), shifted.length - text.length)
})

void t.test('a very long text is not looked into', async (t) => {
  t.equal(inspect(`SELECT * FROM trades -- ${'x'.repeat(1_000_001)}`, NAMES).kind, 'plain')
})

void t.test('a name that is quoted survives being quoted again', async (t) => {
  const [table] = tablesIn(parseSql('SELECT * FROM "a""b"."c.d"')[0]!.node)
  t.equal(quotedName(table!), '"a""b"."c.d"')
})
