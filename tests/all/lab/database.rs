//! PostgreSQL on the database host, and PgBouncer in front of it.

use std::os::unix::fs::chown;

use super::Lab;
use super::daemon::Daemon;
use super::network::Host;
use super::pki::leaf;
use crate::support::certificates::Files;
use crate::support::postgres::{Cluster, Setup};

/// Who may log in, and how.
pub(super) const HBA: [&str; 4] = [
    "host all app9 198.51.100.10/32 trust",
    "host all all 198.51.100.10/32 scram-sha-256",
    "host all all 192.0.2.0/24 scram-sha-256",
    "host all all 127.0.0.1/32 scram-sha-256",
];

/// The databases, roles and tables as they should be.
const SQL: [&str; 9] = [
    "create role owner1 login password 'owner1-secret'",
    "create role app1 login password 'app1-secret'",
    "create role app2 login password 'app2-secret'",
    "create role app9 login",
    "create database orders owner owner1",
    "create database billing owner owner1",
    "create database orders_old owner owner1",
    "create database reports owner owner1 template template0 locale_provider icu icu_locale 'en-US'",
    "alter role app1 in database orders set search_path = app1, core, public",
];

/// What is in the database of orders.
const ORDERS: &str = "
    create extension postgres_fdw;
    create extension dblink;
    create schema app1 authorization owner1;
    create schema core authorization owner1;
    create extension pgcrypto schema core;
    set role owner1;
    create table core.orders (id serial primary key, total numeric not null);
    insert into core.orders (total) values (1), (2), (3);
    create table core.prices (id int, amount numeric);
    create view core.totals as select sum(total) as total from core.orders;
    create function core.tax(numeric) returns numeric language sql as 'select $1 * 0.2';
    revoke execute on function core.tax(numeric) from public;
    create table core.identity (system text);
    insert into core.identity values ('orders');
    alter default privileges in schema core grant select on tables to app1;
    create table core.fresh (id int);
    create table core.copied (id int);
    insert into core.copied values (1), (2), (3);
    grant usage on schema app1, core to app1;
    grant select, insert on core.orders to app1;
    grant usage, select on sequence core.orders_id_seq to app1;
    grant select on core.totals, core.identity, core.prices, core.copied to app1;
    grant execute on function core.tax(numeric) to app1;
    reset role;
    create server half foreign data wrapper postgres_fdw options (host '127.0.0.1', port '5432', dbname 'billing');
    create user mapping for app1 server half options (user 'app1', password 'app1-secret');
    create foreign table core.bills (id int) server half options (schema_name 'public', table_name 'bills');
    grant select on core.bills to app1;
";

/// A job of the database of orders that looks into the other half.
pub(super) const NIGHTLY: &str = "create or replace function core.nightly() returns bigint language sql as $$ select n from public.dblink('host=127.0.0.1 dbname=billing user=app1 password=app1-secret', 'select count(*) from bills') as t(n bigint) $$";

/// What is in the other half.
const BILLING: &str = "
    create schema core authorization owner1;
    create table core.copied (id int);
    create table bills (id int);
    insert into bills values (1);
    create table core.identity (system text);
    insert into core.identity values ('billing');
    grant usage on schema core to app1;
    grant select on bills, core.identity to app1;
";

/// What was left behind by the split.
const OLD: &str = "
    create schema core authorization owner1;
    create table core.orders (id int, total numeric);
    insert into core.orders values (1, 1);
    grant usage on schema core to app1;
    grant select on core.orders to app1;
";

/// Start PostgreSQL, healthy; nothing, said aloud, where it is missing.
pub(super) fn start(lab: &Lab) -> bool {
    let certificate = lab.pki.issue("db", &lab.pki.issuing, &leaf(&["db.corp.test"], "db.corp.test"));
    let files = Files { certificate: certificate.chain.into(), key: certificate.key.into() };
    let cluster = Cluster::start(&Setup {
        namespace: Some(&lab.at(Host::Db).name),
        hba: &HBA,
        tls: Some(&files),
        sql: &SQL,
        ..Setup::default()
    });
    let Some(cluster) = cluster else { return false };
    cluster.sql("orders", ORDERS);
    cluster.sql("orders", NIGHTLY);
    cluster.sql("billing", BILLING);
    cluster.sql("orders_old", OLD);
    *lab.cluster.borrow_mut() = Some(cluster);
    pgbouncer(lab, "");
    true
}

