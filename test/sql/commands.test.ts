// Goal: DROP, ALTER, SHOW and DESCRIBE are read; what Postgres judges itself is left to it.
// Method: tables; ▼ marks where an error must point.

import t from 'tap'
import { loadParser } from '../../src/sql/parser.ts'
import { readStatement } from '../../src/sql/statement.ts'
import { expectError } from './expect-error.ts'

await loadParser()

void t.test('commands are read', async (t) => {
  const cases: [string, object][] = [
    ['DROP TABLE t', { kind: 'drop', relation: 'table', ifExists: false, behavior: 'restrict' }],
    ['/* x */ drop source if exists s cascade;', {
      kind: 'drop',
      relation: 'source',
      ifExists: true,
      behavior: 'cascade',
      names: [{ name: 's', text: 's', position: 31 }]
    }],
    ['drop table a, "B".c, d.e.f restrict', {
      behavior: 'restrict',
      names: [
        { name: 'a', text: 'a', position: 12 },
        { schema: 'B', name: 'c', text: '"B".c', position: 15 },
        { database: 'd', schema: 'e', name: 'f', text: 'd.e.f', position: 22 }
      ]
    }],
    ['alter table t rename to u', {
      kind: 'alter',
      relation: 'table',
      ifExists: false,
      only: false,
      name: { name: 't' },
      position: 15,
      action: { kind: 'postgres', rest: 'rename to u' }
    }],
    ["alter table if exists only (s.t) set (x = 'é') -- c", {
      ifExists: true,
      only: true,
      name: { schema: 's', name: 't' },
      action: { rest: "set (x = 'é')" }
    }],
    ['alter table t * add a int;', { action: { rest: 'add a int' } }],
    ['alter source s set schema x', {
      kind: 'alter',
      relation: 'source',
      action: { rest: 'set schema x' }
    }],
    ['alter table t add column if not exists a string default (1, 2) , drop b, add c text', {
      action: {
        rest:
          'add column if not exists a text COLLATE "C" default (1, 2), drop b, ' +
          'add c text COLLATE "C"'
      }
    }],
    ['alter table t add s struct<a int>[], add d double null', {
      action: { rest: 'add s jsonb, add d double precision null' }
    }],
    ['alter table t add a text collate "de"', { action: { rest: 'add a text collate "de"' } }],
    ['alter table t add constraint c check (a > 1)', {
      action: { rest: 'add constraint c check (a > 1)' }
    }],
    ['alter table t add a bigserial', {
      action: { kind: 'postgres', rest: 'add a bigserial', fault: { code: '0A000' } }
    }],
    ['alter source s set source_rate_limit to 0', { action: { kind: 'rateLimit', limit: 0 } }],
    ['alter table s set source_rate_limit = 500', { action: { kind: 'rateLimit', limit: 500 } }],
    ['alter table s set source_rate_limit = default', {
      action: { kind: 'rateLimit', limit: undefined }
    }],
    ["alter source s connector with (username = 'u', password = 'p')", {
      action: { kind: 'connectorWith', options: [{ key: 'username' }, { key: 'password' }] }
    }],
    ['alter table t drop connector', { action: { kind: 'dropConnector' } }],
    ['alter table t drop connector cascade', { action: { rest: 'drop connector cascade' } }],
    ['SHOW SOURCES', { kind: 'showSources' }],
    ['show tables from s', { kind: 'showTables', schema: 's' }],
    ["show tables like 'a%'", { kind: 'showTables', like: 'a%' }],
    ["show sources from S ilike E'a\\n'", { kind: 'showSources', schema: 's', ilike: 'a\n' }],
    ['show create table "T"', { kind: 'showCreate', relation: 'table', name: { name: 'T' } }],
    ['show create source s.t', { kind: 'showCreate', relation: 'source', name: { schema: 's' } }],
    ["create secret if not exists s.k with (backend = 'meta') as E'a\\n'", {
      kind: 'createSecret',
      name: { schema: 's', name: 'k' },
      isLenient: true,
      value: 'a\n'
    }],
    ["alter secret k as 'v'", { kind: 'alterSecret', name: { name: 'k' }, value: 'v' }],
    ["alter secret k with (backend = 'META') as 'v'", { kind: 'alterSecret', value: 'v' }],
    ['CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t (a)', {
      kind: 'createIndex',
      name: { schema: 's', name: 't' },
      uniquePosition: 8
    }],
    ['create index on t (a)', { kind: 'createIndex', name: { name: 't' } }],
    ['grant select on source s, x.y to bob', {
      kind: 'grantSource',
      tag: 'GRANT',
      names: [{ name: 's' }, { schema: 'x', name: 'y' }],
      sql: 'grant select on TABLE  s, x.y to bob'
    }],
    ['REVOKE ALL ON SOURCE "to" FROM bob', { tag: 'REVOKE', names: [{ name: 'to' }] }],
    ['revoke all on all sources in schema a, "B" from bob', {
      tag: 'REVOKE',
      names: [],
      all: { schemas: [{ name: 'a' }, { name: 'B' }], before: 'revoke all on ', after: 'from bob' }
    }],
    ['drop secret if exists k', { kind: 'dropSecret', isLenient: true }],
    ['show secrets from s', { kind: 'showSecrets', schema: 's' }],
    ['show columns from t', { kind: 'describe', name: { name: 't' } }],
    ['describe s.t', { kind: 'describe', name: { schema: 's', name: 't' } }],
    ['desc t;', { kind: 'describe', name: { name: 't' } }],
    ['show jetgres.consistency', { kind: 'showSetting', name: 'jetgres.consistency' }],
    ['SHOW "JetGres".Last_Route', { kind: 'showSetting', name: 'jetgres.last_route' }]
  ]
  for (const [sql, expected] of cases) t.match(readStatement(sql), expected, sql)
  t.strictSame(readStatement('show sources'), { kind: 'showSources' })
})

