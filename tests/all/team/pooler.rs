//! PgBouncer between a team and its journal.

use std::process::{Child, Command, Stdio};

use super::{cluster, plan};
use crate::lab::is_there;
use crate::lab::namespace::wait_until;
use crate::support::postgres::Cluster;
use crate::support::program::Program;
use crate::support::skip;

struct Pooler {
    child: Child,
    _folder: tempfile::TempDir,
    port: u16,
}

impl Pooler {
    fn start(cluster: &Cluster, mode: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("gonogo-pool-").tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let users = folder.path().join("users");
        std::fs::write(&users, "\"team\" \"team-secret\"\n").unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\njournal = host=127.0.0.1 port={} dbname=journal\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = {mode}\n\
             ignore_startup_parameters = extra_float_digits,statement_timeout,options\n",
            cluster.port,
            users.display()
        );
        std::fs::write(&settings, text).unwrap();
        let mut command = Command::new("pgbouncer");
        if nix::unistd::geteuid().is_root() {
            let owner = nix::unistd::User::from_name("postgres").unwrap().expect("the package's user");
            for path in [folder.path(), &users, &settings] {
                std::os::unix::fs::chown(path, Some(owner.uid.as_raw()), None).unwrap();
            }
            command.args(["-u", "postgres"]);
        }
        let child =
            command.arg("-q").arg(&settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("pgbouncer", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child, _folder: folder, port }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_pooler_that_shares_its_sessions_is_refused_and_one_that_does_not_is_taken() {
    if !is_there("pgbouncer") {
        skip("pgbouncer");
        return;
    }
    let Some(cluster) = cluster() else { return };
    for (mode, code) in [("transaction", 5), ("session", 4)] {
        let pooler = Pooler::start(&cluster, mode);
        let journal = format!("postgres://team@127.0.0.1:{}/journal", pooler.port);
        let program = Program::with_plan(&plan(1)).env("PGPASSWORD", "team-secret");
        let run = program.run(&["run", "--journal", &journal]);
        assert!(
            run.code(code).stderr.contains("pool_mode=session") == (mode == "transaction"),
            "{}",
            run.stderr
        );
    }
}