impl Lab {
    /// The server that runs.
    pub(super) fn with_cluster<T>(&self, work: impl FnOnce(&mut Cluster) -> T) -> T {
        work(self.cluster.borrow_mut().as_mut().expect("the family starts it"))
    }

    /// Statements in the database of orders, and those that take them back.
    pub(super) fn sql(&self, forth: &str, back: &'static str) {
        self.with_cluster(|cluster| cluster.sql("orders", forth));
        self.undo(move |lab| {
            lab.with_cluster(|cluster| cluster.sql("orders", back));
        });
    }

    /// A setting that takes effect at the next start.
    pub(super) fn restarted_with(&self, setting: &'static str, value: &str) {
        self.with_cluster(|cluster| {
            cluster.sql("postgres", &format!("alter system set {setting} = {value}"));
            cluster.restart(|_| ());
        });
        self.undo(move |lab| {
            lab.with_cluster(|cluster| {
                cluster.restart(|data| {
                    let file = data.join("postgresql.auto.conf");
                    let text = std::fs::read_to_string(&file).expect("its settings");
                    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with(setting)).collect();
                    std::fs::write(&file, kept.join("\n") + "\n").expect("its settings");
                });
            });
        });
    }

    /// Another `pg_hba.conf`.
    pub(super) fn hba(&self, lines: &[&str]) {
        write_hba(self, lines);
        self.undo(|lab| write_hba(lab, &HBA));
    }
}

fn write_hba(lab: &Lab, lines: &[&str]) {
    lab.with_cluster(|cluster| {
        let text = ["local all admin trust"].iter().chain(lines).copied().collect::<Vec<_>>().join("\n");
        std::fs::write(cluster.data().join("pg_hba.conf"), text + "\n").expect("pg_hba.conf");
        reload(cluster);
    });
}

/// Read the configuration again, and wait until the server has.
pub(super) fn reload(cluster: &Cluster) {
    let loaded = || cluster.sql("postgres", "select pg_conf_load_time()");
    let before = loaded();
    cluster.sql("postgres", "select pg_reload_conf()");
    super::namespace::wait_until("the configuration is read again", || loaded() != before);
}

/// Put PgBouncer with these further settings in the place of the one that runs; later ones win.
pub(super) fn pgbouncer(lab: &Lab, settings: &str) {
    let databases = "orders = host=127.0.0.1 port=5432 dbname=orders\n";
    pooled(lab, databases, "\"app1\" \"app1-secret\"\n\"app2\" \"app2-secret\"\n", settings);
}

/// Put PgBouncer with these databases and users in the place of the one that runs.
pub(super) fn pooled(lab: &Lab, databases: &str, users: &str, settings: &str) {
    lab.daemons.borrow_mut().remove("pgbouncer");
    let list = lab.file("userlist.txt", users);
    let text = format!(
        "[databases]\n{databases}[pgbouncer]\nlisten_addr = 192.0.2.40\nlisten_port = 6432\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {list}\nignore_startup_parameters = extra_float_digits,statement_timeout,options\nserver_login_retry = 1\n{settings}\n"
    );
    let file = lab.file("pgbouncer.ini", &text);
    let owner = nix::unistd::User::from_name("postgres").ok().flatten().expect("the package's user");
    std::fs::set_permissions(lab.folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("a mode");
    for path in [&file, &list] {
        chown(path, Some(owner.uid.as_raw()), Some(owner.gid.as_raw())).expect("an owner");
    }
    let log = lab.folder.path().join("pgbouncer.log");
    let mut daemon = Daemon::start(lab.at(Host::Db), &log, &["pgbouncer", "-u", "postgres", &file]);
    daemon.wait_for(lab.at(Host::Db), "192.0.2.40:6432");
    lab.daemons.borrow_mut().insert("pgbouncer", daemon);
}