void t.test('what Postgres judges itself is not ours', async (t) => {
  const others = [
    'drop table',
    'drop table a b',
    'drop table select',
    'drop index i',
    'alter table all in tablespace x set tablespace y',
    'alter table t',
    'alter index i rename to j',
    'show all',
    'show create view v',
    'show create materialized view v',
    'show create index i',
    'show create sink s',
    'show views',
    'show materialized views',
    'show sinks',
    'show functions',
    'show indexes from t',
    'show internal tables',
    'show connections',
    'show jobs',
    'flush',
    'wait',
    'recover',
    "explain create table t (a int) with (connector = 'nats') format plain encode json",
    'show create',
    'show other.setting',
    'show jetgres',
    'show jetgres.a.b',
    'create index i t (a)',
    'create unique table t (a int)',
    'grant select on source to bob',
    'grant select on source, b to bob',
    'grant select on source.t to bob',
    'grant source to bob',
    'revoke source',
    'select 1',
    ''
  ]
  for (const sql of others) t.equal(readStatement(sql), undefined, sql)
})

void t.test('what only we know is refused at its token', async (t) => {
  const RELATION = 'is not supported in a relation with a connector'
  const syntax = (token: string): string => `syntax error at or near "${token}"`
  const cases: [string, string, string][] = [
    ['alter source s ▼swap with x', '0A000', `SWAP WITH ${RELATION}`],
    ['alter source s ▼set parallelism = 4', '0A000', `SET PARALLELISM ${RELATION}`],
    ['alter source s ▼set config (a = 1)', '0A000', `SET CONFIG ${RELATION}`],
    ['alter source s ▼reset config (a)', '0A000', `RESET CONFIG ${RELATION}`],
    ['alter source s ▼format plain encode json', '0A000', `ALTER … FORMAT … ENCODE ${RELATION}`],
    ['drop source▼', '42601', 'syntax error at end of input'],
    ['grant select on source s,▼', '42601', 'syntax error at end of input'],
    ['grant select on source ▼(s) to bob', '42601', syntax('(')],
    ['drop source a ▼b', '42601', syntax('b')],
    ['drop source if ▼a', '42601', syntax('a')],
    ['alter source s▼', '42601', 'syntax error at end of input'],
    ['alter source s set source_rate_limit ▼5', '42601', syntax('5')],
    ['alter source s set source_rate_limit to ▼-5', '42601',
      'SOURCE_RATE_LIMIT must be a whole number or DEFAULT'],
    ['alter source s set source_rate_limit to 5 ▼6', '42601', syntax('6')],
    ["alter source s connector with (a = 'b', ▼a = 'c')", '42601', 'Duplicated option: a'],
    ["alter source s connector with (a = 'b') ▼x", '42601', syntax('x')],
    ["create secret k ▼as 'v'", '42601', syntax('as')],
    ["create secret k with (backend = 'meta') as ▼v", '42601', syntax('v')],
    ["create secret k with (backend = 'meta') as 'v' ▼x", '42601', syntax('x')],
    ["create secret k with (backend = ▼'hashicorp_vault') as 'v'", '0A000',
      'secret backend "hashicorp_vault" is not supported'],
    ["create secret k with (▼path = 'x') as 'v'", '22023',
      'a secret has the option "backend" and no other'],
    ['drop secret k ▼cascade', '42601', syntax('cascade')],
    ['alter secret k▼', '42601', 'syntax error at end of input'],
    ['show sources ▼in x', '42601', syntax('in')],
    ['show tables like ▼x', '42601', syntax('x')],
    ["show sources ▼where name = 'x'", '0A000', 'WHERE is not supported in SHOW'],
    ['show columns ▼t', '42601', syntax('t')],
    ['show create source▼', '42601', 'syntax error at end of input'],
    ['describe ▼select', '42601', syntax('select')],
    ['desc a ▼b', '42601', syntax('b')]
  ]
  for (const [sql, code, message] of cases) expectError(t, sql, readStatement, { code, message })
})
