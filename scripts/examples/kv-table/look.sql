SELECT * FROM settings ORDER BY name;
SELECT theme, size FROM settings WHERE name = 'ada';
