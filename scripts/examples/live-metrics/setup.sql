CREATE TABLE live_stream_metrics (
  id        varchar PRIMARY KEY,
  video_id  varchar,
  viewers   int,
  ts        timestamptz
) WITH (
  connector = 'nats', server_url = 'NATS_SERVER', stream = 'metrics', subject = 'live',
  connect_mode = 'plain'
) FORMAT PLAIN ENCODE JSON;
