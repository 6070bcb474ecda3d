//! A load balancer and the nodes behind it.

use super::answer::{Answer, before, behind, calls, contrasted, response, responses, well, well_behind};
use super::evidence::Evidence;
use super::http::{self, upstream};
use super::{app, auth};
use super::registry::{Rule, Ruling, causes};
use crate::model::cause::Confidence;
use crate::model::fault::Fault;
use crate::model::host::BehindSaid;
use crate::model::layer::Layer;

causes! { Lb:
    NO_HEALTHY = "lb-no-healthy-backend" at Target,
        "The load balancer has no node left that it takes for healthy.",
        "It answers by itself that no server is available, at once; the nodes fail their own health path.",
        ["look at the nodes' health in the load balancer, then at the nodes"];
    HEALTH_PATH = "lb-health-check-wrong-path" at Proxy,
        "The load balancer takes healthy nodes for dead: its health check asks for what is not there.",
        "Through the load balancer no server is available; a node asked directly answers.",
        ["compare the load balancer's health check (path, port, host, status) with what the new version serves"];
    QUEUE = "lb-maxconn-queue" at Target,
        "The load balancer's queue is full or waited in vain: its nodes take no more connections.",
        "No server is available, and only after a wait: the queue's timeout.",
        ["look at what keeps the nodes busy", "compare maxconn and the nodes' pools"];
    ONE_BAD = "lb-one-bad-node" at Target,
        "One node behind the load balancer fails.",
        "The same call from the same place fails some of the times, and always in the same way.",
        ["call each node by itself, and take the bad one out", "deploy to it again"];
    ONE_OLD = "lb-one-old-version-node" at Target,
        "One node behind the load balancer has another version.",
        "Every call is answered, and two versions are seen.",
        ["deploy to the node that was left out, or take it out"];
    STICKY = "lb-sticky-session-lost" at Proxy,
        "A session is lost between two calls: the load balancer sends them to different nodes.",
        "The session was just given and used, and is then unknown.",
        ["turn session affinity on, or share sessions among the nodes"];
    STALE_UPSTREAM = "http-proxy-stale-upstream-ip" at Proxy,
        "The proxy still uses an old address of what is behind it: it asked for the name when it was started.",
        "The name leads to a host that answers; the proxy does not reach it.",
        ["reload the proxy", "let it resolve names again: resolver in nginx, resolvers in HAProxy"];
    ENVOY = "envoy-UF-UH-NR" at Proxy,
        "Envoy itself answers, and its response flag says why.",
        "The answer is Envoy's own, with its response flags; what is behind it never saw the request.",
        ["look up the flag: UF upstream not connected, UH no healthy upstream, NR no route"];
}

pub(super) const RULES: &[Rule] = &[envoy, sticky, one_old, one_bad, no_server];

/// The part of a mismatch that names a version.
pub(super) const VERSIONS: &[&str] = &["version", "build", "release", "revision", "commit", "tag", "buildnumber", "build_number"];

/// The last name of a JSON path, in small letters.
pub(super) fn last_name(what: &str) -> String {
    what.rsplit(['.', '[']).next().unwrap_or_default().trim_matches(|c: char| !c.is_alphanumeric() && c != '_').to_lowercase()
}

fn some(evidence: &Evidence<'_>) -> Option<String> {
    let (broken, all) = calls(evidence)?;
    Some(format!("{broken} of {all} calls from the same place fail; the others pass."))
}

fn one_old(evidence: &Evidence<'_>) -> Option<Ruling> {
    let contrast = some(evidence)?;
    let (layer, Fault::Mismatch { mismatches, .. }) = evidence.broken()? else { return None };
    let version = mismatches.iter().find(|one| VERSIONS.contains(&&*last_name(&one.what)))?;
    let only = mismatches.iter().all(|one| VERSIONS.contains(&&*last_name(&one.what)));
    only.then(|| {
        Ruling::new(ONE_OLD, layer, format!("{} is sometimes {}", version.what, version.got))
            .proved(contrast)
            .not(&[ONE_BAD])
            .next(format!("find the node that says {}", version.got))
    })
}

/// Not what is limited by time, or by how many ask at once; and not a lost packet, which has no answer.
fn one_bad(evidence: &Evidence<'_>) -> Option<Ruling> {
    let contrast = some(evidence)?;
    let (layer, fault) = evidence.broken().filter(|(layer, _)| *layer >= Layer::Protocol)?;
    let answered = response(evidence.trace);
    let ended = matches!(fault, Fault::Reset { .. } | Fault::ClosedEarly { .. });
    let is_limit = answered.is_some_and(|answer| answer.status == 429);
    if is_limit || !(ended || answered.is_some()) || app::names_pool(evidence) || app::is_starting(evidence) {
        return None;
    }
    let seen = match answered {
        Some(answer) => format!("some calls are answered {}: {fault}", answer.status),
        None => format!("some calls: {fault}"),
    };
    let ruling = Ruling::new(ONE_BAD, layer, seen).because(contrast);
    // The bad answers of one node are alike; those of an overloaded server are of any kind.
    let broken: Vec<_> = evidence.again().chain([evidence.trace]).filter_map(|trace| trace.broken()).collect();
    let alike = broken.iter().all(|(there, other)| *there == layer && other.id() == fault.id());
    let (count, _) = calls(evidence)?;
    Some(match (alike, count) {
        (true, 2..) if evidence.resolved().is_some_and(|(_, addresses)| addresses.len() > 1) => ruling.sure(Confidence::High),
        // Behind one address there may be one process that fails by turns.
        (true, 2..) => ruling.next("is there more than one node behind this address? if not, the application itself fails by turns"),
        (true, _) => ruling.next("only one call failed: ask again, gonogo retest").sure(Confidence::Low),
        (false, _) => ruling.sure(Confidence::Low),
    })
}

