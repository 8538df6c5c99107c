select 1
select null
select 'it''s', E'a\nb', $$x$$, $t$a;b$t$, B'101', X'1F', U&'\0061'
select 1.5, .5, 5., 1e10, 1_000, 0x1F, 0b101, 0o17
select a, b as c, t.d, s.t.e, * from t
select t.* from t
select distinct a from t
select distinct on (a, b) a, b, c from t order by a, b, c desc
select all a from t
select a from t where a = 1 and b <> 2 or not c
select a from t where a between 1 and 2 and b not between symmetric 3 and 4
select a from t where a in (1, 2, 3) and b not in (select c from u)
select a from t where a like 'x%' and b not ilike '_y' escape '!'
select a from t where a similar to 'x' and b ~ 'y' and c !~* 'z'
select a from t where a is null and b is not null and c is true and d is not unknown
select a from t where a is distinct from b and c is not distinct from d
select a from t where exists (select 1 from u where u.a = t.a)
select a from t where a = any (array[1,2]) and b > all (select c from u)
select a from t where (a, b) = (1, 2) and row(a, b) < row(3, 4)
select a from t where a = $1 and b = $2::int
select count(*), count(distinct a), sum(b) filter (where c > 1), array_agg(d order by e desc) from t
select a, count(*) from t group by a having count(*) > 1 order by 2 desc nulls last limit 10 offset 5
select a, b, sum(c) from t group by rollup (a, b)
select a, b, sum(c) from t group by cube (a, b), grouping sets ((a), (b), ())
select a from t group by distinct a
select row_number() over (partition by a order by b) from t
select sum(a) over w from t window w as (partition by b rows between 1 preceding and current row)
select lag(a, 1, 0) over (order by b range unbounded preceding exclude ties) from t
select percentile_cont(0.5) within group (order by a) from t
select a from t order by a using <
select a from t limit all
select a from t fetch first 5 rows only
select a from t order by a offset 2 rows fetch next row with ties
select a from t for update of t nowait
select a from t for share skip locked
select a from t tablesample bernoulli (10) repeatable (3)
select a from only t
select a from t as x (b, c)
select * from t join u on t.a = u.a
select * from t left join u using (a, b)
select * from t right outer join u on true full join v on false
select * from t cross join u natural join v
select * from t join u using (a) as j
select * from (select 1) x, lateral (select 2) y
select * from generate_series(1, 10) with ordinality as g (n, i)
select * from rows from (f(1), g(2)) as x
select * from json_to_record('{}') as x (a int, b text)
select * from (values (1, 'a'), (2, 'b')) as v (n, s)
values (1), (2)
table t
select 1 union select 2
select 1 union all select 2 intersect select 3 except all select 4
(select 1) union (select 2) order by 1 limit 1
with x as (select 1) select * from x
with recursive x (n) as (select 1 union all select n + 1 from x where n < 5) select * from x
with x as materialized (select 1), y as not materialized (select 2) select * from x, y
with x as (insert into t values (1) returning *) select * from x
with recursive x as (select 1 as n union all select n from x) search depth first by n set o select * from x
select case when a then 1 else 2 end, case a when 1 then 'x' end from t
select coalesce(a, b), nullif(a, b), greatest(a, b), least(a, b) from t
select cast(a as int), a::numeric(10,2), int '5', date '2024-01-01', interval '1 day' from t
select timestamp with time zone '2024-01-01', time '10:00', interval '1' hour, interval(3) '1 s'
select a::text[], (a).b, (a).*, a[1], a[1:2], a[:], array[[1],[2]], '{}'::int[] from t
select current_date, current_timestamp(3), localtime, current_user, session_user, user, current_schema
select extract(year from a), position('a' in b), substring(a from 1 for 2), trim(both 'x' from a) from t
select overlay('a' placing 'b' from 1), a at time zone 'UTC', a collate "C" from t
select not a, -a, +a, ~a, a || b, a -> 'x' ->> 'y', a #> '{b}', a @> b, a ? 'x' from t
select a operator(pg_catalog.+) b from t
select f(), f(1, x => 2), f(variadic array[1]), s.f(1), f(distinct a) from t
select json_object('a': 1), json_array(1, 2), json_arrayagg(a), a is json object from t
select xmlelement(name foo, 'bar'), xmlparse(content 'x'), a is document from t
select normalize('a', nfc), 'a' is normalized
select grouping(a), merge_action from t group by a
select "Weird ""Name""", "ä" from "Table"."With Dots"
select U&"d\0061t\+000061" from t
select a into u from t
select 1 as select
select a b, a "B" from t
select 1;
select 1 -- a comment
/* a /* nested */ comment */ select 1
insert into t values (1, 'a')
insert into t (a, b) values (1, default), (2, 'x') returning a, b as c
insert into t default values
insert into t select * from u
insert into t (a) overriding system value values (1)
insert into t values (1) on conflict do nothing
insert into t as x (a) values (1) on conflict (a) where b > 1 do update set c = excluded.c where x.d
insert into t values (1) on conflict on constraint k do update set (a, b) = (select 1, 2)
update t set a = 1
update t as x set a = u.b, (c, d) = (1, 2) from u where x.id = u.id returning x.*
update only t set a[1] = 2, b.c = 3 where current of cur
delete from t
delete from t as x using u where x.a = u.a returning *
merge into t using u on t.a = u.a when matched then update set b = u.b when not matched then insert values (u.a, u.b)
merge into t using u on true when matched and t.a > 1 then delete when not matched then do nothing
truncate t, u restart identity cascade
begin
begin isolation level serializable read only deferrable
start transaction read write
commit
commit and chain
end
rollback
abort
rollback to savepoint s
savepoint s
release s
prepare transaction 'x'
commit prepared 'x'
set search_path to a, b
set local time zone 'UTC'
set timezone = 'UTC'
set session characteristics as transaction isolation level repeatable read
set transaction snapshot 'x'
set role r
set session authorization default
set names 'utf8'
set x.y = 1
reset all
reset search_path
show all
show server_version
show transaction isolation level
discard all
prepare p (int) as select $1
execute p (1)
deallocate p
deallocate all
declare c cursor for select 1
declare c binary insensitive scroll cursor with hold for select 1
fetch 10 from c
fetch backward all in c
move forward 5 from c
close c
close all
listen x
notify x, 'payload'
unlisten *
lock table t in access exclusive mode nowait
copy t from stdin
copy t (a, b) to stdout with (format csv, header true, delimiter ',')
copy (select 1) to '/tmp/x'
copy t from stdin where a > 1
explain select 1
explain (analyze, buffers, format json) select 1
vacuum (full, analyze) t (a)
analyze t
cluster t using i
reindex index concurrently i
checkpoint
call p(1, 2)
do $$ begin null; end $$
do language plpgsql 'begin end'
create table t (a int)
create table if not exists s.t (a int primary key, b text not null default 'x', c int check (c > 1) unique references u (a) on delete cascade)
create table t (a int generated always as identity, b int generated always as (a + 1) stored)
create table t (a text collate "C", b numeric(10,2)[], c timestamp(3) with time zone, d interval day to second, e char(3), f bit varying(3))
create table t (a int, constraint k primary key (a) include (b), unique nulls not distinct (b), exclude using gist (c with &&))
create table t (like u including all) inherits (v)
create table t (a int) partition by range (a)
create table t partition of u for values from (1) to (minvalue)
create table t partition of u default
create table t of type_name
create table t (a int) using heap with (fillfactor = 70, autovacuum_enabled) on commit drop tablespace x
create temp table t as select 1 with no data
create unlogged table t (a int)
create foreign table t (a int options (x 'y')) server s options (schema_name 'a', table_name 'b')
create view v as select 1
create or replace temp view v (a) with (security_barrier) as select 1 with local check option
create recursive view v (n) as select 1
create materialized view if not exists v as select 1 with no data
refresh materialized view concurrently v
create index on t (a)
create unique index concurrently if not exists i on t using btree (a desc nulls last, lower(b) text_ops) include (c) where d
create sequence s as int increment by 2 minvalue 1 no maxvalue start 5 cache 3 cycle owned by t.a
create schema s authorization r create table t (a int)
create type t as (a int, b text)
create type t as enum ('a', 'b')
create type t as range (subtype = int4)
create domain d as int constraint c check (value > 1) not null default 5
create function f(a int, out b text, variadic c int[] default '{}') returns text language sql immutable strict as 'select 1'
create or replace function f() returns table (a int) as $$ select 1; $$ language sql parallel safe cost 10
create function f() returns int begin atomic select 1; select case when true then 2 end; end
create function f(a int) returns int return a + 1
create procedure p() language plpgsql as $$ begin end $$
create aggregate a (int) (sfunc = f, stype = int)
create trigger g before insert or update of a on t for each row when (new.a > 1) execute function f()
create event trigger e on ddl_command_start execute function f()
create rule r as on insert to t where a > 1 do instead (insert into u values (1); delete from v)
create policy p on t as restrictive for select to r using (a > 1) with check (true)
create role r with login password 'x' superuser valid until '2030-01-01'
create user u in role r
create database d template template0 encoding 'UTF8'
create extension if not exists e with schema s cascade
create server s foreign data wrapper postgres_fdw options (host 'h', port '1')
create user mapping for current_user server s options (user 'u', password 'p')
create publication p for table t (a) where (a > 1), tables in schema s
create subscription s connection 'x' publication p
create statistics x (ndistinct) on a, b from t
create collation c from "C"
create cast (a as b) with function f(a) as implicit
create operator @@@ (leftarg = int, rightarg = int, function = f)
create text search configuration c (copy = simple)
alter table t add column if not exists a int, drop column b cascade, alter c type text using c::text
alter table only t rename column a to b
alter table t rename to u
alter table t set schema s
alter table t add constraint k foreign key (a) references u not valid
alter table t enable row level security, owner to r, set (fillfactor = 50)
alter table t attach partition u for values in (1)
alter table t detach partition u concurrently
alter type t add value 'c' after 'b'
alter role r set search_path = x
alter sequence s restart with 5
alter default privileges in schema s grant select on tables to r
alter system set x = 1
alter view v alter a set default 1
drop table if exists t, u cascade
drop view v restrict
drop function f(int), g
drop index concurrently i
drop schema s cascade
drop owned by r
reassign owned by r to u
grant select (a), insert on t to r, public with grant option
grant all privileges on all tables in schema s to r
grant r to u with admin option
revoke grant option for select on t from r cascade
comment on column t.a is 'x'
comment on function f(int) is null
security label for x on table t is 'y'
import foreign schema s limit to (t) from server x into y
load 'x'
