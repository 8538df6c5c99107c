// drizzle-orm over pg and over postgres.js: the query builder, prepared queries, relational queries
// with their lateral joins, transactions with savepoints.

import {
  and,
  asc,
  count,
  desc,
  eq,
  gt,
  ilike,
  inArray,
  isNull,
  max,
  placeholder,
  relations,
  sql
} from 'drizzle-orm'
import { drizzle as overPg } from 'drizzle-orm/node-postgres'
import { drizzle as overPostgres } from 'drizzle-orm/postgres-js'
import {
  bigint,
  boolean,
  date,
  doublePrecision,
  integer,
  jsonb,
  numeric,
  pgTable,
  text,
  timestamp
} from 'drizzle-orm/pg-core'
import pg from 'pg'
import postgres from 'postgres'

import { ddl, fails, show, untilMade, url } from './shared.mjs'

const every = table('every')
const ordinary = table('ordinary')
const many = pgTable('many', { id: integer().primaryKey() })
const everyRelations = relations(every, ({ one }) => ({
  twin: one(ordinary, { fields: [every.id], references: [ordinary.id] }),
  number: one(many, { fields: [every.id], references: [many.id] })
}))
const ordinaryRelations = relations(ordinary, ({ many: lots }) => ({ likes: lots(every) }))
const schema = { every, ordinary, many, everyRelations, ordinaryRelations }

const pool = new pg.Pool({ connectionString: url, max: 3 })
await pool.query(ddl)
await untilMade(async () => (await pool.query('SELECT count(*) FROM made_drizzle')).rows[0].count)
await all('pg', overPg(pool, { schema }))
await pool.query('DROP TABLE made_drizzle')
await pool.end()
const client = postgres(url, { max: 3 })
await all('postgres.js', overPostgres(client, { schema }))
await client.end()

/**
 * @typedef {ReturnType<typeof overPg<typeof schema>>
 *   | ReturnType<typeof overPostgres<typeof schema>>} Db
 */

/**
 * @param {string} driver
 * @param {Db} db
 */
async function all(driver, db) {
  await reads(driver, db)
  await joins(driver, db)
  await writes(driver, db)
}

/**
 * @param {string} driver
 * @param {Db} db
 */
async function reads(driver, db) {
  for (const from of [every, ordinary]) {
    const name = `${driver}, ${from === every ? 'every' : 'ordinary'}`
    show(`${name}: rows`, await db.select().from(from).orderBy(asc(from.id)))
    show(
      `${name}: some`,
      await db
        .select({ id: from.id, text: from.aText })
        .from(from)
        .where(and(gt(from.id, 0), ilike(from.aText, 'grü%')))
    )
    show(
      `${name}: in`,
      await db
        .select({ id: from.id })
        .from(from)
        .where(inArray(from.id, [1, 3]))
        .orderBy(desc(from.id))
    )
    show(`${name}: null`, await db.select({ id: from.id }).from(from).where(isNull(from.aText)))
    show(`${name}: counted`, [await db.$count(from), await db.$count(from, eq(from.aBool, true))])
    show(
      `${name}: grouped`,
      await db
        .select({ b: from.aBool, n: count(), m: max(from.aDate) })
        .from(from)
        .groupBy(from.aBool)
        .orderBy(from.aBool)
    )
    show(
      `${name}: paged`,
      await db.select({ id: from.id }).from(from).orderBy(from.id).limit(1).offset(1)
    )
    const prepared = db
      .select({ id: from.id, at: from.aTimestamptz })
      .from(from)
      .where(eq(from.id, placeholder('id')))
      .prepare(`by_id_${from === every}`)
    for (const id of [1, 2, 3, 1, 2, 9]) show(`${name}: prepared`, await prepared.execute({ id }))
    show(
      `${name}: json`,
      await db
        .select({ z: sql`${from.aJsonb}->'a'->>'z'` })
        .from(from)
        .orderBy(from.id)
    )
    await fails(`${name}: failing`, () => db.execute(sql`SELECT 1 / (id - ${1}) FROM ${from}`))
  }
}

