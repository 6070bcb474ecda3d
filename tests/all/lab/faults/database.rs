//! The way to the database and into it: PostgreSQL's own answers, and PgBouncer's.

use super::super::Lab;
use super::super::daemon::Daemon;
use super::super::database::{HBA, pgbouncer, pooled, reload, start};
use super::super::fault::Fault;
use super::super::fault::Shows::Breaks;
use super::super::network::{Host, forget_idle};
use super::super::pki::leaf;

pub(in super::super) const READ: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select count(*) from orders', expect: { value: { at_least: 1 } } }";
pub(super) const WRITE: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', read_only: false, query: 'insert into orders (total) values (4) returning id', expect: { rows: 1 } }";
const IDENTITY: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select system from core.identity', expect: { value: orders } }";
const FRESH: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select max(id) from core.orders', expect: { value: { at_least: 3 } } }";
const REQUIRED: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=require' }";
const VERIFIED: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=verify-full&sslrootcert=LAB/ca.pem' }";
const POOLED: &str =
    "postgres: { url: 'postgres://app1:app1-secret@db.corp.test:6432/orders?sslmode=disable' }";
const PREPARED: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test:6432/orders?sslmode=disable', query: 'select 1' }";
/// As a pool that keeps its connections for three seconds.
const REUSED: &str = "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable', query: 'select 1', reuse_after: 3s }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::configured(
        "db-host-unresolved",
        READ,
        "postgres: { url: 'postgres://app1:app1-secret@db-orders.corp.test/orders?sslmode=disable' }",
        Breaks("dns"),
    )
    .or(&["dns-nxdomain"]),
    Fault::configured(
        "db-port-refused",
        READ,
        "postgres: { url: 'postgres://app1:app1-secret@db.corp.test:5433/orders?sslmode=disable' }",
        Breaks("tcp"),
    )
    .or(&["tcp-not-listening"]),
    Fault::new("db-listen-localhost", READ, Breaks("tcp"), |lab| {
        lab.restarted_with("listen_addresses", "'localhost'");
    })
    .or(&["tcp-loopback-only"]),
    Fault::new("db-firewall-drop", READ, Breaks("tcp"), |lab| {
        lab.nft(Host::Router, "forward", "ip saddr 198.51.100.10 tcp dport 5432 drop");
    })
    .or(&["fw-drop-port"]),
    Fault::new("fw-idle-drop", REUSED, Breaks("payload"), |lab| forget_idle(lab, "5432", "drop")),
    Fault::new("keepalive-race", REUSED, Breaks("payload"), |lab| {
        lab.with_cluster(|cluster| {
            cluster.sql("postgres", "alter system set idle_session_timeout = '1s'");
            reload(cluster);
        });
        lab.undo(|lab| {
            lab.with_cluster(|cluster| {
                cluster.sql("postgres", "alter system reset idle_session_timeout");
                reload(cluster);
            });
        });
    }),
    Fault::new(
        "keepalive-race",
        "postgres: { url: 'postgres://app1:app1-secret@db.corp.test:6432/orders?sslmode=disable', query: 'select 1', reuse_after: 3s }",
        Breaks("payload"),
        |lab| {
            pgbouncer(lab, "pool_mode = transaction\nclient_idle_timeout = 1");
            lab.undo(|lab| pgbouncer(lab, ""));
        },
    ),
    Fault::configured(
        "db-3D000-database-missing",
        READ,
        "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders_core?sslmode=disable' }",
        Breaks("auth"),
    ),
    Fault::new(
        "db-28000-role-missing-trust",
        "postgres: { url: 'postgres://app9@db.corp.test/orders?sslmode=disable' }",
        Breaks("auth"),
        |lab| lab.sql("drop role app9", "create role app9 login"),
    ),
    Fault::new(
        "db-28P01-role-missing-scram",
        "postgres: { url: 'postgres://app2:app2-secret@db.corp.test/orders?sslmode=disable' }",
        Breaks("auth"),
        |lab| lab.sql("drop role app2", "create role app2 login password 'app2-secret'"),
    )
    .or(WRONG_PASSWORD),
    Fault::new("db-28P01-wrong-password", READ, Breaks("auth"), |lab| {
        lab.sql("alter role app1 password 'rotated'", RIGHT_PASSWORD);
    })
    .or(WRONG_PASSWORD),
    Fault::new("db-28P01-password-expired", READ, Breaks("auth"), |lab| {
        lab.sql("alter role app1 valid until '2020-01-01'", "alter role app1 valid until 'infinity'");
    })
    .or(WRONG_PASSWORD),
    Fault::new("db-28P01-no-password-set", READ, Breaks("auth"), |lab| {
        lab.sql("alter role app1 password null", RIGHT_PASSWORD);
    })
    .or(WRONG_PASSWORD),
    Fault::new("db-28000-nologin", READ, Breaks("auth"), |lab| {
        lab.sql("alter role app1 nologin", "alter role app1 login");
    }),
    Fault::new("db-28000-no-hba-entry", READ, Breaks("auth"), |lab| {
        let others: Vec<&str> = HBA.into_iter().filter(|line| !line.contains("198.51.100.10")).collect();
        lab.hba(&others);
    }),
    Fault::new("db-28000-hba-reject", READ, Breaks("auth"), |lab| {
        lab.hba(&[&["host all all 198.51.100.0/24 reject"][..], &HBA].concat());
    }),
    Fault::new("db-28000-ssl-required", READ, Breaks("auth"), |lab| {
        lab.hba(&HBA.map(|line| line.replacen("host ", "hostssl ", 1)).each_ref().map(String::as_str));
    }),
    Fault::new("db-ssl-not-supported", REQUIRED, Breaks("tls"), |lab| {
        set(lab, "off");
        lab.undo(|lab| set(lab, "on"));
    }),
    Fault::new("db-ssl-verify-fails", VERIFIED, Breaks("tls"), |lab| {
        let other = lab.pki.issue("db-other", &lab.pki.other, &leaf(&["db.corp.test"], "db.corp.test"));
        install(lab, &other.chain, &other.key);
        lab.undo(|lab| {
            let good = lab.pki.issue("db", &lab.pki.issuing, &leaf(&["db.corp.test"], "db.corp.test"));
            install(lab, &good.chain, &good.key);
        });
    }),
    Fault::new("db-53300-too-many-clients", READ, Breaks("auth"), |lab| {
        lab.restarted_with("max_connections", "5");
        hold(lab, "app2", "hold-1");
        hold(lab, "app2", "hold-2");
        wait_for_sessions(lab, 2);
    }),
    Fault::new("db-53300-role-limit", READ, Breaks("auth"), |lab| {
        lab.sql("alter role app1 connection limit 1", "alter role app1 connection limit -1");
        hold(lab, "app1", "hold-1");
        wait_for_sessions(lab, 1);
    }),
    Fault::new("db-55000-datallowconn-false", READ, Breaks("auth"), |lab| {
        database(lab, "alter database orders allow_connections false");
        lab.undo(|lab| database(lab, "alter database orders allow_connections true"));
    }),
    Fault::new("db-25006-default-read-only", WRITE, Breaks("payload"), |lab| {
        database(lab, "alter database orders set default_transaction_read_only = on");
        lab.undo(|lab| database(lab, "alter database orders reset default_transaction_read_only"));
    }),
    Fault::new("db-25006-standby", WRITE, Breaks("payload"), |lab| standby(lab, "on")),
    Fault::new("db-57P03-starting-up", READ, Breaks("auth"), |lab| standby(lab, "off")),
    Fault::configured(
        "db-wrong-side-of-split",
        IDENTITY,
        "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/billing?sslmode=disable', query: 'select system from core.identity', expect: { value: orders } }",
        Breaks("payload"),
    ),
    Fault::configured(
        "db-stale-old-copy",
        FRESH,
        "postgres: { url: 'postgres://app1:app1-secret@db.corp.test/orders_old?sslmode=disable', query: 'select max(id) from core.orders', expect: { value: { at_least: 3 } } }",
        Breaks("payload"),
    )
    .or(&["db-wrong-side-of-split"]),
    Fault::configured(
        "pgb-no-such-database",
        POOLED,
        "postgres: { url: 'postgres://app1:app1-secret@db.corp.test:6432/billing?sslmode=disable' }",
        Breaks("auth"),
    ),
    Fault::new("pgb-auth-failed", POOLED, Breaks("auth"), |lab| {
        pooled(lab, "orders = host=127.0.0.1 port=5432 dbname=orders\n", "\"app2\" \"app2-secret\"\n", "");
        lab.undo(|lab| pgbouncer(lab, ""));
    }),
    Fault::new("pgb-server-down", POOLED, Breaks("auth"), |lab| {
        pooled(lab, "orders = host=127.0.0.1 port=5433 dbname=orders\n", "\"app1\" \"app1-secret\"\n", "");
        lab.undo(|lab| pgbouncer(lab, ""));
    }),
    Fault::new("pgb-pool-full", PREPARED, Breaks("auth"), |lab| {
        pgbouncer(lab, "default_pool_size = 1\nquery_wait_timeout = 2\n");
        lab.undo(|lab| pgbouncer(lab, ""));
        psql(lab, "host=192.0.2.40 port=6432 dbname=orders user=app1 password=app1-secret", "hold-1");
        wait_for_sessions(lab, 1);
    }),
];

