// Goal: no text makes the readers throw anything but a PgError with a place inside the text.
// Method: seeded mutations of statements of ours: tokens and characters cut, doubled, swapped.

import t from 'tap'
import { PgError } from '../../src/errors.ts'
import { backticksAsQuotes } from '../../src/sql/backticks.ts'
import { startsIntercepted } from '../../src/sql/classify.ts'
import { loadParser, parseSql } from '../../src/sql/parser.ts'
import { splitStatements } from '../../src/sql/split.ts'
import { readStatement } from '../../src/sql/statement.ts'
import { random } from '../support/random.ts'
import { mutated } from './mutations.ts'
import type { PayloadColumn } from '../../src/types/connector.ts'

await loadParser()

const MUTATIONS = 10_000

const SEEDS = [
  `CREATE TABLE IF NOT EXISTS s.t (id varchar PRIMARY KEY, a struct<b int, c map<text, int[]>>[],
    d timestamp(3) with time zone NOT NULL, "é😀" string, CONSTRAINT k PRIMARY KEY (id),)
    WITH (connector = 'nats', server_url = 'h:1, h:2', subject = 'a.*', stream = 'st',
    connect_mode = 'user_and_password', username = 'u', password = E'p\\n', max_bytes = -1)
    FORMAT PLAIN ENCODE JSON (timestamptz.handling.mode = 'milli')`,
  `CREATE SOURCE x (a int, PRIMARY KEY (a)) WITH (connector='nats', nats.server_url='h',
    nats.subject='s', scan.startup.mode='timestamp', scan.startup.timestamp.millis=5)
    ROW FORMAT JSON`,
  `CREATE TABLE t (*, PRIMARY KEY (s, "id"),) ON CONFLICT DO UPDATE FULL WITH VERSION COLUMN (at)
    INCLUDE subject AS s, INCLUDE header 'H' bytea INCLUDE timestamp AS at WITH (connector='nats',
    server_url='h', subject='s', stream='st', allow_create_stream=true, max_messages='5')
    FORMAT PLAIN ENCODE PROTOBUF (message = '.p.M', schema.location = 'http://h/s')`,
  `CREATE OR REPLACE SOURCE w (at timestamp DEFAULT now() - interval '1' day, n int DEFAULT
    CASE WHEN true THEN (1) END, WATERMARK FOR at AS at - INTERVAL '5' SECOND) WITH (
    connector='nats', server_url=\`h\`, subject='s', stream='st') FORMAT PLAIN ENCODE JSON`,
  `CREATE TABLE m (a int PRIMARY KEY, b int) ON CONFLICT DO UPDATE IF NOT NULL WITH (
    connector='nats', server_url='h', subject='s', stream='st') FORMAT PLAIN ENCODE JSON`,
  `CREATE TABLE kv (v bytea) INCLUDE key AS k WITH (connector='nats', server_url='h',
    subject='$KV.b.>', stream='KV_b') FORMAT UPSERT ENCODE BYTES`,
  `CREATE TABLE t (id bigint) APPEND ONLY INCLUDE partition WITH (connector='nats', server_url='h',
    subject='s', stream='x') ROW FORMAT PROTOBUF MESSAGE 'M' ROW SCHEMA LOCATION 'file:///s.pb'`,
  'DROP SOURCE IF EXISTS a, "b".c CASCADE',
  'ALTER TABLE ONLY a.b RENAME COLUMN x TO y',
  "SHOW SOURCES FROM s LIKE 'a%'; SHOW CREATE TABLE t; DESCRIBE \"T\"",
  'select $1::int, $$x;$$, U&"\\0061", /* c */ 1.5 -- end\n from t'
]
/** What a payload's schema might bring. */
const OFFERED: readonly PayloadColumn[] = [
  { name: 'id', type: 'bigint', oids: [20] },
  { name: 'é"😀', type: 'varchar[]', oids: [1015] }
]
/** What is wrong with how the readers took the text; undefined when nothing is. */
function fault(text: string): string | undefined {
  try {
    startsIntercepted(text)
    for (const s of splitStatements(text) ?? []) {
      if (text.slice(s.start, s.end) !== s.text) return 'a statement is not where it says'
    }
    const read = readStatement(backticksAsQuotes(text))
    if (read?.kind !== 'createRelation') return undefined
    parseSql(read.twinSql)
    if (read.schema) parseSql(read.schema.complete(OFFERED).twinSql)
    return undefined
  } catch (error) {
    if (!(error instanceof PgError)) return String(error)
    if (error.code === 'XX000') return error.message
    const { position = 1 } = error
    return position >= 1 && position <= text.length + 1 ? undefined : `position ${position}`
  }
}

void t.test('a mutated statement is read or refused, never worse', async (t) => {
  const rnd = random(t)
  const faults: { text: string; fault: string }[] = []
  let read = 0
  for (let i = 0; i < MUTATIONS; i++) {
    let text = rnd.pick(SEEDS)
    for (let n = rnd.int(1, 4); n > 0; n--) text = mutated(rnd, text)
    const found = fault(text)
    if (found !== undefined) faults.push({ text, fault: found })
    else read++
  }
  t.strictSame(faults, [])
  t.equal(read, MUTATIONS)
})

void t.test('the unmutated statements are read', async (t) => {
  for (const text of SEEDS) t.equal(fault(text), undefined, text)
})