/**
 * @param {string} driver
 * @param {Db} db
 */
async function joins(driver, db) {
  show(
    `${driver}: joined`,
    await db
      .select()
      .from(every)
      .leftJoin(ordinary, and(eq(ordinary.id, every.id), eq(ordinary.aBool, true)))
      .orderBy(every.id)
  )
  show(
    `${driver}: related`,
    await db.query.every.findMany({ with: { twin: true, number: true }, orderBy: every.id })
  )
  show(
    `${driver}: related back`,
    await db.query.ordinary
      .findFirst({
        columns: { id: true },
        with: { likes: { columns: { aText: true }, limit: 2 } },
        orderBy: ordinary.id
      })
      .catch(({ message }) => message)
  )
  const some = db.$with('some').as(db.select().from(many).where(gt(many.id, 495)))
  show(`${driver}: with`, await db.with(some).select().from(some).orderBy(some.id))
  show(
    `${driver}: union`,
    await db
      .select({ id: every.id })
      .from(every)
      .union(db.select({ id: ordinary.id }).from(ordinary))
      .orderBy(sql`1`)
  )
}

/**
 * @param {string} driver
 * @param {Db} db
 */
async function writes(driver, db) {
  show(
    `${driver}: inserted`,
    await db
      .insert(ordinary)
      .values([
        { id: 60, aText: 'x', ints: [1, 2] },
        { id: 61, aJsonb: { e: 1 } }
      ])
      .returning()
  )
  show(
    `${driver}: on conflict`,
    await db
      .insert(ordinary)
      .values({ id: 60, aText: 'y' })
      .onConflictDoUpdate({ target: ordinary.id, set: { aText: sql`excluded.a_text` } })
      .returning({ text: ordinary.aText })
  )
  show(
    `${driver}: from every`,
    await db
      .insert(ordinary)
      .select(db.select({ id: sql`${every.id} + 200`.as('id'), ...columnsOf(every) }).from(every))
      .returning({ id: ordinary.id })
  )
  show(
    `${driver}: updated`,
    await db
      .update(ordinary)
      .set({ aBool: true })
      .where(eq(ordinary.id, 61))
      .returning({ b: ordinary.aBool })
  )
  show(
    `${driver}: rolled back`,
    await db
      .transaction(async (tx) => {
        await tx.delete(ordinary)
        const inner = await tx
          .transaction((nested) => nested.execute(sql`SELECT nope FROM every`))
          .catch(({ cause }) => cause.code)
        show(`${driver}: sees`, [inner, await tx.$count(every), await tx.$count(ordinary)])
        return tx.rollback()
      })
      .catch(({ message }) => message)
  )
  show(
    `${driver}: at one snapshot`,
    await db.transaction((tx) => tx.select({ n: count() }).from(every), {
      isolationLevel: 'repeatable read',
      accessMode: 'read only'
    })
  )
  show(
    `${driver}: deleted`,
    (await db.delete(ordinary).where(gt(ordinary.id, 50)).returning({ id: ordinary.id })).length
  )
}

/** @param {typeof every} from */
function columnsOf(from) {
  const { aBool, aInt8, aFloat8, aMoney, aText, aDate, aTimestamptz, aJsonb, ints, texts } = from
  return { aBool, aInt8, aFloat8, aMoney, aText, aDate, aTimestamptz, aJsonb, ints, texts }
}

/** @param {string} name */
function table(name) {
  return pgTable(name, {
    id: integer().primaryKey(),
    aBool: boolean('a_bool'),
    aInt8: bigint('a_int8', { mode: 'bigint' }),
    aFloat8: doublePrecision('a_float8'),
    aMoney: numeric('a_money', { precision: 12, scale: 2 }),
    aText: text('a_text'),
    aDate: date('a_date'),
    aTimestamptz: timestamp('a_timestamptz', { withTimezone: true }),
    aJsonb: jsonb('a_jsonb'),
    ints: integer().array(),
    texts: text().array()
  })
}
