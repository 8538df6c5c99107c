CREATE TABLE readings (
  celsius  double precision,
  humidity int,
  ts       timestamptz
)
INCLUDE subject AS device
WITH (
  connector = 'nats', server_url = 'NATS_SERVER', stream = 'telemetry', subject = 'iot.*.climate',
  connect_mode = 'plain'
) FORMAT PLAIN ENCODE JSON;