/// One text of the server for four causes: only a login as administrator separates them.
const WRONG_PASSWORD: &[&str] = &[
    "db-28P01-role-missing-scram",
    "db-28P01-wrong-password",
    "db-28P01-password-expired",
    "db-28P01-no-password-set",
];
const RIGHT_PASSWORD: &str = "alter role app1 password 'app1-secret'";

/// What the family needs beside the lab itself.
pub(in super::super) fn prepare(lab: &Lab) {
    assert!(start(lab), "PostgreSQL is missing: tests/setup/packages test");
}

fn set(lab: &Lab, ssl: &str) {
    lab.with_cluster(|cluster| {
        cluster.sql("postgres", &format!("alter system set ssl = {ssl}"));
        reload(cluster);
    });
}

fn install(lab: &Lab, chain: &str, key: &str) {
    lab.with_cluster(|cluster| {
        for (from, name) in [(chain, "server.crt"), (key, "server.key")] {
            // Written into the file that is there: its owner and mode stay.
            let text = std::fs::read(from).expect("a file");
            std::fs::write(cluster.data().join(name), text).expect("a file");
        }
        reload(cluster);
    });
}

/// A statement about the database itself, from beside it.
fn database(lab: &Lab, sql: &str) {
    lab.with_cluster(|cluster| cluster.sql("postgres", sql));
}

