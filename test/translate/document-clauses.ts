// The clauses of docs/SQL-SELECT.md, each with a statement over the relations of rows.ts.

export const CLAUSES: readonly (readonly [clause: string, sql: string])[] = [
  ['columns, stars, aliases', 'SELECT m.*, id AS key FROM m'],
  ['WHERE', "SELECT id FROM m WHERE g = 1 AND t LIKE 'a%'"],
  ['INNER, LEFT, RIGHT, CROSS JOIN', 'SELECT a.id FROM m a LEFT JOIN side b ON a.i4 = b.i4'],
  ['FULL JOIN USING', 'SELECT i4 FROM side a FULL JOIN side b USING (i4)'],
  ['FULL JOIN ON equal columns', 'SELECT a.id FROM side a FULL JOIN side b ON a.i4 = b.i4'],
  ['NATURAL JOIN', 'SELECT id FROM m NATURAL JOIN side'],
  ['GROUP BY, HAVING', 'SELECT g, count(*) FROM m GROUP BY g HAVING count(*) > 1'],
  ['GROUPING SETS, ROLLUP, CUBE', 'SELECT g, b, count(*) FROM m GROUP BY CUBE (g, b)'],
  ['GROUP BY double precision', 'SELECT f8, count(*) FROM m GROUP BY f8'],
  ['FILTER', 'SELECT count(*) FILTER (WHERE b) FROM m'],
  ['DISTINCT', 'SELECT DISTINCT g, b FROM m'],
  ['DISTINCT and set operations of double precision and real', 'SELECT DISTINCT f8 FROM m'],
  ['DISTINCT ON', 'SELECT DISTINCT ON (g) g, id FROM m ORDER BY g, id'],
  ['DISTINCT ON beside a real', 'SELECT DISTINCT ON (g) g, f4 FROM m ORDER BY g, id'],
  ['ORDER BY, NULLS FIRST or LAST', 'SELECT id FROM m ORDER BY t DESC NULLS LAST, id'],
  ['ORDER BY … USING', 'SELECT id FROM m ORDER BY id USING <'],
  ['LIMIT, OFFSET, FETCH', 'SELECT id FROM m ORDER BY id LIMIT 3 OFFSET 2'],
  ['FETCH … WITH TIES', 'SELECT id FROM m ORDER BY g FETCH FIRST 3 ROWS WITH TIES'],
  ['WITH', 'WITH q AS (SELECT g FROM m) SELECT * FROM q'],
  [
    'WITH RECURSIVE',
    'WITH RECURSIVE q(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM q WHERE x < 9) SELECT x FROM q'
  ],
  [
    'WITH … AS MATERIALIZED, or named twice, of what may fail',
    'WITH q AS MATERIALIZED (SELECT id, 1 / s4 FROM m) SELECT id FROM q'
  ],
  ['UNION, INTERSECT, EXCEPT, with or without ALL', 'SELECT t FROM m UNION SELECT label FROM side'],
  ['subqueries in FROM', 'SELECT k FROM (SELECT g AS k FROM m) q'],
  ['EXISTS, also correlated', 'SELECT id FROM m WHERE EXISTS (SELECT FROM side s WHERE s.id = m.id)'],
  ['IN, = ANY, <> ALL of a SELECT', 'SELECT id FROM m WHERE id IN (SELECT id FROM side)'],
  ['scalar subqueries, also correlated', 'SELECT (SELECT max(s.w) FROM side s WHERE s.id = m.id) FROM m'],
  [
    'a subquery that uses an outer double precision, real or interval',
    'SELECT id FROM m WHERE EXISTS (SELECT FROM side s WHERE s.f8 = m.f8)'
  ],
  ['LATERAL', 'SELECT x.c FROM m, LATERAL (SELECT count(*) AS c FROM side s WHERE s.id = m.id) x'],
  ['VALUES', 'SELECT v.k FROM (VALUES (1), (2)) AS v(k) JOIN m ON m.g = v.k'],
  ['generate_series in FROM', 'SELECT x, id FROM generate_series(1, 5) x LEFT JOIN m ON m.g = x'],
  ['unnest in FROM', 'SELECT x FROM m, unnest(ai) x'],
  ['other functions in FROM', "SELECT x FROM m, regexp_split_to_table(t, 'a') x"],
  ['windows, named ones, every frame', 'SELECT sum(s4) OVER w FROM m WINDOW w AS (ORDER BY id ROWS 2 PRECEDING)'],
  ['CASE, COALESCE, NULLIF, GREATEST, LEAST', 'SELECT CASE WHEN b THEN n ELSE 0 END, coalesce(t, v) FROM m'],
  ['constants that may fail', 'SELECT coalesce(id, 10 / $1::int) FROM m'],
  ['= ANY of an array', 'SELECT id FROM m WHERE 1 = ANY (ai)'],
  ['comparison of rows', 'SELECT id FROM m WHERE (g, id) = (1, 2)'],
  ['subscripts of arrays', 'SELECT ai[1] FROM m'],
  ['json and jsonb operators', "SELECT jb -> 'a' FROM m"],
  ['COLLATE', 'SELECT id FROM m ORDER BY t COLLATE "C"'],
  ['whole rows', 'SELECT m FROM m'],
  ['TABLESAMPLE', 'SELECT id FROM m TABLESAMPLE SYSTEM (10)'],
  ['FOR UPDATE, FOR SHARE', 'SELECT id FROM m FOR UPDATE']
]
