// ClickBench's 43 queries for Postgres, and rows that fit them. A LIMIT behind an order that is not
// total has the other columns added to it: which of equal rows come first is open. The thresholds of
// HAVING and the offsets are those of a table of the size given.

export const HITS = `watchid bigint, title text, eventtime timestamp, eventdate date,
  counterid integer, clientip integer, regionid integer, userid bigint, url text, referer text,
  isrefresh smallint, resolutionwidth smallint, mobilephone smallint, mobilephonemodel text,
  traficsourceid smallint, searchengineid smallint, searchphrase text, advengineid smallint,
  windowclientwidth smallint, windowclientheight smallint, islink smallint, isdownload smallint,
  donotcounthits smallint, refererhash bigint, urlhash bigint`

const pick = (items: readonly string[]): string =>
  `(ARRAY[${items.map((item) => `'${item}'`).join(', ')}])[1 + floor(random() * ${items.length})::int]`
const int = (from: number, to: number): string =>
  `(${from} + floor(random() * ${to - from + 1})::int)`

const HOSTS = ['http://www.google.com/', 'https://example.org/a/', 'http://auto.ru/', 'https://x.de/']
const PHRASES = ['', '', 'cheap cars', 'погода', 'карта', 'news today', 'google maps']

/** SQL that fills `hits` with so many rows. */
export const hitsFill = (rows: number): readonly string[] => [
  'SELECT setseed(0.17)',
  `INSERT INTO hits SELECT i, ${pick(['', 'Google maps', 'Новости', 'Shop'])},
     timestamp '2013-07-01' + ${int(0, 2_678_399)} * interval '1 second', '2013-07-01',
     ${pick(['62', '62', '7', '1000'])}::int, ${int(-20, 20)} * 1000003, ${int(1, 30)},
     435090932899640449 + ${int(0, 400)}, ${pick(HOSTS)} || ${int(0, 90)} || '.html',
     CASE WHEN random() < 0.3 THEN '' ELSE ${pick(HOSTS)} || ${int(0, 30)} END,
     ${int(0, 1)}, ${pick(['0', '1024', '1366', '1920'])}::int, ${int(0, 3)},
     ${pick(['', '', 'iPhone', 'Nokia', 'HTC'])}, ${int(-1, 6)}, ${int(0, 3)}, ${pick(PHRASES)},
     CASE WHEN random() < 0.8 THEN 0 ELSE ${int(1, 20)} END, ${int(10, 14)} * 100, ${int(6, 9)} * 100,
     ${int(0, 1)}, ${int(0, 1)}, ${int(0, 1)},
     ${pick(['3594120000172545465', '1', '2'])}::bigint, 2868770270353813622 + ${int(0, 3)}
   FROM generate_series(1, ${rows}) i`,
  'UPDATE hits SET eventdate = eventtime::date',
  'ANALYZE hits'
]

const counted = (columns: string, extra: string): string =>
  `SELECT ${columns}, count(*) AS pageviews FROM hits
   WHERE counterid = 62 AND eventdate >= '2013-07-01' AND eventdate <= '2013-07-31' ${extra}`

const widths = Array.from({ length: 90 }, (_, i) =>
  i === 0 ? 'sum(resolutionwidth)' : `sum(resolutionwidth + ${i})`
).join(', ')

