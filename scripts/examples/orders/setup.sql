CREATE TABLE customers (id int PRIMARY KEY, name text, country text);
INSERT INTO customers VALUES (1, 'Aroha', 'NZ'), (2, 'Beat', 'CH'), (3, 'Chiyo', 'JP');
CREATE TABLE orders (
  id        int PRIMARY KEY,
  customer  int,
  amount    numeric(12, 2),
  state     varchar
) WITH (
  connector = 'nats', server_url = 'NATS_SERVER', stream = 'shop', subject = 'orders.>',
  connect_mode = 'plain'
) FORMAT PLAIN ENCODE JSON;
