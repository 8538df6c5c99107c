SELECT device, count(*), round(avg(celsius)::numeric, 2) AS celsius FROM readings GROUP BY 1 ORDER BY 1;
SELECT subject, error FROM jetgres.dropped;
