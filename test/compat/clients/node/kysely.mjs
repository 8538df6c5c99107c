// kysely over pg: introspection, the query builder with its JSON helpers, streams over pg-cursor,
// transactions with savepoints, migrations.

import { CompiledQuery, Kysely, Migrator, PostgresDialect, sql } from 'kysely'
import { jsonArrayFrom, jsonBuildObject, jsonObjectFrom } from 'kysely/helpers/postgres'
import pg from 'pg'
import Cursor from 'pg-cursor'

import { ddl, fails, isSeenByAll, show, tables, untilMade, url } from './shared.mjs'

const pool = new pg.Pool({ connectionString: url, max: 3 })
const db = new Kysely({ dialect: new PostgresDialect({ pool, cursor: Cursor }) })
show('created', await db.executeQuery(CompiledQuery.raw(ddl)))
await untilMade(
  async () =>
    (await db.selectFrom('made_kysely').select(db.fn.countAll().as('n')).executeTakeFirst()).n
)

const known = (await db.introspection.getTables()).filter(isSeenByAll)
show(
  'tables',
  known.filter(({ name }) => !name.startsWith('made_')).sort((a, b) => (a.name < b.name ? -1 : 1))
)
const schemas = (await db.introspection.getSchemas())
  .map(({ name }) => ({ schema: name }))
  .filter(isSeenByAll)
show('schemas', schemas.map(({ schema }) => schema).sort())

for (const table of tables) {
  const from = db.selectFrom(table)
  show(`${table}: rows`, await from.selectAll().orderBy('id').execute())
  show(
    `${table}: one`,
    await from.select(['id', 'a_text']).where('a_int8', '=', '9007199254740993').executeTakeFirst()
  )
  show(
    `${table}: in`,
    await from.select('id').where('id', 'in', [1, 3]).orderBy('id', 'desc').execute()
  )
  show(
    `${table}: tuples`,
    await from
      .select('id')
      .where((eb) => eb(eb.refTuple('id', 'a_bool'), 'in', [eb.tuple(1, true)]))
      .execute()
  )
  show(
    `${table}: array`,
    await from
      .select('id')
      .where('ints', '@>', sql`${[1]}::int[]`)
      .execute()
  )
  show(
    `${table}: any`,
    await from
      .select('id')
      .where((eb) => eb(eb.val(-2), '=', eb.fn.any('ints')))
      .execute()
  )
  show(
    `${table}: nulls last`,
    await from
      .select(['id', 'a_money'])
      .orderBy('a_money', (o) => o.asc().nullsLast())
      .execute()
  )
  show(
    `${table}: distinct on`,
    await from
      .distinctOn('a_bool')
      .select(['a_bool', 'id'])
      .orderBy('a_bool')
      .orderBy('id')
      .execute()
  )
  show(
    `${table}: json`,
    await from
      .select((eb) => eb.ref('a_jsonb', '->').key('a').as('a'))
      .orderBy('id')
      .execute()
  )
  show(
    `${table}: built`,
    await from
      .select((eb) => jsonBuildObject({ id: eb.ref('id'), on: eb.ref('a_date') }).as('o'))
      .orderBy('id')
      .execute()
  )
  show(
    `${table}: case`,
    await from
      .select((eb) => eb.case().when('id', '>', 2).then('big').else('small').end().as('size'))
      .orderBy('id')
      .execute()
  )
  show(
    `${table}: filter`,
    await from
      .select((eb) => [
        eb.fn.count('id').filterWhere('a_bool', '=', true).as('n'),
        eb.fn.sum('a_money').as('s'),
        eb.fn.avg('a_float8').as('v')
      ])
      .execute()
  )
  show(
    `${table}: window`,
    await from
      .select((eb) => [
        'id',
        eb.fn
          .agg('rank')
          .over((o) => o.orderBy('a_bool'))
          .as('r')
      ])
      .orderBy('id')
      .execute()
  )
  const streamed = []
  for await (const row of from.select('id').orderBy('id').stream(2)) streamed.push(row.id)
  show(`${table}: streamed`, streamed)
  await fails(`${table}: no column`, () => from.select('nope').execute())
}

