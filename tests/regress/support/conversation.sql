\set VERBOSITY verbose
SELECT 1 AS one, NULL AS nothing, 'text' AS text;
;
SELECT 1\; SELECT 'two' WHERE false\; SELECT 3;
SELECT 1/0;
SELECT nothing FROM nowhere;
DROP TABLE IF EXISTS nowhere;
DO $$ BEGIN RAISE NOTICE 'noticed'; RAISE WARNING 'warned' USING HINT = 'a hint', DETAIL = 'a detail'; END $$;
CREATE TEMP TABLE item(id int CHECK (id < 100), name text);
\copy item FROM stdin
1	one
2	\N
3	three
\.
\copy item FROM stdin
4	four
not a number	five
\.
\copy (SELECT * FROM item ORDER BY id) TO stdout
INSERT INTO item VALUES (100, 'refused');
INSERT INTO item SELECT i, repeat('x', i) FROM generate_series(10, 90) AS i;
SELECT * FROM item WHERE id > 50 ORDER BY id;
BEGIN;
SELECT pg_catalog.set_config('application_name', 'renamed', true);
SELECT 1 FROM;
SELECT 'ignored';
ROLLBACK;
LISTEN news;
NOTIFY news, 'hello';
SET client_encoding = 'LATIN1';
SELECT repeat('long ', 2000) AS long;
