//! What worked: one fact for each layer that answered. A new fact is a variant here and a line in `words.rs`.

mod words;

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::model::certificate::{Certificate, Stapled};
use crate::model::database::CatalogFacts;
use crate::model::fault::ServerError;
use crate::model::host::{Behind, ListenerFacts, NameFacts, OfSet, SocketFacts};
use crate::model::permission::{Counts, Finding};
use crate::model::response::Response;

/// What one layer showed when it worked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A name became addresses, in the order an application would get them.
    Resolved {
        /// The name asked for; an address literal stands for itself.
        name: String,
        /// The addresses, in the resolver's order.
        addresses: Vec<IpAddr>,
        /// Who answered: `literal`, `getaddrinfo` or the name server's address.
        by: String,
    },
    /// A DNS server answered a query for a record type.
    Answered {
        /// The name asked for.
        name: String,
        /// The record type, such as `A` or `MX`.
        record_type: String,
        /// The name server that answered.
        server: String,
        /// The records, as zone-file data, with their time to live in seconds.
        answers: Vec<Record>,
    },
    /// The call goes through a proxy: what is connected is the proxy, not the target.
    Proxied {
        /// Its `host:port`.
        proxy: String,
        /// Who named it: the variable of the environment, or `the check`.
        named_by: String,
    },
    /// The kernel has a way to the address.
    Routed {
        /// The address asked about.
        address: IpAddr,
        /// The source address the kernel would use.
        source: IpAddr,
    },
    /// A connection was made.
    Connected {
        /// The address that is used for the layers above.
        address: SocketAddr,
        /// Our end of the connection.
        source: SocketAddr,
        /// Every address that was tried, in order.
        attempts: Vec<Attempt>,
    },
    /// A Unix socket was connected.
    ConnectedLocally {
        /// The socket's path.
        path: String,
    },
    /// TLS was agreed and the certificates are trusted.
    Secured {
        /// Protocol version, such as `TLSv1.3`.
        version: String,
        /// Cipher suite by its registered name.
        cipher: String,
        /// The application protocol agreed by ALPN.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        alpn: Option<String>,
        /// The chain as the server sent it, leaf first.
        chain: Vec<Certificate>,
        /// Who judged the chain, and against what.
        verifier: String,
        /// The server asked for a client certificate.
        client_certificate_asked: bool,
        /// The OCSP answer that the server stapled, when it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stapled: Option<Stapled>,
    },
    /// What a server chose of a client hello that went no further.
    Chosen {
        /// Protocol version, such as `TLSv1.1`.
        version: String,
        /// Cipher suite by its registered name.
        cipher: String,
        /// The chain as the server sent it, leaf first; empty where it is sent encrypted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        chain: Vec<Certificate>,
    },
    /// What became of the bytes we sent, when nothing came back.
    Sent {
        /// Bytes we sent.
        bytes: u64,
        /// Of these, bytes that the other side's kernel did not acknowledge.
        unacknowledged: u64,
    },
    /// The connection stays in clear text, as asked.
    Clear {
        /// Why: `sslmode=disable`, or that the server has no TLS and `sslmode` allows that.
        why: String,
    },
    /// An HTTP response arrived.
    Responded(Box<Response>),
    /// The connection was left idle, and is still open.
    Idled {
        /// For how long, in milliseconds.
        idle_ms: f64,
    },
    /// A server spoke its protocol's first words.
    Greeted {
        /// The protocol, such as `postgres` or `smtp`.
        protocol: String,
        /// What it said of itself.
        said: String,
    },
    /// The target let us in.
    Admitted {
        /// How: `none`, `basic`, `bearer`, `scram-sha-256`, `trust`...
        scheme: String,
        /// As whom, when a name was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
    },
    /// Which database answered.
    Identified(Box<DatabaseIdentity>),
    /// The payload is as expected.
    Matched {
        /// What was looked at, such as `$.version` or `rows`, with what was found.
        values: Vec<Looked>,
        /// The first bytes of a body, when `record_body` asks for them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        excerpt: Option<String>,
    },
    /// A program was started.
    Started {
        /// The program, as named in the plan.
        program: String,
    },
    /// A program ran and ended.
    Exited {
        /// Exit code; none when a signal ended it.
        code: Option<i32>,
        /// The signal that ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
        /// First bytes of standard output.
        stdout: String,
        /// First bytes of standard error.
        stderr: String,
    },
    /// Our own program answered on a vantage.
    LookedFrom {
        /// The host's own name.
        host: String,
        /// The user it runs as.
        user: String,
        /// The program's version there.
        version: String,
        /// The clock there less ours, in milliseconds.
        clock_offset_ms: i64,
        /// Which of several places it is, when the vantage is a set of them: the one that shows the worst.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of_set: Option<OfSet>,
        /// Why only a shell's own commands looked, which see less: our program could not be placed there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reduced: Option<String>,
    },
    /// What a host knows of a name, and who told it.
    Names(Box<NameFacts>),
    /// What listens on a port of a host.
    Listening(ListenerFacts),
    /// Connections that a host has to some addresses.
    Sockets(SocketFacts),
    /// What other ports of the target's host answer.
    Behind {
        /// The ports that were asked, ascending.
        ports: Vec<Behind>,
    },
    /// What the catalogs of a database say of the names in a statement.
    Catalog(Box<CatalogFacts>),
    /// A configuration source was read.
    Read {
        /// The file or process.
        source: String,
        /// Bytes read.
        bytes: u64,
    },
    /// A step of a flow was done.
    Stepped {
        /// Number from 1.
        step: usize,
        /// Method and path.
        request: String,
        /// Status code.
        status: u16,
    },
    /// A person recorded a pass.
    Recorded {
        /// Who said so.
        by: String,
        /// What they saw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<String>,
    },
    /// The permissions are what they should be, as far as it matters.
    Permitted {
        /// Objects that were compared, or that the rules name.
        objects: u64,
        /// Roles that were compared.
        roles: u64,
        /// What differs and does not matter, worst first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<Finding>,
        /// Open findings that are not in the list, which is bounded.
        #[serde(default, skip_serializing_if = "Counts::is_empty")]
        left_out: Counts,
    },
    /// A fact of a newer version.
    #[serde(other)]
    Unknown,
}

