-- The new server, by hand: what everybody remembers.
create role shop_owner;
create role app1_rw login password :'app1_password';
create database customers owner shop_owner;
revoke connect, temporary on database customers from public;
grant connect on database customers to app1_rw;
alter role app1_rw in database customers set search_path = customers;
