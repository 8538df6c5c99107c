// Goal: a SELECT over relations and Postgres's own tables gives what plain Postgres gives: the
// session's uncommitted changes, privileges and snapshot count, on either route.
// Method: the differential suite's statements, with a table of the upstream's own joined to the
// relation `m`; each asked under the search_path `live` and `plain`, outside of a transaction and in one
// with changes, by two roles. MIXED_STATEMENTS: how many (300 by hand).

import pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { random } from '../support/random.ts'
import { rowOf, TABLES, type TableData } from '../translate/rows.ts'
import { STATEMENTS } from '../translate/statements.ts'
import { fedBy, lastRoute, openWorld, rowsOf, untilCount } from './world.ts'
import type { World } from './world.ts'

const MIXED_STATEMENTS = Number(process.env.MIXED_STATEMENTS ?? 15)
const skip = { skip: withoutNats(), timeout: 600_000 }

/** `FROM m`, and whether an alias follows. */
const MAIN = /\b(FROM|JOIN) m\b(?!\.)( AS\b| (?!WHERE|GROUP|ORDER|LIMIT|JOIN|LEFT|RIGHT|FULL|CROSS|INNER|NATURAL|UNION|EXCEPT|INTERSECT|HAVING|WINDOW|OFFSET|FETCH|ON\b|TABLESAMPLE)\w+)?/g
/** The order in which floats are added, and values listed, is open. */
const IN_ANY_ORDER =
  /\b(sum|avg|var\w*|stddev\w*)\s*\((DISTINCT )?-?\s*(abs\()?(s?f[48]?|.*float)|\b(string|array)_agg\((?![^()]*ORDER BY)/i
/** Asked twice, it says two things. */
const MOMENTARY = /\b(now|random)\(|current_(date|time)|localtime|'(now|today|yesterday|tomorrow)'/i
/** Whether the sum of a row that nobody asked for is made, and overflows, is the plan's to say. */
const OF_THE_PLAN = /(\bi4 \+ 1\b|-i8\b).* LIMIT /

/** The store raises on these, here and behind the live child; Postgres answers, or raises in its own way. */
const RAISING = [
  "SELECT id FROM m WHERE d + 400 > '2024-01-01'",
  'SELECT id FROM m WHERE i4::int2 = 1',
  'SELECT id FROM m, side WHERE m.i4 / 0 = side.id',
  'SELECT count(*) FROM m JOIN kept USING (id) WHERE i8::int4 > 1'
]

/** What a column of theirs may hold comes over unchanged, and is compared as it is. */
const LENT = [
  'SELECT m.id, o.* FROM m JOIN odd o ON o.id = m.id ORDER BY m.id',
  'SELECT m.id, o.word, o.most FROM m LEFT JOIN odd o ON o.least = m.id ORDER BY m.id',
  'SELECT o.word, count(*), min(o.most) FROM m JOIN odd o ON o.id = m.id GROUP BY o.word',
  'SELECT count(*) FROM m CROSS JOIN odd',
  'SELECT a.id, b.word, k.note FROM m JOIN odd a ON a.id = m.id JOIN odd b USING (least) JOIN kept k ON k.id = b.id ORDER BY m.id',
  // Alike in their order, at odds as collations.
  'SELECT m.id FROM m JOIN posix o ON m.t = o.word',
  'SELECT m.id FROM m JOIN posix o ON o.id = m.id WHERE m.t < o.word',
  'SELECT o.id FROM m JOIN posix o ON o.id = m.id'
]

/** Rows that are all else than plain: by the ends of integers, and in texts. */
const ODD = `CREATE TABLE plain.odd (id int, least int2, most int8, word text COLLATE "C", label varchar(9) COLLATE "C");
  INSERT INTO plain.odd VALUES (1, -32768, -9223372036854775808, '', ''), (2, 32767, 9223372036854775807, NULL, NULL),
    (3, NULL, NULL, '"', '\\'), (4, 0, 9007199254740993, E'a\\b\n\t\r', 'null'), (5, 1, 0, 'é日本😀', E'\x01\x1f'),
    (6, 2, -1, '[1, "x"]', '{}'), (7, 3, 3, '\u0041', ' é '), (NULL, 4, 4, 'a,b', 'NULL');
  CREATE TABLE plain.posix (id int, word text COLLATE "POSIX"); INSERT INTO plain.posix VALUES (1, 'a'), (2, NULL)`

/** The suite's statements on `m`, each joined to the upstream's table `kept`. */
function mixedStatements(): readonly string[] {
  const texts = STATEMENTS.flatMap((asked) => (typeof asked === 'string' ? asked : []))
  return texts
    .filter((sql) => ![IN_ANY_ORDER, MOMENTARY, OF_THE_PLAN].some((open) => open.test(sql)))
    .filter((sql) => sql.search(MAIN) >= 0)
    .map((sql) =>
      sql.replaceAll(MAIN, (_all, word: string, alias: string | undefined) => {
        const joined = '(SELECT o.* FROM m AS o JOIN kept ON kept.id = o.id)'
        return `${word} ${joined}${alias ?? ' m'}`
      })
    )
}

/** `side` and `kept` as they are changed in an open transaction. */
const CHANGES = `DELETE FROM kept WHERE id % 5 = 0; INSERT INTO kept VALUES (10, 'new'), (15, NULL);
  UPDATE side SET label = 'changed', i4 = 7 WHERE id % 2 = 0; DELETE FROM side WHERE id = 3`

async function prepared(t: Test): Promise<World> {
  const world = await openWorld(t)
  const { client, connection, direct, nats } = world
  await client.query('CREATE SCHEMA plain; CREATE SCHEMA live')
  for (const table of TABLES) await fill(direct, table)
  const [main] = TABLES
  const list = main!.columns.map(({ name, type }, i) => `"${name}" ${type}${i === 0 ? ' PRIMARY KEY' : ''}`)
  await client.query(`CREATE TABLE live.m (${list.join(', ')}) ${fedBy(nats, 'e2e.m')}`)
  const rows = await rowsOf(direct, 'SELECT row_to_json(m)::text FROM plain.m')
  const jetstream = connection.jetstream()
  for (const [row] of rows) await jetstream.publish('e2e.m', String(row))
  await jetstream.publish('e2e.m', JSON.stringify({ id: 1_000_000 }))
  await untilCount(client, 'live.m WHERE id = 1000000', 1)
  // What no field of JSON can say is in neither.
  await direct.query(`INSERT INTO plain.m (id) VALUES (1000000);
    DELETE FROM plain.m WHERE id NOT IN (SELECT id FROM live.m)`)
  t.ok(Number((await rowsOf(direct, 'SELECT count(*) FROM plain.m'))[0]?.[0]) > 40, 'most rows came')
  await direct.query(`CREATE TABLE plain.kept AS SELECT i AS id, 'k' || i AS note FROM generate_series(1, 50) i;
    CREATE TABLE live.kept AS TABLE plain.kept; ${ODD}; CREATE TABLE live.odd AS TABLE plain.odd;
    CREATE TABLE live.posix AS TABLE plain.posix;
    CREATE ROLE all_of_it LOGIN; CREATE ROLE part_of_it LOGIN;
    GRANT USAGE ON SCHEMA plain, live TO all_of_it, part_of_it;
    GRANT ALL ON ALL TABLES IN SCHEMA plain, live TO all_of_it;
    GRANT SELECT ON plain.m, live.m, plain.flat, live.flat TO part_of_it;
    GRANT SELECT (id), INSERT, DELETE ON plain.kept, live.kept TO part_of_it;
    GRANT SELECT (id, label), UPDATE, DELETE ON plain.side, live.side TO part_of_it`)
  return world
}

/** In `plain`, and in `live` but for the relation; texts are compared by their bytes. */
async function fill(direct: pg.Client, table: TableData): Promise<void> {
  const collated = ({ type }: { type: string }): string =>
    /^(text|varchar|char)(\(\d+\))?$/.test(type) ? `${type} COLLATE "C"` : type
  const list = table.columns.map((column) => `"${column.name}" ${collated(column)}`)
  await direct.query(`CREATE TABLE plain.${table.name} (${list.join(', ')})`)
  const places = table.columns.map((_, i) => `$${i + 1}`).join(', ')
  for (let row = 0; row < table.rows; row++)
    await direct.query(`INSERT INTO plain.${table.name} VALUES (${places})`, rowOf(table, row))
  if (table.name !== 'm')
    await direct.query(`CREATE TABLE live.${table.name} AS TABLE plain.${table.name}`)
}

/** Values as they came: nothing is lost in JavaScript's types. */
const AS_TEXT = { getTypeParser: () => (value: string | Buffer) => String(value) }

interface Answer {
  readonly columns?: readonly unknown[]
  readonly rows?: readonly string[]
  readonly error?: string | undefined
}

async function answer(client: pg.ClientBase, schema: string, text: string): Promise<Answer> {
  await client.query(`SET search_path = ${schema}`)
  await client.query('SAVEPOINT asked').catch(() => undefined)
  try {
    const { rows, fields } = await client.query({ text, rowMode: 'array', types: AS_TEXT })
    const lines = rows.map((row) => JSON.stringify(row))
    const byId = /order by[^()]*\bid( asc| desc)?( nulls (first|last))?$/i.test(text)
    // Of one row of `m` there may be several with `side`.
    const isOrdered = byId && !/\bside\b/.test(text)
    return {
      columns: fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
      rows: isOrdered ? lines : lines.toSorted()
    }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    await client.query('ROLLBACK TO asked').catch(() => undefined)
    return { error: error.code }
  }
}

class Tally {
  local = 0
  relayed = 0
  failed = 0
  readonly reasons = new Map<string, number>()

  add(route: string, { error }: Answer): void {
    if (error !== undefined) this.failed += 1
    else if (route === 'local') this.local += 1
    else {
      this.relayed += 1
      this.reasons.set(route, (this.reasons.get(route) ?? 0) + 1)
    }
  }
}

/** All of them, in the state that the session is in. */
async function askAll(
  t: Test,
  client: pg.Client,
  statements: readonly string[],
  what: string
): Promise<Tally> {
  const tally = new Tally()
  for (const sql of statements) {
    const got = await answer(client, 'live', sql)
    const route = await lastRoute(client)
    const want = await answer(client, 'plain', sql)
    tally.add(route, got)
    t.strictSame(got, want, `${what}, ${route}: ${sql}`)
  }
  t.comment(`${what}: ${tally.local} local, ${tally.relayed} relayed, ${tally.failed} refused`)
  if (process.env.SHOW_RELAYED) t.comment([...tally.reasons].map(([why, n]) => `${n} ${why}`).join('\n'))
  return tally
}

void t.test('mixed statements', skip, async (t) => {
  const { client, jetgres } = await prepared(t)
  const all = mixedStatements()
  const statements = [...RAISING, ...LENT, ...random(t).shuffle(all).slice(0, MIXED_STATEMENTS)]
  t.ok(all.length >= 300, `${all.length} statements are mixed`)
  for (const user of ['all_of_it', 'part_of_it']) {
    const session = await jetgres.connect({ user })
    const outside = await askAll(t, session, statements, `${user}, outside`)
    await session.query('BEGIN')
    for (const schema of ['plain', 'live']) {
      await session.query(`SET search_path = ${schema}`)
      if (user === 'all_of_it') await session.query(CHANGES)
      else await session.query('DELETE FROM kept WHERE id % 5 = 0; INSERT INTO kept VALUES (10), (15)')
    }
    const inside = await askAll(t, session, statements, `${user}, inside`)
    await session.query('ROLLBACK')
    if (user === 'all_of_it') {
      t.ok(outside.local > 0, 'some ran locally')
      t.ok(inside.local > 0, 'and in a transaction')
    } else {
      t.equal(outside.local, 0, 'none does without SELECT on the whole table')
    }
  }
  await client.query('RESET search_path')
})
