-- A database in which every group of permission facts is there at least once. Run by a superuser named admin in an empty
-- database; roles are made in the first part, which is for the server and runs once, in whatever database. A line that ends
-- with "since" and a version is for PostgreSQL from that version on.

-- Roles: owners, groups nested three deep, applications that log in, names made to break quoting.
create role owner_shop nologin;
create role owner_billing nologin;
create role grp_read nologin;
create role grp_write nologin;
create role grp_all nologin;
create role grp_noinherit nologin;
create role app_shop login password 'canary-app-shop' connection limit 20;
create role app_billing login password 'canary-app-billing' valid until '2099-01-01';
create role app_report login noinherit password 'canary-app-report';
create role etl login bypassrls password 'canary-etl';
create role deployer login createrole createdb password 'canary-deployer';
create role auditor login;
create role monitor login password 'monitor-secret';
create role plain login password 'plain-secret';
create role "PUBLIC" login;
create role "123" nologin;
create role "we ""ird"".role=x/y,z" login;
create role "Größe" nologin;
create role "line
break" nologin;
grant grp_read to grp_write;
grant grp_write to grp_all with admin option;
grant grp_all to app_shop;
grant grp_read to app_report, "we ""ird"".role=x/y,z";
grant grp_noinherit to app_report;
grant owner_shop to deployer;
grant pg_read_all_data to auditor; -- since 14
grant pg_write_all_data to etl; -- since 14
grant pg_monitor to monitor;
grant grp_read to "Größe";
grant grp_all to etl with inherit false, set true; -- since 16
grant grp_noinherit to etl with admin true, inherit false, set false; -- since 16
set role etl; grant grp_noinherit to plain with inherit true, set false; reset role; -- since 16
grant pg_maintain to monitor; -- since 17
alter role app_shop set statement_timeout = '30s';
alter role app_report set search_path = 'reporting, public';
alter role app_billing set "app.api_token" = 'canary-setting';

-- split here: what follows is for each database

-- Bodies name tables that come later.
set check_function_bodies = off;

create schema shop authorization owner_shop;
create schema billing authorization owner_billing;
create schema reporting authorization owner_shop;
create schema "Odd.schema" authorization "Größe";
revoke create on schema public from public;
grant usage on schema shop to grp_read, app_billing;
grant usage, create on schema shop to deployer with grant option;
grant usage on schema billing to app_billing, grp_read;
grant usage on schema reporting to app_report, grp_read;
grant usage on schema "Odd.schema" to public;

create extension citext schema public;
create extension pgcrypto schema shop;
create extension postgres_fdw;
create extension file_fdw;
create extension if not exists pg_stat_statements;
revoke execute on function public.citext_hash(public.citext) from public;
grant execute on function public.citext_hash(public.citext) to grp_read;

-- Types.
create type shop.state as enum ('new', 'paid', 'sent');
create domain shop.amount as numeric(12, 2) check (value >= 0);
create type billing.money_pair as (amount numeric, currency text);
create type billing.span as range (subtype = date);
alter type shop.state owner to owner_shop;
alter domain shop.amount owner to owner_shop;
alter type billing.money_pair owner to owner_billing;
revoke usage on type shop.state from public;
grant usage on type shop.state to grp_read, app_shop;

-- Tables of the shop: serial and identity, column grants with grant option, grants by others than the owner.
set role owner_shop;
create table shop.customer (
    id serial primary key,
    name text not null,
    email public.citext,
    secret_note text
);
create table shop.orders (
    id bigint generated always as identity primary key,
    customer_id int not null references shop.customer,
    state shop.state not null default 'new',
    total shop.amount,
    doubled numeric generated always as (total * 2) stored,
    created_at timestamptz not null default now()
);
create table shop.order_line (
    order_id bigint references shop.orders on delete cascade,
    line int,
    product text,
    quantity int check (quantity > 0),
    primary key (order_id, line)
);
create table shop.log (at timestamptz, what text) partition by range (at);
create table shop.log_2026 partition of shop.log for values from ('2026-01-01') to ('2027-01-01');
create table shop."a.b ""c""=/,x" ("col.1" int, "col ""2""" text, "Größe" text);
create table shop.untouched (id int);
create table shop.closed (id int);
revoke all on shop.closed from owner_shop;
create sequence shop.invoice_number start 1000;
reset role;
create unlogged table shop.scratch (id int);

