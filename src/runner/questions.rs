//! What is asked once a check has failed: pure, from what was planned and what was seen.

mod database;
mod http;
mod tls;
mod way;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;

use crate::model::application::AsApplication;
use crate::model::examination::{Question, ways};
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::outline::{Check, VantageId};
use crate::model::trace::{Seen, Trace};
use crate::net::resolve::literal;
use crate::probe::Spec;
use crate::probe::address::{HostPort, host_port};

/// The longest one question may take.
pub(super) const LIMIT: Duration = Duration::from_secs(4);
/// The same probe again, so often: of three nodes behind one name, one bad one shows.
const AGAIN: usize = 5;
/// Places asked for the same at most.
const PLACES: usize = 6;

/// One question.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) question: Question,
    pub(super) vantage: VantageId,
    /// As whom, when not as the vantage's own user.
    pub(super) who: Option<AsApplication>,
    pub(super) probe: Spec,
}

/// What to ask about a check that broke: the fewer layers worked, the more about names and ways.
pub(super) fn questions(
    check: &Check,
    probe: &Spec,
    vantage: &VantageId,
    trace: &Trace,
    before: Option<&Trace>,
) -> Vec<Ask> {
    let (Ok(target), Some((layer, fault))) = (host_port(&probe.endpoint()), trace.broken()) else {
        return Vec::new();
    };
    let mut asked = Asked { check, probe, vantage, target: &target, asks: Vec::new() };
    asked.names();
    asked.elsewhere();
    asked.not_as_application();
    tls::ask(&mut asked, trace, (layer, fault), before);
    match layer {
        Layer::Vantage => {}
        Layer::Dns => asked.baseline_address(before, &[]),
        Layer::Route | Layer::Tcp => {
            let tried = attempted(trace, fault, target.port);
            asked.baseline_address(before, &tried);
            asked.sockets(before, &tried);
            asked.other_ports(&tried);
            asked.target_host();
            asked.again(1);
        }
        Layer::Tls | Layer::Protocol | Layer::Auth | Layer::Payload => {
            asked.baseline_address(before, &attempted(trace, fault, target.port));
            asked.target_host();
            asked.web(trace);
            if !http::is_limited(trace) {
                asked.again(database::again(fault, AGAIN));
            }
        }
    }
    asked.database(layer, fault);
    asked.small_and_large(layer, fault);
    asked.asks
}

/// Whether a check that could not look stumbled over a file of its own: the same without that file; or over a login that is
/// not spoken here: from elsewhere the server may ask for another one.
pub(super) fn questions_of_an_error(
    check: &Check,
    probe: &Spec,
    vantage: &VantageId,
    trace: &Trace,
) -> Vec<Ask> {
    let Ok(target) = host_port(&probe.endpoint()) else { return Vec::new() };
    let mut asked = Asked { check, probe, vantage, target: &target, asks: Vec::new() };
    tls::ask_without_a_file(&mut asked, trace);
    if database::is_unspoken(trace) {
        asked.elsewhere();
    }
    asked.asks
}

/// Whether a check that passed shows something to ask about: a name that took a resolver's timeout or leads elsewhere now, a
/// server's clock or warning, a certificate that ends soon.
pub(super) fn questions_of_a_pass(
    check: &Check,
    probe: &Spec,
    vantage: &VantageId,
    trace: &Trace,
    before: Option<&Trace>,
) -> Vec<Ask> {
    /// A resolver that answers does so in milliseconds (resolv.conf(5): a dead one costs a second at the least).
    const SLOW_MS: f64 = 900.0;
    let slow = trace.observations.iter().any(|seen| seen.layer == Layer::Dns && seen.took_ms >= SLOW_MS);
    let wrong_clock = http::has_wrong_clock(trace);
    let ends_soon = tls::ends_soon(trace, jiff::Timestamp::now()) || tls::lacks_staple(trace);
    let warns = database::warns(trace);
    let slow_way = way::waited_for_connection(trace) || way::waited_for_body(trace);
    let moved = before.is_some_and(|before| way::has_moved(before, trace));
    if !(slow || wrong_clock || ends_soon || warns || slow_way || moved) {
        return Vec::new();
    }
    let Ok(target) = host_port(&probe.endpoint()) else { return Vec::new() };
    let mut asked = Asked { check, probe, vantage, target: &target, asks: Vec::new() };
    if slow {
        asked.names();
    }
    if wrong_clock || ends_soon || warns {
        asked.elsewhere();
    } else {
        asked.slow_way(trace);
    }
    if moved {
        asked.sockets(before, &[]);
    }
    asked.asks
}

struct Asked<'a> {
    check: &'a Check,
    probe: &'a Spec,
    vantage: &'a VantageId,
    target: &'a HostPort,
    asks: Vec<Ask>,
}

