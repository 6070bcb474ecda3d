//! Manifests of Kubernetes (networking.k8s.io/v1 Ingress, v1 Service): whether what they promise answers. They assert nothing
//! themselves; what the checks ask is told in the plan.

use serde_json::json;

use super::document::Document;
use super::draft::{Draft, Item};
use super::fields::Fields;
use crate::yaml::tree::NodeId;

pub(super) fn is_one(document: &Document) -> bool {
    let tree = &document.tree;
    tree.get_text(document.root, "apiVersion").is_some() && tree.get_text(document.root, "kind").is_some()
}

pub(super) fn read(documents: &[Document], draft: &mut Draft) {
    for document in documents {
        object(document, document.root, draft);
    }
}

fn object(document: &Document, node: NodeId, draft: &mut Draft) {
    let tree = &document.tree;
    let kind = tree.get_text(node, "kind").unwrap_or("?");
    let metadata = tree.get(node, "metadata");
    let word = |key: &str| metadata.and_then(|metadata| tree.get_text(metadata, key));
    let (name, namespace) = (word("name").unwrap_or("unnamed"), word("namespace").unwrap_or("default"));
    let path = format!("{kind} {namespace}/{name}");
    let mut fields = Fields::of(document, node, path.clone());
    for key in ["apiVersion", "kind", "metadata", "status"] {
        fields.node(key);
    }
    let mut item = Item::new(document.place(node), &path);
    item.tag(namespace);
    match kind {
        "List" | "ServiceList" | "IngressList" => {
            for one in tree.get(node, "items").map_or(&[][..], |items| tree.items(items)) {
                // A list in a list is none of theirs, and is not followed.
                if tree.get_text(*one, "kind").is_some_and(|kind| !kind.ends_with("List")) {
                    object(document, *one, draft);
                } else {
                    draft.lose(&document.place(*one), "items", "it is no Service or Ingress");
                }
            }
            return;
        }
        "Service" => {
            if let Some(spec) = fields.map("spec") {
                service(spec, name, namespace, &mut item);
            }
        }
        "Ingress" => {
            if let Some(spec) = fields.map("spec") {
                ingress(spec, &mut item);
            }
        }
        _ => {
            draft.lose(&document.place(node), &path, "only Services and Ingresses are read");
            return;
        }
    }
    if let Some(annotations) = metadata.and_then(|metadata| tree.get(metadata, "annotations")) {
        item.lose(
            &document.place(annotations),
            &format!("{path}.metadata.annotations"),
            "what controllers read of it is not known here",
            false,
        );
    }
    fields.finish(&[], &mut item);
    draft.add(item);
}

fn service(mut spec: Fields<'_>, name: &str, namespace: &str, item: &mut Item) {
    let kind = spec.filled("type").unwrap_or("ClusterIP");
    if kind == "ExternalName" {
        match spec.filled("externalName") {
            Some(target) => item.check("", "dns", json!({ "name": target })),
            None => item.lose_here("externalName", "it is missing", true),
        }
    }
    let host = format!("{name}.{namespace}.svc");
    let ports = spec.node("ports");
    for (index, port) in ports.map_or(&[][..], |ports| spec.document.tree.items(ports)).iter().enumerate() {
        let mut fields = Fields::of(spec.document, *port, format!("{}.ports[{index}]", spec.path));
        let protocol = fields.filled("protocol").unwrap_or("TCP");
        match fields.number("port").and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0) {
            Some(port) if protocol == "TCP" => {
                item.check("", "tcp", json!({ "address": format!("{host}:{port}") }));
            }
            Some(port) => {
                item.lose_here(&format!("port {port}/{protocol}"), "only TCP can be looked at", true);
            }
            None => item.lose_here("ports", "a port is missing, or no number", true),
        }
        fields.finish(&["name", "targetPort", "nodePort", "appProtocol"], item);
    }
    if kind != "ExternalName" {
        item.lose_here(
            "where from",
            "names in .svc are known inside of the cluster alone: add a kubectl vantage and `from`",
            false,
        );
    }
    if matches!(kind, "NodePort" | "LoadBalancer") {
        item.lose_here(&format!("type {kind}"), "the way in from outside is not in this file", true);
    }
    spec.finish(&SERVICE, item);
}

/// Keys of a Service that promise nothing.
const SERVICE: [&str; 17] = [
    "selector",
    "clusterIP",
    "clusterIPs",
    "sessionAffinity",
    "sessionAffinityConfig",
    "ipFamilies",
    "ipFamilyPolicy",
    "internalTrafficPolicy",
    "externalTrafficPolicy",
    "publishNotReadyAddresses",
    "allocateLoadBalancerNodePorts",
    "loadBalancerClass",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
    "healthCheckNodePort",
    "externalIPs",
    "trafficDistribution",
];

fn ingress(mut spec: Fields<'_>, item: &mut Item) {
    let document = spec.document;
    let tree = &document.tree;
    let mut secured: Vec<&str> = Vec::new();
    let blocks = spec.node("tls");
    for (index, block) in blocks.map_or(&[][..], |blocks| tree.items(blocks)).iter().enumerate() {
        let mut fields = Fields::of(document, *block, format!("{}.tls[{index}]", spec.path));
        secured.extend(fields.texts("hosts").unwrap_or_default());
        fields.finish(&["secretName"], item);
    }
    let rules = spec.node("rules");
    for (index, rule) in rules.map_or(&[][..], |rules| tree.items(rules)).iter().enumerate() {
        let mut fields = Fields::of(document, *rule, format!("{}.rules[{index}]", spec.path));
        let host = fields.filled("host");
        let mut paths = Vec::new();
        if let Some(mut http) = fields.map("http") {
            let list = http.node("paths");
            for (index, one) in list.map_or(&[][..], |list| tree.items(list)).iter().enumerate() {
                let mut path = Fields::of(document, *one, format!("{}.paths[{index}]", http.path));
                paths.push((path.filled("path").unwrap_or("/"), path.filled("pathType").unwrap_or("")));
                path.finish(&["backend"], item);
            }
            http.finish(&[], item);
        }
        match host {
            Some(host) if !host.contains('*') => {
                for (path, kind) in paths {
                    if kind == "ImplementationSpecific" && path.contains(['(', '*', '[', '^']) {
                        item.lose_here(&format!("path {path}"), "it is an expression, not a path", true);
                        continue;
                    }
                    let scheme = if secured.contains(&host) { "https" } else { "http" };
                    let slash = if path.starts_with('/') { "" } else { "/" };
                    item.check("", "http", json!({ "url": format!("{scheme}://{host}{slash}{path}") }));
                }
            }
            Some(host) => item.lose_here(&format!("host {host}"), "any name of a kind: name one", true),
            None => item.lose_here("rules", "a rule for every name: name one", true),
        }
        fields.finish(&[], item);
    }
    item.lose_here("status", "a manifest does not say what has to be answered: 2xx is asserted", false);
    spec.lose("defaultBackend", "what no rule is for: name a URL", true, item);
    spec.finish(&["ingressClassName"], item);
}
