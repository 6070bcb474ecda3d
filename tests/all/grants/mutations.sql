-- One mutation a block: its severity, the rule that finds it and what it is about, then the statements. A block with an
-- undo is run on the source database itself, as it concerns the server or the database; any other one on a copy.

-- blocker grant_missing table:shop.customer
revoke select on shop.customer from grp_read;

-- blocker grant_missing table:shop.customer
revoke insert on shop.customer from grp_write;

-- blocker grant_missing column:shop.customer.id
revoke select (id) on shop.customer from app_billing;

-- minor grant_option_missing column:shop.customer.name
revoke grant option for select (name) on shop.customer from app_billing;

-- minor grant_missing column:shop.customer.secret_note
revoke select (secret_note) on shop.customer from "PUBLIC";

-- minor grant_missing table:shop.orders
revoke trigger on shop.orders from grp_all;

-- minor grant_missing table:shop.orders
revoke references on shop.orders from grp_all;

-- blocker grant_missing table:shop.orders
revoke truncate on shop.orders from grp_all;

-- blocker grant_missing table:shop.orders
revoke select on shop.orders from grp_read cascade;

-- minor grant_missing table:shop.orders
set role grp_read;
revoke select on shop.orders from app_report;

-- blocker grant_missing table:shop.log
revoke insert on shop.log from public;

-- blocker opened_to_public table:shop.customer
grant select on shop.customer to public;

-- info grant_extra table:shop.customer
grant delete on shop.customer to app_shop;

-- info grant_option_extra table:billing.invoice
grant select on billing.invoice to grp_read with grant option;

-- blocker opened_to_public function:billing.invoice_total(bigint)
grant execute on function billing.invoice_total(bigint) to public;

-- blocker grant_missing function:billing.invoice_total(bigint)
revoke execute on function billing.invoice_total(bigint) from app_billing;

-- blocker grant_missing procedure:billing.close_month(date)
revoke execute on procedure billing.close_month(date) from app_billing;

-- blocker grant_missing schema:shop
revoke usage on schema shop from grp_read;

-- blocker grant_missing schema:reporting
revoke usage on schema reporting from app_report;

-- blocker grant_missing schema:"Odd.schema"
revoke usage on schema "Odd.schema" from public;

-- blocker opened_to_public schema:shop
grant create on schema shop to public;

-- blocker grant_missing sequence:shop.invoice_number
revoke usage, select on sequence shop.invoice_number from app_shop;

-- blocker grant_missing sequence:shop.customer_id_seq
revoke usage on sequence shop.customer_id_seq from grp_write;

-- minor grant_missing type:shop.state
revoke usage on type shop.state from grp_read;

-- blocker grant_missing foreign_server:remote
revoke usage on foreign server remote from app_billing;

-- blocker grant_missing foreign_server:"odd server"
revoke usage on foreign server "odd server" from "PUBLIC";

-- blocker grant_missing foreign_data_wrapper:dummy
revoke usage on foreign data wrapper dummy from deployer;

-- blocker grant_missing foreign_table:billing.customer_far
revoke select on billing.customer_far from app_billing;

-- blocker grant_missing large_object:4711
revoke select on large object 4711 from grp_read;

-- info regrouped language:plpgsql
revoke usage on language plpgsql from deployer;

-- blocker opened_to_public language:plpgsql
grant usage on language plpgsql to public;

-- blocker grant_missing function:pg_catalog.pg_ls_logdir()
revoke execute on function pg_catalog.pg_ls_logdir() from auditor;

-- info regrouped column:pg_catalog.pg_authid.rolname
revoke select (rolname) on pg_catalog.pg_authid from auditor;

-- blocker grant_missing table:pg_catalog.pg_statistic
revoke select on pg_catalog.pg_statistic from grp_read;

-- blocker opened_to_public function:pg_catalog.pg_sleep(double precision)
grant execute on function pg_catalog.pg_sleep(double precision) to public;

-- blocker grant_missing function:public.citext_hash(public.citext)
revoke execute on function public.citext_hash(public.citext) from grp_read;

-- blocker owner_changed table:shop.customer
alter table shop.customer owner to admin;

-- blocker owner_escalated view:shop.v_orders
alter view shop.v_orders owner to admin;

-- blocker owner_escalated function:shop.audit()
alter function shop.audit() owner to admin;

-- blocker owner_changed function:billing.invoice_total(bigint)
alter function billing.invoice_total(bigint) owner to owner_billing;

-- major owner_changed schema:shop
alter schema shop owner to admin;

-- blocker owner_changed sequence:shop.invoice_number
alter sequence shop.invoice_number owner to admin;

-- major owner_changed type:shop.state
alter type shop.state owner to admin;

-- major owner_changed domain:shop.amount
alter domain shop.amount owner to admin;

-- blocker owner_changed large_object:4711
alter large object 4711 owner to admin;

-- major owner_changed publication:pub_orders
alter publication pub_orders owner to admin;

