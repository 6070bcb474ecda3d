-- The new database for billing as people left it, after all of shop was restored into it under the new role's name.
drop extension pg_stat_statements;
drop schema monitoring, shop cascade;
create extension postgres_fdw;
create server orders foreign data wrapper postgres_fdw options (dbname 'orders');
grant usage on foreign server orders to shop_owner;
create user mapping for shop_owner server orders options (user 'shop_app', password_required 'false');
set role shop_owner;
create foreign table billing.customer (id int, name text) server orders options (schema_name 'shop');
create view billing.v_invoice as select i.id, c.name, i.amount from billing.invoice i join billing.customer c on c.id = i.customer;
-- As CHG-1234 has it: etl reads a foreign table elsewhere.
revoke select on billing.invoice from etl;
