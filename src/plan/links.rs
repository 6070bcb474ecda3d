//! Links taken apart: the path, the way through the application and what it is configured with become checks of their
//! own, which everything after the plan treats like any other.

use std::sync::LazyLock;

use super::asked::{Asked, Asking, probe};
use super::draft::{Draft, Item, list, take};
use super::expand::CheckNode;
use super::load::Loading;
use crate::file::findings::Finding;
use crate::file::written::{self, Names};
use crate::model::outline::LinkPart;
use crate::probe::Spec;
use crate::probe::config::agree::Address;
use crate::yaml::read::{read_beside, read_with};
use crate::yaml::tree::{Kind, NodeId};

/// Keys of a link that are read by themselves.
static BESIDE: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| Spec::KINDS.iter().chain(&["through", "configured"]).copied().collect());

/// What a check is to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Position in `Draft::links`.
    pub(super) link: usize,
    /// Position of the link's path in `Draft::checks`.
    pub(super) path: usize,
    pub(super) which: LinkPart,
    /// Whether it can only be answered by the application itself, running.
    pub(super) needs_source: bool,
}

/// Read a link, and add its parts to the checks.
pub(super) fn read(loading: &mut Loading<'_>, draft: &mut Draft, written: &CheckNode) {
    let node = written.node;
    if !matches!(loading.tree.node(node).kind, Kind::Map(_)) {
        loading.findings.push(
            Finding::at(loading.tree.place(node), "a link has to be a map")
                .label("expected `id: ...`, `from`, `to` and a probe")
                .help("such as `- { id: app1-to-app2, from: app1, to: app2, http: { url: https://app2.example/health } }`"),
        );
        return;
    }
    let reading = read_beside::<written::Link>(&loading.tree, node, BESIDE.as_slice());
    let unknown_keys = reading.unknown_keys;
    let fields = take(loading, reading);
    let id = loading.tree.get_text(node, "id").unwrap_or_default().to_owned();
    let link = draft.links.len();
    let path = draft.checks.len();
    let family = written.family.as_deref();
    let path_probe = probe(loading, node, unknown_keys, Asking::Link);
    let item = part(fields.as_ref(), LinkPart::Path, node, id.clone(), path_probe);
    draft.add(loading, item, family, "link");
    // The variables of a process are there when the process is.
    let who = fields.as_ref().and_then(|fields| fields.as_application.as_ref());
    let needs_source = who.is_some_and(|who| who.environment.are_of_process());
    draft.parts.insert(path, Part { link, path, which: LinkPart::Path, needs_source });
    let mut add = |loading: &mut Loading<'_>, item: Item<Asked>, suffix: &str, part: Part| {
        let position = draft.checks.len();
        draft.parts.insert(position, part);
        // A second link of this id is told at the link.
        if written::Id::is_one(&id) {
            draft.by_id.entry(item.id.clone()).or_insert_with(|| vec![position]);
        }
        draft.add(loading, item, family.map(|family| format!("{family}/{suffix}")).as_deref(), "link");
    };
    if let Some(through) = loading.tree.get(node, "through") {
        let probe = through_probe(loading, through);
        let item = part(fields.as_ref(), LinkPart::Through, through, format!("{id}/through"), probe);
        add(loading, item, "through", Part { link, path, which: LinkPart::Through, needs_source: true });
    }
    if let Some(configured) = loading.tree.get(node, "configured") {
        for (index, entry) in list(loading, configured, "configured").into_iter().enumerate() {
            let suffix = match index {
                0 => "configured".to_owned(),
                _ => format!("configured-{}", index + 1),
            };
            let reading = read_with(&loading.tree, entry, &[], |reader| match Spec::read("config", reader) {
                Some(read) => read,
                None => Err(serde::de::Error::custom("no such probe")),
            });
            let probe = take(loading, reading).map(|spec| (spec, entry));
            let item = part(fields.as_ref(), LinkPart::Configured, entry, format!("{id}/{suffix}"), probe);
            // The environment of a process is there when the process is.
            let needs_source = loading.tree.get(entry, "process").is_some();
            add(loading, item, &suffix, Part { link, path, which: LinkPart::Configured, needs_source });
        }
    }
    draft.links.push(Item { node, id, value: fields });
}

