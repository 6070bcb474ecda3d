//! The end of a connection: what listens at the target, on which address, and whether it answers.

use super::evidence::{Evidence, Place, facts, listed, refused_as};
use super::registry::{Rule, Ruling, causes};
use super::route;
use crate::model::cause::Confidence;
use crate::model::fact::{ConnectErrorKind, Fact};
use crate::model::fault::Fault;
use crate::model::host::{Listener, OpenFiles};
use crate::model::layer::Layer;
use crate::model::trace::Trace;

pub(super) mod idle;

causes! { Tcp:
    NOT_LISTENING = "tcp-not-listening" at Target,
        "Nothing listens there: the application is not running, or not on this port.",
        "Refused from every place, loopback on the target included.",
        ["start the application, and read the log of its start"];
    LOOPBACK_ONLY = "tcp-loopback-only" at Target,
        "The application listens on loopback only.",
        "Loopback on the target connects; the target's own address refuses.",
        ["let it listen on the service address, such as 0.0.0.0"];
    WRONG_PORT = "tcp-wrong-port" at Target,
        "The application listens on another port.",
        "Refused everywhere; the target's list of listening sockets has it on another port.",
        ["let both sides use the same port"];
    OTHER_ADDRESS = "tcp-other-address-only" at Target,
        "The application listens on another address of the target host.",
        "The target's list of listening sockets has the port, bound to an address that is not the one called.",
        ["let it listen on the service address, such as 0.0.0.0"];
    V6_ONLY = "tcp-v6-only-listener" at Target,
        "The application listens on IPv6 only.",
        "On the target, ::1 connects and 127.0.0.1 refuses.",
        ["let it listen on IPv4 too (ipv6only=off, preferIPv4Stack)"];
    BACKLOG = "tcp-backlog-full" at Target,
        "The target accepts no more connections: its queue is full, because it hangs or is overloaded.",
        "It looks like a firewall, but loopback on the target times out too.",
        ["take a thread dump, then restart the application"];
    HUNG = "tcp-process-hung" at Target,
        "The application hangs: it accepts connections and never answers.",
        "The kernel connects, and no byte comes, on the target's own host too.",
        ["take a thread dump, then restart the application"];
    RESET_ON_ACCEPT = "tcp-rst-on-accept" at Target,
        "The application accepts and resets at once.",
        "The connection is made and reset before any byte, from every place.",
        ["read its log: an allow list, a limit of connections, a sidecar without its upstream"];
    RESET_BY_CONTENT = "tcp-rst-by-ips" at Network,
        "Something on the way resets the connection once it sees the request.",
        "The connection is made and reset during the request, and not from other places.",
        ["call network security, with source, target, URL and time"];
    CLOSED = "tcp-close-no-data" at Target,
        "The application closes without an answer.",
        "The connection ends by FIN, without a byte, from every place.",
        ["read its log of that second", "does it expect TLS, or the PROXY protocol?"];
    PROXY_PROTOCOL = "tcp-proxy-protocol-expected" at Target,
        "The listener expects the PROXY protocol.",
        "Plain requests are closed or reset; the same with a PROXY header is answered.",
        ["take accept-proxy away, or send the header from the load balancer"];
    OTHER_SERVICE = "tcp-other-service-on-port" at Target,
        "Another service answers on this port.",
        "The server speaks first, and not what was expected.",
        ["see who owns the port on the target: ss -ltnp"];
    FILES = "tcp-fd-exhausted" at Target,
        "The application has as many files open as it may: it cannot accept another connection.",
        "It looks as if it hung; but its process has reached RLIMIT_NOFILE, and connections wait in its queue.",
        ["raise the limit (LimitNOFILE of its unit) and restart it", "look for a leak: ls -l /proc/PID/fd"];
    IDLE_CLOSED = "keepalive-race" at Target,
        "The server closes idle connections sooner than the caller's pool gives them up: a call that crosses the closing fails.",
        "Only the first call after a rest fails; the same call on a new connection works, and so does a retry.",
        ["keep connections in the caller's pool for less time than the server keeps them open (keepalive_timeout, keepAliveTimeout)", "or let the caller retry calls that change nothing"];
    IDLE_FORGOTTEN = "fw-idle-drop" at Network,
        "A firewall or load balancer on the way forgets idle connections, and drops what comes on them later.",
        "New connections always work; one that was idle for some time gets no answer any more, and nobody closed it.",
        ["TCP keepalive below the idle time of the firewall (net.ipv4.tcp_keepalive_time, SO_KEEPALIVE)", "give the caller's pool a maximal idle time and lifetime, and let it test a connection before use"];
}

