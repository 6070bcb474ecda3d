//! What the database holds, and what the application may do there.

use super::super::Lab;
use super::super::daemon::Daemon;
use super::super::fault::Fault;
use super::super::fault::Shows::Breaks;
use super::super::network::Host;
use super::database::{READ, WRITE, stays};

const QUALIFIED: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select count(*) from core.orders' }";
const COLUMN: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select total from core.orders' }";
const FUNCTION: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select core.tax(10)' }";
const SLOW: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select clock_timestamp(), pg_sleep(0.4)' }";
const VIEW: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select total from core.totals' }";
const FRESH: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select count(*) from core.fresh' }";
const FOREIGN: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select count(*) from core.bills' }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("db-42P01-table-missing", QUALIFIED, Breaks("payload"), |lab| {
        lab.sql("alter table core.orders rename to orders_old", "alter table core.orders_old rename to orders");
    }),
    Fault::new("db-42P01-search-path", READ, Breaks("payload"), |lab| {
        lab.sql("alter role app1 in database orders reset search_path", SEARCH_PATH);
    }),
    Fault::new("db-42704-type-or-role-setting", READ, Breaks("payload"), |lab| {
        lab.sql("alter role app1 in database orders set search_path = nosuch", SEARCH_PATH);
    })
    .or(&["db-42P01-search-path"]),
    Fault::new("db-search-path-shadow", READ, Breaks("payload"), |lab| {
        lab.sql(
            "create table app1.orders (id int, total numeric); grant select on app1.orders to app1",
            "drop table app1.orders",
        );
    })
    .or(&["app-empty-result"]),
    Fault::new("db-42P01-no-usage-temp", QUALIFIED, Breaks("payload"), |lab| {
        lab.sql("revoke usage on schema core from app1", "grant usage on schema core to app1");
    }),
    Fault::new("db-42501-connect", READ, Breaks("auth"), |lab| {
        lab.sql("revoke connect on database orders from public", "grant connect on database orders to public");
    }),
    Fault::new("db-42501-table", READ, Breaks("payload"), |lab| {
        lab.sql("revoke select on core.orders from app1", "grant select on core.orders to app1");
    }),
    Fault::new("db-42501-table-write-only", WRITE, Breaks("payload"), |lab| {
        lab.sql("revoke insert on core.orders from app1", "grant insert on core.orders to app1");
    }),
    Fault::new("db-42501-column", COLUMN, Breaks("payload"), |lab| {
        lab.sql(
            "revoke select on core.orders from app1; grant select (id) on core.orders to app1",
            "revoke select (id) on core.orders from app1; grant select on core.orders to app1",
        );
    })
    .or(&["db-42501-table"]),
    Fault::new("db-42501-sequence", WRITE, Breaks("payload"), |lab| {
        lab.sql(
            "revoke all on sequence core.orders_id_seq from app1",
            "grant usage, select on sequence core.orders_id_seq to app1",
        );
    }),
    Fault::new("db-42501-function", FUNCTION, Breaks("payload"), |lab| {
        lab.sql(
            "revoke execute on function core.tax(numeric) from app1",
            "grant execute on function core.tax(numeric) to app1",
        );
    }),
    Fault::new("db-42501-view-owner", VIEW, Breaks("payload"), |lab| {
        lab.sql("alter view core.totals owner to app2", "alter view core.totals owner to owner1");
    }),
    Fault::new("db-rls-hides-all", READ, Breaks("payload"), |lab| {
        lab.sql(
            "alter table core.orders enable row level security",
            "alter table core.orders disable row level security",
        );
    })
    .or(&["app-empty-result"]),
    Fault::new("db-default-privileges-missing", FRESH, Breaks("payload"), |lab| {
        lab.sql(
            "set role owner1; alter default privileges in schema core revoke select on tables from app1; drop table core.fresh; create table core.fresh (id int)",
            "set role owner1; alter default privileges in schema core grant select on tables to app1; drop table core.fresh; create table core.fresh (id int)",
        );
    })
    .or(&["db-42501-table"]),
    Fault::new("db-57014-statement-timeout", READ, Breaks("payload"), |lab| {
        lab.sql("alter role app1 set statement_timeout = '300ms'", "alter role app1 reset statement_timeout");
        lock(lab);
    }),
    Fault::new("db-55P03-lock-timeout", READ, Breaks("payload"), |lab| {
        lab.sql("alter role app1 set lock_timeout = '300ms'", "alter role app1 reset lock_timeout");
        lock(lab);
    }),
    // The session is ended by another one of the same role, which then stops.
    Fault::new("db-57P01-admin-shutdown", SLOW, Breaks("payload"), |lab| {
        let end = "do $$ begin for i in 1..200 loop perform pg_sleep(0.05), pg_stat_clear_snapshot(); \
            perform pg_terminate_backend(pid) from pg_stat_activity where query like '%clock%' and pid <> pg_backend_pid(); \
            exit when found; end loop; end $$ -- clock";
        let log = lab.folder.path().join("end.log");
        let role = "host=192.0.2.40 dbname=orders user=app1 password=app1-secret";
        stays(lab, Daemon::start(lab.at(Host::Db), &log, &["psql", "-X", "-d", role, "-c", end]));
    }),
    Fault::new("db-23505-sequence-behind", WRITE, Breaks("payload"), |lab| {
        lab.sql("select setval('core.orders_id_seq', 1)", "select setval('core.orders_id_seq', 1000)");
    }),
    Fault::new("db-42883-function-missing", FUNCTION, Breaks("payload"), |lab| {
        lab.sql(
            "alter function core.tax(numeric) rename to duty",
            "alter function core.duty(numeric) rename to tax",
        );
    }),
    Fault::new("db-3F000-schema-missing", FUNCTION, Breaks("payload"), |lab| {
        lab.sql("alter schema core rename to core_old", "alter schema core_old rename to core");
    }),
    Fault::new("db-fdw-user-mapping", FOREIGN, Breaks("payload"), |lab| {
        lab.sql(
            "drop user mapping for app1 server half",
            "create user mapping for app1 server half options (user 'app1', password 'app1-secret')",
        );
    }),
    Fault::new("db-fdw-remote-down", FOREIGN, Breaks("payload"), |lab| {
        lab.sql(
            "alter server half options (set port '5433')",
            "alter server half options (set port '5432')",
        );
    }),
];

const SEARCH_PATH: &str = "alter role app1 in database orders set search_path = app1, core, public";

/// A session of a migration that keeps the table locked.
fn lock(lab: &Lab) {
    let log = lab.folder.path().join("lock.log");
    let owner = "host=192.0.2.40 dbname=orders user=owner1 password=owner1-secret";
    let work = "begin; lock table core.orders in access exclusive mode; select pg_sleep(60)";
    stays(lab, Daemon::start(lab.at(Host::Db), &log, &["psql", "-X", "-d", owner, "-c", work]));
    let locked = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted and relation = 'core.orders'::regclass";
    super::super::namespace::wait_until("the table is locked", || {
        lab.with_cluster(|cluster| cluster.sql("orders", locked)) == "1"
    });
}
