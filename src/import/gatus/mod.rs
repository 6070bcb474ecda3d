//! Endpoints of gatus (its README): an endpoint becomes a check, with one more for its certificate where it asks for that.

mod condition;

use serde_json::{Map, Value, json};

use super::document::Document;
use super::draft::{self, Draft, Item, VARIABLE};
use super::fields::Fields;
use crate::yaml::tree::NodeId;
use condition::Conditions;

/// Keys of an endpoint that assert nothing.
const SETTINGS: [&str; 7] =
    ["alerts", "extra-labels", "interval", "maintenance-windows", "ui", "always-run", "store"];
/// Keys of `client` that assert nothing: which way it goes.
const CLIENT: [&str; 3] = ["network", "dns-resolver", "tunnel"];

/// A map with `endpoints`, each of which has conditions or a URL.
pub(super) fn is_one(document: &Document) -> bool {
    let tree = &document.tree;
    let endpoints = tree.get(document.root, "endpoints").map_or(&[][..], |endpoints| tree.items(endpoints));
    let has = |node: NodeId, key: &str| tree.get(node, key).is_some();
    endpoints.iter().any(|one| has(*one, "url") && has(*one, "conditions"))
}

pub(super) fn read(documents: &[Document], draft: &mut Draft) {
    for document in documents {
        let tree = &document.tree;
        for (key, value) in tree.entries(document.root) {
            match tree.text(*key).unwrap_or("?") {
                "endpoints" => {
                    for (index, one) in tree.items(*value).iter().enumerate() {
                        draft.add(endpoint(document, *one, index));
                    }
                }
                key @ ("external-endpoints" | "suites") => {
                    for one in tree.items(*value) {
                        let name = tree.get_text(*one, "name").unwrap_or("without a name");
                        let mut item = Item::new(document.place(*one), &format!("{key} {name}"));
                        item.lose_here(key, "what is pushed, or runs as a suite, cannot be asked here", true);
                        draft.add(item);
                    }
                }
                key => draft.lose(&document.place(*value), key, "gatus' own affairs have no meaning here"),
            }
        }
    }
}

fn endpoint(document: &Document, node: NodeId, index: usize) -> Item {
    let mut fields = Fields::of(document, node, format!("endpoints[{index}]"));
    let name = fields.filled("name").unwrap_or("endpoint");
    let group = fields.filled("group");
    let named = group.map_or_else(|| name.to_owned(), |group| format!("{group} {name}"));
    let mut item = Item::new(document.place(node), &format!("endpoint {named}")).named(&named);
    item.title(name);
    if let Some(group) = group {
        item.tag(group);
    }
    if fields.flag("enabled") == Some(false) {
        item.lose_here("enabled", "gatus leaves it out, so it is left out", false);
        return item;
    }
    let url = variables(fields.filled("url").unwrap_or_default());
    let conditions = match fields.texts("conditions") {
        Some(texts) if !texts.is_empty() => {
            Conditions::of(&texts.iter().map(|one| variables(one)).collect::<Vec<_>>())
        }
        Some(_) | None => {
            item.lose_here("conditions", "there is none that could be read", true);
            Conditions::default()
        }
    };
    if let Some(dns) = fields.map("dns") {
        resolve(dns, &url, conditions, &mut item);
    } else {
        match url.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest.to_owned())) {
            Some((scheme, _)) if scheme == "http" || scheme == "https" => {
                http(&mut fields, &url, name, conditions, &mut item);
            }
            Some((scheme, address)) if scheme == "tcp" => {
                client(&mut fields, &mut item);
                item.check("", "tcp", json!({ "address": address }));
                conditions.connected(&mut item);
            }
            Some((scheme, address)) if scheme == "tls" => {
                tls(&mut fields, &address, None, conditions, &mut item);
            }
            Some((scheme, address)) if scheme == "starttls" => {
                tls(&mut fields, &address, Some("smtp"), conditions, &mut item);
            }
            _ => {
                client(&mut fields, &mut item);
                item.lose_here("url", "there is no probe for this scheme here", true);
                conditions.lost(&mut item);
            }
        }
    }
    fields.lose("ssh", "nobody logs in by ssh here: a vantage and the probe `command` do", true, &mut item);
    fields.finish(&SETTINGS, &mut item);
    item
}

