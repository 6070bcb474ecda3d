//! `for_each` makes one check for each value; then every `${...}` is replaced.

use std::collections::HashSet;

use super::files::{Files, not_single};
use super::load::Loading;
use super::written_out;
use crate::file::SHORTEST;
use crate::file::findings::Finding;
use crate::file::variables::{Failure, Locals, TOTAL, Trouble, Variables};
use crate::file::written::Id;
use crate::suggest::closest;
use crate::yaml::tree::{Kind, NodeId, Span};

/// Checks one `for_each` may make.
const COPIES: usize = 10_000;
/// Names one `for_each` may use.
const NAMES: usize = 10;
/// Bytes of one of its values, which is a part of an id.
const VALUE: usize = 1000;
/// Nodes of all files together, copies counted.
const NODES: usize = 3_000_000;

/// A check or a link in the tree: as written, or one of the copies `for_each` makes.
#[derive(Debug, Clone)]
pub(super) struct CheckNode {
    pub(super) node: NodeId,
    /// The id before `for_each`, when it had one.
    pub(super) family: Option<String>,
    locals: Locals,
    /// Whether its id holds a value of `for_each` that is written with `${...}`.
    is_named_by_variables: bool,
}

/// Every check and link, once for each of its values.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    pub(super) checks: Vec<CheckNode>,
    pub(super) links: Vec<CheckNode>,
}

pub(super) struct Expander {
    seen: HashSet<NodeId>,
    /// How many `expect` are around what is walked: what an answer is to hold is no secret of ours.
    expected: u32,
}

impl Expander {
    /// The checks and links of every file, in order; none when no file could be parsed.
    pub(super) fn run(loading: &mut Loading<'_>, files: &Files) -> Option<Expanded> {
        if files.roots.is_empty() {
            return None;
        }
        let mut this = Self { seen: HashSet::new(), expected: 0 };
        let mut expanded = Expanded::default();
        loading.variables.settle();
        for (node, trouble) in std::mem::take(&mut loading.variables.failures) {
            tell(loading, node, trouble);
        }
        let sections: Vec<(NodeId, NodeId)> =
            files.roots.iter().flat_map(|&root| loading.tree.entries(root).to_vec()).collect();
        for (key, value) in sections {
            match loading.tree.text(key) {
                Some("checks") => {
                    for node in loading.tree.items(value).to_vec() {
                        this.check(loading, node, &mut expanded.checks);
                    }
                }
                Some("links") => {
                    for node in loading.tree.items(value).to_vec() {
                        this.check(loading, node, &mut expanded.links);
                    }
                }
                Some("vars") => Self::variables(loading, value),
                _ => this.walk(loading, value, &Locals::new(), None),
            }
        }
        for check in expanded.checks.iter().chain(&expanded.links) {
            this.walk(loading, check.node, &check.locals, None);
        }
        if let (true, Some(&main)) = (loading.variables.is_exhausted(), files.roots.first()) {
            let most = TOTAL / 1024 / 1024;
            loading.findings.push(
                Finding::at(
                    loading.tree.place(main),
                    format!("with their variables the texts of this plan grow by more than {most} MB"),
                )
                .label("the plan begins here")
                .help("use fewer or shorter variables, or fewer values of `for_each`"),
            );
        }
        for (name, _) in loading.request.set {
            if !loading.variables.is_used(name) {
                let others = loading.variables.names().filter(|other| other != name);
                let help = match closest(name, others) {
                    Some(near) => format!("did you mean `--set {near}=...`?"),
                    None => "nothing in the plan says `${...}` with this name".to_owned(),
                };
                loading.findings.push(
                    Finding::of_command(format!(
                        "`--set {name}=...` changes nothing: the plan uses no variable `{name}`"
                    ))
                    .help(help),
                );
            }
        }
        for check in expanded.checks.iter().chain(&expanded.links) {
            no_secret_id(loading, check);
        }
        for value in loading.variables.used.values() {
            loading.stars.value(value, loading.request.scrubber);
        }
        Some(expanded)
    }

    fn variables(loading: &mut Loading<'_>, vars: NodeId) {
        if !matches!(loading.tree.node(vars).kind, Kind::Map(_)) {
            loading.findings.push(
                Finding::at(loading.tree.place(vars), "`vars` has to be a map")
                    .label("expected `name: value`"),
            );
        }
        for (_, value) in loading.tree.entries(vars).to_vec() {
            if loading.tree.text(value).is_none() {
                loading.findings.push(not_single(loading.tree.key_place(value)));
            }
        }
    }

