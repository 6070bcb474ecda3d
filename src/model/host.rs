//! What a host knows: of a name, and of its own listening sockets.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Record;
use super::response::Body;

/// One of several places that a vantage stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfSet {
    /// Its name, such as a pod's.
    pub name: String,
    /// How many places were looked from.
    pub places: u64,
    /// From how many of these the check passes.
    pub passed: u64,
}

/// What a host knows of a name, and who told it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct NameFacts {
    /// The name.
    pub name: String,
    /// What an application gets (getaddrinfo(3)), in its order.
    pub addresses: Vec<IpAddr>,
    /// How long that took, in milliseconds.
    pub took_ms: f64,
    /// What `/etc/hosts` has for the name (hosts(5)).
    pub hosts: Vec<IpAddr>,
    /// The sources of `hosts:` in `/etc/nsswitch.conf` (nsswitch.conf(5)); empty when there is no such line.
    pub switch: Vec<String>,
    /// The search list of `/etc/resolv.conf` (resolv.conf(5)).
    pub search: Vec<String>,
    /// What each name server said by itself, for each name that is tried.
    pub servers: Vec<ServerSaid>,
    /// What the first name server said of what the search list makes of a name that has dots, as fewer than `ndots` are tried
    /// in that way first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searched: Vec<ServerSaid>,
    /// Proxies that the environment names, without user and password, by variable.
    pub proxies: Vec<(String, String)>,
}

/// What one name server said of one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerSaid {
    /// The server.
    pub server: String,
    /// The whole name it was asked for.
    pub name: String,
    /// What it said.
    pub said: Said,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// Every record of its answer, A and AAAA asked for; with the SOA of a negative one (RFC 2308 section 3).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Record>,
    /// Its answer by UDP is cut off (TC, RFC 1035 section 4.1.1), and it takes no connection by TCP.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
    /// SERVFAIL, and an answer once it is asked not to check signatures (CD, RFC 4035 section 3.2.2).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bogus: bool,
}

/// The answer of a name server in a word (RFC 1035 section 4.1.1, RFC 2308).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Addresses.
    Addresses,
    /// NOERROR and no address: the name is there.
    NoData,
    /// NXDOMAIN
    NoName,
    /// SERVFAIL
    ServerFailure,
    /// REFUSED
    Refused,
    /// Nothing within the limit.
    Silence,
    /// Nobody listens: an ICMP error came back.
    Unreachable,
    /// Anything else.
    Other,
}

/// What listens on a port of this host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ListenerFacts {
    /// The port asked about.
    pub port: u16,
    /// Its listening sockets.
    pub listeners: Vec<Listener>,
    /// Other ports that something listens on, ascending; at most 64.
    pub others: Vec<u16>,
    /// Connections that found a full queue, at any port, since the host's network came up (`ListenOverflows` of
    /// `/proc/net/netstat`); not known everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflows: Option<u64>,
    /// What connection tracking has and may have; not known where it is not in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked: Option<Tracked>,
    /// The host's own addresses but for loopback; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<IpAddr>,
}

/// Connections that a host has to some addresses, and those that its kernel tracks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SocketFacts {
    /// By address, where there are any.
    pub toward: Vec<Toward>,
    /// What connection tracking has and may have; not known where it is not in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked: Option<Tracked>,
}

/// Connections to one address (`proc_net_tcp(5)`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Toward {
    /// The address.
    pub address: SocketAddr,
    /// Connections that are made.
    pub established: u32,
    /// Connections that are asked for and not answered yet.
    pub asked: u32,
    /// The program that holds one of them, when we may see that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// Connections that a kernel tracks (`nf_conntrack_count` and `nf_conntrack_max` of `nf_conntrack-sysctl`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tracked {
    /// Those there are.
    pub count: u64,
    /// Those there can be: new ones beyond that are dropped.
    pub most: u64,
}

/// What a process has open, and may have (`RLIMIT_NOFILE`, getrlimit(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenFiles {
    /// Files, sockets included.
    pub count: u64,
    /// The soft limit.
    pub most: u64,
}

/// A listening socket (`proc_net_tcp(5)`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listener {
    /// The address it is bound to.
    pub address: SocketAddr,
    /// Connections that wait to be accepted.
    pub waiting: u32,
    /// The program that holds it, when we may see that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// What that has open, of several processes the one that is nearest to its limit, when we may see that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<OpenFiles>,
}

/// What a port of the target's host answers to the request that failed at another port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Behind {
    /// The port.
    pub port: u16,
    /// The program that holds it, when we may see that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// What it answered.
    #[serde(flatten)]
    pub said: BehindSaid,
    /// How long that took, in milliseconds.
    pub took_ms: f64,
    /// The shape of its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// What a port answers to an HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "said", rename_all = "snake_case")]
pub enum BehindSaid {
    /// HTTP.
    Answered {
        /// Status code.
        status: u16,
        /// Bytes of the head.
        head_bytes: u64,
    },
    /// It wants TLS.
    Secured,
    /// It resets the connection.
    Reset,
    /// It closes without a byte.
    Closed,
    /// It takes the request and says nothing within the limit.
    Silent,
    /// Anything else.
    #[serde(other)]
    Other,
}

impl NameFacts {
    /// Every answer of this kind.
    pub fn said(&self, said: Said) -> impl Iterator<Item = &ServerSaid> {
        self.servers.iter().filter(move |server| server.said == said)
    }
}

impl Said {
    /// The word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Addresses => "addresses",
            Self::NoData => "NODATA",
            Self::NoName => "NXDOMAIN",
            Self::ServerFailure => "SERVFAIL",
            Self::Refused => "REFUSED",
            Self::Silence => "nothing",
            Self::Unreachable => "unreachable",
            Self::Other => "something else",
        }
    }
}

impl fmt::Display for NameFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match self.addresses.first() {
            Some(first) => write!(f, "{first}")?,
            None => f.write_str("no address")?,
        }
        for server in &self.servers {
            write!(f, "; {} says {}", server.server, server.said.name())?;
        }
        Ok(())
    }
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, program, said, took_ms, .. } = self;
        write!(f, "port {port}")?;
        if let Some(program) = program {
            write!(f, " ({program})")?;
        }
        match said {
            BehindSaid::Answered { status, head_bytes } => {
                write!(f, " answers {status} after {took_ms:.0} ms, with a head of {head_bytes} bytes")
            }
            BehindSaid::Secured => f.write_str(" wants TLS"),
            BehindSaid::Reset => f.write_str(" resets the connection"),
            BehindSaid::Closed => f.write_str(" closes without a byte"),
            BehindSaid::Silent => write!(f, " says nothing for {took_ms:.0} ms"),
            BehindSaid::Other => f.write_str(" answers something else"),
        }
    }
}

impl Tracked {
    /// Whether there is no room for another: the kernel's count lags a little behind.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.most > 0 && self.count.saturating_mul(100) >= self.most.saturating_mul(99)
    }
}

impl OpenFiles {
    /// Whether no other can be opened (EMFILE).
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.most > 0 && self.count >= self.most
    }
}

impl fmt::Display for SocketFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.toward.is_empty() {
            return f.write_str("no connection to it");
        }
        for (index, Toward { address, established, asked, .. }) in self.toward.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{established} connections to {address}, {asked} not answered")?;
        }
        Ok(())
    }
}

impl fmt::Display for ListenerFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.listeners.is_empty() {
            return write!(f, "nothing listens on port {}", self.port);
        }
        for (index, listener) in self.listeners.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let program = listener.program.as_deref().unwrap_or("a program");
            write!(f, "{comma}{program} listens on {}", listener.address)?;
        }
        Ok(())
    }
}