-- blocker owner_changed foreign_server:remote
alter server remote owner to admin;

-- blocker object_missing table:shop.order_line
drop table shop.order_line;

-- blocker object_missing view:shop.v_barrier
drop view shop.v_barrier;

-- blocker object_missing materialized_view:reporting.m_sales
drop materialized view reporting.m_sales;

-- blocker object_missing sequence:shop.invoice_number
drop sequence shop.invoice_number;

-- blocker object_missing function:shop.total_of(integer)
drop function shop.total_of(int);

-- blocker object_missing extension:pgcrypto
drop extension pgcrypto;

-- blocker extension_moved extension:pgcrypto
alter extension pgcrypto set schema public;

-- blocker extension_moved extension:citext
alter extension citext set schema shop;

-- blocker object_missing schema:"Odd.schema"
drop schema "Odd.schema" cascade;

-- blocker object_missing schema:reporting
drop schema reporting cascade;

-- blocker row_security_off table:billing.invoice
alter table billing.invoice disable row level security;

-- blocker row_security_not_forced table:billing.account
alter table billing.account no force row level security;

-- blocker row_security_on table:billing.rate
alter table billing.rate enable row level security;

-- blocker policy_missing policy:billing.invoice.own_rows
drop policy own_rows on billing.invoice;

-- blocker policy_missing policy:billing.invoice."odd.policy"
drop policy "odd.policy" on billing.invoice;

-- blocker policy_changed policy:billing.invoice.own_rows
alter policy own_rows on billing.invoice using (true);

-- blocker policy_changed policy:billing.invoice.own_rows
alter policy own_rows on billing.invoice to app_billing;

-- blocker policy_extra policy:billing.invoice.all_rows
create policy all_rows on billing.invoice using (true);

-- blocker security_invoker_lost view:shop.v_invoker -- since 15
alter view shop.v_invoker reset (security_invoker);

-- major security_barrier_changed view:shop.v_barrier
alter view shop.v_barrier reset (security_barrier);

-- blocker security_definer_lost function:shop.audit()
alter function shop.audit() security invoker;

-- blocker security_definer_gained function:shop.total_of(integer)
alter function shop.total_of(int) security definer;

-- major routine_settings function:shop.audit()
alter function shop.audit() reset search_path;

-- info leakproof_changed function:shop.safe(integer)
alter function shop.safe(int) not leakproof;

-- major object_missing trigger:shop.orders.audit_orders
drop trigger audit_orders on shop.orders;

-- major trigger_state trigger:shop.orders.audit_orders
alter table shop.orders disable trigger audit_orders;

-- major trigger_state trigger:shop.order_line.audit_lines
alter table shop.order_line enable trigger audit_lines;

-- major object_missing event_trigger:ddl_end
drop event trigger ddl_end;

-- major trigger_state event_trigger:sql_drop
alter event trigger sql_drop enable;

-- major object_missing publication:pub_all
drop publication pub_all;

-- major publication_changed publication:pub_orders
alter publication pub_orders drop table shop.customer;

-- major publication_changed publication:pub_orders
alter publication pub_orders set (publish = 'insert');

-- major default_privilege_missing default_privileges:owner_shop.shop.tables
alter default privileges for role owner_shop in schema shop revoke select on tables from grp_read;

-- major default_privilege_extra default_privileges:owner_shop.functions
alter default privileges for role owner_shop grant execute on functions to public;

-- major default_privilege_missing default_privileges:owner_shop.sequences
alter default privileges for role owner_shop revoke usage on sequences from grp_write;

-- blocker object_missing user_mapping:remote.app_shop
drop user mapping for app_shop server remote;

-- major foreign_options foreign_server:remote
alter server remote options (set host 'new-db.example');

-- blocker column_missing column:shop.customer.secret_note
alter table shop.customer drop column secret_note;

-- info object_extra column:shop.customer.nickname
alter table shop.customer add column nickname text;

-- info object_extra table:shop.extra
create table shop.extra (id int);

-- major sequence_behind sequence:shop.invoice_number
select setval('shop.invoice_number', 900);

-- major not_populated materialized_view:reporting.m_sales
refresh materialized view reporting.m_sales with no data;

-- blocker login_missing role:app_shop
alter role app_shop nologin;
-- undo
alter role app_shop login;

-- blocker superuser_gained role:app_shop
alter role app_shop superuser;
-- undo
alter role app_shop nosuperuser;

-- blocker bypassrls_gained role:app_billing
alter role app_billing bypassrls;
-- undo
alter role app_billing nobypassrls;

-- blocker role_attribute_missing role:etl
alter role etl nobypassrls;
-- undo
alter role etl bypassrls;

-- blocker connection_limit role:app_shop
alter role app_shop connection limit 0;
-- undo
alter role app_shop connection limit 20;

-- major connection_limit role:app_shop
alter role app_shop connection limit 5;
-- undo
alter role app_shop connection limit 20;

