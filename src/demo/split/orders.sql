-- The database for the orders, by hand: its owner, and monitoring as everywhere.
create database orders owner shop_owner;
\if :recorded
\connect orders
create schema monitoring;
create extension pg_stat_statements schema monitoring;
\endif
