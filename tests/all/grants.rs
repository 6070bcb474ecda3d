//! The audit of permissions, on real servers: `grants/source.sql` is the database that has something of everything.

mod fix;
mod map;
mod mutations;
mod oracle;
mod probe;
mod replay;
mod snapshot;

use gonogo::grants::snapshot::{Snapshot, read};

use crate::support::postgres::{Cluster, Setup};
use crate::support::program::{Ended, Program};

const SOURCE: &str = include_str!("grants/source.sql");

/// A cluster with the roles of the source database.
pub(crate) fn cluster() -> Option<Cluster> {
    let cluster = Cluster::start(&Setup {
        settings: &["wal_level = logical", "shared_preload_libraries = 'pg_stat_statements'"],
        ..Setup::default()
    })?;
    cluster.sql("postgres", halves().0);
    Some(cluster)
}

/// The source database, under this name.
pub(crate) fn fill(cluster: &Cluster, database: &str) {
    cluster.sql("postgres", &format!("create database {database}"));
    cluster.sql(database, halves().1);
}

/// What is for the server, and what is for each database.
fn halves() -> (&'static str, &'static str) {
    SOURCE.split_once("-- split here: what follows is for each database\n").expect("two halves")
}

/// The URL of a login; the admin comes through the Unix socket.
pub(crate) fn url(cluster: &Cluster, login: &str, database: &str) -> String {
    if login == "admin" {
        return format!(
            "host={} port={} user=admin dbname={database}",
            cluster.socket_folder().display(),
            cluster.port
        );
    }
    format!("postgres://{login}@127.0.0.1:{}/{database}", cluster.port)
}

/// `gonogo grants snapshot` into `snapshot.json`.
pub(crate) fn take(program: &Program, url: &str, options: &[&str]) -> Ended {
    program.run(&[&["grants", "snapshot", url, "-o", "snapshot.json"], options].concat())
}

/// What the admin reads of a database.
pub(crate) fn snapshot_of(cluster: &Cluster, database: &str) -> Snapshot {
    let program = Program::empty();
    take(&program, &url(cluster, "admin", database), &[]).code(0);
    read(program.read("snapshot.json").as_bytes()).expect("a snapshot")
}