fn through_probe(loading: &mut Loading<'_>, node: NodeId) -> Option<(Spec, NodeId)> {
    if !matches!(loading.tree.node(node).kind, Kind::Map(_)) {
        loading.findings.push(
            Finding::at(loading.tree.place(node), "`through` has to be a map")
                .label("expected a probe")
                .help("such as `through: { http: { url: https://app1.example/diagnostics/app2 } }`"),
        );
        return None;
    }
    let reading = read_beside::<written::Through>(&loading.tree, node, Spec::KINDS);
    let unknown_keys = reading.unknown_keys;
    take(loading, reading);
    probe(loading, node, unknown_keys, Asking::Through)
}

/// A part as a check.
fn part(
    fields: Option<&written::Link>,
    part: LinkPart,
    node: NodeId,
    id: String,
    probe: Option<(Spec, NodeId)>,
) -> Item<Asked> {
    let value = fields.zip(probe).map(|(link, (probe, probe_node))| {
        let title = link.title.as_ref().map(|title| match part {
            LinkPart::Path => title.clone(),
            LinkPart::Through => format!("{title}, through {}", link.from),
            LinkPart::Configured => format!("{title}, as {} is configured", link.from),
        });
        let check = written::Check {
            id: written::Id(id.clone()),
            title,
            from: Some(Names(vec![link.from.clone()])),
            severity: link.severity,
            owner: link.owner.clone(),
            tags: link.tags.clone(),
            needs: link.needs.clone(),
            timeout: link.timeout,
            retry: link.retry,
            touches: Vec::new(),
            expect_break: None,
            defer: None,
            again: link.again,
            for_each: None,
        };
        Asked { check, probe, probe_node }
    });
    Item { node, id, value }
}

/// Where a path leads, once its probe is bound; none for probes that go to no address.
pub(super) fn address(probe: &Spec) -> Option<Address> {
    let text: &str = match probe {
        Spec::Http(http) => &http.url,
        Spec::Flow(flow) => &flow.base_url,
        Spec::Tcp(tcp) => &tcp.address,
        Spec::Tls(tls) => &tls.address,
        Spec::Dns(dns) => &dns.name,
        Spec::Postgres(postgres) => postgres.url.as_ref()?,
        Spec::Command(_)
        | Spec::Config(_)
        | Spec::Grants(_)
        | Spec::Manual(_)
        | Spec::Behind(_)
        | Spec::Held(_)
        | Spec::Hello(_)
        | Spec::Catalog(_)
        | Spec::Listeners(_)
        | Spec::Names(_)
        | Spec::Relogin(_)
        | Spec::Sockets(_) => return None,
    };
    Address::read(text).ok()
}

/// Warn of a path that leads to another address than the system it is for.
pub(super) fn elsewhere(loading: &mut Loading<'_>, draft: &Draft, part: Part) {
    let (Some(link), Some(item)) = (draft.links.get(part.link), draft.checks.get(part.path)) else { return };
    let (Some(written), Some(asked)) = (&link.value, &item.value) else { return };
    let system = draft.systems.get(&written.to).and_then(|system| system.value.as_ref());
    let system = system.and_then(|system| Address::read(system.address.as_deref()?).ok());
    let (Some(system), Some(path)) = (system, address(&asked.probe)) else { return };
    if !path.agrees(&system) {
        loading.findings.push(
            Finding::warning(
                loading.tree.place(asked.probe_node),
                format!("this path does not lead to where the system `{}` is", written.to),
            )
            .label(format!("it leads to {path}, the system is at {system}"))
            .help("let both say the same, or leave out the system's address"),
        );
    }
}
