//! A server that goes silent in the middle, as when a network drops every packet: each command ends within its limit, says
//! why, and nothing is written or taken for equal.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gonogo::grants::snapshot::{Workload, write};

use super::replay::{corpus_cluster, statement};
use super::snapshot_of;
use crate::support::postgres::Cluster;
use crate::support::program::{Ended, Program};

/// A way to a server on which nothing comes back any more once the client has said a word.
struct Proxy {
    port: u16,
    is_silent: Arc<AtomicBool>,
}

impl Proxy {
    fn before(cluster: &Cluster, word: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = cluster.port;
        let is_silent = Arc::new(AtomicBool::new(false));
        let silent = Arc::clone(&is_silent);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { return };
                let (mut from, mut to) =
                    (client.try_clone().expect("a stream"), server.try_clone().expect("a stream"));
                let heard = Arc::clone(&silent);
                std::thread::spawn(move || carry(&mut from, &mut to, Some(word), &heard));
                let heard = Arc::clone(&silent);
                let (mut from, mut to) = (server, client);
                std::thread::spawn(move || carry(&mut from, &mut to, None, &heard));
            }
        });
        Self { port, is_silent }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://admin:admin-secret@127.0.0.1:{}/{database}", self.port)
    }

    /// What came of a command: it went silent in the middle, and the command ended soon after its limit of two seconds.
    fn ended(&self, program: &Program, arguments: &[&str]) -> Ended {
        let began = Instant::now();
        let ended = program.run(arguments);
        let took = began.elapsed();
        assert!(self.is_silent.load(Ordering::SeqCst), "it never came so far: {}", ended.stderr);
        assert!(took >= Duration::from_secs(2), "it did not wait: {took:?} {}", ended.stderr);
        assert!(took < Duration::from_secs(15), "it waited for {took:?}");
        ended.code(1);
        assert!(!ended.stdout.contains("GO:"), "{}", ended.stdout);
        assert!(!ended.stderr.contains("admin-secret"), "{}", ended.stderr);
        ended
    }
}

/// Carry bytes until the word is heard; both ways stay open, and nothing is carried on either.
fn carry(from: &mut TcpStream, to: &mut TcpStream, word: Option<&str>, silent: &AtomicBool) {
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if let Some(word) = word {
            said.extend_from_slice(&buffer[..count]);
            if said.windows(word.len()).any(|window| window == word.as_bytes()) {
                silent.store(true, Ordering::SeqCst);
            }
        }
        if !silent.load(Ordering::SeqCst) && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    if !silent.load(Ordering::SeqCst) {
        let _ = to.shutdown(std::net::Shutdown::Both);
    }
}

#[test]
fn a_server_that_goes_silent_is_waited_for_no_longer_than_said() {
    let Some(cluster) = corpus_cluster(None) else { return };
    let program = Program::empty();
    let mut before = snapshot_of(&cluster, "shop");
    let statements = vec![statement("app", "select total from shop.orders")];
    before.workload = Some(Workload { since: None, evictions: Some(0), statements, hidden: 0 });
    program.write("before.json", &String::from_utf8(write(&before)).expect("text"));
    cluster.sql("copy", "revoke all on shop.orders from app");
    let grants = "select relacl::text from pg_class where relname = 'orders'";
    let without = cluster.sql("copy", grants);
    let after = snapshot_of(&cluster, "copy");
    program.write("after.json", &String::from_utf8(write(&after)).expect("text"));

    // In the middle of reading the catalogs.
    let proxy = Proxy::before(&cluster, "from pg_init_privs");
    let url = proxy.url("shop");
    let ended = proxy.ended(&program, &["grants", "snapshot", &url, "-o", "new.json", "--timeout", "2s"]);
    assert!(ended.stderr.contains("nothing was written"), "{}", ended.stderr);
    assert!(!program.path("new.json").exists());

    // While a statement is explained.
    let proxy = Proxy::before(&cluster, "EXPLAIN (FORMAT JSON");
    let url = proxy.url("shop");
    let ended = proxy.ended(&program, &["grants", "replay", "before.json", &url, "--timeout", "2s"]);
    assert!(ended.stderr.contains("nothing was judged"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");

    // In the middle of a repair: nothing of it stays.
    let apply = |proxy: &Proxy| {
        let url = proxy.url("copy");
        let words =
            ["grants", "fix", "before.json", "after.json", "--yes", "--timeout", "2s", "--apply", &url];
        proxy.ended(&program, &words)
    };
    let ended = apply(&Proxy::before(&cluster, "ON TABLE \"shop\".\"orders\""));
    assert!(ended.stderr.contains("nothing was changed"), "{}", ended.stderr);
    assert_eq!(cluster.sql("copy", grants), without);
    // A server that was cut off holds the locks until it notices.
    cluster.sql("postgres", "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'copy'");

    // At its very end: what became of it nobody can tell from here, and that is said.
    let ended = apply(&Proxy::before(&cluster, "COMMIT"));
    assert!(ended.stderr.contains("whether it was committed is not known"), "{}", ended.stderr);
    assert_eq!(cluster.sql("copy", grants), without);
}
