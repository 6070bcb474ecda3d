//! Name servers asked directly: for record types and servers a plan names, and to explain why a name did not resolve.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{DnsRequestOptions, DnsResponse, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig, system_conf};

use super::refusal::{self, refusal};
use crate::clock::milliseconds;
use crate::model::fact::{Fact, Record};
use crate::model::fault::Fault;
use crate::model::host::{Said, ServerSaid};
use crate::model::trace::{Trouble, VantageError};

/// The longest one server is waited for.
const SERVER_LIMIT: Duration = Duration::from_secs(2);
/// The longest an explanation may take: the fault is known already.
const EXPLAIN_LIMIT: Duration = Duration::from_millis(900);

/// Ask for records of a type, of a whole name: `server` alone, or the servers of `/etc/resolv.conf` in their order until
/// one knows.
///
/// The servers are asked without the library's resolver, which answers for `localhost` and a few other names (RFC 6761)
/// by itself and would show as a server's what is its own.
///
/// # Errors
/// The rcode as a fault, that of the last server asked; `VantageError` when there is no server to ask.
pub async fn query(
    name: &str,
    record_type: RecordType,
    server: Option<SocketAddr>,
) -> Result<(Fact, Vec<Record>), Trouble> {
    let servers = match server {
        Some(server) => vec![at(server)],
        None => system()?.0.name_servers().to_vec(),
    };
    let whole = whole_name(name).map_err(|code| Fault::ResolverFailed { name: name.to_owned(), code })?;
    let (server, records) = ask_each(&servers, &whole, record_type, SERVER_LIMIT)
        .await
        .map_err(|(server, error)| fault(name, &record_type.to_string(), &server, &error))?;
    let fact = Fact::Answered {
        name: name.to_owned(),
        record_type: record_type.to_string(),
        server,
        answers: records.clone(),
    };
    Ok((fact, records))
}

/// Why `getaddrinfo`, which said `said`, did not find `host`.
pub(super) async fn explain(host: &str, said: &str) -> Fault {
    let unexplained =
        |more: String| Fault::ResolverFailed { name: host.to_owned(), code: format!("{said}{more}") };
    let (Ok((config, _)), Ok(whole)) = (system(), whole_name(host)) else {
        return unexplained("; there is no name server to ask why".to_owned());
    };
    // getaddrinfo(3) tries the search list of resolv.conf(5) too; one of those names may be the one that is broken.
    let searched = config.search().iter().filter(|_| !host.ends_with('.'));
    let mut names: Vec<Name> =
        searched.filter_map(|domain| whole_name(host).ok()?.append_domain(domain).ok()).collect();
    names.push(whole);
    let servers = config.name_servers();
    let asking = async {
        let mut worst = None;
        for name in &names {
            match ask_each(servers, name, RecordType::A, EXPLAIN_LIMIT / 2).await {
                Ok((server, _)) => {
                    return unexplained(format!("; but {server} knows {name} (see nsswitch.conf)"));
                }
                Err((server, error)) => {
                    let found = fault(host, "A", &server, &error);
                    if worst.is_none() || !matches!(found, Fault::NameNotFound { .. }) {
                        worst = Some((server, found));
                    }
                }
            }
        }
        match worst {
            Some((server, Fault::ResolverFailed { code, .. })) => {
                unexplained(format!("; {server} said: {code}"))
            }
            Some((server, Fault::TimedOut { .. })) => unexplained(format!("; no answer from {server}")),
            Some((_, explained)) => explained,
            None => unexplained(String::new()),
        }
    };
    let servers: Vec<String> = servers.iter().map(|server| server.ip.to_string()).collect();
    tokio::time::timeout(EXPLAIN_LIMIT, asking)
        .await
        .unwrap_or_else(|_| unexplained(format!("; no answer from {}", servers.join(", "))))
}

