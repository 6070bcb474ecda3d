//! Programs of other people, running inside a namespace and ended on drop.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::namespace::{Namespace, wait_until};

/// A running server.
pub(super) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Start it; its words go to a log.
    pub(super) fn start(namespace: &Namespace, log: &Path, words: &[&str]) -> Self {
        let (program, arguments) = words.split_first().expect("a program");
        let file = fs::File::create(log).expect("a log");
        let child = namespace
            .command(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log"))
            .stderr(file)
            .spawn()
            .expect("it starts");
        Self { child, log: log.to_owned() }
    }

    /// Wait until it takes connections.
    pub(super) fn wait_for(&mut self, namespace: &Namespace, address: &str) {
        let address: SocketAddr = address.parse().expect("an address");
        wait_until(&format!("{address}: {}", self.words()), || {
            let ended = self.child.try_wait().expect("its state");
            assert!(ended.is_none(), "{address}: it ended: {}", self.words());
            connects(namespace, address)
        });
    }

    /// Whether it still runs.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it has said so far.
    pub(super) fn words(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM);
        }
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > Duration::from_secs(3) {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Whether something takes connections there, seen from inside the namespace.
pub(super) fn connects(namespace: &Namespace, address: SocketAddr) -> bool {
    namespace.inside(move || TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok())
}
