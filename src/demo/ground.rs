//! The two hosts of the night: network namespaces where the kernel lets us make some, else this machine is both.
//!
//! Root may make them, and so may anybody in a user namespace of their own (`user_namespaces(7)`). A veth pair from there to
//! the machine's own network needs root, so the whole night moves in: the databases, the applications, and we. A namespace
//! goes with its last process, whatever ends it.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::sys::signal::Signal;
use nix::unistd::getuid;

use super::DemoError;
use super::process::Server;
use super::servers::{Source, run};
use super::stage::write;
use crate::environment::Environment;

/// The option that says that we are inside.
pub const INSIDE: &str = "in-namespace";

/// Application 2's host: also that of the databases, and of the release team.
const APP2_ADDRESS: &str = "198.51.100.20";
const APP2_NAME: &str = "app2.shop.test";
const APP1_ADDRESS: &str = "198.51.100.10";
/// The network of both (RFC 5737).
pub(super) const NETWORK: &str = "198.51.100.0/24";
/// Where the databases listen, besides the loopback address.
pub(super) const DATABASES: &str = APP2_ADDRESS;

/// The longest a try may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// All that the night needs to be allowed.
const TRY: &str = "ip link set lo up && mount --bind /etc/hosts /etc/hosts && \
                   ip link add gonogo-a type veth peer name gonogo-b && unshare --net --mount true";

/// Application 1's host: it stays until its standard input ends. The file after it lets `ps` tell whose it is.
const HOST: &str = r#"mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && ip link set lo up &&
echo up && exec cat - "$1" >/dev/null"#;

/// Go on inside namespaces of our own; when this returns that is not possible, and it tells why.
pub(super) async fn enter(source: &Source, environment: &Environment) -> String {
    if matches!(source, Source::Engine(_)) {
        return "the ports of containers are on the machine's own network".to_owned();
    }
    let ours: &[&str] = if getuid().is_root() {
        &["--net", "--mount", "--"]
    } else {
        // As the user we are: PostgreSQL refuses root, also that of a user namespace.
        &["--user", "--map-current-user", "--keep-caps", "--net", "--mount", "--"]
    };
    // Where Debian keeps what is root's.
    let path = format!("{}:/usr/sbin:/sbin", environment.get("PATH").unwrap_or("/usr/bin:/bin"));
    let mut trial = tokio::process::Command::new("unshare");
    trial.args(ours).args(["sh", "-c", TRY]).env("PATH", &path).stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(PATIENCE, trial.output()).await {
        Ok(Ok(output)) if output.status.success() => {}
        Ok(Ok(output)) => return String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Ok(Err(error)) => return format!("unshare: {error}"),
        Err(_) => return format!("unshare: no end after {} s", PATIENCE.as_secs()),
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error.to_string(),
    };
    let mut again = Command::new("unshare");
    again.args(ours).arg(program).args(std::env::args_os().skip(1)).arg(format!("--{INSIDE}"));
    // The process stays the same, so that whoever started us stops the right one.
    again.env("PATH", path).exec().to_string()
}

/// Where the applications are.
pub(super) enum Ground {
    Namespaces(Network),
    /// Both on the loopback address, for this reason.
    Loopback {
        why: String,
    },
}

/// Application 1's host beside ours, and the wire between the two.
pub(super) struct Network {
    /// Holds the namespace.
    _host: Server,
    id: String,
    hosts: PathBuf,
    /// Whether packets can be filtered.
    pub(super) filters: bool,
}

impl Ground {
    /// What it is, in a sentence.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Namespaces(_) => "Application 1 has a host of its own: a network namespace.".to_owned(),
            Self::Loopback { why } => format!(
                "All of it is on the loopback address, without a network between the two applications, as there \
                 can be no network namespace: {why}."
            ),
        }
    }

    /// The address that Application 1 listens at.
    pub(super) const fn app1(&self) -> &'static str {
        match self {
            Self::Namespaces(_) => APP1_ADDRESS,
            Self::Loopback { .. } => "127.0.0.1",
        }
    }

    /// The name that Application 2 is called by.
    pub(super) const fn app2(&self) -> &'static str {
        match self {
            Self::Namespaces(_) => APP2_NAME,
            Self::Loopback { .. } => "127.0.0.1",
        }
    }

    /// The address that Application 2 listens at.
    pub(super) const fn app2_listens(&self) -> &'static str {
        match self {
            Self::Namespaces(_) => "0.0.0.0",
            Self::Loopback { .. } => "127.0.0.1",
        }
    }

    /// Where the databases are, for the applications.
    pub(super) const fn databases(&self) -> &'static str {
        match self {
            Self::Namespaces(_) => APP2_ADDRESS,
            Self::Loopback { .. } => "127.0.0.1",
        }
    }

    /// The words before a command that is to run on Application 1's host.
    pub(super) fn on_app1(&self) -> Vec<String> {
        match self {
            Self::Namespaces(network) => network.enter(),
            Self::Loopback { .. } => vec!["env".to_owned()],
        }
    }

    /// Everything as it was: names, addresses, routes and filters.
    pub(super) async fn restore(&self) -> Result<(), DemoError> {
        match self {
            Self::Namespaces(network) => network.restore().await,
            Self::Loopback { .. } => Ok(()),
        }
    }
}