/// What there is to know of a name from the servers of `/etc/resolv.conf`.
#[derive(Debug, Default)]
pub struct Each {
    /// The search list.
    pub search: Vec<String>,
    /// What every server says by itself of the name; of a name without a dot also of those its search list makes of it.
    pub servers: Vec<ServerSaid>,
    /// What the first server says of the names that are tried before a name with dots, as these are fewer than `ndots`.
    pub searched: Vec<ServerSaid>,
}

/// Ask every server of `/etc/resolv.conf` by itself for a name, and for what its search list makes of it.
///
/// # Errors
/// `VantageError` when there is no server to ask.
pub async fn each(host: &str) -> Result<Each, VantageError> {
    /// Servers and names: more than resolv.conf(5) lets the resolver use.
    const MOST: usize = 12;
    let (config, options) = system()?;
    let search: Vec<String> = config.search().iter().map(Name::to_utf8).collect();
    let Ok(whole) = whole_name(host) else { return Ok(Each { search, ..Each::default() }) };
    let dots = host.matches('.').count();
    let is_searched = !host.ends_with('.') && dots < options.ndots;
    let searched = config.search().iter().filter(|domain| is_searched && !domain.is_root());
    let completed: Vec<Name> =
        searched.filter_map(|domain| whole_name(host).ok()?.append_domain(domain).ok()).collect();
    let (short, long) = if dots == 0 { (completed, Vec::new()) } else { (Vec::new(), completed) };
    let names: Vec<&Name> = short.iter().chain([&whole]).collect();
    let asked = names.iter().flat_map(|name| config.name_servers().iter().map(move |server| (server, *name)));
    let asking = join_all(asked.take(MOST).map(|(server, name)| one(server, name)));
    let first = config.name_servers().first();
    let asking_first =
        join_all(first.iter().flat_map(|server| long.iter().take(MOST).map(move |name| one(server, name))));
    let (servers, searched) = tokio::join!(asking, asking_first);
    Ok(Each { search, servers, searched })
}

/// What one server says of one name, both address families asked for.
async fn one(server: &NameServerConfig, name: &Name) -> ServerSaid {
    let began = Instant::now();
    let ask = |record_type| response(server.clone(), name, record_type, SERVER_LIMIT);
    let (v4, v6, cut_off) = tokio::join!(ask(RecordType::A), ask(RecordType::AAAA), is_cut_off(server, name));
    let took_ms = milliseconds(began.elapsed());
    let mut records: Vec<Record> = Vec::new();
    for answer in [&v4, &v6].into_iter().flatten() {
        let told = answer.answers.iter().chain(&answer.authorities);
        records.extend(told.map(record).filter(|record| !records.contains(record)).collect::<Vec<_>>());
    }
    let has_address = records.iter().any(|record| matches!(record.record_type.as_str(), "A" | "AAAA"));
    let said = match (&v4, &v6) {
        _ if has_address => Said::Addresses,
        (Ok(answer), _) | (Err(_), Ok(answer)) => {
            let known = [
                (ResponseCode::NXDomain, Said::NoName),
                (ResponseCode::NoError, Said::NoData),
                (ResponseCode::ServFail, Said::ServerFailure),
                (ResponseCode::Refused, Said::Refused),
            ];
            let said = known.into_iter().find(|(code, _)| *code == answer.response_code);
            said.map_or(Said::Other, |(_, said)| said)
        }
        (Err(NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused))), Err(_)) => Said::Refused,
        (Err(NetError::Dns(DnsError::ResponseCode(ResponseCode::ServFail))), Err(_)) => Said::ServerFailure,
        (Err(NetError::Io(_)), Err(_)) | (Err(_), Err(NetError::Io(_))) => Said::Unreachable,
        (Err(NetError::Timeout), Err(_)) => Said::Silence,
        (Err(_), Err(_)) => Said::Other,
    };
    let bogus = said == Said::ServerFailure
        && refusal::plainly(address(server), name, true).await.is_some_and(|answer| answer.answered);
    ServerSaid { server: shown(server), name: name.to_utf8(), said, took_ms, records, cut_off, bogus }
}

