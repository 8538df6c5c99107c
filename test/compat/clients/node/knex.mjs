// knex: its query builder, schema builder and metadata queries, streams, transactions, migrations,
// and the cancelling of what takes too long.

import makeKnex from 'knex'

import { ddl, fails, show, tables, untilMade, url } from './shared.mjs'

const knex = makeKnex({
  client: 'pg',
  connection: url,
  searchPath: ['public'],
  pool: { min: 0, max: 4 }
})
show('created', (await knex.raw(ddl)).command)
await untilMade(async () => (await knex('made_knex').count())[0].count)

for (const table of tables) {
  show(`${table}: rows`, await knex(table).orderBy('id'))
  show(`${table}: first`, await knex(table).where({ a_bool: true }).first('id', 'a_text'))
  show(`${table}: in`, await knex(table).whereIn('id', [1, 3, 9]).orderBy('id', 'desc').pluck('id'))
  show(
    `${table}: null`,
    await knex(table).whereNull('a_text').orWhere('a_text', '').orderBy('id').pluck('id')
  )
  show(`${table}: between`, await knex(table).whereBetween('a_int2', [-32768, 0]).pluck('id'))
  show(`${table}: like`, await knex(table).whereILike('a_text', 'grü%').pluck('id'))
  show(`${table}: json`, await knex(table).whereJsonPath('a_jsonb', '$.a.z', '>', 1).pluck('id'))
  show(
    `${table}: json inside`,
    await knex(table).whereJsonSupersetOf('a_jsonb', { a: {} }).pluck('id')
  )
  show(
    `${table}: array`,
    await knex(table)
      .whereRaw('ints @> ?', [[1]])
      .pluck('id')
  )
  show(
    `${table}: date`,
    await knex(table).where('a_timestamptz', '<', new Date('2030-01-01')).pluck('id')
  )
  show(`${table}: paged`, await knex(table).select('id').orderBy('id').limit(1).offset(1))
  show(`${table}: counted`, await knex(table).count('a_text as n').max('id').min('a_date').first())
  show(`${table}: distinct`, await knex(table).countDistinct('a_bool').first())
  show(
    `${table}: grouped`,
    await knex(table).select('a_bool').sum('a_money').groupBy('a_bool').orderBy('a_bool')
  )
  show(
    `${table}: having`,
    await knex(table)
      .select('a_bool')
      .groupBy('a_bool')
      .havingRaw('count(*) > ?', [0])
      .orderBy('a_bool')
  )
  show(
    `${table}: window`,
    await knex(table).select('id').rowNumber('n', 'id', 'a_bool').orderBy('id')
  )
  show(`${table}: columns`, await knex(table).columnInfo())
  show(`${table}: is there`, [
    await knex.schema.hasTable(table),
    await knex.schema.hasColumn(table, 'ints')
  ])
  const rows = []
  for await (const row of knex(table).select('id', 'a_numeric').orderBy('id').stream())
    rows.push(row)
  show(`${table}: streamed`, rows)
  await fails(`${table}: no column`, () => knex(table).where({ nope: 1 }))
  await fails(`${table}: a bad value`, () => knex(table).where({ id: 'x' }))
}

show(
  'joined',
  await knex('every')
    .join('ordinary', 'ordinary.id', 'every.id')
    .select('every.id', 'ordinary.a_text')
    .orderBy('every.id')
)
show(
  'left joined',
  await knex('many')
    .leftJoin('every', 'every.id', 'many.id')
    .where('many.id', '<', 5)
    .select('many.id', 'every.a_text')
    .orderBy('many.id')
)
show('union', await knex('every').select('id').union(knex('ordinary').select('id')).orderBy('id'))
show(
  'with',
  await knex
    .with('some', knex('many').where('id', '<', 3))
    .select('*')
    .from('some')
    .orderBy('id')
)
show(
  'exists',
  await knex('many')
    .whereExists(knex('every').whereRaw('every.id = many.id'))
    .orderBy('id')
    .pluck('id')
)
show('subquery', await knex.select('n').from(knex('many').count('* as n').as('c')))
show(
  'for update',
  await knex.transaction((trx) => trx('ordinary').where({ id: 1 }).forUpdate().select('id'))
)

show(
  'inserted',
  await knex('ordinary')
    .insert([{ id: 20, a_text: 'x' }, { id: 21 }])
    .returning(['id', 'a_text'])
)
show(
  'merged',
  await knex('ordinary')
    .insert({ id: 20, a_text: 'y' })
    .onConflict('id')
    .merge()
    .returning('a_text')
)
show(
  'updated',
  await knex('ordinary')
    .where({ id: 21 })
    .update({ a_jsonb: { b: 1 } }, ['a_jsonb'])
)
show(
  'batch',
  (await knex.batchInsert('ordinary', [{ id: 30 }, { id: 31 }, { id: 32 }], 2).returning('id'))
    .length
)
show('deleted', await knex('ordinary').where('id', '>', 10).del())
show(
  'rolled back',
  await knex
    .transaction(async (trx) => {
      await trx('ordinary').insert({ id: 40 })
      await trx('every').where('id', 1)
      await trx
        .transaction(async (inner) => inner.raw('SELECT 1 / (id - 1) FROM every'))
        .catch(({ code }) => show('inner', code))
      show(
        'sees',
        await trx('ordinary').leftJoin('every', 'every.id', 'ordinary.id').count().first()
      )
      throw new Error('on purpose')
    })
    .catch(({ message }) => message)
)
show('as before', await knex('ordinary').count().first())
for (const isolationLevel of ['repeatable read', 'serializable']) {
  show(
    isolationLevel,
    await knex.transaction((trx) => trx('every').count(), { isolationLevel, readOnly: true })
  )
}

await knex.schema.createTable('knex_table', (table) => {
  table.increments()
  table.string('name', 20).notNullable().index()
  table.jsonb('doc').defaultTo('{}')
})
await knex.schema.alterTable('knex_table', (table) => table.integer('more'))
const filling = knex('every')
  .select(knex.raw("left(coalesce(a_text, '-'), 20)"), 'id')
  .orderBy('id')
await knex(knex.raw('knex_table (name, more)')).insert(filling)
show('made by its schema builder', await knex('knex_table').columnInfo())
show('filled from every', await knex('knex_table').select('name', 'more').orderBy('more'))
await knex.schema.dropTable('knex_table')
await knex.schema.createView('knex_view', (view) => view.as(knex('every').select('id', 'a_bool')))
show('a view', await knex('knex_view').orderBy('id'))
await knex.schema.dropView('knex_view')

const migration = {
  up: (trx) => trx.schema.createTable('knex_migrated', (table) => table.integer('id').primary()),
  down: (trx) => trx.schema.dropTable('knex_migrated')
}
const migrationSource = {
  getMigrations: async () => ['one'],
  getMigrationName: (name) => name,
  getMigration: async () => migration
}
show('migrated', await knex.migrate.latest({ migrationSource }))
show('rolled back', await knex.migrate.rollback({ migrationSource }))
await knex.schema.dropTable('knex_migrations_lock').dropTable('knex_migrations')

// Its own time limit: what is seen is the same whenever that strikes.
await fails('cancelled', () => knex.raw('SELECT pg_sleep(20)').timeout(300, { cancel: true }))
show('goes on', await knex('many').count())
show(
  'crowd',
  (
    await Promise.all(Array.from({ length: 30 }, (_, id) => knex('many').where({ id }).first()))
  ).map(({ id }) => id)
)
await knex.schema.dropTable('made_knex')
show('dropped', await knex.schema.hasTable('made_knex'))
await knex.destroy()