pub(super) const RULES: &[Rule] =
    &[open_files, v6_only, loopback_only, other_address, wrong_port, not_listening, refused_unseen, backlog, other_service, hung, reset, closed];

fn refused<'a>(evidence: &Evidence<'a>) -> Option<&'a Fault> {
    evidence.broken_at(Layer::Tcp).filter(|_| refused_as(evidence.trace) == Some(ConnectErrorKind::Refused))
}

/// Whether a connection to loopback on the target's own host was made; none when none was tried.
fn loopback(evidence: &Evidence<'_>, v4: bool) -> Option<bool> {
    let mut tried = evidence.loopback().filter(|(address, _)| address.is_ipv4() == v4).peekable();
    tried.peek()?;
    Some(tried.any(|(_, place)| place.passes(Layer::Tcp)))
}

fn listening<'a>(evidence: &Evidence<'a>) -> Vec<(&'a str, &'a Listener)> {
    evidence.listeners().flat_map(|(vantage, facts)| facts.listeners.iter().map(move |one| (vantage, one))).collect()
}

fn sockets(listening: &[(&str, &Listener)]) -> String {
    let words: Vec<String> = listening
        .iter()
        .map(|(vantage, one)| format!("{} on {vantage} listens on {}", one.program.as_deref().unwrap_or("a program"), one.address))
        .collect();
    listed(words.iter().map(String::as_str))
}

fn v6_only(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = refused(evidence)?;
    (loopback(evidence, true) == Some(false) && loopback(evidence, false) == Some(true)).then(|| {
        let contrast = format!("On the target itself ::1 connects and 127.0.0.1 refuses. {}.", sockets(&listening(evidence)));
        Ruling::new(V6_ONLY, Layer::Tcp, fault.to_string()).proved(contrast)
    })
}

fn loopback_only(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = refused(evidence)?;
    let own = evidence.target().next()?;
    (loopback(evidence, true) == Some(true) && !own.passes(Layer::Tcp)).then(|| {
        let contrast = format!("On {} loopback connects, its own address refuses. {}.", own.vantage, sockets(&listening(evidence)));
        Ruling::new(LOOPBACK_ONLY, Layer::Tcp, fault.to_string()).proved(contrast)
    })
}

fn other_address(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = refused(evidence)?;
    let found = listening(evidence);
    let elsewhere = |one: &Listener| !one.address.ip().is_unspecified() && !one.address.ip().is_loopback();
    let all = !found.is_empty() && found.iter().all(|(_, one)| elsewhere(one));
    let own_refuses = evidence.target().any(|place| !place.passes(Layer::Tcp));
    (all && own_refuses).then(|| {
        Ruling::new(OTHER_ADDRESS, Layer::Tcp, fault.to_string()).proved(format!("{}.", sockets(&found)))
    })
}

/// Ports below this are the host's own services more often than an application.
const FIRST_OF_APPLICATIONS: u16 = 1024;

fn other_ports(evidence: &Evidence<'_>) -> Vec<String> {
    let others = evidence.listeners().flat_map(|(_, facts)| &facts.others);
    others.filter(|port| **port >= FIRST_OF_APPLICATIONS).take(8).map(ToString::to_string).collect()
}

fn nothing_listens(evidence: &Evidence<'_>) -> bool {
    evidence.listeners().next().is_some() && listening(evidence).is_empty()
}

