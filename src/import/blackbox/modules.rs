//! How a module probes, as the probe of a plan.

use regex::Regex;
use serde_json::{Map, Value, json};

use crate::import::document::Document;
use crate::import::draft::{self, Item};
use crate::import::fields::Fields;
use crate::yaml::tree::NodeId;

/// Keys that assert nothing: which way is tried first.
const WAYS: [&str; 3] = ["preferred_ip_protocol", "source_ip_address", "body_size_limit"];

pub(super) fn check(document: &Document, node: NodeId, name: &str, target: &str, item: &mut Item) {
    let mut module = Fields::of(document, node, format!("modules.{name}"));
    if let Some(timeout) = module.filled("timeout") {
        item.timeout(timeout.to_owned());
    }
    let prober = module.filled("prober").unwrap_or_default();
    match prober {
        "http" => http(&mut part(&mut module, "http"), target, item),
        "tcp" => tcp(&mut part(&mut module, "tcp"), target, item),
        "dns" => dns(&mut part(&mut module, "dns"), target, item),
        "icmp" | "grpc" | "unix" => {
            module.node(prober);
            item.lose_here(prober, "there is no such probe here: tcp or http may say as much", true);
        }
        _ => item.lose_here("prober", "there is no such prober", true),
    }
    module.finish(&[], item);
}

/// The part of a module that is named like its prober; without it, one that says nothing.
fn part<'d>(module: &mut Fields<'d>, prober: &str) -> Fields<'d> {
    let path = format!("{}.{prober}", module.path);
    match module.map(prober) {
        Some(part) => part,
        None => Fields::of(module.document, missing(module), path),
    }
}

/// A node that is no map: nothing is in it.
fn missing(module: &Fields<'_>) -> NodeId {
    module.peek("prober").unwrap_or(module.node)
}

fn http(fields: &mut Fields<'_>, target: &str, item: &mut Item) {
    let url = if target.contains("://") { target.to_owned() } else { format!("http://{target}") };
    let mut probe = draft::http(&url, item);
    let no_follow = fields.flag("no_follow_redirects") == Some(true);
    let follows = fields.flag("follow_redirects").unwrap_or(true) && !no_follow;
    if follows {
        // As many as the exporter's library follows.
        probe.insert("redirects".to_owned(), 10.into());
    }
    if let Some(method) = fields.filled("method") {
        probe.insert("method".to_owned(), method.into());
    }
    if let Some(body) = fields.filled("body") {
        probe.insert("body".to_owned(), body.into());
    }
    let mut headers = Map::new();
    for (name, value) in fields.pairs("headers").unwrap_or_default() {
        draft::header(&mut headers, name, value, item);
    }
    if !headers.is_empty() {
        probe.insert("headers".to_owned(), headers.into());
    }
    auth(fields, &mut probe, item);
    way(fields, &mut probe, item);
    let secured = url.starts_with("https://");
    if fields.flag("fail_if_not_ssl") == Some(true) && (!secured || follows) {
        item.lose_here(
            "fail_if_not_ssl",
            "whether the last of several redirects is secured cannot be asserted here",
            true,
        );
    }
    if fields.flag("fail_if_ssl") == Some(true) && (secured || follows) {
        item.lose_here(
            "fail_if_ssl",
            "that the last of several redirects is not secured cannot be asserted here",
            true,
        );
    }
    let expect = expected(fields, item);
    if !expect.is_empty() {
        probe.insert("expect".to_owned(), expect.into());
    }
    item.check("", "http", probe.into());
    rest(fields, item);
}

