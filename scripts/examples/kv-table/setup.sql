CREATE TABLE settings (theme varchar, size int)
INCLUDE key AS name
WITH (
  connector = 'nats', server_url = 'NATS_SERVER', stream = 'KV_settings', subject = '$KV.settings.>',
  connect_mode = 'plain'
) FORMAT UPSERT ENCODE JSON;