impl Network {
    /// Inside a new namespace of our own: make the other host, and connect the two.
    pub(super) async fn build(folder: &Path) -> Result<Self, DemoError> {
        if !is_new() {
            let reason = "this network has addresses already: it is not ours to change".to_owned();
            return Err(DemoError::System { what: "a new network namespace", reason });
        }
        let (ours, hosts, resolver) =
            (folder.join("hosts"), folder.join("app1.hosts"), folder.join("resolv.conf"));
        write(&ours, &names(APP2_ADDRESS))?;
        write(&hosts, &names(APP2_ADDRESS))?;
        write(&resolver, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")?;
        ip("link set lo up").await?;
        for (file, place) in [(&ours, "/etc/hosts"), (&resolver, "/etc/resolv.conf")] {
            let mut mount = tokio::process::Command::new("mount");
            mount.arg("--bind").arg(file).arg(place);
            run("mount", mount, &[]).await?;
        }
        let mut host = Command::new("unshare");
        host.args(["--net", "--mount", "--", "sh", "-c", HOST, "sh"]).arg(&hosts).arg(&resolver);
        let log = folder.join("app1-host.log");
        let mut host = Server::start("the host of app1", host, Signal::SIGTERM, &log)?;
        host.up(5, async || match std::fs::read_to_string(&log) {
            Ok(text) if text.contains("up\n") => Ok(()),
            Ok(text) => Err(text),
            Err(error) => Err(error.to_string()),
        })
        .await?;
        let mut filter = tokio::process::Command::new("nft");
        filter.args(["list", "ruleset"]);
        let filters = run("nft", filter, &[]).await.is_ok();
        let network = Self { id: host.id().to_string(), _host: host, hosts, filters };
        ip(&format!("link add app1 type veth peer name eth0 netns {}", network.id)).await?;
        ip(&format!("addr add {APP2_ADDRESS}/24 dev app1")).await?;
        ip("link set app1 up").await?;
        network.ip(&format!("addr add {APP1_ADDRESS}/24 dev eth0")).await?;
        network.ip("link set eth0 up").await?;
        Ok(network)
    }

    fn enter(&self) -> Vec<String> {
        ["nsenter", "--target", &self.id, "--net", "--mount", "--"].map(str::to_owned).to_vec()
    }

    /// One `ip` command on Application 1's host.
    pub(super) async fn ip(&self, words: &str) -> Result<(), DemoError> {
        let mut command = tokio::process::Command::new("nsenter");
        command.args(self.enter().iter().skip(1)).arg("ip").args(words.split(' '));
        run("ip", command, &[]).await.map(drop)
    }

    /// On Application 2's host, what comes in is met by this rule of nftables.
    pub(super) async fn filter(&self, rule: &str) -> Result<(), DemoError> {
        let mut rules = String::from("add table inet demo\n");
        let _ =
            writeln!(rules, "add chain inet demo in {{ type filter hook input priority 0; policy accept; }}");
        let _ = writeln!(rules, "add rule inet demo in {rule}");
        nft(&rules).await
    }

    /// The name of Application 2 leads Application 1's host to this address.
    pub(super) fn app2_is_at(&self, address: &str) -> Result<(), DemoError> {
        write(&self.hosts, &names(address))
    }

    async fn restore(&self) -> Result<(), DemoError> {
        self.app2_is_at(APP2_ADDRESS)?;
        self.ip("addr flush dev eth0").await?;
        self.ip(&format!("addr add {APP1_ADDRESS}/24 dev eth0")).await?;
        if self.filters {
            // Ours alone: the namespace is new.
            nft("flush ruleset\n").await?;
        }
        Ok(())
    }
}

/// Whether no interface has an address yet, as in a namespace that was just made: in any other, names and filters are
/// somebody's.
fn is_new() -> bool {
    getifaddrs().is_ok_and(|mut interfaces| {
        interfaces.all(|interface| {
            let address = interface.address.as_ref();
            address.is_none_or(|one| one.as_sockaddr_in().is_none() && one.as_sockaddr_in6().is_none())
        })
    })
}

fn names(app2: &str) -> String {
    format!("127.0.0.1 localhost\n{APP1_ADDRESS} app1.shop.test\n{app2} {APP2_NAME}\n")
}

async fn ip(words: &str) -> Result<(), DemoError> {
    let mut command = tokio::process::Command::new("ip");
    command.args(words.split(' '));
    run("ip", command, &[]).await.map(drop)
}

async fn nft(rules: &str) -> Result<(), DemoError> {
    let mut command = tokio::process::Command::new("nft");
    command.args(["-f", "-"]);
    run("nft", command, rules.as_bytes()).await.map(drop)
}