/// Who we are. No secret is copied.
fn auth(fields: &mut Fields<'_>, probe: &mut Map<String, Value>, item: &mut Item) {
    if let Some(mut basic) = fields.map("basic_auth") {
        let user = basic.filled("username").unwrap_or_default();
        let auth = match basic.filled("password_file") {
            Some(file) => json!({ "basic": { "user": user, "password": { "file": file } } }),
            None => draft::basic(user, item),
        };
        basic.text("password");
        rest(&mut basic, item);
        probe.insert("auth".to_owned(), auth);
    }
    let mut bearer = |file: Option<&str>, item: &mut Item| {
        let secret =
            file.map_or_else(|| json!({ "env": item.secret("TOKEN") }), |file| json!({ "file": file }));
        probe.insert("auth".to_owned(), json!({ "bearer": secret }));
    };
    if let Some(file) = fields.filled("bearer_token_file") {
        bearer(Some(file), item);
    } else if fields.text("bearer_token").is_some() {
        bearer(None, item);
    }
    if let Some(mut authorization) = fields.map("authorization") {
        let kind = authorization.filled("type").unwrap_or("Bearer");
        let file = authorization.filled("credentials_file");
        authorization.text("credentials");
        if kind.eq_ignore_ascii_case("bearer") {
            bearer(file, item);
        } else {
            item.lose_here(
                "authorization.type",
                "only Bearer is known here: write the header `Authorization`",
                true,
            );
        }
        rest(&mut authorization, item);
    }
    fields.lose(
        "oauth2",
        "no token is fetched here: name one by auth: { bearer: { command: [...] } }",
        true,
        item,
    );
}

/// By which way, and whom to trust.
fn way(fields: &mut Fields<'_>, probe: &mut Map<String, Value>, item: &mut Item) {
    if let Some(proxy) = fields.filled("proxy_url") {
        draft::proxy(probe, proxy, item);
    } else if fields.flag("proxy_from_environment") == Some(true) {
        probe.insert("proxy".to_owned(), "environment".into());
    }
    if fields.flag("enable_http2") == Some(false) {
        probe.insert("http_version".to_owned(), "1.1".into());
    }
    if let Some(mut tls) = fields.map("tls_config") {
        tls_files(&mut tls, probe, item);
        tls.lose("server_name", "a certificate is judged by the URL's host here", true, item);
        for version in ["min_version", "max_version"] {
            tls.lose(
                version,
                "TLS 1.2 and 1.3 are offered: the probe `tls` can offer one of them",
                true,
                item,
            );
        }
        rest(&mut tls, item);
    }
}

fn tls_files(tls: &mut Fields<'_>, probe: &mut Map<String, Value>, item: &mut Item) {
    if tls.flag("insecure_skip_verify") == Some(true) {
        item.lose_here(
            "insecure_skip_verify",
            "certificates are always judged here: name its authority in ca",
            false,
        );
    }
    if let Some(authority) = tls.filled("ca_file") {
        probe.insert("ca".to_owned(), authority.into());
    }
    if let (Some(certificate), Some(key)) = (tls.filled("cert_file"), tls.filled("key_file")) {
        probe.insert("client_certificate".to_owned(), json!({ "cert": certificate, "key": key }));
    }
}

