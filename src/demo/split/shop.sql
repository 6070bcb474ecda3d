-- The database `shop` before the night, as it has grown: two applications, a group, and what DBAs set by hand.
create role shop_owner;
create role shop_staff;
create role app1_rw login password :'app1_password';
create role app2_rw login password :'app2_password';
grant shop_staff to app1_rw;

create database shop owner shop_owner;
revoke connect, temporary on database shop from public;
grant connect on database shop to app1_rw, app2_rw;
alter role app1_rw in database shop set search_path = customers;
alter role app2_rw in database shop set search_path = orders;

\connect shop
set role shop_owner;
create schema orders;
grant usage on schema orders to app2_rw;
create table orders.orders (id int generated always as identity primary key, customer int, article text);
create view orders.latest as select id, article from orders.orders order by id desc limit 10;
grant select, insert, update on orders.orders to app2_rw;
grant select on orders.latest to app2_rw;
insert into orders.orders (customer, article) values (1, 'lamp'), (1, 'table'), (2, 'chair');

create schema customers;
grant usage on schema customers to app1_rw, shop_staff;
create table customers.customers (id int generated always as identity primary key, name text);
create table customers.addresses (customer int references customers.customers, town text);
create function customers.forget(customer int) returns void language sql security definer
    set search_path = customers, pg_temp
    as 'delete from addresses where addresses.customer = $1; delete from customers where id = $1';
grant select, insert, update on customers.customers to app1_rw;
grant select, insert, update on customers.addresses to shop_staff;
revoke execute on function customers.forget(int) from public;
grant execute on function customers.forget(int) to shop_staff;
insert into customers.customers (name) values ('Ada'), ('Grace');
insert into customers.addresses values (1, 'London'), (2, 'Arlington');

-- What a later release adds to the shop, Application 2 is to read.
alter default privileges grant select on tables to app2_rw;
reset role;

\if :recorded
create schema monitoring;
create extension pg_stat_statements schema monitoring;
select monitoring.pg_stat_statements_reset();
\endif
