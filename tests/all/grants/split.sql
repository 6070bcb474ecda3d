-- The database that checks/split/map.yaml is about: `shop`, with two schemas, something shared, and functions in public.
create role shop_owner;
create role shop_app login password 'shop-secret';
create role etl login password 'etl-secret';
create role shop_report login password 'report-secret';
create database shop owner shop_owner;
revoke connect, temporary on database shop from public;
grant connect on database shop to shop_app, etl, shop_report;
alter role shop_app in database shop set search_path = billing, shop, public;
\connect shop
set role shop_owner;
create schema ref;
create table ref.country (code text primary key, name text);
insert into ref.country values ('at', 'Austria');
create schema shop;
create table shop.customer (id int generated always as identity primary key, name text, country text references ref.country);
create table shop.orders (id int generated always as identity primary key, customer int references shop.customer);
insert into shop.customer (name, country) values ('Ada', 'at');
create table public.rates (country text references ref.country, rate numeric);
create function public.calc_tax(country text, amount numeric) returns numeric language sql stable security definer
    set search_path = pg_catalog, pg_temp
    as 'select amount * rate from public.rates where rates.country = $1';
revoke execute on function public.calc_tax(text, numeric) from public;
create schema billing;
create table billing.invoice (id int generated always as identity primary key, customer int, amount numeric);
create view billing.v_invoice as select i.id, c.name, i.amount from billing.invoice i join shop.customer c on c.id = i.customer;
grant usage on schema ref, shop, billing to shop_app;
grant usage on schema billing to etl;
grant select on all tables in schema ref to shop_app;
grant select, insert, update on all tables in schema shop, billing to shop_app;
grant usage on all sequences in schema billing to shop_app;
grant select on billing.invoice to etl;
grant usage on schema shop to shop_report;
grant select on shop.orders to shop_report;
grant select on public.rates to shop_app;
grant execute on function public.calc_tax(text, numeric) to shop_app;
reset role;
create schema monitoring;
create extension pg_stat_statements schema monitoring;
-- The workload begins here, without what has made the database.
set pg_stat_statements.track = none;
select monitoring.pg_stat_statements_reset();
