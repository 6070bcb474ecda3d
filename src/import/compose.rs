//! Services of a compose file (compose-spec): whether their published ports answer on this machine, and what their health
//! checks ask.

use serde_json::{Value, json};

use super::document::Document;
use super::draft::{Draft, Item};
use super::fields::{Fields, texts};
use crate::yaml::tree::{Kind, NodeId};

/// Ports of one range.
const MOST: u16 = 100;

pub(super) fn is_one(document: &Document) -> bool {
    let tree = &document.tree;
    let services = tree.get(document.root, "services").map_or(&[][..], |services| tree.entries(services));
    services
        .iter()
        .any(|(_, service)| tree.get(*service, "image").is_some() || tree.get(*service, "build").is_some())
}

pub(super) fn read(documents: &[Document], draft: &mut Draft) {
    for document in documents {
        let tree = &document.tree;
        for (key, value) in tree.entries(document.root) {
            let key = tree.text(*key).unwrap_or("?");
            if key != "services" {
                draft.lose(&document.place(*value), key, "only services and their ports are read");
                continue;
            }
            for (name, service) in tree.entries(*value) {
                let name = tree.text(*name).unwrap_or_default();
                draft.add(one(document, name, *service));
            }
        }
    }
}

fn one(document: &Document, name: &str, node: NodeId) -> Item {
    let mut item = Item::new(document.place(node), &format!("service {name}")).named(name);
    item.tag(name);
    let mut fields = Fields::of(document, node, format!("services.{name}"));
    let container = fields.filled("container_name");
    if let Some(ports) = fields.node("ports") {
        for port in document.tree.items(ports) {
            match &document.tree.node(*port).kind {
                Kind::Scalar { text, .. } => short(text, &mut item),
                Kind::Map(_) => long(document, *port, &fields.path, &mut item),
                Kind::List(_) => item.lose_here("ports", "a port cannot be a list", true),
            }
        }
    }
    fields.lose(
        "expose",
        "ports that are not published answer in the service's network alone: add a docker vantage",
        false,
        &mut item,
    );
    if let Some(health) = fields.map("healthcheck") {
        healthcheck(health, name, container, &mut item);
    }
    // Everything else says how it is run, and not what has to be so once it runs.
    let keys: Vec<&str> =
        document.tree.entries(node).iter().filter_map(|(key, _)| document.tree.text(*key)).collect();
    fields.finish(&keys, &mut item);
    item
}

/// `[[HOST:]PUBLISHED:]TARGET[/PROTOCOL]`
fn short(text: &str, item: &mut Item) {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let mut backwards = ports.rsplitn(3, ':');
    let (_, published, host) = (backwards.next(), backwards.next(), backwards.next());
    let Some(published) = published.filter(|published| !published.is_empty()) else {
        return item.lose_here(
            &format!("ports: {text}"),
            "the published port is only known once it runs",
            true,
        );
    };
    publish(text, host, published, protocol, item);
}

fn long(document: &Document, node: NodeId, path: &str, item: &mut Item) {
    let mut fields = Fields::of(document, node, format!("{path}.ports"));
    let target = fields.filled("target").unwrap_or("?");
    let protocol = fields.filled("protocol").unwrap_or("tcp");
    match fields.filled("published") {
        Some(published) => publish(target, fields.filled("host_ip"), published, protocol, item),
        None => {
            item.lose_here(
                &format!("ports: {target}"),
                "the published port is only known once it runs",
                true,
            );
        }
    }
    fields.finish(&["name", "app_protocol", "mode"], item);
}

fn publish(text: &str, host: Option<&str>, published: &str, protocol: &str, item: &mut Item) {
    let key = format!("ports: {text}");
    if text.contains('$') || published.contains('$') || host.is_some_and(|host| host.contains('$')) {
        return item.lose_here(&key, "a variable of compose stands in it: write the port", true);
    }
    if protocol != "tcp" {
        return item.lose_here(&key, "only TCP can be looked at", true);
    }
    let range = published.split_once('-').unwrap_or((published, published));
    let (Ok(first), Ok(last)) = (range.0.parse::<u16>(), range.1.parse::<u16>()) else {
        return item.lose_here(&key, "it is no port, nor a range of ports", true);
    };
    if last < first || last - first >= MOST {
        return item.lose_here(&key, "the range runs backwards, or has a hundred ports and more", true);
    }
    let host = match host.map(|host| host.trim_start_matches('[').trim_end_matches(']')) {
        None | Some("" | "0.0.0.0" | "::") => "127.0.0.1".to_owned(),
        Some(host) if host.contains(':') => format!("[{host}]"),
        Some(host) => host.to_owned(),
    };
    for port in first..=last {
        item.check("", "tcp", json!({ "address": format!("{host}:{port}") }));
    }
}

/// What is run in the container has to be run there: only a container with a name can be named.
fn healthcheck(mut health: Fields<'_>, name: &str, container: Option<&str>, item: &mut Item) {
    let disabled = health.flag("disable") == Some(true);
    let words = health.node("test").and_then(|test| match &health.document.tree.node(test).kind {
        Kind::Scalar { text, .. } => Some(vec!["CMD-SHELL".to_owned(), text.to_string()]),
        Kind::List(_) => {
            texts(health.document, test).map(|words| words.into_iter().map(ToOwned::to_owned).collect())
        }
        Kind::Map(_) => None,
    });
    let container = container.map_or_else(|| format!("the container of {name}"), ToOwned::to_owned);
    match words.as_deref() {
        _ if disabled => {}
        Some([none]) if none == "NONE" => {}
        Some([kind, words @ ..]) if kind == "CMD" && !words.is_empty() => by_docker(&container, words, item),
        Some([kind, line]) if kind == "CMD-SHELL" => {
            by_docker(&container, &["/bin/sh".to_owned(), "-c".to_owned(), line.clone()], item);
        }
        Some(_) | None => item.lose_here("healthcheck.test", "it could not be read", true),
    }
    health.finish(&["interval", "timeout", "retries", "start_period", "start_interval"], item);
}

fn by_docker(container: &str, words: &[String], item: &mut Item) {
    if container.contains(' ') || words.iter().any(|word| word.contains('$')) {
        return item.lose_here(
            "healthcheck.test",
            "its container has no container_name, or a variable stands in it",
            true,
        );
    }
    let argv: Vec<Value> = ["docker", "exec", container]
        .into_iter()
        .map(Value::from)
        .chain(words.iter().map(|word| word.as_str().into()))
        .collect();
    item.check("health", "command", json!({ "argv": argv }));
}
