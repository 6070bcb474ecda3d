grant usage on schema customers to app1_rw;
grant select, insert, update on customers.customers to app1_rw;