/// Recovery that never ends, with or without sessions allowed meanwhile.
fn standby(lab: &Lab, hot: &str) {
    lab.with_cluster(|cluster| {
        cluster.restart_until(&[0, 1], |data| {
            std::fs::write(data.join("standby.signal"), "").expect("a file");
            let auto = data.join("postgresql.auto.conf");
            let text = std::fs::read_to_string(&auto).expect("its settings");
            std::fs::write(&auto, format!("{text}hot_standby = {hot}\n")).expect("its settings");
        });
    });
    lab.undo(|lab| {
        lab.with_cluster(|cluster| {
            cluster.restart(|data| {
                std::fs::remove_file(data.join("standby.signal")).expect("it is there");
                let auto = data.join("postgresql.auto.conf");
                let text = std::fs::read_to_string(&auto).expect("its settings");
                let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("hot_standby")).collect();
                std::fs::write(&auto, kept.join("\n") + "\n").expect("its settings");
            });
        });
    });
}

/// A session of a role that stays.
fn hold(lab: &Lab, role: &str, name: &str) {
    psql(lab, &format!("host=192.0.2.40 dbname=orders user={role} password={role}-secret"), name);
}

fn psql(lab: &Lab, connection: &str, name: &str) {
    let log = lab.folder.path().join(format!("{name}.log"));
    let words = ["psql", "-X", "-d", connection, "-c", "select pg_sleep(60)"];
    stays(lab, Daemon::start(lab.at(Host::Db), &log, &words));
}

/// A session that ends, on the server too, when the fault is taken back.
pub(super) fn stays(lab: &Lab, session: Daemon) {
    lab.keep(session);
    lab.undo(|lab| {
        let end = "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)' and pid <> pg_backend_pid()";
        lab.with_cluster(|cluster| cluster.sql("postgres", end));
    });
}

/// Until this many sessions sleep.
fn wait_for_sessions(lab: &Lab, wanted: usize) {
    let count = "select count(*) from pg_stat_activity where query like 'select pg_sleep%'";
    super::super::namespace::wait_until("sessions that hold their slots", || {
        // Our own session takes a slot for a moment, which those that are to hold one may need.
        std::thread::sleep(std::time::Duration::from_millis(400));
        lab.with_cluster(|cluster| cluster.sql("postgres", count)) == wanted.to_string()
    });
}
