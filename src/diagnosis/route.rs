//! The way between two hosts: what the kernel, routers and firewalls say, and what they keep silent about.

mod packets;
mod silence;
mod source;

use std::net::IpAddr;

use nix::libc;

use super::evidence::{Evidence, Place, listed, passes, refusal, refused_as, source};
use super::registry::{Rule, Ruling, causes};
use crate::model::cause::Confidence;
use crate::model::fact::ConnectErrorKind;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::trace::Trace;

causes! { Route:
    NO_ROUTE = "route-none-on-source" at Source,
        "The source host has no route to the target.",
        "ENETUNREACH at once: its own table says so, and no packet is sent.",
        ["add the route or the default gateway on the source: ip route get ADDRESS"];
    LOCAL_PROHIBIT = "route-local-prohibit" at Source,
        "A rule of the source host itself prohibits the target.",
        "EACCES from connect(2): a prohibit route or policy, and no packet is sent.",
        ["look at ip route and ip rule on the source"];
    ROUTER_UNREACHABLE = "route-unreachable-icmp" at Network,
        "A router on the way has no route to the target.",
        "EHOSTUNREACH at once, on every port, with the router's address in the ICMP error (code 0 or 1).",
        ["repair the route on the router that is named"];
    ROUTER_PROHIBITS = "route-prohibit-icmp" at Network,
        "A router on the way prohibits the target by policy.",
        "The errno of a missing route, but ICMP code 9, 10 or 13 (IPv6: 1, 5 or 6), on every port.",
        ["ask the network team for the access list entry of the router that is named"];
    BLACK_HOLE = "route-blackhole" at Network,
        "Everything to the target's address vanishes on the way.",
        "No answer on any port; a firewall mostly silences one.",
        ["look at the route on the last hop that answers: traceroute ADDRESS"];
    NO_RETURN = "route-one-way-no-return" at Target,
        "The target has no way back to the source.",
        "It looks like a firewall; but the SYN arrives, and the target cannot reach the source.",
        ["add the route to the source's network on the target"];
    RP_FILTER = "route-rp-filter" at Target,
        "The target drops packets that come by another way than answers would leave.",
        "The SYN arrives; TcpExtIPReversePathFilter counts up on the target.",
        ["repair the routing, or set rp_filter=2 on the target"];
    LOOP = "route-loop" at Network,
        "Packets go in a circle on the way.",
        "A router says that their time to live is over (ICMP type 11).",
        ["repair the static or summary route: traceroute ADDRESS shows two hops in turn"];
    HOST_DOWN = "host-down" at Target,
        "The target host is down, or has another address.",
        "EHOSTUNREACH after about three seconds: the last router asked for its hardware address in vain.",
        ["look at its console; was it restarted, or given another address?"];
    DROPPED = "fw-drop-port" at Network,
        "A firewall silently drops this connection from the source.",
        "Only this port is silent from here; other ports of the host answer, and other places connect.",
        ["ask the network team to allow this source, this target and this port"];
    DROPPED_FROM_ALL = "fw-drop-all-sources" at Network,
        "A firewall in front of the target drops the port for everybody.",
        "No place elsewhere connects; the target's own host does.",
        ["open the port in the firewall of the target's side"];
    HOST_DROPS = "fw-host-drop" at Target,
        "The target host's own firewall drops the port.",
        "No place elsewhere connects, the target's own host does, by loopback; its counters rise.",
        ["look at the firewall of the target host: nft list ruleset, firewall-cmd --list-all"];
    REJECTED_ICMP = "fw-reject-icmp-port" at Network,
        "A firewall rejects this connection.",
        "It looks as if nothing listened, but an ICMP error says it (port unreachable), and other places connect.",
        ["ask for the rule; the application is up"];
    REJECTED_RESET = "fw-reject-rst" at Network,
        "Something on the way rejects this connection with a reset.",
        "Refused from here, while other places connect: the application is up.",
        ["ask the firewall team, with source, target, port and time"];
    REJECTED_ADMIN = "fw-reject-admin" at Network,
        "A firewall rejects this connection by an ICMP error, such as administratively prohibited.",
        "\"No route to host\" misleads: only this port says so, mostly by ICMP code 9, 10 or 13 (IPv6: 1, 5 or 6).",
        ["open the port in the firewall that is named"];
    EGRESS = "fw-egress-source" at Source,
        "The source host's own firewall stops the connection.",
        "The packet never leaves: the kernel says EPERM, or the source itself answers.",
        ["open the way out on the source: nft or iptables OUTPUT, or its security group"];
    OLD_SOURCE = "fw-acl-old-source-ip" at Network,
        "The source has another address than before, which is not let through.",
        "The source address differs from the baseline's; other places connect.",
        ["give the source its old address, or add the new one to the access list"];
    MTU_REQUEST = "mtu-blackhole-request" at Network,
        "Large packets from the source get lost on the way (path MTU).",
        "A small request is answered, the same with a large header is not.",
        ["let ICMP type 3 code 4 through, clamp the MSS, or lower the MTU"];
    SLOW_LINK = "net-slow-link" at Network,
        "The way is slow: large answers take far longer than before.",
        "The first byte comes as soon as ever, and the rest at a fraction of the baseline's speed.",
        ["which link is used now, and which before?", "look for a shaper, a duplex mismatch, a slow VPN"];
    LATENCY = "net-latency" at Network,
        "The way to the target has become longer: each round trip takes far more time than before.",
        "Connecting alone, which is one round trip, takes long every time; from elsewhere, or before, it does not.",
        ["which way is used now: a VPN, another data centre? traceroute ADDRESS", "count the round trips of the application: each costs this much"];
    LOSS = "net-loss" at Network,
        "Packets get lost on the way.",
        "Some connections come at once, others only after one, three or seven seconds: SYNs sent again.",
        ["look at interface errors on the way: mtr ADDRESS", "one good try is no GO"];
    MTU = "mtu-blackhole-response" at Network,
        "Large packets get lost on the way (path MTU).",
        "The connection is made and small answers come; large ones stall, and not from other places.",
        ["let ICMP type 3 code 4 through, clamp the MSS, or lower the MTU"];
    PORTS_EXHAUSTED = "ephemeral-ports-exhausted" at Source,
        "The source host has no local port left towards the target.",
        "EADDRNOTAVAIL: thousands of sockets to one address and port.",
        ["find the leak on the source: ss -tan state close-wait", "widen net.ipv4.ip_local_port_range"];
    LIMIT = "conn-limit-device" at Network,
        "A device on the way allows only so many connections from this source.",
        "Connections that are made go on and a further one is not answered; when one ends, the next gets in.",
        ["raise the limit, or let the pools of all nodes together stay below it"];
    TRACKING_FULL = "conntrack-full" at Network,
        "Connection tracking of a host is full: it drops whatever is new.",
        "nf_conntrack_count has reached nf_conntrack_max; what is connected goes on.",
        ["raise net.netfilter.nf_conntrack_max", "look for who opens so many: conntrack -L"];
    HAIRPIN = "nat-hairpin" at Network,
        "A host does not reach its own network's public address: the way back does not go through the translation.",
        "The address works from other networks; from the target's own network, and the target itself, it does not.",
        ["use the internal name or address there", "or translate the source, too (masquerade) for that network"];
    SELINUX = "selinux-connect-denied" at Source,
        "SELinux on the source forbids the connection.",
        "connect(2) says EACCES though the route allows it; it may work from a shell.",
        ["ausearch -m avc -ts recent, then setsebool -P httpd_can_network_connect 1 or its like"];
    IP_DENY = "systemd-ipaddressdeny" at Source,
        "The systemd unit forbids the address.",
        "connect(2) says EPERM inside the unit (IPAddressDeny), and works from a shell.",
        ["systemctl show -p IPAddressAllow -p IPAddressDeny UNIT, and an override"];
}