fn expected(fields: &mut Fields<'_>, item: &mut Item) -> Map<String, Value> {
    let mut expect = Map::new();
    if let Some(codes) = fields.texts("valid_status_codes").filter(|codes| !codes.is_empty()) {
        let numbers: Option<Vec<u16>> = codes.iter().map(|code| code.parse().ok()).collect();
        match numbers {
            Some(numbers) => _ = expect.insert("status".to_owned(), json!(numbers)),
            None => item.lose_here("valid_status_codes", "a code is no number", true),
        }
    }
    let mut body = Vec::new();
    for (key, wanted) in [("fail_if_body_not_matches_regexp", true), ("fail_if_body_matches_regexp", false)] {
        for pattern in fields.texts(key).unwrap_or_default() {
            match Regex::new(pattern).ok().filter(|_| !pattern.is_empty()) {
                Some(_) if wanted => body.push(json!({ "matches": pattern })),
                Some(_) => body.push(json!({ "not": { "matches": pattern } })),
                None => item.lose_here(key, "this expression means nothing here", true),
            }
        }
    }
    if !body.is_empty() {
        expect.insert("body".to_owned(), json!({ "all_of": body }));
    }
    let mut headers: Map<String, Value> = Map::new();
    for (key, wanted) in [("fail_if_header_not_matches", true), ("fail_if_header_matches", false)] {
        let Some(list) = fields.node(key) else { continue };
        for one in fields.document.tree.items(list) {
            let mut header = Fields::of(fields.document, *one, format!("{}.{key}", fields.path));
            let missing = header.flag("allow_missing") == Some(true);
            let named =
                header.filled("header").zip(header.filled("regexp").filter(|one| Regex::new(one).is_ok()));
            let Some((name, pattern)) = named else {
                item.lose_here(key, "it names no header, or its expression means nothing here", true);
                continue;
            };
            let condition =
                if wanted { json!({ "matches": pattern }) } else { json!({ "not": { "matches": pattern } }) };
            let condition =
                if missing { json!({ "any_of": [{ "exists": false }, condition] }) } else { condition };
            let all = headers.entry(name.to_ascii_lowercase()).or_insert_with(|| json!({ "all_of": [] }));
            if let Some(all) = all.get_mut("all_of").and_then(Value::as_array_mut) {
                all.push(condition);
            }
            rest(&mut header, item);
        }
    }
    if !headers.is_empty() {
        expect.insert("headers".to_owned(), headers.into());
    }
    expect
}

fn tcp(fields: &mut Fields<'_>, target: &str, item: &mut Item) {
    let secured = fields.flag("tls") == Some(true);
    let mut probe = Map::new();
    probe.insert("address".to_owned(), target.into());
    if let Some(mut tls) = fields.map("tls_config") {
        if secured {
            tls_files(&mut tls, &mut probe, item);
            if let Some(name) = tls.filled("server_name") {
                probe.insert("server_name".to_owned(), name.into());
            }
            versions(&mut tls, &mut probe, item);
        }
        rest(&mut tls, item);
    }
    if let Some(dialogue) = fields.node("query_response") {
        let steps = fields.document.tree.items(dialogue);
        match simple(fields.document, steps).filter(|_| !secured) {
            Some((send, expect)) => {
                if let Some(send) = send {
                    probe.insert("send".to_owned(), format!("{send}\n").into());
                }
                if let Some(expect) = expect {
                    probe.insert(
                        "expect".to_owned(),
                        json!({ "banner": { "matches": format!("(?m){expect}") } }),
                    );
                }
            }
            None if steps.is_empty() => {}
            None => item.lose_here(
                "query_response",
                "only one question and one answer, without TLS, can be asked here",
                true,
            ),
        }
    }
    item.check("", if secured { "tls" } else { "tcp" }, probe.into());
    rest(fields, item);
}

/// One `send`, one `expect`, or the one and then the other.
fn simple<'d>(document: &'d Document, steps: &[NodeId]) -> Option<(Option<&'d str>, Option<&'d str>)> {
    let tree = &document.tree;
    let mut words = Vec::new();
    for step in steps {
        let mut here = Vec::new();
        for (key, value) in tree.entries(*step) {
            here.push((tree.text(*key)?, tree.text(*value)?));
        }
        // Within one step the exporter waits first, and sends then.
        here.sort_by_key(|(key, _)| *key != "expect");
        words.extend(here);
    }
    let valid = |pattern: &&str| Regex::new(pattern).is_ok();
    match words.as_slice() {
        [("expect", expect)] => Some((None, Some(*expect).filter(valid)?.into())),
        [("send", send)] => Some((Some(*send), None)),
        [("send", send), ("expect", expect)] => Some((Some(*send), Some(*expect).filter(valid)?.into())),
        _ => None,
    }
}

