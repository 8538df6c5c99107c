// typeorm: its metadata queries and what it would do to synchronise, repositories, the query
// builder, relations, streams, transactions.

import 'reflect-metadata'
import {
  ArrayContains,
  Between,
  DataSource,
  EntitySchema,
  ILike,
  In,
  IsNull,
  Not,
  Raw
} from 'typeorm'

import { ddl, fails, show, tables, untilMade, url } from './shared.mjs'

const types = {
  a_bool: 'boolean',
  a_int2: 'smallint',
  a_int8: 'bigint',
  a_float4: 'real',
  a_float8: 'double precision',
  a_numeric: 'numeric',
  a_text: 'text',
  a_bytea: 'bytea',
  a_date: 'date',
  a_time: 'time',
  a_timestamp: 'timestamp',
  a_timestamptz: 'timestamptz',
  a_interval: 'interval',
  a_jsonb: 'jsonb'
}
const schemas = Object.fromEntries(tables.map((name) => [name, schema(name)]))
const source = new DataSource({
  type: 'postgres',
  url,
  entities: Object.values(schemas),
  poolSize: 4,
  applicationName: 'typeorm'
})
await source.initialize()
await source.query(ddl)
await untilMade(async () => (await source.query('SELECT count(*) FROM made_typeorm'))[0].count)

const runner = source.createQueryRunner()
show('database', [
  await runner.getCurrentSchema(),
  source.driver.database === (await runner.getCurrentDatabase())
])
/** What of a column is compared. */
const TOLD = [
  'name',
  'type',
  'isNullable',
  'isArray',
  'length',
  'precision',
  'scale',
  'collation',
  'isPrimary',
  'default'
]

for (const table of tables) {
  const seen = await runner.getTable(table)
  show(`${table}: table`, [seen.name, seen.primaryColumns.map(({ name }) => name), seen.comment])
  show(
    `${table}: columns`,
    seen.columns.map((column) => Object.fromEntries(TOLD.map((key) => [key, column[key]])))
  )
  show(`${table}: keys`, [
    seen.indices.length,
    seen.foreignKeys.length,
    seen.uniques.length,
    seen.checks.length
  ])
  show(`${table}: is there`, [
    await runner.hasTable(table),
    await runner.hasColumn(table, 'a_text'),
    await runner.hasColumn(table, 'nope')
  ])
}
const { upQueries } = await source.driver.createSchemaBuilder().log()
show(
  'to synchronise',
  upQueries.map(({ query }) => query).filter((query) => !query.includes('made_'))
)

for (const table of tables) {
  const repository = source.getRepository(table)
  const ids = (rows) => rows.map(({ id }) => id)
  show(`${table}: all`, await repository.find({ order: { id: 'ASC' } }))
  show(`${table}: one`, await repository.findOneBy({ id: 1 }))
  show(`${table}: none`, await repository.findOneBy({ id: 99 }))
  show(
    `${table}: operators`,
    ids(
      await repository.find({
        where: [{ id: In([1, 9]) }, { a_text: ILike('GRÜ%') }, { a_text: IsNull() }],
        order: { id: 'ASC' }
      })
    )
  )
  show(
    `${table}: dates`,
    ids(await repository.findBy({ a_timestamptz: Between(new Date(0), new Date('2030-01-01')) }))
  )
  show(`${table}: array`, ids(await repository.findBy({ ints: ArrayContains([1]) })))
  show(
    `${table}: raw`,
    ids(await repository.findBy({ a_jsonb: Raw((alias) => `${alias} @> '{"a":{}}'`), id: Not(2) }))
  )
  show(
    `${table}: paged`,
    await repository.findAndCount({ select: { id: true }, skip: 1, take: 1, order: { id: 'ASC' } })
  )
  show(`${table}: counted`, [
    await repository.count(),
    await repository.countBy({ a_bool: true }),
    await repository.sum('a_int2'),
    await repository.maximum('id'),
    await repository.exists()
  ])
  show(
    `${table}: built`,
    await repository
      .createQueryBuilder('t')
      .select('t.a_bool', 'b')
      .addSelect('COUNT(*)', 'n')
      .where('t.id > :least', { least: 0 })
      .groupBy('t.a_bool')
      .orderBy('t.a_bool')
      .getRawMany()
  )
  const streamed = []
  for await (const row of await repository
    .createQueryBuilder('t')
    .select(['t.id', 't.a_text'])
    .orderBy('t.id')
    .stream())
    streamed.push(row)
  show(`${table}: streamed`, streamed)
  await fails(`${table}: no column`, () =>
    repository.createQueryBuilder('t').where('t.nope = 1').getMany()
  )
}
const joined = source
  .getRepository('every')
  .createQueryBuilder('e')
  .leftJoinAndMapOne('e.twin', 'ordinary', 'o', 'o.id = e.id AND o.a_bool')
  .orderBy('e.id')
show('joined', await joined.getMany())
show('joined and paged', await joined.take(2).skip(0).getMany())
const inner = source
  .createQueryBuilder()
  .select('max(m.id)', 'm')
  .from('many', 'm')
  .where('m.id < 3')
show(
  'subquery',
  await source
    .createQueryBuilder()
    .select('e.id')
    .from('every', 'e')
    .where(`e.id = (${inner.getQuery()})`)
    .getRawMany()
)

const ordinary = source.getRepository('ordinary')
show(
  'saved',
  await ordinary.save([
    { id: 90, a_text: 'x', ints: [1] },
    { id: 91, a_jsonb: { d: [1] } }
  ])
)
show('saved again', await ordinary.save({ id: 90, a_text: 'y' }))
show('upserted', (await ordinary.upsert({ id: 91, a_text: 'z' }, ['id'])).raw)
show('updated', (await ordinary.update({ id: 90 }, { a_bool: true })).affected)
show('deleted', (await ordinary.delete([90, 91])).affected)
show(
  'in transaction',
  await source.transaction('REPEATABLE READ', async (manager) => {
    const row = await manager.findOneByOrFail('every', { id: 1 })
    await manager.insert('ordinary', { id: 95, a_text: row.a_text })
    await manager
      .transaction((nested) => nested.query('SELECT 1 / (id - 1) FROM every'))
      .catch(({ driverError }) => show('nested', driverError.code))
    return manager.query('SELECT count(*) FROM every JOIN ordinary USING (a_text)')
  })
)
await fails('a transaction that fails', () =>
  source.transaction(async (manager) => {
    await manager.delete('ordinary', { id: 95 })
    await manager.query('SELECT nope FROM every')
  })
)
show('as before', (await ordinary.delete({ id: 95 })).affected)
await fails('a bad value', () => source.query('SELECT id FROM every WHERE id = $1', ['x']))

await runner.query('CREATE VIEW typeorm_view AS SELECT id, a_text FROM every')
show('a view', [
  (await runner.getView('typeorm_view'))?.name,
  await runner.query('SELECT * FROM typeorm_view ORDER BY id')
])
await runner.query('DROP VIEW typeorm_view')
await runner.dropTable('made_typeorm')
await runner.release()
await source.destroy()

/** @param {string} name */
function schema(name) {
  const columns = Object.entries(types).map(([column, type]) => [column, { type, nullable: true }])
  const arrays = [
    ['ints', 'int'],
    ['texts', 'text'],
    ['times', 'timestamptz']
  ].map(([column, type]) => [column, { type, array: true, nullable: true }])
  return new EntitySchema({
    name,
    tableName: name,
    columns: { id: { type: 'int', primary: true }, ...Object.fromEntries([...columns, ...arrays]) }
  })
}
