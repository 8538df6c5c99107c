// What SQL writes to a relation, taken to jetgres by Postgres itself: triggers on twin and live child
// send each row, before and after, through the foreign table `changes` over the back channel, whose
// transaction is postgres_fdw's. So privileges, defaults, RETURNING and ROLLBACK are Postgres's own.
// SQL text only. A twin must never keep a row of its own.

/** The foreign table of the back channel that takes what is written. */
export const CHANGES = 'changes'

/** What SQL may do to a relation: of a source nothing, without a key only INSERT. */
export type Writes = 'none' | 'inserts' | 'all'

/** Values travel as text, in what postgres_fdw sets on its connections. */
const SETTINGS = `SET search_path = pg_catalog, pg_temp SET datestyle = ISO, MDY
  SET intervalstyle = postgres SET timezone = GMT SET extra_float_digits = 3 SET bytea_output = hex
  SET row_security = off`

/**
 * The trigger functions, which nobody else may put on a table. format() is a type's own output; a cast
 * to text would cut the blanks of char(n). It stands for each column, in the twin's order.
 */
export const installWrites = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.refuse_write()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' AND TG_NARGS > 0 THEN
    RAISE SQLSTATE '55000' USING
      MESSAGE = format('cannot truncate "%s": its rows come from a NATS stream', TG_TABLE_NAME),
      HINT = TG_ARGV[0];
  END IF;
  RAISE SQLSTATE '55000' USING
    MESSAGE = format('cannot write to "%s": its rows come from a NATS stream', TG_TABLE_NAME),
    HINT = 'Publish to the stream instead.';
END $$;

CREATE OR REPLACE FUNCTION ${schema}.fields(twin oid, prefix text)
RETURNS text LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT 'ARRAY[' || string_agg(format('CASE WHEN %1$s%2$I IS NOT NULL THEN format(''%%s'', %1$s%2$I) END',
                                       prefix, attname), ', ' ORDER BY attnum) || ']::text[]'
  FROM pg_attribute WHERE attrelid = twin AND attnum > 0 AND NOT attisdropped
$$;

CREATE OR REPLACE FUNCTION ${schema}.written()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER ${SETTINGS} AS $$
BEGIN
  EXECUTE format('INSERT INTO ${schema}.${CHANGES} SELECT %L, NULL, %s FROM written',
                 TG_ARGV[0], ${schema}.fields(TG_RELID, ''));
  EXECUTE format('DELETE FROM ONLY %s', TG_RELID::regclass);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION ${schema}.changing()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER ${SETTINGS} AS $$
DECLARE
  twin oid := (SELECT inhparent FROM pg_inherits WHERE inhrelid = TG_RELID);
BEGIN
  IF TG_ARGV[1] <> 'all' THEN
    RAISE SQLSTATE '55000' USING
      MESSAGE = format('cannot update or delete rows of "%s": it has no primary key',
                       (SELECT relname FROM pg_class WHERE oid = twin)),
      HINT = 'CREATE OR REPLACE it with a PRIMARY KEY.';
  END IF;
  IF TG_OP = 'DELETE' THEN
    EXECUTE format('INSERT INTO ${schema}.${CHANGES} SELECT $1, %s, NULL', ${schema}.fields(twin, '($2).'))
      USING TG_ARGV[0]::bigint, OLD;
    RETURN OLD;
  END IF;
  EXECUTE format('INSERT INTO ${schema}.${CHANGES} SELECT $1, %s, %s',
                 ${schema}.fields(twin, '($2).'), ${schema}.fields(twin, '($3).'))
    USING TG_ARGV[0]::bigint, OLD, NEW;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION ${schema}.watch_writes(twin oid, relation bigint, writes text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF writes <> 'none' THEN
    EXECUTE format('CREATE TRIGGER jetgres_changing BEFORE UPDATE OR DELETE ON ${schema}.r%s
                    FOR EACH ROW EXECUTE FUNCTION ${schema}.changing(%L, %L)', relation, relation, writes);
  END IF;
  IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = twin AND tgname = 'jetgres_refuse_write') THEN
    RETURN;
  END IF;
  IF writes = 'none' THEN
    EXECUTE format('CREATE TRIGGER jetgres_refuse_write BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_write()', twin::regclass);
    RETURN;
  END IF;
  EXECUTE format('CREATE TRIGGER jetgres_refuse_write BEFORE TRUNCATE ON %s
                  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_write(%L)', twin::regclass,
                 CASE writes WHEN 'all' THEN 'Use DELETE.' ELSE 'Use CREATE OR REPLACE.' END);
  EXECUTE format('CREATE TRIGGER jetgres_written AFTER INSERT ON %s REFERENCING NEW TABLE AS written
                  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.written(%L)', twin::regclass, relation);
END $$;

REVOKE ALL ON FUNCTION ${schema}.fields, ${schema}.written, ${schema}.changing,
  ${schema}.watch_writes FROM PUBLIC;
`

/** Behind the server, which it needs. */
export const installChanges = (schema: string, server: string): string => `
CREATE FOREIGN TABLE IF NOT EXISTS ${schema}.${CHANGES}
  (relation bigint, before text[], after text[]) SERVER ${server};
REVOKE ALL ON ${schema}.${CHANGES} FROM PUBLIC;
`