/// Headers that every request has.
const USUAL: [&str; 8] = ["host", "user-agent", "accept", "connection", "content-type", "content-length", "authorization", "accept-encoding"];

fn sticky(evidence: &Evidence<'_>) -> Option<Ruling> {
    let Some((Layer::Auth, fault)) = evidence.broken().filter(|_| evidence.check.kind == "flow") else { return None };
    let (Fault::Unauthorized { .. } | Fault::Forbidden { .. }) = fault else { return None };
    // What was refused carried what an earlier answer gave: a cookie, or a header of its own, and no credentials.
    let sent = response(evidence.trace)?.sent.as_ref()?;
    let carried = sent.headers.iter().any(|name| !USUAL.contains(&&*name.to_lowercase()));
    let credentials = sent.headers.iter().any(|name| name.eq_ignore_ascii_case("authorization"));
    let admitted = responses(evidence.trace).filter(|response| (200..400).contains(&response.status)).count();
    let was_well = before(evidence).is_some();
    (carried && !credentials && admitted >= 1 && was_well).then(|| {
        let ruling = Ruling::new(STICKY, Layer::Auth, format!("after {admitted} calls that were admitted: {fault}"));
        let says = Answer::of(evidence).is_some_and(|answer| answer.says(&["session"]));
        let ruling = contrasted(evidence, ruling);
        if says || admitted >= 2 { ruling } else { ruling.sure(Confidence::Medium).or(&[auth::ROTATED]) }
    })
}

/// Response flags of Envoy's access log (`%RESPONSE_FLAGS%`) that say what became of a request before anything answered it.
const FLAGS: &[(&str, &str)] = &[
    ("UH", "no healthy upstream: every host of the cluster is ejected, or there is none"),
    ("UF", "the connection to the upstream failed"),
    ("UO", "the upstream overflows: circuit breaking"),
    ("NR", "no route for this request, or no filter chain"),
    ("NC", "the upstream cluster is not found"),
    ("UC", "the upstream ended the connection"),
    ("UR", "the upstream reset the stream"),
    ("UT", "the upstream did not answer in time"),
    ("URX", "the upstream was tried as often as allowed"),
    ("DF", "the upstream's name does not resolve"),
];

/// Where the header of the flags is turned on: nothing else has to be guessed from the body then.
fn envoy(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence)?;
    let flags = answer.response.header("x-envoy-response-flags")?;
    let (flag, means) = FLAGS.iter().find(|(flag, _)| flags.split(',').any(|one| one.trim() == *flag))?;
    let ruling = answer.tell(ENVOY).saying(&format!("Envoy says {flag}: {means}."));
    let guesses = [NO_HEALTHY, HEALTH_PATH, QUEUE, http::UPSTREAM_DOWN, http::UPSTREAM_RESET, http::UPSTREAM_SLOW, http::NO_VHOST];
    Some(ruling.not(&guesses))
}

/// Words by which load balancers and ingresses say that nothing is left behind them.
const NO_SERVER: &[&str] = &[
    "no server is available to handle this request",
    "no healthy upstream",
    "no available server",
    "no endpoints available",
    "no healthy backend",
    "backend is unhealthy",
];

/// A wait that is a queue's, in milliseconds: a load balancer that has no server says so at once.
const WAITED_MS: f64 = 500.0;

fn no_server(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[502, 503])?;
    // The load balancers of AWS say no more than the status.
    let by_aws = answer.response.status == 503
        && answer.response.header("server").is_some_and(|server| server.starts_with("awselb"));
    let overflow = answer.says(&["reset reason: overflow", "upstream_rq_pending_overflow"]);
    if !overflow && !by_aws && !answer.says(NO_SERVER) {
        return None;
    }
    let ports = behind(evidence);
    let waited = answer.response.first_byte_ms >= WAITED_MS;
    let busy = ports.iter().any(|port| port.said == BehindSaid::Silent);
    if overflow || (waited && (busy || ports.is_empty())) {
        return Some(answer.tell(QUEUE).or(&[NO_HEALTHY, http::UPSTREAM_DOWN]));
    }
    let fails = ports.iter().any(|port| matches!(port.said, BehindSaid::Answered { status, .. } if status >= 500));
    if let Some(port) = well_behind(evidence).filter(|_| !fails && !waited && well(evidence).is_none()) {
        let said = upstream::directly(port);
        return Some(answer.tell(HEALTH_PATH).saying(&said).sure(Confidence::High).or(&[NO_HEALTHY]));
    }
    let ruling = answer.tell(NO_HEALTHY);
    Some(match (fails, waited) {
        (true, _) => ruling,
        // A load balancer that does not look at its nodes tries to connect, more than once.
        (false, true) => ruling.or(&[http::UPSTREAM_DOWN, QUEUE]),
        (false, false) => ruling.or(&[HEALTH_PATH, http::UPSTREAM_DOWN]),
    })
}
