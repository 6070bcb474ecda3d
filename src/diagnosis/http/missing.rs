//! Not found, or not understood: whether the proxy in front or the application behind it says so.

use super::{CONTEXT_PATH, DEFAULT_PAGE, NO_VHOST, PROXY_PROTOCOL, STRIPPED, UNDERSCORE};
use crate::diagnosis::answer::{Answer, response, well, well_behind};
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::registry::Ruling;
use crate::diagnosis::{app, lb};
use crate::model::cause::Confidence;
use crate::model::response::BodyKind;

/// Titles and words of pages that web servers come with.
const WELCOME: &[&str] = &[
    "welcome to nginx",
    "<h1>it works!</h1>",
    "apache2 debian default page",
    "apache2 ubuntu default page",
    "test page for the apache",
    "test page for the http server",
    "test page for the nginx",
    "iis windows server",
    "<title>iis windows",
    "microsoft internet information services",
    "welcome to openresty",
    "welcome to caddy",
    "caddy works!",
    "you've successfully installed tomcat",
    "if you're seeing this, you've successfully installed tomcat",
    "welcome to jboss",
    "welcome to wildfly",
    "default web site page",
];

pub(super) fn default_page(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence).filter(|answer| answer.says(WELCOME))?;
    if well(evidence).is_some() {
        return None;
    }
    let ruling = answer.tell(DEFAULT_PAGE);
    Some(match answer.response.body.as_ref().and_then(|body| body.title.as_deref()) {
        Some(title) => {
            ruling.saying(&format!("The page's title is \"{title}\"."))
        }
        None => ruling,
    })
}

/// Pages by which application servers say that there is nothing at a path: Tomcat, Jetty, `WildFly`, `WebLogic`, Spring, IIS.
const OF_SERVERS: &[&str] = &[
    "apache tomcat",
    "http status 404",
    "powered by jetty",
    "wildfly",
    "undertow",
    "weblogic",
    "whitelabel error page",
    "error 404--not found",
    "glassfish",
    "websphere",
    "srve0",
];

/// Words of proxies and ingresses that have no rule for a request: ingress-nginx, Traefik, Envoy, HAProxy, cloud balancers.
const NO_RULE: &[&str] = &[
    "default backend",
    "no matching virtual host",
    "<hr><center>nginx",
    "<center>openresty",
    "404 page not found",
    "no route matched",
    "unknown host",
    "no such app",
    "there is no site configured at this address",
    "response 404 (backend not found)",
];

/// Whether the root path is not found either.
fn root_is_missing(evidence: &Evidence<'_>) -> Option<bool> {
    Some(response(evidence.otherwise("root")?)?.status == 404)
}

fn missing<'a>(evidence: &'a Evidence<'a>) -> Option<Answer<'a>> {
    Answer::with_status(evidence, &[404]).filter(|answer| !app::names_feature(answer) && well(answer.evidence).is_none())
}

/// The application says so through the proxy, and not when it is asked directly.
pub(super) fn stripped(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = missing(evidence).filter(|answer| !answer.says(NO_RULE))?;
    let port = well_behind(evidence)?;
    let of_application = answer.is(BodyKind::Json) || answer.says(OF_SERVERS);
    let ruling = answer.tell(STRIPPED).saying(&super::upstream::directly(port)).sure(Confidence::High).or(&[NO_VHOST]);
    Some(if of_application { ruling } else { ruling.sure(Confidence::Medium) })
}

pub(super) fn vhost(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = missing(evidence)?;
    let by_proxy = answer.says(NO_RULE)
        || (answer.is(BodyKind::Empty) && answer.response.header("server") == Some("envoy"));
    if !by_proxy || root_is_missing(evidence) == Some(false) {
        return None;
    }
    let ruling = answer.tell(NO_VHOST);
    let Some(port) = well_behind(evidence) else {
        let sure = ruling.confidence.less();
        return Some(ruling.sure(sure).or(&[CONTEXT_PATH, STRIPPED]));
    };
    Some(ruling.saying(&super::upstream::directly(port)).sure(Confidence::High).or(&[STRIPPED]))
}

/// What is there at another path cannot be known from outside: the baseline, and the server's own page, tell.
pub(super) fn context_path(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = missing(evidence).filter(|answer| !answer.says(NO_RULE))?;
    if well_behind(evidence).is_some() || app::has_successor(evidence) {
        return None;
    }
    let ruling = answer.tell(CONTEXT_PATH).or(&[app::API_GONE, STRIPPED]);
    let sure = ruling.confidence;
    Some(if answer.says(OF_SERVERS) || root_is_missing(evidence) == Some(true) {
        let at_root = if root_is_missing(evidence) == Some(true) { "The root path is not found either." } else { "" };
        ruling.saying(at_root)
    } else {
        ruling.sure(sure.less())
    })
}

/// A header with an underscore that was sent, and that the server misses.
pub(super) fn underscore(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[400, 401, 403, 422])?;
    let mut sent = answer.sent()?.headers.iter();
    let name = sent.find(|name| name.contains('_') && answer.text.contains(&name.to_lowercase()))?;
    let ruling = answer.tell(UNDERSCORE).saying(&format!("The header is {name}."));
    Some(match well_behind(evidence) {
        Some(port) => ruling.saying(&super::upstream::directly(port)).sure(Confidence::High),
        None => ruling.or(&[app::TENANT]),
    })
}

/// 400 to what was good before, and the server behind it takes the same request.
pub(super) fn proxy_protocol(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[400])?;
    let explained = underscore(evidence).is_some()
        || super::form::head_too_large(evidence).is_some()
        || app::tenant(evidence).is_some()
        || answer.says(&["https"]);
    if explained || answer.sent()?.method != "GET" || well(evidence).is_some() {
        return None;
    }
    let port = well_behind(evidence)?;
    let plain = response(evidence.otherwise("bare")?)?.status == 400;
    plain.then(|| {
        answer
            .tell(PROXY_PROTOCOL)
            .saying(&super::upstream::directly(port)).sure(Confidence::Medium)
            .or(&[lb::ONE_BAD])
            .next("look for a line beginning with PROXY in the log of the server behind it")
    })
}
