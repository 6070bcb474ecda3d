//! From a host and a port to open connections: the dns, route and tcp layers, the same for every probe.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Recorder, Stop, Trouble};
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::net::connect::{self, CONNECT_LIMIT, Connection};
use crate::net::resolve::{self, RESOLVE_LIMIT};
use crate::net::route::Routes;

/// Which of a name's addresses go through the layers above TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Addresses {
    /// The first one that answers.
    #[default]
    First,
    /// Every one: finds one bad node of many.
    All,
}

/// Left of a check's time for telling what happened.
const SPARE: Duration = Duration::from_millis(50);

/// Resolve, route and connect; carry on with the first address that answers.
///
/// # Errors
/// `Stop`, once the broken layer is recorded.
pub async fn reach(recorder: &mut Recorder, host: &str, port: u16) -> Result<Connection, Stop> {
    let addresses = locate(recorder, host, port).await?;
    let limit = connect_limit(recorder);
    recorder.layer(Layer::Tcp, limit + 2 * SPARE, "connection", connect::connect(&addresses, limit)).await
}

/// Resolve, route and connect to every address, each recorded on its own.
///
/// # Errors
/// `Stop::Blind` and `Stop::Cancelled`; `Stop::Broke` when there is no address. Addresses that do not answer are
/// recorded and counted in the second part of the answer.
pub async fn reach_all(
    recorder: &mut Recorder,
    host: &str,
    port: u16,
) -> Result<(Vec<Connection>, usize), Stop> {
    let addresses = locate(recorder, host, port).await?;
    if addresses.len() > resolve::MOST {
        let what = format!("the list of {} addresses of {host}", addresses.len());
        let limit = resolve::MOST as u64;
        return Err(recorder.broke(Layer::Tcp, Duration::ZERO, Fault::TooLarge { what, limit }));
    }
    let limit = connect_limit(recorder);
    let connected = recorder.waiting(connect::connect_all(&addresses, limit)).await??;
    let mut open = connected.open.into_iter().peekable();
    let mut reached = Vec::new();
    let mut broken = 0;
    for attempt in connected.attempts {
        let (address, took) = (attempt.address, Duration::from_secs_f64(attempt.took_ms / 1000.0));
        recorder.about(Some(address));
        let seen = match open.next_if(|connection| connection.address == address) {
            Some(connection) => connect::fact(&connection, vec![attempt]).map(|fact| (fact, connection)),
            None => Err(connect::fault(vec![attempt])),
        };
        match seen {
            Ok((fact, connection)) => {
                recorder.worked(Layer::Tcp, took, fact);
                reached.push(connection);
            }
            Err(fault) => {
                let _: Stop = recorder.broke(Layer::Tcp, took, fault);
                broken += 1;
            }
        }
    }
    recorder.about(None);
    Ok((reached, broken))
}

fn connect_limit(recorder: &Recorder) -> Duration {
    CONNECT_LIMIT.min(recorder.remaining().saturating_sub(2 * SPARE))
}

/// The dns and route layers.
///
/// # Errors
/// `Stop`, once the broken layer is recorded.
pub(in crate::probe) async fn locate(
    recorder: &mut Recorder,
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, Stop> {
    let addresses =
        recorder.layer(Layer::Dns, RESOLVE_LIMIT, "address of the name", resolve::resolve(host)).await?;
    let began = Instant::now();
    match first_route(&recorder.context().net.routes, &addresses) {
        Ok(fact) => recorder.worked(Layer::Route, began.elapsed(), fact),
        Err(Trouble::Fault(fault)) => return Err(recorder.broke(Layer::Route, began.elapsed(), fault)),
        Err(Trouble::Blind(error)) => return Err(error.into()),
    }
    Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

/// The route to the first address that has one; on a host without IPv6 an IPv4 address later in the list does.
fn first_route(routes: &Routes, addresses: &[IpAddr]) -> Result<crate::model::fact::Fact, Trouble> {
    let mut first_trouble = None;
    for address in addresses {
        match routes.route(*address) {
            Ok(fact) => return Ok(fact),
            Err(trouble) => {
                first_trouble.get_or_insert(trouble);
            }
        }
    }
    Err(first_trouble.unwrap_or_else(|| {
        Fault::NoRecord {
            name: String::new(),
            record_type: "A or AAAA".to_owned(),
            by: "getaddrinfo".to_owned(),
        }
        .into()
    }))
}