pub(super) const RULES: &[Rule] = &[
    source::tracking_full, source::hairpin, no_route, prohibited, exhausted, egress, going_round, router, host_down, icmp_reject, rejected, old_source, silence::dropped, source::limited,
    silence::silent_everywhere, silence::vanished, packets::lossy, packets::latency, packets::large_request, packets::large_answer, packets::large, packets::slow,
];

/// Whether an ICMP error is of a policy: of destination unreachable the codes 9, 10 and 13 (RFC 1812 section 5.2.7.1), in
/// IPv6 1, 5 and 6 (RFC 4443 section 3.1).
fn is_policy((kind, code): (u8, u8)) -> bool {
    matches!((kind, code), (3, 9 | 10 | 13) | (1, 1 | 5 | 6))
}

/// How long the kernel asks for a hardware address before it gives up is 3 s; at once is much less.
const ARP_MS: f64 = 2000.0;

fn no_route(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault @ Fault::NoRoute { .. } = evidence.broken_at(Layer::Route)? else { return None };
    let works = working(evidence);
    let ruling = Ruling::new(NO_ROUTE, Layer::Route, fault.to_string());
    Some(match works {
        Some(contrast) => ruling.proved(contrast),
        None => ruling.because("The kernel of the source says so before it sends anything.").sure(Confidence::High),
    })
}

