// Every kind of statement that may read a relation, for routes.test.ts. T stands for the table, and
// T_x for what is made over it there. Data only.

export interface Case {
  readonly name: string
  /** One statement, or several on one session; T stands for the table. */
  readonly sql: string | readonly string[]
  /** Expected of the last statement through jetgres; a relay by default. */
  readonly route?: RegExp | string
  /** Only the superuser may. */
  readonly isAdmins?: boolean
}

export const CASES: readonly Case[] = [
  { name: 'all rows', sql: 'SELECT * FROM T ORDER BY id', route: 'local' },
  { name: 'a count', sql: 'SELECT count(*) FROM T', route: 'local' },
  { name: 'by key', sql: 'SELECT name, qty FROM T WHERE id = 42', route: 'local' },
  {
    name: 'groups',
    sql: 'SELECT name, sum(qty), min(price) FROM T GROUP BY name ORDER BY name NULLS FIRST',
    route: 'local'
  },
  {
    name: 'a join with an upstream table',
    sql: 'SELECT t.id, t.qty, c.colour FROM T t JOIN colours c USING (id) ORDER BY id',
    route: 'local'
  },
  {
    name: 'an outer join with a condition on both',
    sql: `SELECT t.id, c.colour FROM T t LEFT JOIN colours c ON c.id = t.id AND t.price > 20
          WHERE t.name LIKE 'name 1%' ORDER BY t.id`,
    route: 'local'
  },
  { name: 'a PL/pgSQL function', sql: `SELECT * FROM T_cheapest('name 7')`, route: 'relay' },
  { name: 'a function that loops', sql: 'SELECT T_loop()', route: 'relay' },
  { name: 'a view', sql: 'SELECT * FROM T_view ORDER BY name', route: 'local' },
  {
    name: 'a view of a view and an upstream table',
    sql: 'SELECT n.*, T_view.total FROM T_nested n JOIN public.T_view USING (name) ORDER BY name',
    route: 'local'
  },
  {
    name: 'a view whose columns have names of their own',
    sql: `WITH T AS (SELECT 30 AS k) SELECT public.T_named.label, k FROM public.T_named
          WHERE k = 0 OR k > (SELECT k FROM T) ORDER BY k`,
    route: 'local'
  },
  {
    name: 'a view with security_barrier',
    sql: `SELECT count(*), max(qty) FROM T_barrier WHERE name LIKE 'name 1%'`,
    route: 'local'
  },
  {
    name: 'a view with security_barrier that hides what would fail',
    sql: 'SELECT id FROM T_barrier WHERE 100 / (id - 3) >= 1 ORDER BY id',
    route: 'relay (what may fail over a view with security_barrier)'
  },
  { name: 'a view with a function of users', sql: 'SELECT * FROM T_called ORDER BY id', route: 'relay' },
  {
    name: 'a materialized view',
    sql: ['REFRESH MATERIALIZED VIEW T_kept', 'SELECT * FROM T_kept ORDER BY id'],
    isAdmins: true,
    route: 'relay'
  },
  {
    name: 'a DO block',
    sql: [
      'CREATE TEMP TABLE T_seen (n bigint, total numeric)',
      `DO $$ DECLARE n bigint; total numeric;
       BEGIN
         SELECT count(*), sum(price) INTO n, total FROM T;
         INSERT INTO T_seen VALUES (n, total);
       END $$`,
      'SELECT * FROM T_seen',
      'DROP TABLE T_seen'
    ],
    route: 'relay'
  },
  {
    name: 'CREATE TABLE AS',
    sql: [
      'CREATE TEMP TABLE T_copy AS SELECT * FROM T WHERE id % 2 = 0',
      'SELECT * FROM T_copy ORDER BY id',
      'DROP TABLE T_copy'
    ],
    route: 'relay'
  },
  {
    name: 'SELECT INTO',
    sql: [
      'SELECT id, price INTO TEMP T_into FROM T',
      'SELECT sum(price), count(*) FROM T_into',
      'DROP TABLE T_into'
    ],
    route: 'relay'
  },
  {
    name: 'INSERT … SELECT',
    sql: [
      'CREATE TEMP TABLE T_into (id int, price numeric)',
      'INSERT INTO T_into SELECT id, price FROM T WHERE qty > 10000000070',
      'SELECT * FROM T_into ORDER BY id',
      'DROP TABLE T_into'
    ],
    route: 'relay'
  },
  {
    name: 'a cursor WITH HOLD',
    sql: [
      'BEGIN',
      'DECLARE T_c CURSOR WITH HOLD FOR SELECT id, name FROM T ORDER BY id',
      'FETCH 3 FROM T_c',
      'COMMIT',
      'FETCH 400 FROM T_c',
      'CLOSE T_c'
    ],
    route: 'relay'
  },
  {
    name: 'a scrolling cursor',
    sql: [
      'BEGIN',
      'DECLARE T_c SCROLL CURSOR FOR SELECT id FROM T ORDER BY id',
      'FETCH 5 FROM T_c',
      'FETCH BACKWARD 3 FROM T_c',
      'MOVE ABSOLUTE 100 IN T_c',
      'FETCH 2 FROM T_c',
      'COMMIT'
    ],
    route: 'relay'
  },
  {
    name: 'PREPARE and EXECUTE',
    sql: [
      'PREPARE T_p (int) AS SELECT id, tags FROM T WHERE id < $1 ORDER BY id',
      'EXECUTE T_p (20)',
      'EXECUTE T_p (3)',
      'DEALLOCATE T_p'
    ],
    route: 'relay'
  },
  {
    name: 'a window and its frame',
    sql: `SELECT id, sum(qty) OVER w FROM T
          WINDOW w AS (PARTITION BY name ORDER BY id ROWS 3 PRECEDING EXCLUDE CURRENT ROW)
          ORDER BY id`,
    route: 'local'
  },
  {
    name: 'the time of the transaction',
    sql: `SELECT id FROM T WHERE at < now() - interval '1 day' ORDER BY id`,
    route: 'local'
  },
  {
    name: "a function of users' own that hides one of Postgres's",
    sql: [
      'BEGIN',
      `CREATE FUNCTION btrim(varchar) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'mine' $$`,
      'SELECT btrim(name::varchar) FROM T WHERE id < 3',
      'ROLLBACK'
    ],
    isAdmins: true,
    route: /^relay/
  },
  {
    name: 'a construct the translator does not know',
    sql: 'SELECT regr_slope(price, qty) IS NULL FROM T',
    route: /^relay \(.+\)$/
  },
  {
    name: 'a condition only Postgres knows',
    sql: `SELECT id FROM T WHERE name ~ '^name (1|2)\\d$'
          AND to_char(at, 'DY') = 'MON' ORDER BY id`,
    route: /^relay \(.+\)$/
  },
  {
    name: 'an immutable condition that is pushed down and only Postgres knows',
    sql: `SELECT id FROM T WHERE reverse(md5(name)) < '8'
          AND to_number(price::text, '999.99') > 9 ORDER BY id`,
    route: /^relay \(.+\)$/
  },
  {
    name: 'arrays that are pushed down',
    sql: `SELECT id FROM T WHERE tags @> ARRAY['t1']
          AND id = ANY ('{1,4,7,10}'::int[]) ORDER BY id`,
    route: /^(local|relay \(.+\))$/
  },
  {
    name: 'FROM ONLY',
    sql: 'SELECT count(*), sum(qty) FROM ONLY T',
    route: 'relay (ONLY is relayed)'
  },
  { name: 'FROM ONLY in brackets', sql: 'SELECT max(id) FROM ONLY (T)', route: /^relay/ },
  { name: 'TABLE', sql: 'TABLE T ORDER BY id LIMIT 3', route: /^(local|relay \(.+\))$/ },
  {
    name: 'a WITH clause',
    sql: 'WITH big AS (SELECT * FROM T WHERE price > 80) SELECT count(*), sum(qty) FROM big',
    route: /^(local|relay \(.+\))$/
  },
  {
    name: 'a relation with itself',
    sql: 'SELECT a.id, b.id FROM T a JOIN T b ON b.id = a.id + 1 WHERE a.price > 85 ORDER BY 1',
    route: /^(local|relay \(.+\))$/
  },
  {
    name: 'a correlated EXISTS over both kinds',
    sql: `SELECT c.id FROM colours c
          WHERE EXISTS (SELECT FROM T WHERE T.id = c.id AND T.price > 50) ORDER BY 1`,
    route: 'local'
  },
  { name: 'whole rows', sql: 'SELECT t::text FROM T t WHERE id < 4 ORDER BY id', route: /^relay/ },
  {
    name: 'row locks',
    sql: 'SELECT id, name FROM T WHERE id < 9 ORDER BY id FOR UPDATE',
    isAdmins: true,
    route: /^relay \(.+\)$/
  },
  {
    name: 'row locks on another table only',
    sql: 'SELECT c.id, t.qty FROM colours c JOIN T t USING (id) ORDER BY id FOR UPDATE OF c',
    isAdmins: true
  },
  {
    name: 'row locks under a condition only Postgres knows',
    sql: `SELECT id, name FROM T WHERE id < 9 AND reverse(md5(name)) < '8' ORDER BY id FOR SHARE`,
    isAdmins: true
  },
  {
    name: 'system columns',
    sql: `SELECT count(ctid) >= 0, min(xmin::text) <> 'x' FROM T`,
    route: /^relay/
  },
  {
    name: 'UPDATE of another table',
    sql: [
      'BEGIN',
      `UPDATE colours c SET colour = t.name FROM T t WHERE t.id = c.id AND t.price > 40
       RETURNING c.*`,
      'SELECT * FROM colours ORDER BY id',
      'ROLLBACK'
    ],
    isAdmins: true
  },
  {
    name: 'DELETE from another table',
    sql: [
      'BEGIN',
      'DELETE FROM colours c USING T t WHERE t.id = c.id AND t.name IS NULL RETURNING c.id, t.qty',
      'DELETE FROM colours WHERE id IN (SELECT id FROM T WHERE price > 60)',
      'SELECT * FROM colours ORDER BY id',
      'ROLLBACK'
    ],
    isAdmins: true
  },
  {
    name: 'MERGE into another table',
    sql: [
      'BEGIN',
      `MERGE INTO colours c USING T t ON t.id = c.id WHEN MATCHED AND t.price > 40 THEN DELETE
       WHEN MATCHED THEN UPDATE SET colour = t.name
       WHEN NOT MATCHED THEN INSERT VALUES (t.id, 'new')`,
      'SELECT * FROM colours ORDER BY id',
      'ROLLBACK'
    ],
    isAdmins: true
  },
  {
    name: 'several statements at once',
    sql: 'SELECT count(*) FROM T; SELECT max(id) FROM T',
    route: 'relay (more than one statement)'
  },
  {
    name: 'TABLESAMPLE of all',
    sql: 'SELECT count(*) FROM T TABLESAMPLE SYSTEM (100)',
    route: /^relay/
  }
]
