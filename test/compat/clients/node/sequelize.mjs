// sequelize: the query interface's metadata, models with finders, associations, transactions and
// raw queries with replacements and bound parameters.

import { DataTypes, Op, QueryTypes, Sequelize, Transaction } from 'sequelize'

import { ddl, fails, isSeenByAll, show, tables, untilMade, url } from './shared.mjs'

const sequelize = new Sequelize(url, {
  logging: false,
  pool: { max: 3 },
  dialectOptions: { application_name: 'sequelize' }
})
await sequelize.authenticate()
await sequelize.query(ddl)
await untilMade(
  async () => (await sequelize.query('SELECT count(*) FROM made_sequelize', { plain: true })).count
)

const about = sequelize.getQueryInterface()
const found = await about.showAllTables()
show('tables', found.filter((name) => !name.startsWith('made_')).sort())
const schemas = (await about.showAllSchemas()).map((schema) => ({ schema })).filter(isSeenByAll)
show('schemas', schemas.map(({ schema }) => schema).sort())
const models = Object.fromEntries(tables.map((table) => [table, model(table)]))

for (const table of tables) {
  show(`${table}: described`, await about.describeTable(table))
  show(`${table}: indexes`, await about.showIndex(table))
  show(`${table}: is there`, await about.tableExists(table))
  show(
    `${table}: constraints`,
    (await about.showConstraint(table)).map(({ constraintName, constraintType }) => [
      constraintName,
      constraintType
    ])
  )
  show(`${table}: references`, await about.getForeignKeyReferencesForTable(table))

  const Model = models[table]
  const plain = (rows) => rows.map((row) => row.get({ plain: true }))
  show(`${table}: all`, plain(await Model.findAll({ order: ['id'] })))
  show(`${table}: by key`, (await Model.findByPk(2)).get())
  show(`${table}: none`, await Model.findByPk(99))
  show(
    `${table}: in`,
    plain(await Model.findAll({ where: { id: [1, 3] }, attributes: ['id'], order: ['id'] }))
  )
  show(
    `${table}: operators`,
    plain(
      await Model.findAll({
        where: {
          [Op.or]: [
            { a_text: { [Op.iLike]: 'GRÜ%' } },
            { ints: { [Op.contains]: [1] } },
            { 'a_jsonb.a.z': { [Op.gt]: 1 } }
          ]
        },
        attributes: ['id', 'a_text']
      })
    )
  )
  show(
    `${table}: date`,
    plain(
      await Model.findAll({
        where: { a_timestamptz: { [Op.between]: [new Date(0), new Date('2030-01-01')] } },
        attributes: ['id']
      })
    )
  )
  show(`${table}: counted`, [
    await Model.count(),
    await Model.max('id'),
    await Model.min('a_money'),
    await Model.sum('a_int2')
  ])
  show(
    `${table}: paged`,
    await Model.findAndCountAll({
      limit: 1,
      offset: 1,
      order: ['id'],
      attributes: ['id'],
      raw: true
    })
  )
  show(
    `${table}: grouped`,
    await Model.findAll({
      attributes: ['a_bool', [sequelize.fn('COUNT', sequelize.col('id')), 'n']],
      group: 'a_bool',
      order: ['a_bool'],
      raw: true
    })
  )
  await fails(`${table}: no column`, () => Model.findAll({ where: { nope: 1 } }))
}

models.every.hasOne(models.ordinary, {
  foreignKey: 'id',
  sourceKey: 'id',
  constraints: false,
  as: 'twin'
})
models.ordinary.hasMany(models.every, {
  foreignKey: 'a_int2',
  sourceKey: 'a_int2',
  constraints: false,
  as: 'likes'
})
show('included', JSON.stringify(await models.every.findAll({ include: 'twin', order: ['id'] })))
show(
  'many included',
  JSON.stringify(
    await models.ordinary.findAll({
      include: { association: 'likes', attributes: ['id'] },
      attributes: ['id'],
      order: ['id'],
      limit: 2
    })
  )
)

show('created', (await models.ordinary.create({ id: 70, a_text: 'x', ints: [1, 2] })).get())
show('upserted', (await models.ordinary.upsert({ id: 70, a_text: 'y' }))[0].get('a_text'))
show('bulk', (await models.ordinary.bulkCreate([{ id: 71 }, { id: 72, a_jsonb: { c: 1 } }])).length)
show('updated', await models.ordinary.update({ a_bool: true }, { where: { id: { [Op.gte]: 70 } } }))
await fails('twice', () => models.ordinary.create({ id: 70 }))
show('found or created', (await models.ordinary.findOrCreate({ where: { id: 73 } }))[1])
show('destroyed', await models.ordinary.destroy({ where: { id: { [Op.gte]: 70 } } }))

show(
  'in transaction',
  await sequelize.transaction(
    { isolationLevel: Transaction.ISOLATION_LEVELS.REPEATABLE_READ },
    async (transaction) => {
      const row = await models.every.findOne({ where: { id: 1 }, transaction })
      await models.ordinary.create({ id: 80, a_text: row.get('a_text') }, { transaction })
      return models.ordinary
        .findAll({ include: 'likes', where: { id: 80 }, transaction })
        .then((all) => JSON.stringify(all))
    }
  )
)
await fails('a transaction that fails', () =>
  sequelize.transaction(async (transaction) => {
    await models.ordinary.destroy({ where: { id: 80 }, transaction })
    await sequelize.query('SELECT 1 / (id - 1) FROM every', { transaction })
  })
)
show('as before', await models.ordinary.destroy({ where: { id: 80 } }))

const raw = 'SELECT id, a_text FROM every WHERE id IN (:ids) ORDER BY id'
show(
  'replaced',
  await sequelize.query(raw, { replacements: { ids: [1, 2] }, type: QueryTypes.SELECT })
)
const bound =
  'SELECT e.id FROM every e JOIN ordinary o USING (id) WHERE e.id > $least AND o.a_bool = $b'
show(
  'bound',
  await sequelize.query(bound, { bind: { least: 0, b: false }, type: QueryTypes.SELECT })
)
const Made = sequelize.define(
  'sequelize_table',
  { name: DataTypes.STRING, at: DataTypes.DATE },
  { timestamps: false }
)
await Made.sync()
await Made.sync({ alter: true })
show('synchronised', await about.describeTable('sequelize_tables'))
await Made.drop()
await sequelize.query('DROP TABLE made_sequelize')
await sequelize.close()

/** @param {string} name */
function model(name) {
  const {
    INTEGER,
    BOOLEAN,
    BIGINT,
    DOUBLE,
    DECIMAL,
    TEXT,
    DATEONLY,
    DATE,
    JSONB,
    ARRAY,
    BLOB,
    TIME
  } = DataTypes
  const columns = {
    a_bool: BOOLEAN,
    a_int2: INTEGER,
    a_int8: BIGINT,
    a_float8: DOUBLE,
    a_money: DECIMAL(12, 2),
    a_text: TEXT,
    a_bytea: BLOB,
    a_date: DATEONLY,
    a_time: TIME,
    a_timestamptz: DATE,
    a_jsonb: JSONB,
    ints: ARRAY(INTEGER),
    texts: ARRAY(TEXT)
  }
  return sequelize.define(
    name,
    { id: { type: INTEGER, primaryKey: true }, ...columns },
    { tableName: name, timestamps: false }
  )
}