/// One DNS record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Record type, such as `A`.
    pub record_type: String,
    /// The data in zone-file form.
    pub data: String,
    /// Time to live, in seconds.
    pub ttl: u32,
}

/// One connection attempt to one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// The address tried.
    pub address: SocketAddr,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// Why it failed; absent when it worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ConnectError>,
}

/// Why a connection could not be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectError {
    /// The kind, by errno(3).
    pub kind: ConnectErrorKind,
    /// The errno, when the kernel gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// The host that sent an ICMP error, from the socket's error queue (`IP_RECVERR`, ip(7)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offender: Option<IpAddr>,
    /// Type and code of that ICMP error (RFC 792, RFC 4443).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp: Option<(u8, u8)>,
}

/// The kinds of connection failure, by errno(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectErrorKind {
    /// ECONNREFUSED
    Refused,
    /// No answer within the limit, or ETIMEDOUT
    TimedOut,
    /// EHOSTUNREACH
    HostUnreachable,
    /// ENETUNREACH
    NetworkUnreachable,
    /// EACCES or EPERM: a local rule prohibits it
    Prohibited,
    /// ECONNRESET
    Reset,
    /// EADDRNOTAVAIL: no local port or address left
    AddressUnavailable,
    /// Any other errno
    Other,
}

/// Which database server answered, asked before anything else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseIdentity {
    /// `inet_server_addr():inet_server_port()`; absent on a Unix socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_address: Option<String>,
    /// `pg_control_system().system_identifier`, where we may read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_identifier: Option<String>,
    /// `current_database()`
    pub database: String,
    /// `session_user`
    pub user: String,
    /// `pg_is_in_recovery()`
    pub in_recovery: bool,
    /// `default_transaction_read_only`, or in recovery
    pub read_only: bool,
    /// `server_version`
    pub version: String,
    /// What the server warned of at the login.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ServerError>,
}

/// A value that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Looked {
    /// What was looked at, such as `status`, `$.version` or `rows`.
    pub what: String,
    /// What was found, as text.
    pub got: String,
}