fn http(fields: &mut Fields<'_>, url: &str, name: &str, conditions: Conditions, item: &mut Item) {
    let mut probe = draft::http(url, item);
    let mut client = fields.map("client");
    let follows = client.as_mut().and_then(|client| client.flag("ignore-redirect")) != Some(true);
    if follows {
        // As many as the library of gatus follows.
        probe.insert("redirects".to_owned(), 10.into());
    }
    let mut authority = Map::new();
    if let Some(client) = client {
        settings(client, Some(&mut probe), item);
    } else {
        item.timeout("10s".to_owned());
    }
    if let Some(method) = fields.filled("method") {
        probe.insert("method".to_owned(), method.into());
    }
    let graphql = fields.flag("graphql") == Some(true);
    if let Some(body) = fields.filled("body") {
        let body = variables(body).replace("[ENDPOINT_NAME]", name);
        if ["[ENDPOINT_GROUP]", "[ENDPOINT_URL]", "[LOCAL_ADDRESS]", "[RANDOM_STRING_"]
            .iter()
            .any(|one| body.contains(one))
        {
            item.lose_here("body", "a placeholder in it means nothing here", true);
        }
        if graphql {
            probe.insert("json".to_owned(), json!({ "query": body }));
        } else {
            probe.insert("body".to_owned(), body.into());
        }
    }
    for (header, value) in fields.pairs("headers").unwrap_or_default() {
        let value = variables(value);
        // What is a variable of the environment already stays one.
        if value.contains(VARIABLE) {
            authority.insert(header.to_owned(), value.into());
        } else {
            draft::header(&mut authority, header, &value, item);
        }
    }
    if !authority.is_empty() {
        probe.insert("headers".to_owned(), authority.into());
    }
    let certificate = conditions.days_left;
    let expect = conditions.http(item);
    probe.insert("expect".to_owned(), expect.into());
    item.check("", "http", probe.into());
    if let Some(days) = certificate {
        match address(url) {
            Some(address) => {
                item.check(
                    "certificate",
                    "tls",
                    json!({ "address": address, "expect": { "days_left": { "at_least": days } } }),
                );
            }
            None => item.lose_here(
                "conditions: [CERTIFICATE_EXPIRATION]",
                "there is no certificate without https://",
                true,
            ),
        }
    }
}

/// `host:port` of an `https://` URL.
fn address(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(name, port)| !name.is_empty() && port.parse::<u16>().is_ok() && !port.is_empty());
    Some(if has_port { host.to_owned() } else { format!("{host}:443") })
}

fn tls(fields: &mut Fields<'_>, address: &str, start: Option<&str>, conditions: Conditions, item: &mut Item) {
    client(fields, item);
    let mut probe = Map::new();
    probe.insert("address".to_owned(), address.into());
    if let Some(start) = start {
        probe.insert("starttls".to_owned(), start.into());
    }
    if let Some(days) = conditions.days_left {
        probe.insert("expect".to_owned(), json!({ "days_left": { "at_least": days } }));
    }
    item.check("", "tls", probe.into());
    conditions.connected(item);
}

fn resolve(mut dns: Fields<'_>, server: &str, conditions: Conditions, item: &mut Item) {
    let mut probe = Map::new();
    probe.insert(
        "name".to_owned(),
        variables(dns.filled("query-name").unwrap_or_default()).trim_end_matches('.').into(),
    );
    if let Some(record_type) = dns.filled("query-type") {
        probe.insert("type".to_owned(), record_type.into());
    }
    dns.finish(&[], item);
    item.ask_server(&mut probe, "url", server);
    conditions.dns(probe, item);
}

/// `client` of an endpoint that is none of HTTP.
fn client(fields: &mut Fields<'_>, item: &mut Item) {
    match fields.map("client") {
        Some(client) => settings(client, None, item),
        None => item.timeout("10s".to_owned()),
    }
}

fn settings(mut client: Fields<'_>, probe: Option<&mut Map<String, Value>>, item: &mut Item) {
    item.timeout(client.filled("timeout").unwrap_or("10s").to_owned());
    client.flag("ignore-redirect");
    if client.flag("insecure") == Some(true) {
        item.lose_here(
            "client.insecure",
            "certificates are always judged here: name its authority in ca",
            false,
        );
    }
    if let Some(probe) = probe {
        if let Some(proxy) = client.filled("proxy-url") {
            draft::proxy(probe, proxy, item);
        }
        if let Some(mut tls) = client.map("tls") {
            if let (Some(certificate), Some(key)) =
                (tls.filled("certificate-file"), tls.filled("private-key-file"))
            {
                probe.insert("client_certificate".to_owned(), json!({ "cert": certificate, "key": key }));
            }
            tls.finish(&["renegotiation"], item);
        }
    }
    for key in ["oauth2", "identity-aware-proxy"] {
        client.lose(
            key,
            "no token is fetched here: name one by auth: { bearer: { command: [...] } }",
            true,
            item,
        );
    }
    client.finish(&CLIENT, item);
}

/// `$NAME` and `${NAME}` are variables of the environment to gatus, and `$$` is a `$`.
fn variables(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let braced = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let bare =
            rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let (name, after) = match braced {
            Some((name, after)) if is_name(name) => (name, after),
            Some(_) | None if is_name(&rest[..bare]) => rest.split_at(bare),
            Some(_) | None => {
                out.push('$');
                continue;
            }
        };
        out.push(VARIABLE);
        out.push_str("env:");
        out.push_str(name);
        out.push('}');
        rest = after;
    }
    out.push_str(rest);
    out
}
