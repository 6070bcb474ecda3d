//! Tests of goss (docs/gossfile.md of goss 0.4): a resource of a kind becomes a check of its own.

mod host;
mod matcher;

use serde_json::{Map, Value, json};

use super::document::Document;
use super::draft::{Draft, Item};
use super::fields::Fields;
use crate::yaml::tree::NodeId;

/// Kinds of resources.
const KINDS: [&str; 16] = [
    "addr",
    "command",
    "dns",
    "file",
    "gossfile",
    "group",
    "http",
    "interface",
    "kernel-param",
    "matching",
    "mount",
    "package",
    "port",
    "process",
    "service",
    "user",
];
/// Keys of any resource that assert nothing.
const SETTINGS: [&str; 2] = ["meta", "timeout"];

/// `service` and `command` alone may be of many other files: goss has maps of maps below its kinds.
pub(super) fn is_one(document: &Document) -> bool {
    let tree = &document.tree;
    let entries = tree.entries(document.root);
    !entries.is_empty()
        && entries.iter().all(|(key, value)| {
            tree.text(*key).is_some_and(|key| KINDS.contains(&key))
                && tree.entries(*value).iter().all(|(_, resource)| tree.text(*resource).is_none())
        })
}

pub(super) fn read(documents: &[Document], draft: &mut Draft) {
    for document in documents {
        for (key, value) in document.tree.entries(document.root) {
            let kind = document.tree.text(*key).unwrap_or_default();
            if !KINDS.contains(&kind) {
                let mut item = Item::new(document.place(*value), kind);
                item.lose_here("all of it", "goss has no such resource", true);
                draft.add(item);
                continue;
            }
            for (name, resource) in document.tree.entries(*value) {
                let name = document.tree.text(*name).unwrap_or_default();
                draft.add(one(document, kind, name, *resource));
            }
        }
    }
}

fn one(document: &Document, kind: &str, name: &str, node: NodeId) -> Item {
    let origin = format!("{kind} {name}");
    let mut item = Item::new(document.place(node), &origin);
    let mut fields = Fields::of(document, node, format!("{kind}.{name}"));
    if fields.flag("skip") == Some(true) {
        item.lose_here("skip", "goss skips it, so it is left out", false);
        return item;
    }
    if let Some(title) = fields.filled("title") {
        item.title(title);
    }
    match kind {
        "addr" => addr(&mut fields, name, &mut item),
        "command" => command(&mut fields, name, &mut item),
        "dns" => dns(&mut fields, name, &mut item),
        "http" => http(&mut fields, name, &mut item),
        "gossfile" => {
            fields.node("file");
            item.lose_here("gossfile", "it includes other files: import those as well", true);
        }
        "matching" => {
            for key in ["content", "matches"] {
                fields.lose(
                    key,
                    "it compares what is written in the file itself",
                    key == "matches",
                    &mut item,
                );
            }
        }
        "package" => {
            for key in ["installed", "versions"] {
                fields.lose(key, "which package manager would answer is not known here", true, &mut item);
            }
            fields.node("name");
        }
        _ => host::read(kind, &mut fields, name, &mut item),
    }
    fields.finish(&SETTINGS, &mut item);
    item
}

/// goss counts in milliseconds.
fn timeout(fields: &mut Fields<'_>, default: u64, item: &mut Item) {
    item.timeout(format!("{}ms", fields.number("timeout").unwrap_or(default).max(1)));
}

fn addr(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    let address = fields.filled("address").unwrap_or(name);
    timeout(fields, 500, item);
    fields.lose("local-address", "the system chooses the source address", false, item);
    let Some(target) = address.strip_prefix("tcp://") else {
        fields.lose("reachable", "only tcp:// can be looked at", true, item);
        return;
    };
    match fields.flag("reachable") {
        Some(true) => item.check("", "tcp", json!({ "address": target })),
        Some(false) => {
            item.broken_check("tcp", json!({ "address": target }), "tcp");
            item.lose_here(
                "reachable: false",
                "here it has to be stopped at tcp: a name that does not resolve is a failure",
                false,
            );
        }
        None => item.lose_here("reachable", "it is missing, or no truth", true),
    }
}

fn command(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    let words = fields.filled("exec").unwrap_or(name);
    timeout(fields, 10_000, item);
    let mut expect = Map::new();
    match fields.node("exit-status") {
        Some(status) => match matcher::number(fields.document, status) {
            Some(status) => _ = expect.insert("exit".to_owned(), status),
            None => item.lose_here("exit-status", "this matcher has no like here", true),
        },
        None => item.lose_here("exit-status", "goss needs it and it is missing: 0 is asserted", false),
    }
    for stream in ["stdout", "stderr"] {
        if let Some(value) = fields.node(stream)
            && let Some(matcher) = matcher::stream(fields.document, value, stream, item)
        {
            expect.insert(stream.to_owned(), matcher);
        }
    }
    let mut probe = Map::new();
    probe.insert("argv".to_owned(), json!(["sh", "-c", words]));
    if !expect.is_empty() {
        probe.insert("expect".to_owned(), expect.into());
    }
    item.check("", "command", probe.into());
}