    fn check(&mut self, loading: &mut Loading<'_>, node: NodeId, checks: &mut Vec<CheckNode>) {
        let Some((key, each)) = loading.tree.entry(node, "for_each") else {
            checks.push(CheckNode {
                node,
                family: None,
                locals: Locals::new(),
                is_named_by_variables: false,
            });
            return;
        };
        let id = loading.tree.get_text(node, "id").map(ToOwned::to_owned);
        let bare = loading.tree.copy_without(node, "for_each");
        let Some(combinations) = self.combinations(loading, key, each) else {
            // Known by its id, so that nothing that refers to it is told to be wrong.
            self.forget(loading, bare);
            checks.push(CheckNode {
                node: bare,
                family: id,
                locals: Locals::new(),
                is_named_by_variables: false,
            });
            return;
        };
        let mut values = loading.tree.entries(each).iter().flat_map(|&(_, list)| loading.tree.items(list));
        let is_named_by_variables = values.any(|&value| has_variables(loading, value));
        for (index, locals) in combinations.into_iter().enumerate() {
            if loading.tree.len() > NODES {
                loading.findings.push(
                    Finding::at(loading.tree.node(key).span, "the plan grows beyond every measure here")
                        .label("too many copies")
                        .help("use fewer values"),
                );
                return;
            }
            let copy = if index == 0 { bare } else { loading.tree.copy_without(node, "for_each") };
            if let (Some(id), Some(id_node)) = (&id, loading.tree.get(copy, "id"))
                && !Variables::concerns(id)
            {
                let values: Vec<String> = locals.values().map(|value| Id::slug(value)).collect();
                loading.tree.set_text(id_node, format!("{id}-{}", values.join("-")));
            }
            checks.push(CheckNode { node: copy, family: id.clone(), locals, is_named_by_variables });
        }
    }

    /// Leave the variables of a node alone.
    fn forget(&mut self, loading: &Loading<'_>, node: NodeId) {
        self.seen.insert(node);
        for &item in loading.tree.items(node) {
            self.forget(loading, item);
        }
        for &(_, value) in loading.tree.entries(node) {
            self.forget(loading, value);
        }
    }

    fn combinations(&mut self, loading: &mut Loading<'_>, key: NodeId, each: NodeId) -> Option<Vec<Locals>> {
        self.walk(loading, each, &Locals::new(), None);
        let wrong = |loading: &mut Loading<'_>, span: Span, label: &str| {
            loading.findings.push(
                Finding::at(span, "`for_each` takes lists of values by name")
                    .label(label)
                    .help("such as `for_each: { host: [a, b] }`, used as `${host}`"),
            );
            None
        };
        let entries = loading.tree.entries(each).to_vec();
        if entries.is_empty() {
            let span = loading.tree.node(key).span;
            return wrong(loading, span, "no list of values here");
        }
        if let Some((name, _)) = entries.get(NAMES) {
            let span = loading.tree.node(*name).span;
            return wrong(loading, span, &format!("more than {NAMES} names"));
        }
        let mut combinations = vec![Locals::new()];
        for (name, values) in entries {
            let name_text = loading.tree.text(name).unwrap_or_default().to_owned();
            let items = loading.tree.items(values).to_vec();
            if items.is_empty() {
                let span = loading.tree.place(values);
                return wrong(loading, span, "not a list with values");
            }
            let mut texts = Vec::with_capacity(items.len());
            for item in items {
                let Some(text) = loading.tree.text(item).filter(|text| !text.is_empty()) else {
                    let span = loading.tree.place(item);
                    return wrong(loading, span, "not a single value");
                };
                if text.len() > VALUE {
                    let span = loading.tree.place(item);
                    return wrong(loading, span, &format!("longer than {VALUE} bytes"));
                }
                texts.push(text.to_owned());
            }
            if combinations.len().saturating_mul(texts.len()) > COPIES {
                loading.findings.push(
                    Finding::at(loading.tree.node(key).span, format!("this makes more than {COPIES} checks"))
                        .label("too many values")
                        .help("use fewer values"),
                );
                return None;
            }
            combinations = combinations
                .into_iter()
                .flat_map(|locals| {
                    let name = name_text.clone();
                    texts.iter().map(move |text| {
                        let mut locals = locals.clone();
                        locals.insert(name.clone(), text.clone());
                        locals
                    })
                })
                .collect();
        }
        Some(combinations)
    }

    /// Replace the variables of a node and everything below.
    fn walk(&mut self, loading: &mut Loading<'_>, node: NodeId, locals: &Locals, kept: Option<&[String]>) {
        if !self.seen.insert(node) {
            return;
        }
        match &loading.tree.node(node).kind {
            Kind::Scalar { .. } => scalar(loading, node, locals, kept),
            Kind::List(items) => {
                for item in items.clone() {
                    self.walk(loading, item, locals, kept);
                }
            }
            Kind::Map(entries) => {
                for (key, value) in entries.clone() {
                    let text = loading.tree.text(key).unwrap_or_default();
                    if Variables::concerns(text) {
                        loading.findings.push(
                            Finding::at(
                                loading.tree.node(key).span,
                                "variables are replaced in values, not in keys",
                            )
                            .label("this is a key")
                            .help("write the key out"),
                        );
                    }
                    let (is_expected, has_headers) = (text == "expect", text == "headers");
                    self.expected += u32::from(is_expected);
                    if text == "flow" && kept.is_none() {
                        let mut captured = Vec::new();
                        captures(loading, value, &mut captured);
                        self.walk(loading, value, locals, Some(&captured));
                    } else {
                        self.walk(loading, value, locals, kept);
                    }
                    self.expected -= u32::from(is_expected);
                    if has_headers && self.expected == 0 {
                        written_out::headers(loading, value);
                    }
                }
            }
        }
    }
}