grant select on shop.customer to grp_read;
grant insert, update on shop.customer to grp_write;
grant select (id, name), update (name) on shop.customer to app_billing with grant option;
grant select (secret_note) on shop.customer to "PUBLIC";
grant select, insert, update, delete on shop.orders to grp_write;
grant select on shop.orders to grp_read with grant option;
grant all on shop.orders to deployer with grant option;
grant truncate, references, trigger on shop.orders to grp_all;
grant maintain on shop.orders to grp_all, deployer with grant option; -- since 17
grant maintain on shop.log to public; -- since 17
grant select, insert on shop.order_line to grp_write;
grant select on shop.order_line to public;
grant select on shop.log to grp_read;
grant insert on shop.log to public;
grant select on shop."a.b ""c""=/,x" to "we ""ird"".role=x/y,z", "PUBLIC", "123", "line
break";
grant select ("col.1"), insert ("col ""2""") on shop."a.b ""c""=/,x" to "we ""ird"".role=x/y,z" with grant option;
grant usage on sequence shop.customer_id_seq to grp_write;
grant usage, select on sequence shop.invoice_number to app_shop, app_billing;
set role grp_read;
grant select on shop.orders to app_report;
reset role;
set role "we ""ird"".role=x/y,z";
grant select ("col.1") on shop."a.b ""c""=/,x" to "Größe";
reset role;
set role deployer;
grant insert on shop.orders to etl;
reset role;

-- Routines: definer and invoker, settings of their own, leakproof, overloads, procedure, aggregate, odd names.
create function shop.audit() returns trigger language plpgsql security definer set search_path = shop, pg_temp
    as $$ begin insert into shop.log values (now(), tg_op); return new; end $$;
create function shop.total_of(customer int) returns numeric language sql stable
    as $$ select sum(total) from shop.orders where customer_id = customer $$;
create function shop.total_of(customer text) returns numeric language sql stable -- since 14
    begin atomic select sum(o.total) from shop.orders o join shop.customer c on c.id = o.customer_id where c.name = customer; end; -- since 14
create function billing.invoice_total(bigint) returns numeric language plpgsql security definer
    as $$ declare t numeric; begin select total into t from shop.orders where id = $1; return t; end $$;
create function shop."odd, func"("arg" text[], variadic "more" int[]) returns void language sql as $$ select $$;
create procedure billing.close_month(day date) language sql as $$ delete from billing.invoice where due < day $$;
create aggregate shop.longest(text) (sfunc = pg_catalog.text_larger, stype = text);
create function shop.safe(int) returns boolean language sql immutable leakproof as $$ select $1 > 0 $$;
alter function shop.audit() owner to owner_shop;
alter function shop.total_of(int) owner to owner_shop;
alter function shop.total_of(text) owner to owner_shop; -- since 14
alter function shop."odd, func"(text[], int[]) owner to "Größe";
revoke execute on function billing.invoice_total(bigint) from public;
grant execute on function billing.invoice_total(bigint) to app_billing with grant option;
revoke execute on function shop.total_of(text) from public; -- since 14
grant execute on procedure billing.close_month(date) to app_billing;
revoke execute on procedure billing.close_month(date) from public;

-- Billing: row security forced and not, policies of every kind.
set role owner_billing;
create table billing.invoice (
    id int generated by default as identity,
    order_id bigint,
    tenant text default current_user,
    amount numeric,
    due date,
    during billing.span
);
create table billing.account (id int primary key, tenant text, balance numeric);
create table billing.rate (currency text primary key, rate numeric);
reset role;
alter table billing.invoice add foreign key (order_id) references shop.orders;
alter table billing.invoice enable row level security;
alter table billing.account enable row level security;
alter table billing.account force row level security;
create policy own_rows on billing.invoice for all to app_billing, grp_read using (tenant = current_user) with check (amount >= 0);
create policy "odd.policy" on billing.invoice as restrictive for select to public using (amount is not null);
create policy everybody on billing.account for select using (true);
create policy keep on billing.account for delete to "PUBLIC" using (exists (select from shop.customer));
grant select, insert, update, delete on billing.invoice to app_billing;
grant select on billing.invoice to grp_read;
grant select on billing.account to app_billing, grp_read;
grant select on billing.rate to public;

-- Views of all kinds, materialized views filled and not.
set role owner_shop;
create view shop.v_orders as select o.id, c.name, o.total from shop.orders o join shop.customer c on c.id = o.customer_id;
create view shop.v_barrier with (security_barrier = true) as select id, name from shop.customer where name <> 'x';
create view shop.v_invoker
    with (security_invoker = on) -- since 15
    as select id, state from shop.orders;
create materialized view reporting.m_sales as select state, count(*) as n from shop.orders group by state;
create materialized view reporting.m_empty as select id from shop.customer with no data;
reset role;
create view billing.v_inv as select i.id, o.total from billing.invoice i join shop.orders o on o.id = i.order_id;
alter view billing.v_inv owner to owner_billing;
grant select on shop.orders to owner_billing;
grant usage on schema shop to owner_billing;
create rule no_delete as on delete to shop.v_invoker do instead nothing;
grant select on shop.v_orders, shop.v_barrier, shop.v_invoker to grp_read;
grant select on billing.v_inv to app_billing;
grant select on reporting.m_sales, reporting.m_empty to app_report, grp_read;

