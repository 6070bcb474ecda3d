//! What the database server's own host lacks, and what leads from one database to another.

use super::super::Lab;
use super::super::database::HBA;
use super::super::fault::Fault;
use super::super::fault::Shows::{Breaks, Errs, Passes};
use super::super::namespace::{run, wait_until};
use super::database::READ;

const BULK: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', read_only: false, query: 'with w as (insert into core.orders (total) select 4 from generate_series(1, 4000) returning id) select count(*) from w', expect: { value: { at_least: 4000 } } }";
const DIGEST: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: \"select core.digest('a', 'sha256') is not null\" }";
const SORTED: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/reports?sslmode=disable' }";
const NIGHTLY: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select core.nightly()' }";
const COPIED: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select max(id) from core.copied', expect: { value: { at_least: 3 } } }";
const BY_SCRAM: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable&require_auth=scram-sha-256' }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("db-53100-disk-full", BULK, Breaks("payload"), |lab| {
        let path = lab.folder.path().join("small").display().to_string();
        std::fs::create_dir_all(&path).expect("a folder");
        let owner = nix::unistd::User::from_name("postgres").ok().flatten().expect("the package's user");
        let options = format!("size=1m,uid={},mode=700", owner.uid);
        as_the_server_sees(lab, &["mount", "-t", "tmpfs", "-o", &options, "small", &path]);
        on(lab, "postgres", &format!("create tablespace small location '{path}'"));
        on(lab, "orders", "alter table core.orders set tablespace small");
        on(lab, "orders", "create table filler (t text) with (autovacuum_enabled = off) tablespace small");
        on(
            lab,
            "orders",
            "do $$ begin loop insert into filler values (repeat('x', 400)); end loop; exception when disk_full then null; end $$",
        );
        lab.undo(move |lab| {
            on(lab, "orders", "drop table filler; alter table core.orders set tablespace pg_default");
            on(lab, "postgres", "drop tablespace small");
            as_the_server_sees(lab, &["umount", &path]);
        });
    }),
    // A restore brings the name of the function; the package of the extension was not installed.
    Fault::new("db-extension-missing", DIGEST, Breaks("payload"), |lab| {
        lab.sql(
            "update pg_proc set probin = '$libdir/pgcrypto-1.4' where proname = 'digest'",
            "update pg_proc set probin = '$libdir/pgcrypto' where proname = 'digest'",
        );
    }),
    Fault::new("db-collation-version", SORTED, Passes, |lab| {
        lab.sql(
            "update pg_database set datcollversion = '57.1' where datname = 'reports'",
            "update pg_database set datcollversion = pg_database_collation_actual_version(oid) where datname = 'reports'",
        );
    }),
    Fault::new("db-auth-method-unsupported", READ, Errs, |lab| {
        lab.hba(&[&["host all all 198.51.100.10/32 gss"][..], &HBA].concat());
    }),
    Fault::new("db-auth-method-unsupported", BY_SCRAM, Breaks("auth"), |lab| {
        lab.hba(&[&["host all all 198.51.100.10/32 password"][..], &HBA].concat());
    }),
    Fault::new("db-dblink-job-old-host", NIGHTLY, Breaks("payload"), |lab| {
        lab.sql(&nightly("203.0.113.22"), NIGHTLY_HERE);
    }),
    Fault::new("db-publication-subscription-stalled", COPIED, Breaks("payload"), |lab| {
        replicated(lab);
        on(lab, "orders", "alter subscription halves disable; delete from core.copied where id = 3");
    }),
    // The publisher was set up anew, and its slot was not.
    Fault::new("db-publication-subscription-stalled", COPIED, Breaks("payload"), |lab| {
        replicated(lab);
        let worker = "select count(*) from pg_stat_subscription where pid is not null";
        wait_until("the subscription works", || on(lab, "orders", worker) == "1");
        on(lab, "orders", "alter subscription halves disable");
        wait_until("the slot is free", || {
            on(lab, "billing", "select count(*) from pg_replication_slots where active") == "0"
        });
        on(lab, "billing", "select pg_drop_replication_slot('halves')");
        on(lab, "orders", "alter subscription halves enable; delete from core.copied where id = 3");
        wait_until("the worker has given up", || on(lab, "orders", worker) == "0");
    }),
];

/// The job as it should be, of [`nightly`].
const NIGHTLY_HERE: &str = super::super::database::NIGHTLY;

/// The job, with another server in its connection string.
fn nightly(host: &str) -> String {
    NIGHTLY_HERE.replace("127.0.0.1", host)
}

/// A program that sees the server's mounts: whatever runs in a namespace of the network has mounts of its own.
fn as_the_server_sees(lab: &Lab, words: &[&str]) {
    let file = lab.with_cluster(|cluster| cluster.data().join("postmaster.pid"));
    let text = std::fs::read_to_string(file).expect("it runs");
    let process = text.lines().next().expect("its number");
    run(std::process::Command::new("nsenter").args(["-t", process, "-m"]).args(words));
}

fn on(lab: &Lab, database: &str, sql: &str) -> String {
    lab.with_cluster(|cluster| cluster.sql(database, sql))
}

/// A table of one half that is filled from the other half of the same server.
fn replicated(lab: &Lab) {
    lab.restarted_with("wal_level", "logical");
    lab.undo(|lab| {
        on(lab, "orders", "alter subscription halves disable");
        on(lab, "orders", "alter subscription halves set (slot_name = none); drop subscription halves; insert into core.copied values (3)");
        on(lab, "billing", "select pg_drop_replication_slot(slot_name) from pg_replication_slots; drop publication halves");
    });
    on(lab, "billing", "create publication halves for table core.copied");
    on(lab, "billing", "select pg_create_logical_replication_slot('halves', 'pgoutput')");
    let from = format!(
        "host={} port=5432 dbname=billing user=admin",
        lab.with_cluster(|cluster| cluster.socket_folder().display().to_string())
    );
    on(
        lab,
        "orders",
        &format!(
            "create subscription halves connection '{from}' publication halves with (create_slot = false, copy_data = false)"
        ),
    );
}
