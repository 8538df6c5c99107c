// What jetgres keeps in each upstream database: the foreign server that leads back to us, its
// functions and the foreign table that takes what SQL writes (bridge-writes.ts). SQL text only;
// maintenance.ts runs it.
//
// The functions are SECURITY DEFINER, so a live child is made and dropped inside the user's own
// transaction, with the maintenance role's rights: the twin and its child appear, and vanish,
// together. Each call carries a proof that only jetgres can make, bound to twin and relation, so no
// user can attach a child of their own choosing (invariant 10).

import { CHANGES, installChanges, installWrites } from './bridge-writes.ts'

export const SCHEMA = 'jetgres_live'
export const SERVER = 'jetgres'
/** The policy on a twin that cannot have a live child: it makes every relayed read fail. */
export const GUARD = 'jetgres_guard'

/** The name of a relation's live child, and of its table on the back channel. */
export const childName = (relationId: number): string => `r${relationId}`

const FETCH_SIZE = 50_000

/** The extension goes into our schema: its functions have no place among the user's, in public. */
export const INSTALL = `
CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
CREATE EXTENSION IF NOT EXISTS postgres_fdw SCHEMA ${SCHEMA};
REVOKE ALL ON SCHEMA ${SCHEMA} FROM PUBLIC;
GRANT USAGE ON SCHEMA ${SCHEMA} TO PUBLIC;
CREATE TABLE IF NOT EXISTS ${SCHEMA}.secret (value text NOT NULL);
REVOKE ALL ON ${SCHEMA}.secret FROM PUBLIC;

CREATE TABLE IF NOT EXISTS ${SCHEMA}.detached (relation bigint NOT NULL);
REVOKE ALL ON ${SCHEMA}.detached FROM PUBLIC;

CREATE OR REPLACE FUNCTION ${SCHEMA}.prove(act text, twin oid, relation bigint, proof text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF proof IS DISTINCT FROM (
    SELECT encode(sha256(convert_to(format('%s:%s:%s:%s', value, act, twin, relation), 'UTF8')), 'hex')
    FROM ${SCHEMA}.secret
  ) THEN
    RAISE insufficient_privilege USING MESSAGE = 'only jetgres may attach or detach a live child';
  END IF;
END $$;
REVOKE ALL ON FUNCTION ${SCHEMA}.prove FROM PUBLIC;

${installWrites(SCHEMA)}
DROP FUNCTION IF EXISTS ${SCHEMA}.adopt(oid, bigint, text);
CREATE OR REPLACE FUNCTION ${SCHEMA}.adopt(twin oid, relation bigint, proof text, writes text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  child text := format('${SCHEMA}.r%s', relation);
  col record;
BEGIN
  PERFORM ${SCHEMA}.prove('adopt ' || writes, twin, relation, proof);
  EXECUTE format('CREATE FOREIGN TABLE %s () INHERITS (%s) SERVER ${SERVER} OPTIONS (schema_name %L, table_name %L)',
                 child, twin::regclass, '${SCHEMA}', 'r' || relation);
  FOR col IN SELECT attname, attnum FROM pg_attribute
             WHERE attrelid = twin AND attnum > 0 AND NOT attisdropped LOOP
    EXECUTE format('ALTER FOREIGN TABLE %s ALTER COLUMN %I OPTIONS (column_name %L)',
                   child, col.attname, 'c' || col.attnum);
  END LOOP;
  PERFORM ${SCHEMA}.watch_writes(twin, relation, writes);
END $$;

CREATE OR REPLACE FUNCTION ${SCHEMA}.release(twin oid, relation bigint, proof text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM ${SCHEMA}.prove('release', twin, relation, proof);
  EXECUTE format('DROP FOREIGN TABLE IF EXISTS ${SCHEMA}.r%s', relation);
END $$;

CREATE OR REPLACE FUNCTION ${SCHEMA}.detach(twin oid, relation bigint, proof text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM ${SCHEMA}.prove('detach', twin, relation, proof);
  EXECUTE format('DROP FOREIGN TABLE IF EXISTS ${SCHEMA}.r%s', relation);
  INSERT INTO ${SCHEMA}.detached VALUES (relation);
END $$;
`

/** The function that gives a twin its live child, for to_regprocedure. */
export const ADOPT = `${SCHEMA}.adopt(oid,bigint,text,text)`

/** Whether what was installed is still there: anybody who may can drop schema, extension or database. */
export const STANDS = `
SELECT pg_catalog.to_regprocedure('${ADOPT}') IS NOT NULL
   AND pg_catalog.to_regclass('${SCHEMA}.${CHANGES}') IS NOT NULL
   AND EXISTS (SELECT FROM pg_catalog.pg_foreign_server WHERE srvname = '${SERVER}') AS stands`

/** What needs the server to be there. */
export const INSTALL_CHANGES = installChanges(SCHEMA, SERVER)

/** Points the server at the back channel. Values are quoted by the caller. */
export const pointServer = (exists: boolean, address: BridgeAddress, quote: Quote): string => {
  const options: [string, string][] = [
    ['host', address.host],
    ['port', String(address.port)],
    ['dbname', address.database],
    ['fetch_size', String(FETCH_SIZE)],
    // What is written comes over it, too.
    ['updatable', 'true'],
    // Which backend it is, of which database: a copy of the database has this server, too.
    ['application_name', 'jetgres:%p:%d'],
    ['connect_timeout', '5']
  ]
  const list = options.map(([name, value]) => `${exists ? 'SET ' : ''}${name} ${quote(value)}`)
  return exists
    ? `ALTER SERVER ${SERVER} OPTIONS (${list.join(', ')})`
    : `CREATE SERVER ${SERVER} FOREIGN DATA WRAPPER postgres_fdw OPTIONS (${list.join(', ')})`
}

/** Everybody reads through one mapping; its password opens the back channel and nothing else. */
export const mapUsers = (exists: boolean, password: string, quote: Quote): string =>
  exists
    ? `ALTER USER MAPPING FOR PUBLIC SERVER ${SERVER} OPTIONS (SET password ${quote(password)})`
    : `CREATE USER MAPPING FOR PUBLIC SERVER ${SERVER} ` +
      `OPTIONS (user 'jetgres', password ${quote(password)})`

export interface BridgeAddress {
  readonly host: string
  readonly port: number
  readonly database: string
}

type Quote = (text: string) => string