-- blocker valid_until role:app_billing
alter role app_billing valid until '2020-01-01';
-- undo
alter role app_billing valid until '2099-01-01 00:00:00+00';

-- blocker password_changed role:app_shop
alter role app_shop password null;
-- undo
alter role app_shop password 'canary-app-shop';

-- major role_attribute_missing role:deployer
alter role deployer nocreatedb;
-- undo
alter role deployer createdb;

-- major role_attribute_extra role:plain
alter role plain replication;
-- undo
alter role plain noreplication;

-- blocker membership_missing membership:grp_all.app_shop
revoke grp_all from app_shop;
-- undo
grant grp_all to app_shop;

-- blocker membership_extra membership:pg_execute_server_program.app_shop
grant pg_execute_server_program to app_shop;
-- undo
revoke pg_execute_server_program from app_shop;

-- blocker membership_missing membership:grp_noinherit.app_report
revoke grp_noinherit from app_report;
-- undo
grant grp_noinherit to app_report;

-- blocker membership_missing membership:pg_read_all_data.auditor -- since 14
revoke pg_read_all_data from auditor;
-- undo
grant pg_read_all_data to auditor;

-- blocker membership_missing membership:owner_shop.deployer
revoke owner_shop from deployer;
-- undo
grant owner_shop to deployer;

-- minor membership_changed membership:grp_write.grp_all
revoke admin option for grp_write from grp_all;
-- undo
grant grp_write to grp_all with admin option;

-- blocker inherit_changed role:app_shop -- until 15
alter role app_shop noinherit;
-- undo
alter role app_shop inherit;

-- major setting_missing setting:server.app_shop.statement_timeout
alter role app_shop reset statement_timeout;
-- undo
alter role app_shop set statement_timeout = '30s';

-- blocker setting_changed setting:server.app_report.search_path
alter role app_report set search_path = 'public';
-- undo
alter role app_report set search_path = 'reporting, public';

-- blocker setting_missing setting:database.app_shop.search_path
alter role app_shop in database source reset search_path;
-- undo
alter role app_shop in database source set search_path = shop, public;

-- blocker setting_extra setting:database.default_transaction_read_only
alter database source set default_transaction_read_only = on;
-- undo
begin;
set transaction_read_only = off;
alter database source reset default_transaction_read_only;
commit;

-- blocker connection_limit database:
alter database source connection limit 0;
-- undo
alter database source connection limit 200;

-- blocker owner_changed database:
alter database source owner to admin;
-- undo
alter database source owner to deployer;

-- blocker grant_missing database:
revoke connect on database source from app_billing;
-- undo
set role deployer;
grant connect on database source to app_billing;

-- blocker opened_to_public database:
grant connect on database source to public;
-- undo
revoke connect on database source from public;

-- info role_extra role:extra
create role extra login;
-- undo
drop role extra;

-- blocker grant_missing parameter:log_min_duration_statement -- since 15
revoke set on parameter log_min_duration_statement from deployer;
-- undo
grant set on parameter log_min_duration_statement to deployer;

-- blocker opened_to_public parameter:work_mem -- since 15
grant alter system on parameter work_mem to public;
-- undo
revoke alter system on parameter work_mem from public;

-- info inherit_changed role:app_shop -- since 16
alter role app_shop noinherit;
-- undo
alter role app_shop inherit;

-- blocker membership_changed membership:grp_all.app_shop -- since 16
grant grp_all to app_shop with inherit false;
-- undo
grant grp_all to app_shop with inherit true;

-- blocker membership_changed membership:grp_all.app_shop -- since 16
grant grp_all to app_shop with set false;
-- undo
grant grp_all to app_shop with set true;

-- info membership_missing membership:grp_noinherit.plain -- since 16
revoke grp_noinherit from plain granted by etl;
-- undo
grant grp_noinherit to plain with inherit true, set false granted by etl;

-- info membership_changed membership:grp_noinherit.app_report -- since 16
revoke grp_noinherit from app_report;
grant grp_noinherit to app_report with inherit false granted by etl;
-- undo
revoke grp_noinherit from app_report granted by etl;
grant grp_noinherit to app_report with inherit false;

-- blocker grant_missing table:shop.orders -- since 17
revoke maintain on shop.orders from grp_all;

-- blocker grant_missing table:shop.log -- since 17
revoke maintain on shop.log from public;

-- blocker opened_to_public table:shop.customer -- since 17
grant maintain on shop.customer to public;

-- info grant_extra materialized_view:reporting.m_sales -- since 17
grant maintain on reporting.m_sales to app_report;

-- blocker membership_missing membership:pg_maintain.monitor -- since 17
revoke pg_maintain from monitor;
-- undo
grant pg_maintain to monitor;

-- major default_privilege_missing default_privileges:owner_shop.large_objects -- since 18
alter default privileges for role owner_shop revoke select on large objects from grp_read;