fn dns(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    const TYPES: [&str; 9] = ["A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT"];
    let resolve = fields.filled("resolve").unwrap_or(name);
    let typed = resolve.split_once(':').filter(|(word, _)| TYPES.contains(word));
    let (record_type, host) = typed.map_or((None, resolve), |(word, host)| (Some(word), host));
    timeout(fields, 500, item);
    let mut probe = Map::new();
    let host = if record_type == Some("PTR") { pointer(host) } else { host.to_owned() };
    probe.insert("name".to_owned(), host.into());
    if let Some(record_type) = record_type {
        probe.insert("type".to_owned(), record_type.into());
    }
    if let Some(server) = fields.filled("server") {
        item.ask_server(&mut probe, "server", server);
    }
    let resolvable = fields.flag("resolvable").or_else(|| fields.flag("resolveable"));
    if let Some(addresses) = fields.node("addrs") {
        match matcher::list(fields.document, addresses) {
            Some(answers) if resolvable == Some(true) => {
                // Goss writes the root's dot at the end of a name, and so do name servers here.
                probe.insert("expect".to_owned(), json!({ "answers": answers }));
            }
            Some(_) | None => item.lose_here("addrs", "this matcher has no like here", true),
        }
    }
    match resolvable {
        Some(true) => item.check("", "dns", probe.into()),
        Some(false) => item.broken_check("dns", probe.into(), "dns"),
        None => item.lose_here("resolvable", "it is missing, or no truth", true),
    }
}

/// The name that holds the names of an address (RFC 1035 section 3.5, RFC 3596 section 2.5).
fn pointer(host: &str) -> String {
    match host.parse() {
        Ok(std::net::IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Ok(std::net::IpAddr::V6(address)) => {
            let digits = address.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            let letters = digits.map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default());
            letters.flat_map(|letter| [letter, '.']).chain("ip6.arpa".chars()).collect()
        }
        Err(_) => host.to_owned(),
    }
}

fn http(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    let url = fields.filled("url").unwrap_or(name);
    timeout(fields, 5_000, item);
    let mut probe = super::draft::http(url, item);
    if fields.flag("no-follow-redirects") != Some(true) {
        // As many as the library of goss follows.
        probe.insert("redirects".to_owned(), 10.into());
    }
    if fields.flag("allow-insecure") == Some(true) {
        item.lose_here(
            "allow-insecure",
            "certificates are always judged here: name its authority in ca-file",
            false,
        );
    }
    for (key, ours) in [("method", "method"), ("request-body", "body"), ("ca-file", "ca")] {
        if let Some(value) = fields.filled(key) {
            probe.insert(ours.to_owned(), value.into());
        }
    }
    if let Some(proxy) = fields.filled("proxy") {
        super::draft::proxy(&mut probe, proxy, item);
    }
    if let (Some(certificate), Some(key)) = (fields.filled("cert-file"), fields.filled("key-file")) {
        probe.insert("client_certificate".to_owned(), json!({ "cert": certificate, "key": key }));
    }
    let mut headers = Map::new();
    for header in fields.texts("request-headers").unwrap_or_default() {
        match header.split_once(':') {
            Some((name, value)) => super::draft::header(&mut headers, name.trim(), value.trim(), item),
            None => item.lose_here("request-headers", "a line without a colon is no header", true),
        }
    }
    if !headers.is_empty() {
        probe.insert("headers".to_owned(), headers.into());
    }
    let (user, password) = (fields.filled("username"), fields.filled("password"));
    if let Some(user) = user {
        probe.insert("auth".to_owned(), super::draft::basic(user, item));
    } else if password.is_some() {
        item.lose_here("password", "a password without a user is not sent", true);
    }
    let mut expect = Map::new();
    match fields.node("status") {
        Some(status) => match matcher::number(fields.document, status) {
            Some(status) => _ = expect.insert("status".to_owned(), status),
            None => item.lose_here("status", "this matcher has no like here", true),
        },
        None => item.lose_here("status", "goss needs it and it is missing: 2xx is asserted", false),
    }
    if let Some(patterns) = fields.node("headers") {
        answered(fields.document, patterns, &mut expect, item);
    }
    if let Some(body) = fields.node("body")
        && let Some(matcher) = matcher::stream(fields.document, body, "body", item)
    {
        expect.insert("body".to_owned(), matcher);
    }
    if !expect.is_empty() {
        probe.insert("expect".to_owned(), expect.into());
    }
    item.check("", "http", probe.into());
}

/// Headers are patterns over lines `Name: value` in goss; only what names a header whole can be said here.
fn answered(document: &Document, node: NodeId, expect: &mut Map<String, Value>, item: &mut Item) {
    let Some(patterns) = super::fields::texts(document, node) else {
        return item.lose_here("headers", "this matcher has no like here", true);
    };
    let mut headers: Map<String, Value> = Map::new();
    for pattern in patterns {
        let named = pattern.split_once(": ").filter(|(name, _)| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        });
        let Some((name, value)) = named.filter(|(_, value)| !value.is_empty()) else {
            item.lose_here(
                "headers",
                "only a pattern such as `Content-Type: text/html` can be said here",
                true,
            );
            continue;
        };
        let known = headers.entry(name.to_ascii_lowercase()).or_insert_with(|| json!({ "contains": [] }));
        if let Some(list) = known.get_mut("contains").and_then(Value::as_array_mut) {
            list.push(value.into());
        }
    }
    if !headers.is_empty() {
        expect.insert("headers".to_owned(), headers.into());
    }
}