fn wrong_port(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = refused(evidence)?;
    let others = other_ports(evidence);
    // Of one other port it is likely; of many, most are not its own.
    (nothing_listens(evidence) && others.len() == 1 && loopback(evidence, true) != Some(true)).then(|| {
        let contrast = format!("On the target itself it refuses too; there, something listens on {}.", listed(others.iter().map(String::as_str)));
        Ruling::new(WRONG_PORT, Layer::Tcp, fault.to_string()).because(contrast).or(&[NOT_LISTENING])
    })
}

fn not_listening(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = refused(evidence)?;
    let own = loopback(evidence, true) == Some(false);
    let others = other_ports(evidence);
    (own && listening(evidence).is_empty() && others.len() != 1).then(|| {
        let listens = if nothing_listens(evidence) { " Nothing listens on the port there." } else { "" };
        let ruling = Ruling::new(NOT_LISTENING, Layer::Tcp, fault.to_string());
        if others.is_empty() {
            return ruling.proved(format!("On the target itself it refuses too.{listens}"));
        }
        let others = listed(others.iter().map(String::as_str));
        let contrast = format!("On the target itself it refuses too.{listens} There, something listens on {others}.");
        ruling.proved(contrast).or(&[WRONG_PORT])
    })
}

/// Refused, and the target's own host was not asked.
fn refused_unseen(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = refused(evidence)?;
    let asked = evidence.loopback().next().is_some();
    let by_icmp = super::evidence::refusal(evidence.trace).is_some_and(|(_, error)| error.offender.is_some());
    if asked || by_icmp || evidence.others().any(|place| place.passes(Layer::Tcp)) {
        return None;
    }
    let others: Vec<Place<'_>> = evidence.others().collect();
    let (contrast, sure) = if others.is_empty() {
        ("No other place was asked.".to_owned(), Confidence::Low)
    } else {
        (format!("It is the same from {}.", listed(others.iter().map(Place::name))), Confidence::Medium)
    };
    Some(
        Ruling::new(NOT_LISTENING, Layer::Tcp, fault.to_string())
            .because(contrast)
            .sure(sure)
            .or(&[LOOPBACK_ONLY, WRONG_PORT, route::REJECTED_RESET])
            .next("name the target's own host: gonogo probe TARGET --target-host ssh:HOST tells which it is"),
    )
}

fn backlog(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tcp).filter(|_| route::timed_out(evidence.trace))?;
    let (_, place) = evidence.loopback().find(|(_, place)| route::timed_out(place.trace))?;
    let found = listening(evidence);
    let waiting: u32 = found.iter().map(|(_, one)| one.waiting).sum();
    let queue = if waiting > 0 { format!(" {waiting} connections wait there to be accepted.") } else { String::new() };
    // Of every port of the host, and since it is up: it goes with the proof and is none.
    let overflows = evidence.listeners().find_map(|(_, facts)| facts.overflows).filter(|count| *count > 0);
    let full = overflows.map_or_else(String::new, |count| format!(" Full queues have turned {count} away on that host."));
    let ruling = Ruling::new(BACKLOG, Layer::Tcp, fault.to_string())
        .proved(format!("Loopback on {} times out too.{queue}{full}", place.vantage));
    let unknown = found.iter().any(|(_, one)| one.program.is_none());
    Some(if unknown { ruling.next("as root on the target, ss -ltnp tells the program, and the limit of its queue as Send-Q") } else { ruling })
}

/// A listener that can open nothing more, whatever the silence looks like.
fn open_files(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken().filter(|(layer, fault)| *layer > Layer::Tcp && !spoke(evidence.trace) && is_silence(fault) || *layer == Layer::Tcp && route::timed_out(evidence.trace))?;
    let (vantage, one, files) = listening(evidence).into_iter().find_map(|(vantage, one)| {
        let files = one.open_files.filter(OpenFiles::is_full)?;
        Some((vantage, one, files))
    })?;
    let program = one.program.as_deref().unwrap_or("the program");
    let contrast = format!("On {vantage}, {program} has {} files open, of {} that it may. {} connections wait there to be accepted.", files.count, files.most, one.waiting);
    Some(Ruling::new(FILES, layer, fault.to_string()).proved(contrast).not(&[HUNG, BACKLOG]))
}