fn versions(tls: &mut Fields<'_>, probe: &mut Map<String, Value>, item: &mut Item) {
    let least = tls.filled("min_version").unwrap_or("TLS12");
    let most = tls.filled("max_version").unwrap_or("TLS13");
    match (least, most) {
        ("TLS10" | "TLS11" | "TLS12", "TLS13") => {}
        ("TLS10" | "TLS11" | "TLS12", "TLS12") => _ = probe.insert("versions".to_owned(), json!(["1.2"])),
        ("TLS13", "TLS13") => _ = probe.insert("versions".to_owned(), json!(["1.3"])),
        _ => item.lose_here("tls_config.max_version", "no version before TLS 1.2 is spoken here", true),
    }
    if matches!(least, "TLS10" | "TLS11") {
        item.lose_here(
            "tls_config.min_version",
            "no version before TLS 1.2 is spoken here, so that an old server fails",
            false,
        );
    }
}

fn dns(fields: &mut Fields<'_>, target: &str, item: &mut Item) {
    let name = fields.filled("query_name").unwrap_or_default();
    let record_type = fields.filled("query_type").unwrap_or("ANY");
    let server = target.strip_prefix("dns://").unwrap_or(target);
    let is_address =
        server.parse::<std::net::IpAddr>().is_ok() || server.parse::<std::net::SocketAddr>().is_ok();
    if !is_address {
        item.lose_here("target", "a name server is named by its address here", true);
    }
    if record_type.eq_ignore_ascii_case("ANY") {
        item.lose_here(
            "query_type",
            "ANY is refused by many servers (RFC 8482) and cannot be asked here: name a type",
            true,
        );
    }
    let mut codes = fields.texts("valid_rcodes").unwrap_or_default();
    if codes.is_empty() {
        codes.push("NOERROR");
    }
    for part in ["validate_answer_rrs", "validate_authority_rrs", "validate_additional_rrs"] {
        fields.lose(
            part,
            "whole records are not matched here: `expect: { answers: ... }` matches what they hold",
            true,
            item,
        );
    }
    for (key, usual) in [
        ("transport_protocol", "udp"),
        ("query_class", "IN"),
        ("recursion_desired", "true"),
        ("dns_over_tls", "false"),
    ] {
        if fields.peek(key).is_some_and(|node| fields.document.tree.text(node) == Some(usual)) {
            fields.node(key);
        }
        fields.lose(key, "it is asked by UDP, in class IN, with recursion here", true, item);
    }
    rest(fields, item);
    if !is_address || record_type.eq_ignore_ascii_case("ANY") {
        return;
    }
    let mut probe = Map::new();
    probe.insert("name".to_owned(), name.trim_end_matches('.').into());
    probe.insert("type".to_owned(), record_type.into());
    probe.insert("server".to_owned(), server.into());
    match codes.as_slice() {
        ["NOERROR"] => {
            item.lose_here("valid_rcodes", "an answer without a record is a failure here", false);
            item.check("", "dns", probe.into());
        }
        ["NXDOMAIN"] => {
            item.broken_check("dns", probe.into(), "dns");
            item.lose_here(
                "valid_rcodes",
                "any failure to resolve it would do here, not only NXDOMAIN",
                true,
            );
        }
        _ => item.lose_here("valid_rcodes", "only NOERROR alone can be asked for here", true),
    }
}

/// What is left: told, and taken for an assertion unless it is known to be none.
fn rest(fields: &mut Fields<'_>, item: &mut Item) {
    if fields.flag("ip_protocol_fallback") == Some(false) {
        item.lose_here(
            "ip_protocol_fallback",
            "every address of a name is tried here, of either protocol",
            true,
        );
    }
    for key in ["no_proxy", "proxy_connect_header", "skip_resolve_phase_with_proxy", "use_proxy_dns"] {
        fields.lose(key, "a proxy has no further settings here", false, item);
    }
    let left = Fields::of(fields.document, fields.node, fields.path.clone());
    std::mem::replace(fields, left).finish(&WAYS, item);
}