/// Whether a scalar is written with `${...}`.
pub(super) fn has_variables(loading: &Loading<'_>, scalar: NodeId) -> bool {
    let place = loading.tree.place(scalar);
    let source = loading.sources.get(place.file.0 as usize);
    source.and_then(|source| source.text.get(place.range())).is_some_and(Variables::concerns)
}

/// An id is a name in every report, where nothing can star it.
fn no_secret_id(loading: &mut Loading<'_>, check: &CheckNode) {
    let Some(node) = loading.tree.get(check.node, "id") else { return };
    let (id, place) = (loading.tree.text(node).unwrap_or_default(), loading.tree.place(node));
    let holds = |value: &String| {
        let slug = Id::slug(value);
        slug.len() >= SHORTEST && id.contains(&slug)
    };
    if (check.is_named_by_variables || has_variables(loading, node))
        && loading.variables.used.values().any(holds)
    {
        loading.findings.push(
            Finding::at(place, "this id would show the value of an environment variable")
                .label("an id stands in every report")
                .help("values of the environment are secret: name it with one of `vars`, set with `--set NAME=VALUE`"),
        );
    }
}

/// Names a flow captures for its later steps.
fn captures(loading: &Loading<'_>, node: NodeId, names: &mut Vec<String>) {
    for &(key, value) in loading.tree.entries(node) {
        if loading.tree.text(key) == Some("capture") {
            let captured =
                loading.tree.entries(value).iter().filter_map(|(name, _)| loading.tree.text(*name));
            names.extend(captured.map(ToOwned::to_owned));
        }
        captures(loading, value, names);
    }
    for &item in loading.tree.items(node) {
        captures(loading, item, names);
    }
}

fn scalar(loading: &mut Loading<'_>, node: NodeId, locals: &Locals, kept: Option<&[String]>) {
    let Some(text) = loading.tree.text(node) else { return };
    let has_url = text.contains("://") || text.contains("password=") || text.contains('?');
    if !has_url && !text.contains('$') {
        return;
    }
    if has_url {
        let text = text.to_owned();
        written_out::tell_url(loading, node, &text);
    }
    let Some(text) = loading.tree.text(node) else { return };
    let expanded = if text.contains("${") {
        let text = text.to_owned();
        match loading.variables.expand(&text, locals, kept) {
            Ok(expanded) => {
                loading.tree.set_text(node, expanded.clone());
                expanded
            }
            Err(Failure::Told) => return,
            Err(Failure::Trouble(trouble)) => return tell(loading, node, trouble),
        }
    } else {
        text.to_owned()
    };
    written_out::learn_url(loading, &expanded);
}

/// Point at the `${...}` itself where it can be found in the file.
fn tell(loading: &mut Loading<'_>, node: NodeId, trouble: Trouble) {
    let whole = loading.tree.place(node);
    let place = loading.narrowed(whole, &trouble.written);
    let mut finding = Finding::at(place, trouble.message).label(trouble.label);
    if let Some(help) = trouble.help {
        finding = finding.help(help);
    }
    loading.findings.push(finding);
}