show(
  'nested',
  await db
    .selectFrom('every')
    .select((eb) => [
      'id',
      jsonArrayFrom(
        eb
          .selectFrom('ordinary')
          .select(['ordinary.id', 'a_varchar'])
          .whereRef('ordinary.id', '>=', 'every.id')
          .orderBy('ordinary.id')
      ).as('more'),
      jsonObjectFrom(
        eb.selectFrom('many').select('many.id').whereRef('many.id', '=', 'every.id')
      ).as('same')
    ])
    .orderBy('id')
    .execute()
)
show(
  'lateral',
  await db
    .selectFrom('ordinary as o')
    .innerJoinLateral(
      (eb) => eb.selectFrom('every as e').select('e.a_text').whereRef('e.id', '=', 'o.id').as('l'),
      (join) => join.onTrue()
    )
    .select(['o.id', 'l.a_text'])
    .orderBy('o.id')
    .execute()
)
show(
  'recursive',
  await db
    .withRecursive('up(id)', (c) =>
      c
        .selectFrom('many')
        .select('id')
        .where('id', '=', 490)
        .unionAll(
          c
            .selectFrom('many')
            .innerJoin('up', (j) => j.on(sql`many.id = up.id + 1`))
            .select('many.id')
        )
    )
    .selectFrom('up')
    .selectAll()
    .orderBy('id')
    .execute()
)
const all = []
for await (const { id } of db.selectFrom('many').select('id').orderBy('id').stream(37)) all.push(id)
show('streamed', all.length)
for await (const { id } of db.selectFrom('many').select('id').orderBy('id').stream(10))
  if (id === 25) break

show(
  'inserted',
  await db
    .insertInto('ordinary')
    .values([
      { id: 50, a_text: 'x' },
      { id: 51, a_text: null }
    ])
    .returningAll()
    .execute()
)
show(
  'on conflict',
  await db
    .insertInto('ordinary')
    .values({ id: 50, a_text: 'z' })
    .onConflict((c) => c.column('id').doUpdateSet((eb) => ({ a_text: eb.ref('excluded.a_text') })))
    .returning('a_text')
    .execute()
)
show(
  'update from',
  await db
    .updateTable('ordinary')
    .from('every')
    .set((eb) => ({ a_text: eb.ref('every.a_text') }))
    .where('ordinary.id', '=', 50)
    .where('every.id', '=', 1)
    .returning('ordinary.a_text')
    .execute()
)
show(
  'insert from',
  await db
    .insertInto('ordinary')
    .columns(['id', 'a_jsonb'])
    .expression((eb) => eb.selectFrom('every').select([sql`id + 60`.as('id'), 'a_jsonb']))
    .executeTakeFirst()
)
show('deleted', await db.deleteFrom('ordinary').where('id', '>=', 50).executeTakeFirst())

const trx = await db.startTransaction().setIsolationLevel('repeatable read').execute()
show(
  'in it',
  await trx
    .selectFrom('every')
    .select(({ fn }) => fn.countAll().as('n'))
    .execute()
)
const point = await trx.savepoint('here').execute()
await fails('in a savepoint', () => sql`SELECT 1 / (id - 1) FROM every`.execute(point))
const after = await point.rollbackToSavepoint('here').execute()
show(
  'behind it',
  await after
    .selectFrom('every')
    .innerJoin('ordinary', 'ordinary.id', 'every.id')
    .select('every.id')
    .orderBy('every.id')
    .execute()
)
await trx.rollback().execute()
await db.connection().execute(async (one) => {
  await sql`SET TIME ZONE 'Asia/Tokyo'`.execute(one)
  show(
    'far away',
    await one
      .selectFrom('every')
      .select(sql`a_timestamptz::text`.as('at'))
      .orderBy('id')
      .execute()
  )
  await sql`RESET ALL`.execute(one)
})

const migrations = {
  one: {
    up: (m) =>
      m.schema
        .createTable('kysely_migrated')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .execute(),
    down: (m) => m.schema.dropTable('kysely_migrated').execute()
  }
}
const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
show('migrated', await migrator.migrateToLatest())
show('undone', await migrator.migrateDown())
await db.schema.dropTable('kysely_migration').execute()
await db.schema.dropTable('kysely_migration_lock').execute()
await db.schema
  .createView('kysely_view')
  .as(db.selectFrom('every').select(['id', 'texts']))
  .execute()
show('a view', await db.selectFrom('kysely_view').selectAll().orderBy('id').execute())
await db.schema.dropView('kysely_view').execute()
await db.schema.dropTable('made_kysely').execute()
await db.destroy()
