// @ts-check
// The 20 queries of the analytics case: what a dashboard asks of a table of events. Data only; every
// answer is ordered, so that it can be compared.

/** SQL by name. @type {Record<string, string>} */
export const dashboard = {
  'count all': 'SELECT count(*) FROM events',
  'sum and average': 'SELECT sum(duration), min(duration), max(duration), count(amount) FROM events',
  'filtered count': "SELECT count(*) FROM events WHERE kind = 'purchase' AND ok",
  'group by one text': 'SELECT kind, count(*), sum(duration) FROM events GROUP BY kind ORDER BY kind',
  'group by two texts':
    'SELECT country, browser, count(*) FROM events GROUP BY country, browser ORDER BY country, browser',
  'group by boolean': 'SELECT ok, count(*), max(ts) FROM events GROUP BY ok ORDER BY ok',
  'having': 'SELECT device, count(*) AS n FROM events GROUP BY device HAVING count(*) > 130 ORDER BY n DESC, device',
  'top 10 devices':
    'SELECT device, sum(amount) AS total FROM events GROUP BY device ORDER BY total DESC, device LIMIT 10',
  'top 10 of many texts':
    'SELECT note, count(*) AS n FROM events GROUP BY note ORDER BY n DESC, note LIMIT 10',
  'latest rows': 'SELECT id, device, kind, ts FROM events ORDER BY ts DESC, id LIMIT 20',
  'latest of one device': 'SELECT id, kind, ts FROM events WHERE device = 4711 ORDER BY ts DESC, id LIMIT 20',
  'distinct devices': 'SELECT count(DISTINCT device) FROM events',
  'distinct by group':
    'SELECT country, count(DISTINCT device) FROM events GROUP BY country ORDER BY country',
  'by day': "SELECT date_trunc('day', ts) AS day, count(*), sum(duration) FROM events GROUP BY day ORDER BY day",
  'by hour, one kind':
    "SELECT date_trunc('hour', ts) AS hour, count(*) FROM events WHERE kind = 'signup' GROUP BY hour ORDER BY hour LIMIT 100",
  'one day only':
    "SELECT kind, count(*) FROM events WHERE ts >= '2025-01-03' AND ts < '2025-01-04' GROUP BY kind ORDER BY kind",
  'conditional sums':
    "SELECT country, sum(CASE WHEN kind = 'purchase' THEN amount ELSE 0 END) AS sold, count(*) FILTER (WHERE ok) FROM events GROUP BY country ORDER BY country",
  'join and group':
    'SELECT d.site, count(*), sum(e.duration) FROM events e JOIN devices d ON d.id = e.device GROUP BY d.site ORDER BY d.site',
  'join, filter, top':
    "SELECT d.model, count(*) AS n FROM events e JOIN devices d ON d.id = e.device WHERE d.site = 'north' AND e.kind = 'click' GROUP BY d.model ORDER BY n DESC, d.model LIMIT 10",
  'window over groups':
    'SELECT country, kind, n, rank() OVER (PARTITION BY country ORDER BY n DESC, kind) FROM (SELECT country, kind, count(*) AS n FROM events GROUP BY country, kind) AS counts ORDER BY country, kind'
}
