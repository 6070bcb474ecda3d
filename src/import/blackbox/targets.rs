//! What is probed: Prometheus' scrape configuration, or lists of targets as `file_sd_configs` reads them.

use super::Draft;
use crate::import::document::Document;
use crate::import::fields::{Fields, texts};
use crate::yaml::tree::{Kind, NodeId};

/// A target, and the module it is probed with.
pub(super) struct Target {
    pub(super) place: String,
    pub(super) job: Option<String>,
    pub(super) module: Option<String>,
    /// None for targets that are only found at run time.
    pub(super) address: Option<String>,
    /// Keys that could not be carried over, with why, and whether they assert something.
    pub(super) lost: Vec<(String, &'static str, bool)>,
}

impl Target {
    /// For people and ids: without a password.
    pub(super) fn shown(&self) -> String {
        let address = self.address.as_deref().unwrap_or("targets found at run time");
        match (address.find("://"), address.rfind('@')) {
            (Some(scheme), Some(at)) if at > scheme => {
                format!("{}{}", &address[..scheme + 3], &address[at + 1..])
            }
            _ => address.to_owned(),
        }
    }
}

/// The targets of a document. `modules` are those there are: one alone needs no name.
pub(super) fn read(document: &Document, modules: &[&str], draft: &mut Draft) -> Vec<Target> {
    let tree = &document.tree;
    let only = if let [only] = modules { Some((*only).to_owned()) } else { None };
    let mut targets = Vec::new();
    match &tree.node(document.root).kind {
        Kind::List(groups) => {
            for group in groups {
                targets.extend(group_of(document, *group, "targets", None, only.as_deref()));
            }
        }
        Kind::Map(entries) => {
            for (key, value) in entries {
                let key = tree.text(*key).unwrap_or("?");
                if key == "scrape_configs" {
                    for job in tree.items(*value) {
                        targets.extend(job_of(document, *job, only.as_deref(), draft));
                    }
                } else {
                    draft.lose(&document.place(*value), key, "Prometheus' own affairs have no meaning here");
                }
            }
        }
        Kind::Scalar { .. } => {
            draft.lose(&document.place(document.root), "targets", "it is neither a list nor a map");
        }
    }
    targets
}

fn job_of(document: &Document, job: NodeId, only: Option<&str>, draft: &mut Draft) -> Vec<Target> {
    let tree = &document.tree;
    let name = tree.get_text(job, "job_name").unwrap_or("job").to_owned();
    let path = format!("scrape_configs.{name}");
    let mut fields = Fields::of(document, job, path.clone());
    fields.text("job_name");
    if fields.text("metrics_path") != Some("/probe") {
        draft.lose(
            &document.place(job),
            &path,
            "it does not scrape the blackbox exporter (metrics_path is not /probe)",
        );
        return Vec::new();
    }
    let parameter = fields
        .map("params")
        .and_then(|mut params| params.texts("module")?.first().map(|one| (*one).to_owned()));
    let module = parameter.as_deref().or(only);
    let mut targets = Vec::new();
    if let Some(groups) = fields.node("static_configs") {
        for (index, group) in tree.items(groups).iter().enumerate() {
            let path = format!("{path}.static_configs[{index}]");
            targets.extend(group_of(document, *group, &path, Some(&name), module));
        }
    }
    if let Some(rules) = fields.node("relabel_configs") {
        for rule in tree.items(rules).iter().filter(|rule| !is_usual(document, **rule)) {
            let why = "a rule beyond the usual three: it may change or drop targets";
            for target in &mut targets {
                target.lost.push((format!("relabel_configs ({})", document.place(*rule)), why, true));
            }
        }
    }
    for (key, value) in tree.entries(job) {
        let key = tree.text(*key).unwrap_or("?");
        match key {
            "job_name" | "metrics_path" | "params" | "static_configs" | "relabel_configs" => {}
            // Whatever else there is to find targets with.
            key if key.ends_with("_sd_configs") => targets.push(Target {
                place: document.place(*value),
                job: Some(name.clone()),
                module: module.map(ToOwned::to_owned),
                address: None,
                lost: vec![(
                    key.to_owned(),
                    "its targets are not in this file: name a file of targets too",
                    true,
                )],
            }),
            key => draft.lose(
                &document.place(*value),
                &format!("{path}.{key}"),
                "how often, and by which way, has no meaning here",
            ),
        }
    }
    targets
}

/// The three rules of the exporter's README: the address becomes the parameter and the instance, and is the exporter's then.
fn is_usual(document: &Document, rule: NodeId) -> bool {
    let tree = &document.tree;
    let source = tree.get(rule, "source_labels").and_then(|node| texts(document, node)).unwrap_or_default();
    let target = tree.get_text(rule, "target_label");
    let plain = tree
        .entries(rule)
        .iter()
        .all(|(key, _)| matches!(tree.text(*key), Some("source_labels" | "target_label" | "replacement")));
    let replaced = tree.get(rule, "replacement").is_some();
    plain
        && match (source.as_slice(), target) {
            (["__address__"], Some("__param_target")) | (["__param_target"], Some("instance")) => !replaced,
            ([], Some("__address__")) => replaced,
            _ => false,
        }
}

/// `{ targets: [...], labels: {...} }`
fn group_of(
    document: &Document,
    group: NodeId,
    path: &str,
    job: Option<&str>,
    module: Option<&str>,
) -> Vec<Target> {
    let mut fields = Fields::of(document, group, path);
    let mut module = module.map(ToOwned::to_owned);
    let mut lost = Vec::new();
    for (key, value) in fields.pairs("labels").unwrap_or_default() {
        match key {
            "module" | "__param_module" => module = Some(value.to_owned()),
            _ => lost.push((format!("labels.{key}"), "labels have no meaning here", false)),
        }
    }
    let place = document.place(group);
    let written = fields.peek("targets");
    let target = |place: String, address: Option<String>, lost: Vec<(String, &'static str, bool)>| Target {
        place,
        job: job.map(ToOwned::to_owned),
        module: module.clone(),
        address,
        lost,
    };
    let Some(addresses) = fields.texts("targets") else {
        return vec![target(place, None, vec![("targets".to_owned(), "it is no list of targets", true)])];
    };
    let nodes = written.map_or(&[][..], |written| document.tree.items(written));
    let places = nodes.iter().map(|node| document.place(*node)).chain(std::iter::repeat(place));
    addresses
        .iter()
        .zip(places)
        .map(|(one, place)| target(place, Some((*one).to_owned()), lost.clone()))
        .collect()
}