fn prohibited(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault @ Fault::Prohibited { .. } = evidence.broken_at(Layer::Route)? else { return None };
    let contrast = working(evidence).unwrap_or_default();
    Some(Ruling::new(LOCAL_PROHIBIT, Layer::Route, fault.to_string()).proved(format!("The kernel of the source says so before it sends anything. {contrast}")))
}

fn exhausted(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tcp)?;
    (refused_as(evidence.trace) == Some(ConnectErrorKind::AddressUnavailable)).then(|| {
        Ruling::new(PORTS_EXHAUSTED, Layer::Tcp, fault.to_string()).proved(working(evidence).unwrap_or_else(|| "The kernel of the source says so before it sends anything.".to_owned()))
    })
}

/// EPERM, or an ICMP error that the source itself sent.
fn egress(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tcp)?;
    let (_, error) = refusal(evidence.trace)?;
    let own = source(evidence.trace);
    let by_itself = error.offender.is_some() && error.offender == own;
    // Some ICMP errors of IPv6 come as EACCES: then a router says so, not the kernel here.
    let by_kernel = error.offender.is_none() && error.kind == ConnectErrorKind::Prohibited;
    (by_kernel || by_itself).then(|| {
        let who = if by_itself { "The ICMP error comes from the source itself." } else { "The kernel of the source says so." };
        let works = working(evidence);
        let ruling = Ruling::new(EGRESS, Layer::Tcp, fault.to_string());
        let ruling = match &works {
            Some(works) => ruling.proved(format!("{who} {works}")),
            None if by_itself => ruling.proved(who),
            None => ruling.because(who),
        };
        // A firewall, SELinux and the filter of a unit all say it with an errno, and no more.
        match error.errno {
            Some(libc::EACCES) => ruling.or(&[SELINUX]),
            Some(libc::EPERM) => ruling.or(&[IP_DENY]),
            Some(_) | None => ruling,
        }
    })
}

fn going_round(evidence: &Evidence<'_>) -> Option<Ruling> {
    /// Time exceeded in transit (RFC 792).
    const TIME_EXCEEDED: u8 = 11;
    let fault = evidence.broken_at(Layer::Tcp)?;
    let said = std::iter::once(evidence.trace).chain(evidence.again()).chain(evidence.other_ports());
    let who = said.filter_map(refusal).find_map(|(_, error)| {
        error.icmp.filter(|(kind, _)| *kind == TIME_EXCEEDED).and(error.offender)
    })?;
    Some(Ruling::new(LOOP, Layer::Route, fault.to_string()).proved(format!("{who} says that the packet's time to live is over.")))
}

/// Whether other ports of the same host meet the same ICMP error; none when they were not asked, or nothing came: routers
/// send only so many.
fn every_port(evidence: &Evidence<'_>, kind: ConnectErrorKind) -> Option<bool> {
    let answers = |trace: &Trace| passes(trace, Layer::Tcp) || refused_as(trace) == Some(ConnectErrorKind::Refused);
    if evidence.other_ports().any(answers) {
        return Some(false);
    }
    evidence.other_ports().any(|trace| refused_as(trace) == Some(kind)).then_some(true)
}

/// EHOSTUNREACH at once, or EACCES by an error of IPv6: somebody on the way says no.
fn router(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tcp)?;
    let (attempt, error) = refusal(evidence.trace)?;
    let unreachable =
        matches!(error.kind, ConnectErrorKind::HostUnreachable | ConnectErrorKind::NetworkUnreachable);
    let prohibited = error.kind == ConnectErrorKind::Prohibited
        && error.offender.is_some()
        && error.offender != source(evidence.trace);
    let said = unreachable || prohibited;
    if !said || attempt.took_ms >= ARP_MS {
        return None;
    }
    let who = error.offender.map_or_else(|| "A router".to_owned(), |offender| offender.to_string());
    let policy = error.icmp.is_some_and(is_policy);
    let all = every_port(evidence, error.kind);
    let code = error.icmp.map_or_else(String::new, |(kind, code)| format!(" (ICMP {kind}/{code})"));
    let ports = match (all, evidence.other_ports().next()) {
        (Some(true), _) => " of every port",
        (Some(false), _) => " of this port, and others of the same host answer",
        (None, Some(_)) => "; of other ports nothing came",
        (None, None) => "; no other port was asked",
    };
    let contrast = format!("{who} says so{code}{ports}. {}", working(evidence).unwrap_or_default());
    let (cause, other) = match (policy, all) {
        (true, Some(true)) => (ROUTER_PROHIBITS, REJECTED_ADMIN),
        (true, None) => (REJECTED_ADMIN, ROUTER_PROHIBITS),
        (true | false, Some(false)) => (REJECTED_ADMIN, ROUTER_UNREACHABLE),
        (false, Some(true) | None) => (ROUTER_UNREACHABLE, REJECTED_ADMIN),
    };
    let is_route = cause != REJECTED_ADMIN;
    let ruling = Ruling::new(cause, if is_route { Layer::Route } else { Layer::Tcp }, fault.to_string());
    Some(match all {
        Some(false) if policy => ruling.proved(contrast),
        Some(_) => ruling.proved(contrast).or(&[other]),
        None => ruling.because(contrast).or(&[other]),
    })
}