-- Triggers in every state.
create trigger audit_orders after insert or update on shop.orders for each row execute function shop.audit();
create trigger "odd trigger" before update on shop.customer for each row when (old.name is distinct from new.name) execute function shop.audit();
create trigger audit_lines after delete on shop.order_line for each row execute function shop.audit();
create trigger audit_rate after update on billing.rate for each row execute function shop.audit();
alter table shop.orders enable always trigger audit_orders;
alter table shop.order_line disable trigger audit_lines;

-- Foreign data.
create foreign data wrapper dummy;
create server remote foreign data wrapper postgres_fdw options (host 'old-db.example', dbname 'legacy', port '5432');
create server "odd server" foreign data wrapper dummy options (endpoint 'https://x.example/', api_token 'canary-server');
create server files foreign data wrapper file_fdw;
create user mapping for app_shop server remote options (user 'remote_app', password 'canary-mapping');
create user mapping for public server remote options (user 'guest', password 'canary-public-mapping');
create user mapping for "PUBLIC" server "odd server" options (user 'pub', key 'canary-odd-mapping');
create foreign table billing.customer_far (id int, name text) server remote options (schema_name 'shop', table_name 'customer');
grant usage on foreign server remote to app_billing with grant option;
grant usage on foreign data wrapper dummy to deployer;
grant usage on foreign server "odd server" to "PUBLIC";
grant select, update (name) on billing.customer_far to app_billing;
alter server remote owner to owner_shop;

-- Languages, large objects, parameters, catalogs.
revoke usage on language plpgsql from public;
grant usage on language plpgsql to deployer, owner_shop;
select lo_create(4711);
alter large object 4711 owner to owner_shop;
grant select on large object 4711 to grp_read;
grant select, update on large object 4711 to app_shop with grant option;
select lo_create(4712);
grant execute on function pg_catalog.pg_ls_logdir() to auditor;
revoke execute on function pg_catalog.pg_sleep(double precision) from public;
grant select (rolname, rolpassword) on pg_catalog.pg_authid to auditor;
grant select on pg_catalog.pg_statistic to grp_read;

-- Publications, event triggers, default privileges, settings of the database.
create publication pub_orders for table shop.customer
    (id, name) -- since 15
    , shop.orders
    where (id > 0) -- since 15
    with (publish = 'insert, update');
create publication pub_schema for tables in schema reporting, billing; -- since 15
create publication pub_all for all tables;
alter publication pub_orders owner to deployer;
create function shop.on_ddl() returns event_trigger language plpgsql as $$ begin end $$;
create event trigger ddl_end on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE') execute function shop.on_ddl();
create event trigger sql_drop on sql_drop execute function shop.on_ddl();
alter event trigger sql_drop disable;
alter default privileges for role owner_shop in schema shop grant select on tables to grp_read;
alter default privileges for role owner_shop grant usage on sequences to grp_write;
alter default privileges for role owner_shop revoke execute on functions from public;
alter default privileges for role deployer in schema billing grant select, insert on tables to app_billing with grant option;
alter default privileges for role owner_billing grant usage on types to "PUBLIC";
alter default privileges grant usage on schemas to auditor;
alter default privileges for role owner_shop grant select on large objects to grp_read; -- since 18

-- Rows and positions.
insert into shop.customer (name) values ('Ada'), ('Grace');
insert into shop.orders (customer_id, total) values (1, 10), (2, 20);
insert into billing.account values (1, 'app_billing', 5);
select nextval('shop.invoice_number');
refresh materialized view reporting.m_sales;

do $$
begin
    execute format('alter database %I set timezone = %L', current_database(), 'Europe/Berlin');
    execute format('alter role app_shop in database %I set search_path = shop, public', current_database());
    execute format('alter role app_billing in database %I set search_path = billing, "Odd.schema"', current_database());
    execute format('alter database %I connection limit 200', current_database());
    execute format('revoke connect, temporary on database %I from public', current_database());
    execute format('grant connect on database %I to grp_read, app_billing, etl, auditor, monitor, plain, deployer', current_database());
    execute format('grant temporary on database %I to etl', current_database());
    execute format('alter database %I owner to deployer', current_database());
    execute 'grant set on parameter log_min_duration_statement to deployer'; -- since 15
    execute 'grant set, alter system on parameter work_mem to etl with grant option'; -- since 15
end
$$;
