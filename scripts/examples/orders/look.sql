SELECT state, count(*), sum(amount) FROM orders GROUP BY 1 ORDER BY 1;
SELECT c.name, sum(o.amount) AS paid FROM orders o JOIN customers c ON c.id = o.customer WHERE o.state = 'paid' GROUP BY 1 ORDER BY 2 DESC;