fn other_service(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken()?;
    let (Fault::BadProtocol { head, .. } | Fault::NotTls { head }) = fault else { return None };
    let banner = head.lines().next().unwrap_or_default().trim();
    let known = ["SSH-", "220 ", "220-", "* OK", "+OK", "RFB ", "-ERR", "$-1"].iter().any(|start| banner.starts_with(start));
    known.then(|| Ruling::new(OTHER_SERVICE, layer, fault.to_string()).proved(format!("It says: {banner}")))
}

/// Whether the same silence meets every place that was asked, at the same layer or below it.
fn same_everywhere(evidence: &Evidence<'_>) -> Option<String> {
    let places: Vec<Place<'_>> = evidence.elsewhere().collect();
    let all = !places.is_empty() && places.iter().all(|place| place.trace.broken().is_some());
    all.then(|| format!("It is the same from {}.", listed(places.iter().map(Place::name))))
}

fn is_silence(fault: &Fault) -> bool {
    matches!(fault, Fault::TimedOut { .. })
}

/// Whether anything came from the target above the tcp layer.
fn spoke(trace: &Trace) -> bool {
    let answered = trace.observations.iter().any(|observation| observation.answer.is_some());
    let words = |fact: &Fact| {
        matches!(
            fact,
            Fact::Secured { .. }
                | Fact::Responded { .. }
                | Fact::Greeted { .. }
                | Fact::Admitted { .. }
                | Fact::Identified(_)
        )
    };
    answered || facts(trace).any(words)
}

fn hung(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken()?;
    if !is_silence(fault) || layer <= Layer::Tcp || spoke(evidence.trace) {
        return None;
    }
    // Another path of the same server is answered.
    if evidence.otherwise("root").is_some_and(spoke) {
        return None;
    }
    let ruling = Ruling::new(HUNG, Layer::Protocol.min(layer), fault.to_string());
    let own = evidence.target().find(|place| place.trace.broken().is_some_and(|(_, fault)| is_silence(fault)));
    match (own, same_everywhere(evidence)) {
        (Some(own), _) => Some(ruling.proved(format!("On {} itself it is silent too.", own.vantage))),
        (None, Some(same)) => Some(ruling.because(same)),
        (None, None) if evidence.elsewhere().next().is_none() => {
            Some(ruling.because("No other place was asked.").sure(Confidence::Low).or(&[route::MTU]))
        }
        (None, None) => None,
    }
}

fn reset(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken()?;
    if !matches!(fault, Fault::Reset { .. }) || layer <= Layer::Tcp || spoke(evidence.trace) {
        return None;
    }
    if let Some(same) = same_everywhere(evidence) {
        return Some(Ruling::new(RESET_ON_ACCEPT, layer, fault.to_string()).proved(same).or(&[PROXY_PROTOCOL]));
    }
    let passes = evidence.elsewhere().find(|place| place.passes(layer));
    Some(match passes {
        Some(place) => Ruling::new(RESET_BY_CONTENT, layer, fault.to_string())
            .because(format!("It is answered from {}.", place.name()))
            .or(&[RESET_ON_ACCEPT]),
        None => Ruling::new(RESET_ON_ACCEPT, layer, fault.to_string())
            .because("No other place was asked.")
            .sure(Confidence::Low)
            .or(&[RESET_BY_CONTENT, PROXY_PROTOCOL]),
    })
}

fn closed(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken()?;
    if !matches!(fault, Fault::ClosedEarly { received: 0, .. }) || layer <= Layer::Tcp || spoke(evidence.trace) {
        return None;
    }
    let ruling = Ruling::new(CLOSED, layer, fault.to_string()).or(&[PROXY_PROTOCOL]);
    Some(match same_everywhere(evidence) {
        Some(same) => ruling.proved(same),
        None => ruling.because("It closes without a byte."),
    })
}