export const CLICKBENCH: readonly string[] = [
  'SELECT count(*) FROM hits',
  'SELECT count(*) FROM hits WHERE advengineid <> 0',
  'SELECT sum(advengineid), count(*), avg(resolutionwidth) FROM hits',
  'SELECT avg(userid) FROM hits',
  'SELECT count(DISTINCT userid) FROM hits',
  'SELECT count(DISTINCT searchphrase) FROM hits',
  'SELECT min(eventdate), max(eventdate) FROM hits',
  'SELECT advengineid, count(*) FROM hits WHERE advengineid <> 0 GROUP BY advengineid ORDER BY count(*) DESC, 1',
  'SELECT regionid, count(DISTINCT userid) AS u FROM hits GROUP BY regionid ORDER BY u DESC, 1 LIMIT 10',
  'SELECT regionid, sum(advengineid), count(*) AS c, avg(resolutionwidth), count(DISTINCT userid) FROM hits GROUP BY regionid ORDER BY c DESC, 1 LIMIT 10',
  `SELECT mobilephonemodel, count(DISTINCT userid) AS u FROM hits WHERE mobilephonemodel <> '' GROUP BY mobilephonemodel ORDER BY u DESC, 1 LIMIT 10`,
  `SELECT mobilephone, mobilephonemodel, count(DISTINCT userid) AS u FROM hits WHERE mobilephonemodel <> '' GROUP BY mobilephone, mobilephonemodel ORDER BY u DESC, 1, 2 LIMIT 10`,
  `SELECT searchphrase, count(*) AS c FROM hits WHERE searchphrase <> '' GROUP BY searchphrase ORDER BY c DESC, 1 LIMIT 10`,
  `SELECT searchphrase, count(DISTINCT userid) AS u FROM hits WHERE searchphrase <> '' GROUP BY searchphrase ORDER BY u DESC, 1 LIMIT 10`,
  `SELECT searchengineid, searchphrase, count(*) AS c FROM hits WHERE searchphrase <> '' GROUP BY searchengineid, searchphrase ORDER BY c DESC, 1, 2 LIMIT 10`,
  'SELECT userid, count(*) FROM hits GROUP BY userid ORDER BY count(*) DESC, 1 LIMIT 10',
  'SELECT userid, searchphrase, count(*) FROM hits GROUP BY userid, searchphrase ORDER BY count(*) DESC, 1, 2 LIMIT 10',
  'SELECT userid, searchphrase, count(*) FROM hits GROUP BY userid, searchphrase ORDER BY 1, 2 LIMIT 10',
  'SELECT userid, extract(minute FROM eventtime) AS m, searchphrase, count(*) FROM hits GROUP BY userid, m, searchphrase ORDER BY count(*) DESC, 1, 2, 3 LIMIT 10',
  'SELECT userid FROM hits WHERE userid = 435090932899640449',
  `SELECT count(*) FROM hits WHERE url LIKE '%google%'`,
  `SELECT searchphrase, min(url), count(*) AS c FROM hits WHERE url LIKE '%google%' AND searchphrase <> '' GROUP BY searchphrase ORDER BY c DESC, 1 LIMIT 10`,
  `SELECT searchphrase, min(url), min(title), count(*) AS c, count(DISTINCT userid) FROM hits WHERE title LIKE '%Google%' AND url NOT LIKE '%.google.%' AND searchphrase <> '' GROUP BY searchphrase ORDER BY c DESC, 1 LIMIT 10`,
  `SELECT * FROM hits WHERE url LIKE '%google%' ORDER BY eventtime, watchid LIMIT 10`,
  `SELECT searchphrase FROM hits WHERE searchphrase <> '' ORDER BY eventtime, watchid LIMIT 10`,
  `SELECT searchphrase FROM hits WHERE searchphrase <> '' ORDER BY searchphrase LIMIT 10`,
  `SELECT searchphrase FROM hits WHERE searchphrase <> '' ORDER BY eventtime, searchphrase LIMIT 10`,
  `SELECT counterid, avg(length(url)) AS l, count(*) AS c FROM hits WHERE url <> '' GROUP BY counterid HAVING count(*) > 100 ORDER BY l DESC, 1 LIMIT 25`,
  String.raw`SELECT regexp_replace(referer, '^https?://(?:www\.)?([^/]+)/.*$', '\1') AS k, avg(length(referer)) AS l, count(*) AS c, min(referer) FROM hits WHERE referer <> '' GROUP BY k HAVING count(*) > 100 ORDER BY l DESC, 1 LIMIT 25`,
  `SELECT ${widths} FROM hits`,
  `SELECT searchengineid, clientip, count(*) AS c, sum(isrefresh), avg(resolutionwidth) FROM hits WHERE searchphrase <> '' GROUP BY searchengineid, clientip ORDER BY c DESC, 1, 2 LIMIT 10`,
  `SELECT watchid, clientip, count(*) AS c, sum(isrefresh), avg(resolutionwidth) FROM hits WHERE searchphrase <> '' GROUP BY watchid, clientip ORDER BY c DESC, 1, 2 LIMIT 10`,
  'SELECT watchid, clientip, count(*) AS c, sum(isrefresh), avg(resolutionwidth) FROM hits GROUP BY watchid, clientip ORDER BY c DESC, 1, 2 LIMIT 10',
  'SELECT url, count(*) AS c FROM hits GROUP BY url ORDER BY c DESC, 1 LIMIT 10',
  'SELECT 1, url, count(*) AS c FROM hits GROUP BY 1, url ORDER BY c DESC, 2 LIMIT 10',
  'SELECT clientip, clientip - 1, clientip - 2, clientip - 3, count(*) AS c FROM hits GROUP BY clientip, clientip - 1, clientip - 2, clientip - 3 ORDER BY c DESC, 1 LIMIT 10',
  `${counted('url', `AND donotcounthits = 0 AND isrefresh = 0 AND url <> ''`)} GROUP BY url ORDER BY pageviews DESC, 1 LIMIT 10`,
  `${counted('title', `AND donotcounthits = 0 AND isrefresh = 0 AND title <> ''`)} GROUP BY title ORDER BY pageviews DESC, 1 LIMIT 10`,
  `${counted('url', 'AND isrefresh = 0 AND islink <> 0 AND isdownload = 0')} GROUP BY url ORDER BY pageviews DESC, 1 LIMIT 10 OFFSET 100`,
  `${counted(`traficsourceid, searchengineid, advengineid, CASE WHEN (searchengineid = 0 AND advengineid = 0) THEN referer ELSE '' END AS src, url AS dst`, 'AND isrefresh = 0')} GROUP BY traficsourceid, searchengineid, advengineid, src, dst ORDER BY pageviews DESC, 1, 2, 3, 4, 5 LIMIT 10 OFFSET 100`,
  `${counted('urlhash, eventdate', 'AND isrefresh = 0 AND traficsourceid IN (-1, 6) AND refererhash = 3594120000172545465')} GROUP BY urlhash, eventdate ORDER BY pageviews DESC, 1, 2 LIMIT 10 OFFSET 10`,
  `${counted('windowclientwidth, windowclientheight', 'AND isrefresh = 0 AND donotcounthits = 0 AND urlhash = 2868770270353813622')} GROUP BY windowclientwidth, windowclientheight ORDER BY pageviews DESC, 1, 2 LIMIT 10 OFFSET 10`,
  `SELECT date_trunc('minute', eventtime) AS m, count(*) AS pageviews FROM hits WHERE counterid = 62 AND eventdate >= '2013-07-14' AND eventdate <= '2013-07-15' AND isrefresh = 0 AND donotcounthits = 0 GROUP BY date_trunc('minute', eventtime) ORDER BY date_trunc('minute', eventtime) LIMIT 10 OFFSET 100`
]
