SELECT id, viewers FROM live_stream_metrics ORDER BY viewers DESC LIMIT 3;
SELECT count(*) AS streams, sum(viewers) AS viewers FROM live_stream_metrics;
SELECT name, state, received, dropped FROM jetgres.relations;
