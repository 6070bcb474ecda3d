//! Name servers asked directly: for record types and servers a plan names, and to explain why a name did not resolve.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;

use crate::model::fact::{Fact, Record};
use crate::model::fault::Fault;
use crate::model::trace::{Trouble, VantageError};

/// The longest one server is waited for, each of two times.
const SERVER_LIMIT: Duration = Duration::from_secs(2);
/// The longest an explanation may take: the fault is known already.
const EXPLAIN_LIMIT: Duration = Duration::from_millis(900);

/// Ask for records of a type: `server` alone, or the servers of `/etc/resolv.conf` in their order.
///
/// # Errors
/// The rcode as a fault; `VantageError` when there is no server to ask.
pub async fn query(
    name: &str,
    record_type: RecordType,
    server: Option<SocketAddr>,
) -> Result<(Fact, Vec<Record>), Trouble> {
    let (resolver, asked) = resolver(server, SERVER_LIMIT)?;
    match resolver.lookup(name, record_type).await {
        Ok(lookup) => {
            let answers: Vec<Record> = lookup
                .answers()
                .iter()
                .map(|record| Record {
                    record_type: record.record_type().to_string(),
                    data: record.data.to_string(),
                    ttl: record.ttl,
                })
                .collect();
            let fact = Fact::Answered {
                name: name.to_owned(),
                record_type: record_type.to_string(),
                server: asked,
                answers: answers.clone(),
            };
            Ok((fact, answers))
        }
        Err(error) => Err(fault(name, &record_type.to_string(), &asked, &error).into()),
    }
}

/// Why `getaddrinfo`, which said `said`, did not find `host`.
pub(super) async fn explain(host: &str, said: &str) -> Fault {
    let unexplained =
        |more: &str| Fault::ResolverFailed { name: host.to_owned(), code: format!("{said}{more}") };
    let Ok((resolver, asked)) = resolver(None, EXPLAIN_LIMIT / 2) else {
        return unexplained("; there is no name server in /etc/resolv.conf");
    };
    match tokio::time::timeout(EXPLAIN_LIMIT, resolver.lookup_ip(host)).await {
        Ok(Ok(_)) => unexplained(&format!("; but {asked} knows the name (see nsswitch.conf)")),
        Ok(Err(NetError::Timeout)) | Err(_) => unexplained(&format!("; no answer from {asked}")),
        Ok(Err(error)) => {
            let explained = fault(host, "A or AAAA", &asked, &error);
            if let Fault::ResolverFailed { code, .. } = explained {
                return unexplained(&format!("; {asked} said: {code}"));
            }
            explained
        }
    }
}

fn resolver(server: Option<SocketAddr>, limit: Duration) -> Result<(TokioResolver, String), VantageError> {
    let unusable = |reason: String| VantageError::Setting { setting: "/etc/resolv.conf".to_owned(), reason };
    let provider = TokioRuntimeProvider::default();
    let (mut builder, asked) = if let Some(server) = server {
        let mut udp = ConnectionConfig::udp();
        udp.port = server.port();
        let mut tcp = ConnectionConfig::tcp();
        tcp.port = server.port();
        let config = NameServerConfig::new(server.ip(), true, vec![udp, tcp]);
        let config = ResolverConfig::from_name_servers(vec![config]);
        (TokioResolver::builder_with_config(config, provider), server.to_string())
    } else {
        let (config, options) =
            hickory_resolver::system_conf::read_system_conf().map_err(|error| unusable(error.to_string()))?;
        let servers: Vec<String> = config.name_servers().iter().map(|server| server.ip.to_string()).collect();
        if servers.is_empty() {
            return Err(unusable("it names no name server".to_owned()));
        }
        let mut builder = TokioResolver::builder_with_config(config, provider);
        *builder.options_mut() = options;
        (builder, servers.join(", "))
    };
    let options: &mut ResolverOpts = builder.options_mut();
    options.timeout = limit;
    options.attempts = 1;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    let resolver = builder.build().map_err(|error| unusable(error.to_string()))?;
    Ok((resolver, asked))
}

fn fault(name: &str, record_type: &str, by: &str, error: &NetError) -> Fault {
    let (name, by) = (name.to_owned(), by.to_owned());
    let code = if let NetError::Dns(DnsError::NoRecordsFound(none)) = error {
        none.response_code
    } else if let NetError::Dns(DnsError::ResponseCode(code)) = error {
        *code
    } else if matches!(error, NetError::Timeout) {
        let limit_ms = u64::try_from(SERVER_LIMIT.as_millis()).unwrap_or(u64::MAX);
        return Fault::TimedOut { waiting_for: format!("answer of the name server {by}"), limit_ms };
    } else {
        return Fault::ResolverFailed { name, code: error.to_string() };
    };
    if code == ResponseCode::NXDomain {
        Fault::NameNotFound { name, by }
    } else if code == ResponseCode::NoError {
        Fault::NoRecord { name, record_type: record_type.to_owned(), by }
    } else if code == ResponseCode::ServFail {
        Fault::ServerFailure { name, by }
    } else if code == ResponseCode::Refused {
        Fault::QueryRefused { name, by }
    } else {
        Fault::ResolverFailed { name, code: code.to_string() }
    }
}
