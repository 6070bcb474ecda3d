-- The database of the replay corpus: one role that may do much, one that only reads some columns, one that may do nothing.
create role own;
create role weak;
create role app login password 'app-secret';
create role reader login password 'reader-secret';
create role nobody login password 'nobody-secret';
create role auditor login password 'auditor-secret' in role app, reader, nobody;
revoke temporary on database shop from public;
grant temporary on database shop to app;
grant create on database shop to own;
create extension postgres_fdw;
create extension file_fdw;
create extension citext;
create server far foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1', dbname 'x');
create server mapped foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1', dbname 'x');
create server files foreign data wrapper file_fdw;
create user mapping for app server mapped options (user 'x', password 'mapping-secret');
create schema shop authorization own;
create schema secret authorization own;
grant usage on schema shop to app, reader;
grant create on schema shop to weak;
grant usage on schema shop to weak;
create foreign table shop.remote (id int) server far;
create foreign table shop.remote_mapped (id int) server mapped;
create foreign table shop.hosts (line text) server files options (filename '/etc/hostname');
grant select on shop.remote, shop.remote_mapped, shop.hosts to app;

set role own;
create table shop.customers (id int primary key, name text not null, email text, vip bool not null default false);
create table shop.orders (id serial primary key, customer_id int references shop.customers, total numeric(10, 2),
  note text, created_at timestamptz not null default now());
create table shop.items (id int generated always as identity primary key,
  order_id int references shop.orders on delete cascade, sku text, qty int check (qty > 0));
create table shop.tags (tag citext primary key);
create table secret.keys (id int, v text);
create table shop.audit (at timestamptz default now(), what text);
create table shop.numbers (n int, id int default 0);
create sequence shop.seq_ok;
create sequence shop.seq_no;
create sequence secret.seq_hidden;
create table shop.uses_no (id int default nextval('shop.seq_no'), v text);
create table shop.uses_hidden (id int default nextval('secret.seq_hidden'), v text);
create view shop.v_orders as select o.id, o.total, c.name from shop.orders o join shop.customers c on c.id = o.customer_id;
create view shop.v_keys as select id from secret.keys;
create view shop.v_invoker
  with (security_invoker = true) -- since 15
  as select id from secret.keys;
create view shop.v_numbers as select n from shop.numbers;
create materialized view shop.m_full as select 1 as n;
create materialized view shop.m_empty as select 1 as n with no data;
create table shop.events (at date not null, kind text) partition by range (at);
create table shop.events_2026 partition of shop.events for values from ('2026-01-01') to ('2027-01-01');

create function shop.fee(numeric) returns numeric immutable language sql as 'select $1 * 0.1';
create function shop.secret_fee(numeric) returns numeric immutable language sql as 'select $1 * 0.2';
create function shop.body(int) returns int volatile language plpgsql as 'begin return (select count(*) from secret.keys); end';
create function shop.check_sku(text) returns bool immutable language plpgsql as 'begin return $1 <> ''''; end';
create function shop.norm(text) returns text immutable language plpgsql as 'begin return lower($1); end';
create function shop.twice(int) returns int immutable language plpgsql as 'begin return 2 * $1; end';
create function shop.cond(int) returns bool immutable language plpgsql as 'begin return $1 > 0; end';
create function shop.note() returns trigger language plpgsql as 'begin return new; end';
create procedure shop.proc_ok(int) language plpgsql as 'begin end';
create procedure shop.proc_no(int) language plpgsql as 'begin end';
create table shop.skus (sku text check (shop.check_sku(sku)));
create table shop.normed (t text, u text);
create index on shop.normed (shop.norm(t));
create table shop.doubled (a int, b int generated always as (shop.twice(a)) stored, c int);
create table shop.whens (a int);
create trigger whens before insert on shop.whens for each row when (shop.cond(new.a)) execute function shop.note();
create table shop.triggered (a int);
create trigger triggered before insert on shop.triggered for each row execute function shop.note();
create table shop.rls_none (v text);
alter table shop.rls_none enable row level security;
create table shop.rls_own (who text, v text);
alter table shop.rls_own enable row level security;
create policy own on shop.rls_own using (who = current_user);
create table shop.rls_open (v text);
alter table shop.rls_open enable row level security;
create policy everything on shop.rls_open using (true);
revoke execute on function shop.secret_fee, shop.check_sku, shop.norm, shop.twice, shop.cond from public;
revoke execute on procedure shop.proc_no from public;

grant select, insert, update, delete on shop.customers, shop.orders, shop.items, shop.tags to app;
grant select (id, name) on shop.customers to reader;
grant select, truncate on shop.numbers to app;
grant update (n), insert (n) on shop.numbers to app;
grant insert on shop.audit to app;
grant usage on sequence shop.orders_id_seq, shop.seq_ok to app;
grant select on sequence shop.seq_no to app;
grant select, insert, update, delete, truncate on shop.uses_no, shop.uses_hidden, shop.skus, shop.normed, shop.doubled,
  shop.whens, shop.triggered, shop.rls_none, shop.rls_own, shop.rls_open, shop.events to app;
grant select, update on shop.v_numbers to app;
grant select on shop.v_orders, shop.v_keys, shop.v_invoker, shop.m_full, shop.m_empty to app;
grant select on shop.v_orders to reader;

insert into shop.customers values (1, 'ada', 'ada@example.org'), (2, 'bob', null);
insert into shop.orders (customer_id, total) values (1, 10), (2, 20);
insert into shop.items (order_id, sku, qty) values (1, 'a', 1);
insert into shop.numbers values (1), (2);
insert into shop.normed values ('A', 'b');
insert into shop.doubled (a, c) values (1, 1);
reset role;

-- What later versions brought: MAINTAIN, and columns computed when they are read.
set role own; -- since 17
create table shop.kept (id int); -- since 17
create materialized view shop.m_kept as select id from shop.kept; -- since 17
grant maintain on shop.kept, shop.m_kept to reader; -- since 17
create table shop.virtual (v int, w int generated always as (v + 1) virtual); -- since 18
grant select on shop.virtual to app; -- since 18
reset role; -- since 17

-- A parent whose owner may not read it: foreign keys are checked as that owner.
set role own;
create table shop.parents (id int primary key);
create table shop.children (id int, parent_id int references shop.parents, v text);
grant select, insert, update, delete on shop.parents, shop.children to app;
insert into shop.parents values (1), (2);
insert into shop.children values (1, 1);
reset role;
alter table shop.parents owner to weak;
revoke all on shop.parents from weak;
