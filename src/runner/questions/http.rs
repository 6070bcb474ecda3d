//! What else is asked of a web server that answered, and not well: by GET, in other ways, and of ports behind it.

use indexmap::IndexMap;
use url::Url;

use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::response::Response;
use crate::model::trace::Trace;
use crate::probe::http::Http;
use crate::probe::http::fields::{HttpVersion, Text};
use crate::probe::{Behind, Spec};

/// A probe in another way, with its word.
pub(super) type Otherwise = (&'static str, Spec);

/// Other ways for the source, all of them harmless.
pub(super) fn otherwise(probe: &Http, trace: &Trace) -> Vec<Otherwise> {
    let mut ways = Vec::new();
    let Some((layer, fault)) = trace.broken().filter(|(layer, _)| *layer >= Layer::Protocol) else {
        return ways;
    };
    let Ok(url) = probe.url.read() else { return ways };
    let mut push = |way, probe| ways.push((way, Spec::Http(Box::new(probe))));
    let broke = matches!(
        fault,
        Fault::BadProtocol { .. } | Fault::ClosedEarly { .. } | Fault::Reset { .. } | Fault::TimedOut { .. }
    );
    if probe.http_version == Some(HttpVersion::Http2) && layer == Layer::Protocol && broke {
        push("http1", Http { http_version: Some(HttpVersion::Http1), ..get(probe, url) });
    }
    let root = || {
        let mut root = url.clone();
        root.set_path("/");
        root.set_query(None);
        get(probe, &root)
    };
    let Some(answer) = trace.answer() else {
        // A server that is silent at one path only does not hang, nor one that waits for the rest of a request.
        if let Fault::TimedOut { .. } = fault {
            push("root", root());
            if probe.headers.keys().any(|name| name.eq_ignore_ascii_case("expect")) {
                push("bare", bare(probe, url));
            }
        }
        return ways;
    };
    match answer.status {
        400 | 406 | 414 | 417 | 431 | 494 => push("bare", bare(probe, url)),
        404 | 410 => {
            push("root", root());
            if let Some(successor) = successor(url, answer) {
                push("successor", get(probe, &successor));
            }
        }
        _ => {}
    }
    ways
}

/// What to ask of other ports on the target's own host: whether it is the application that answers so, or a proxy before it.
pub(super) fn behind(probe: &Http, trace: &Trace, port: u16) -> Option<Spec> {
    let status = trace.answer()?.status;
    if !matches!(status, 400 | 404 | 426 | 502 | 503 | 504) {
        return None;
    }
    let url = probe.url.read().ok()?;
    let host = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
    let is_secret = |(name, _): (std::borrow::Cow<'_, str>, _)| names_secret(&name);
    let end =
        if url.query_pairs().any(is_secret) { url::Position::AfterPath } else { url::Position::AfterQuery };
    let path = url[url::Position::BeforePath..end].to_owned();
    Some(Spec::Behind(Behind { port, path, host, headers: plain_headers(probe) }))
}

/// Whether asking again makes it worse.
pub(super) fn is_limited(trace: &Trace) -> bool {
    trace.answer().is_some_and(|answer| answer.status == 429)
}

/// Seconds that a server's clock may be off before it is asked about.
const CLOCK_S: i64 = 60;

/// Whether an answer that is well has a time that is not.
pub(super) fn has_wrong_clock(trace: &Trace) -> bool {
    trace.answer().is_some_and(|answer| answer.clock_offset_s.is_some_and(|offset| offset.abs() > CLOCK_S))
}

/// A GET of this URL as the probe would make it, once, expecting nothing but success.
fn get(probe: &Http, url: &Url) -> Http {
    Http {
        url: url.into(),
        method: None,
        body: None,
        json: None,
        redirects: 0,
        repeat: 1,
        reuse_after: None,
        record_body: false,
        expect: None,
        ..probe.clone()
    }
}

/// The same path without headers of its own, and so without credentials.
fn bare(probe: &Http, url: &Url) -> Http {
    Http { headers: IndexMap::new(), auth: None, ..get(probe, url) }
}

/// Whether what has this name may hold what only the right server may see.
fn names_secret(name: &str) -> bool {
    const PARTS: [&str; 9] =
        ["auth", "cookie", "token", "key", "secret", "session", "password", "credential", "signature"];
    let lower = name.to_lowercase();
    // A nonce that shows the answer to be no other one's (RFC 6455 section 4.1).
    if lower == "sec-websocket-key" {
        return false;
    }
    PARTS.iter().any(|part| lower.contains(part))
}

/// Headers that hold no secret by their kind or by their name.
fn plain_headers(probe: &Http) -> IndexMap<String, String> {
    let known = probe.headers.iter().filter_map(|(name, text)| match text {
        Text::Plain(text) if !names_secret(name) && !name.eq_ignore_ascii_case("host") => {
            Some((name.clone(), text.clone()))
        }
        Text::Plain(_) | Text::Secret(_) => None,
    });
    known.collect()
}

/// The path of the next version: as the answer's `Link` says (RFC 5829), else with the number after `v` one more.
fn successor(url: &Url, answer: &Response) -> Option<Url> {
    let linked = answer.header("link").and_then(|link| {
        let one = link.split(',').find(|one| one.contains("successor-version"))?;
        url.join(one.split_once('<')?.1.split_once('>')?.0).ok()
    });
    let counted = || {
        let mut next = url.clone();
        let mut segments = url.path_segments()?.map(str::to_owned).collect::<Vec<_>>();
        let version = segments.iter_mut().find_map(|segment| {
            let number: u8 = segment.strip_prefix('v')?.parse().ok()?;
            Some((segment, number.checked_add(1)?))
        });
        let (segment, number) = version?;
        *segment = format!("v{number}");
        next.set_path(&segments.join("/"));
        Some(next)
    };
    // Credentials go to no other server.
    linked.filter(|next| next.origin() == url.origin()).or_else(counted)
}
