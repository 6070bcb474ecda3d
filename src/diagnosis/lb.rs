//! A load balancer and the nodes behind it.

use super::answer::{Answer, behind, calls, contrasted, response, responses, well};
use super::evidence::Evidence;
use super::http::upstream;
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
}

pub(super) const RULES: &[Rule] = &[sticky, one_old, one_bad, no_server];

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
            .next(format!("find the node that says {}", version.got))
    })
}

/// Not what is limited by time, or by how many ask at once.
fn one_bad(evidence: &Evidence<'_>) -> Option<Ruling> {
    let contrast = some(evidence)?;
    let (layer, fault) = evidence.broken().filter(|(layer, _)| *layer >= Layer::Protocol)?;
    let status = response(evidence.trace).map(|response| response.status);
    if matches!(status, Some(429)) || super::app::names_pool(evidence) {
        return None;
    }
    let seen = match status {
        Some(status) => format!("some calls are answered {status}: {fault}"),
        None => format!("some calls: {fault}"),
    };
    let ruling = Ruling::new(ONE_BAD, layer, seen).because(contrast);
    // The bad answers of one node are alike; those of an overloaded server are of any kind.
    let broken = evidence.again().chain([evidence.trace]).filter_map(|trace| trace.broken());
    let alike = broken.into_iter().all(|(there, other)| there == layer && other.id() == fault.id());
    Some(if alike { ruling.sure(Confidence::High) } else { ruling.sure(Confidence::Low) })
}

fn sticky(evidence: &Evidence<'_>) -> Option<Ruling> {
    let Some((Layer::Auth, fault)) = evidence.broken().filter(|_| evidence.check.kind == "flow") else { return None };
    let (Fault::Unauthorized { .. } | Fault::Forbidden { .. }) = fault else { return None };
    // Some calls of the flow were admitted before it, and others of the same kind were not.
    let admitted = responses(evidence.trace).filter(|response| (200..400).contains(&response.status)).count();
    let was_well = evidence.before.is_some_and(|before| before.broken().is_none());
    (admitted >= 1 && (was_well || admitted >= 2)).then(|| {
        let ruling = Ruling::new(STICKY, Layer::Auth, format!("after {admitted} calls that were admitted: {fault}"));
        contrasted(evidence, ruling).sure(if admitted >= 2 { Confidence::High } else { Confidence::Medium })
    })
}

/// Words by which load balancers and ingresses say that nothing is left behind them.
const NO_SERVER: &[&str] = &[
    "no server is available to handle this request",
    "no healthy upstream",
    "no available server",
    "no endpoints available",
    "no healthy backend",
    "backend is unhealthy",
    "503 service temporarily unavailable</h1></center>\n</body>",
];

/// A wait that is a queue's, in milliseconds: a load balancer that has no server says so at once.
const WAITED_MS: f64 = 500.0;

fn no_server(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[502, 503])?;
    let overflow = answer.says(&["reset reason: overflow", "upstream_rq_pending_overflow"]);
    if !overflow && !answer.says(NO_SERVER) {
        return None;
    }
    if overflow || answer.response.first_byte_ms >= WAITED_MS {
        return Some(answer.tell(QUEUE).or(&[NO_HEALTHY]));
    }
    let ports = behind(evidence);
    let fails = ports.iter().any(|port| matches!(port.said, BehindSaid::Answered { status, .. } if status >= 500));
    let works = ports.iter().find(|port| matches!(port.said, BehindSaid::Answered { status, .. } if status < 300));
    if let Some(port) = works.filter(|_| !fails && well(evidence).is_none()) {
        let said = upstream::directly(port);
        return Some(answer.tell(HEALTH_PATH).proved(said).or(&[NO_HEALTHY]));
    }
    Some(answer.tell(NO_HEALTHY).or(if fails { &[] } else { &[HEALTH_PATH] }))
}