impl Asked<'_> {
    fn push(&mut self, question: Question, vantage: &VantageId, probe: Option<Spec>) {
        if let Some(probe) = probe {
            // Other places have neither the application's user nor its process.
            let who = self.application().filter(|_| vantage == self.vantage).cloned();
            self.asks.push(Ask { question, vantage: vantage.clone(), who, probe });
        }
    }

    fn application(&self) -> Option<&AsApplication> {
        self.check.link.as_deref()?.as_application.as_ref()
    }

    /// The same as the vantage's own user, with its own environment.
    fn not_as_application(&mut self) {
        if let Some(probe) = self.application().and_then(|_| self.same()) {
            let question = Question::Otherwise { way: ways::OWN_ENVIRONMENT.to_owned() };
            self.asks.push(Ask { question, vantage: self.vantage.clone(), who: None, probe });
        }
    }

    fn names(&mut self) {
        if literal(&self.target.host).is_none() {
            let names = Spec::Names(crate::probe::Names { name: self.target.host.clone() });
            self.push(Question::Names, self.vantage, Some(names));
        }
    }

    /// The same probe from here, from the target's own hosts, and from where the plan says.
    fn elsewhere(&mut self) {
        for place in self.check.compared_from().iter().take(PLACES) {
            self.push(Question::Elsewhere, place, self.same());
        }
    }

    fn again(&mut self, times: usize) {
        for _ in 0..times {
            let same = self.same();
            self.push(Question::Again, self.vantage, same);
        }
    }

    /// The probe itself so that it changes nothing; else a connection to the same port.
    fn same(&self) -> Option<Spec> {
        self.harmless().or_else(|| tcp(&self.target.host, self.target.port))
    }

    /// The probe itself so that it changes nothing, and without a wait of its own: a question has little time.
    fn harmless(&self) -> Option<Spec> {
        let mut probe = self.probe.harmless()?;
        if let Spec::Http(http) = &mut probe {
            http.reuse_after = None;
        } else if let Spec::Postgres(postgres) = &mut probe {
            postgres.reuse_after = None;
        }
        Some(probe)
    }

    fn baseline_address(&mut self, before: Option<&Trace>, tried: &[SocketAddr]) {
        let known = before.into_iter().flat_map(connected).find(|address| !tried.contains(address));
        if let Some(address) = known {
            let probe = tcp(&address.ip().to_string(), address.port());
            self.push(Question::BaselineAddress { address }, self.vantage, probe);
        }
    }

    /// Connections of this host to what was tried, and to the address that the baseline had.
    fn sockets(&mut self, before: Option<&Trace>, tried: &[SocketAddr]) {
        let mut to: Vec<SocketAddr> = tried.to_vec();
        to.extend(before.into_iter().flat_map(connected));
        to.sort_unstable();
        to.dedup();
        let sockets = (!to.is_empty()).then(|| Spec::Sockets(crate::probe::Sockets { to }));
        self.push(Question::Sockets, self.vantage, sockets);
    }

    /// Ports that most hosts answer on, be it with a refusal: ssh, https, and tcpmux, which nobody uses.
    fn other_ports(&mut self, tried: &[SocketAddr]) {
        const PORTS: [u16; 3] = [22, 443, 1];
        let Some(first) = tried.first() else { return };
        for port in PORTS.into_iter().filter(|port| *port != first.port()) {
            let address = SocketAddr::new(first.ip(), port);
            let probe = tcp(&address.ip().to_string(), port);
            self.push(Question::OtherPort { address }, self.vantage, probe);
        }
    }

    /// A web server in other ways, and what is behind it.
    fn web(&mut self, trace: &Trace) {
        let Spec::Http(probe) = self.probe else { return };
        for (way, probe) in http::otherwise(probe, trace) {
            self.push(Question::Otherwise { way: way.to_owned() }, self.vantage, Some(probe));
        }
        let behind = http::behind(probe, trace, self.target.port);
        for place in self.check.link.clone().iter().flat_map(|link| &link.to_runs_on).take(PLACES) {
            self.push(Question::Otherwise { way: "behind".to_owned() }, place, behind.clone());
        }
    }

    /// The target's own host: its loopback, and what listens there.
    fn target_host(&mut self) {
        let Some(link) = self.check.link.clone() else { return };
        for place in link.to_runs_on.iter().take(PLACES) {
            for loopback in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
                self.push(Question::Loopback, place, tcp(&loopback.to_string(), self.target.port));
            }
            let listeners = Spec::Listeners(crate::probe::Listeners { port: self.target.port });
            self.push(Question::Listeners, place, Some(listeners));
        }
    }
}

/// A connection to a port, and nothing more.
fn tcp(host: &str, port: u16) -> Option<Spec> {
    let address = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    Spec::read("tcp", json!({ "address": address }))?.ok()
}

/// Addresses that connections were made to.
fn connected(trace: &Trace) -> impl Iterator<Item = SocketAddr> {
    trace.observations.iter().filter_map(|observation| match &observation.seen {
        Seen::Worked(Fact::Connected { address, .. }) => Some(*address),
        Seen::Worked(_) | Seen::Broke(_) => None,
    })
}

/// Addresses that were tried, whether they answered or not.
fn attempted(trace: &Trace, fault: &Fault, port: u16) -> Vec<SocketAddr> {
    let mut tried: Vec<SocketAddr> = connected(trace).collect();
    if let Fault::Refused { attempts }
    | Fault::ConnectTimedOut { attempts }
    | Fault::Unreachable { attempts }
    | Fault::ConnectFailed { attempts } = fault
    {
        tried.extend(attempts.iter().map(|attempt| attempt.address).filter(|address| address.port() != 0));
    }
    for observation in &trace.observations {
        if let Seen::Worked(Fact::Resolved { addresses, .. }) = &observation.seen {
            tried.extend(addresses.iter().map(|address| SocketAddr::new(*address, port)));
        }
    }
    tried.dedup();
    tried
}
