//! The audit of permissions, on real servers: `grants/source.sql` is the database that has something of everything.

mod access;
mod copy;
mod findings;
mod fix;
mod many_roles;
mod map;
mod mutations;
mod oracle;
mod probe;
mod replay;
mod replay_command;
mod shared;
mod silence;
mod snapshot;
mod split;
mod versions;

use gonogo::grants::snapshot::{Snapshot, read};

use crate::support::postgres::{Cluster, Setup};
use crate::support::program::{Ended, Program};

const SOURCE: &str = include_str!("grants/source.sql");
const SPLIT: &str = "-- split here: what follows is for each database\n";

/// A cluster with the roles of the source database.
pub(crate) fn cluster() -> Option<Cluster> {
    let cluster = empty(None)?;
    cluster.sql("postgres", &for_server(&cluster));
    Some(cluster)
}

/// What the source database needs of its server.
const SETTINGS: &[&str] = &["wal_level = logical", "shared_preload_libraries = 'pg_stat_statements'"];

/// A cluster that the source database fits into, of this version.
fn empty(version: Option<u32>) -> Option<Cluster> {
    Cluster::start(&Setup { version, settings: SETTINGS, ..Setup::default() })
}

/// The source database, under this name.
pub(crate) fn fill(cluster: &Cluster, database: &str) {
    cluster.sql("postgres", &format!("create database {database}"));
    let (_, each) = SOURCE.split_once(SPLIT).expect("two halves");
    cluster.sql(database, &since(each, cluster.version));
}

/// What of the source database is for the server.
fn for_server(cluster: &Cluster) -> String {
    let (server, _) = SOURCE.split_once(SPLIT).expect("two halves");
    since(server, cluster.version)
}

/// A script for this version: a line that ends with `-- since 16` is for 16 and later, one that ends with `-- until 15`
/// for 15 and older.
fn since(script: &str, version: u32) -> String {
    let number = |text: &str| text.parse::<u32>().expect("a version");
    let fits = |line| match (str::rsplit_once(line, " -- since "), str::rsplit_once(line, " -- until ")) {
        (Some((line, oldest)), _) => (number(oldest) <= version).then_some(line),
        (_, Some((line, newest))) => (version <= number(newest)).then_some(line),
        (None, None) => Some(line),
    };
    script.lines().filter_map(fits).fold(String::new(), |script, line| script + line + "\n")
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