fn host_down(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tcp)?;
    let (attempt, error) = refusal(evidence.trace)?;
    if error.kind != ConnectErrorKind::HostUnreachable || attempt.took_ms < ARP_MS {
        return None;
    }
    let ruling = Ruling::new(HOST_DOWN, Layer::Route, fault.to_string());
    let seen = format!("It came after {:.1} s, the time of a hardware address asked for in vain.", attempt.took_ms / 1000.0);
    let mut others = evidence.others().peekable();
    let asked = others.peek().is_some();
    Some(if !asked || others.any(|place| place.passes(Layer::Tcp)) {
        ruling.because(seen)
    } else {
        ruling.proved(format!("{seen} No other place connects."))
    })
}

/// A refusal that an ICMP error brought.
fn icmp_reject(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tcp)?;
    let (_, error) = refusal(evidence.trace)?;
    let offender = error.offender.filter(|_| error.kind == ConnectErrorKind::Refused)?;
    let contrast = format!("{offender} says so by ICMP; a host on which nothing listens would reset. {}", working(evidence).unwrap_or_default());
    Some(Ruling::new(REJECTED_ICMP, Layer::Tcp, fault.to_string()).proved(contrast))
}

/// Refused by a reset here, while others connect.
fn rejected(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tcp)?;
    let (_, error) = refusal(evidence.trace)?;
    if error.kind != ConnectErrorKind::Refused || error.offender.is_some() {
        return None;
    }
    let ruling = Ruling::new(REJECTED_RESET, Layer::Tcp, fault.to_string());
    if let Some(contrast) = others_connect(evidence) {
        return Some(ruling.proved(contrast));
    }
    // It listens on the very address: what refuses is before it.
    let own = evidence.target().find(|place| evidence.reaches_the_same(place))?;
    let contrast = format!("{} itself connects to the same address; no other place does.", own.vantage);
    Some(ruling.because(contrast).or(&[DROPPED_FROM_ALL, HOST_DROPS]))
}

fn old_source(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tcp)?;
    let kind = refused_as(evidence.trace)?;
    let stopped = matches!(kind, ConnectErrorKind::TimedOut | ConnectErrorKind::Refused | ConnectErrorKind::HostUnreachable);
    let (was, now) = source_moved(evidence)?;
    let contrast = others_connect(evidence).filter(|_| stopped)?;
    let contrast = format!("It leaves from {now} now; in the baseline it left from {was}, and connected. {contrast}");
    Some(
        Ruling::new(OLD_SOURCE, Layer::Tcp, fault.to_string())
            .proved(contrast)
            .next(format!("allow {now} where {was} is allowed, or give the source {was} back")),
    )
}

fn source_moved(evidence: &Evidence<'_>) -> Option<(IpAddr, IpAddr)> {
    let (was, now) = (source(evidence.before?)?, source(evidence.trace)?);
    (was != now && passes(evidence.before?, Layer::Tcp)).then_some((was, now))
}

/// Places elsewhere that connect, in a sentence.
fn others_connect(evidence: &Evidence<'_>) -> Option<String> {
    let places: Vec<Place<'_>> = evidence.others().filter(|place| evidence.reaches_the_same(place)).collect();
    let first = places.first()?;
    let words = listed(places.iter().map(Place::name));
    let own = evidence.target().find(|place| evidence.reaches_the_same(place) && place.vantage != first.vantage);
    let own = own.map_or_else(String::new, |place| format!(", and so does {} itself", place.vantage));
    Some(format!("It connects from {words}{own}."))
}

/// Any place that connects, in a sentence.
fn working(evidence: &Evidence<'_>) -> Option<String> {
    let places: Vec<Place<'_>> = evidence.elsewhere().filter(|place| evidence.reaches_the_same(place)).collect();
    (!places.is_empty()).then(|| format!("It connects from {}.", listed(places.iter().map(Place::name))))
}

/// Every other place that was asked; none when no other was.
fn others(evidence: &Evidence<'_>) -> Option<String> {
    Some(listed(evidence.others().map(|place| place.name()))).filter(|names| !names.is_empty())
}

/// Whether a trace ended at the tcp layer without an answer.
pub(super) fn timed_out(trace: &Trace) -> bool {
    refused_as(trace) == Some(ConnectErrorKind::TimedOut)
}