/// Whether a short answer by UDP is cut off, and no connection by TCP is made to ask for the whole of it.
async fn is_cut_off(server: &NameServerConfig, name: &Name) -> bool {
    let Some(answer) = refusal::plainly(address(server), name, false).await else { return false };
    let connecting = tokio::net::TcpStream::connect(address(server));
    answer.cut_off && !matches!(tokio::time::timeout(EXPLAIN_LIMIT, connecting).await, Ok(Ok(_)))
}

/// Ask servers in order until one gives records, or says that there are none.
async fn ask_each(
    servers: &[NameServerConfig],
    name: &Name,
    record_type: RecordType,
    limit: Duration,
) -> Result<(String, Vec<Record>), (String, NetError)> {
    let mut failed = (String::new(), NetError::NoConnections);
    for server in servers {
        let shown = shown(server);
        match ask(server.clone(), name, record_type, limit).await {
            Ok(records) => return Ok((shown, records)),
            Err(error) => {
                let is_final = matches!(error, NetError::Dns(DnsError::NoRecordsFound(_)));
                failed = (shown, error);
                if is_final {
                    break;
                }
            }
        }
    }
    Err(failed)
}

async fn ask(
    server: NameServerConfig,
    name: &Name,
    record_type: RecordType,
    limit: Duration,
) -> Result<Vec<Record>, NetError> {
    let response = DnsError::from_response(response(server, name, record_type, limit).await?)?;
    Ok(response.answers.iter().map(record).collect())
}

async fn response(
    server: NameServerConfig,
    name: &Name,
    record_type: RecordType,
    limit: Duration,
) -> Result<DnsResponse, NetError> {
    let mut options = ResolverOpts::default();
    options.timeout = limit;
    options.attempts = 1;
    let address = address(&server);
    let context = Arc::new(PoolContext::new(options, TlsConfig::new()?));
    let pool = NameServerPool::from_config([server], context, TokioRuntimeProvider::default());
    let query = Query::query(name.clone(), record_type);
    let answering = async {
        tokio::select! {
            answer = pool.lookup(query, DnsRequestOptions::default()).first_answer() => answer,
            refused = refusal(address, name, record_type) => Err(refused),
        }
    };
    tokio::time::timeout(limit, answering).await.map_err(|_| NetError::Timeout)?
}

fn record(record: &hickory_resolver::proto::rr::Record) -> Record {
    Record { record_type: record.record_type().to_string(), data: record.data.to_string(), ttl: record.ttl }
}

fn system() -> Result<(ResolverConfig, ResolverOpts), VantageError> {
    let unusable = |reason: String| VantageError::Setting { setting: "/etc/resolv.conf".to_owned(), reason };
    let (config, options) = system_conf::read_system_conf().map_err(|error| unusable(error.to_string()))?;
    if config.name_servers().is_empty() {
        return Err(unusable("it names no name server".to_owned()));
    }
    Ok((config, options))
}

fn at(server: SocketAddr) -> NameServerConfig {
    let mut udp = ConnectionConfig::udp();
    udp.port = server.port();
    let mut tcp = ConnectionConfig::tcp();
    tcp.port = server.port();
    NameServerConfig::new(server.ip(), true, vec![udp, tcp])
}

/// RFC 1035 section 4.2.
const DOMAIN: u16 = 53;

fn address(server: &NameServerConfig) -> SocketAddr {
    let port = server.connections.first().map_or(DOMAIN, |connection| connection.port);
    SocketAddr::new(server.ip, port)
}

fn shown(server: &NameServerConfig) -> String {
    let address = address(server);
    if address.port() == DOMAIN { address.ip().to_string() } else { address.to_string() }
}

fn whole_name(name: &str) -> Result<Name, String> {
    let mut whole = Name::from_utf8(name).map_err(|error| error.to_string())?;
    whole.set_fqdn(true);
    Ok(whole)
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
