//! The one probe that a check asks with, or a link, or what a link says of `through`.

use super::draft::take;
use super::load::Loading;
use crate::file::findings::Finding;
use crate::file::written;
use crate::probe::Spec;
use crate::suggest::suggestion;
use crate::yaml::read::read_with;
use crate::yaml::tree::NodeId;

/// A check with its probe.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) check: written::Check,
    pub(super) probe: Spec,
    /// The probe's node.
    pub(super) probe_node: NodeId,
}

/// What a probe is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    Check,
    Link,
    Through,
}

impl Asking {
    const fn subject(self) -> &'static str {
        match self {
            Self::Check => "this check",
            Self::Link => "this link",
            Self::Through => "`through`",
        }
    }

    const fn none(self) -> &'static str {
        match self {
            Self::Check => "nothing says what to look at",
            Self::Link => "nothing says how to look at its path",
            Self::Through => "nothing says how to ask the application",
        }
    }

    const fn one(self) -> (&'static str, &'static str) {
        match self {
            Self::Check => ("a check asks one question", "make a check of its own for each"),
            Self::Link => ("a link has one path", "make a link of its own for each"),
            Self::Through => ("it asks one question", "make a check of its own for the other"),
        }
    }
}

/// The one probe of a map; `unknown_keys` are told already.
pub(super) fn probe(
    loading: &mut Loading<'_>,
    node: NodeId,
    unknown_keys: usize,
    asking: Asking,
) -> Option<(Spec, NodeId)> {
    let kind_of = |key: NodeId| Spec::KINDS.iter().copied().find(|kind| loading.tree.text(key) == Some(kind));
    let probes: Vec<(&'static str, NodeId, NodeId)> = loading
        .tree
        .entries(node)
        .iter()
        .filter_map(|&(key, value)| kind_of(key).map(|kind| (kind, key, value)))
        .collect();
    match probes.as_slice() {
        [] => {
            // A key nobody knows is most likely a misspelt probe.
            if unknown_keys == 0 {
                let id = loading.tree.get(node, "id").unwrap_or(node);
                loading.findings.push(
                    Finding::at(loading.tree.place(id), format!("{} has no probe", asking.subject()))
                        .label(asking.none())
                        .help(suggestion("", Spec::KINDS.iter().copied())),
                );
            }
            None
        }
        [(kind, _, value)] => {
            let reading = read_with(&loading.tree, *value, &[], |reader| match Spec::read(kind, reader) {
                Some(read) => read,
                None => Err(serde::de::Error::custom("no such probe")),
            });
            take(loading, reading).map(|spec| (spec, *value))
        }
        [(first, ..), rest @ ..] => {
            for (kind, key, _) in rest {
                let (label, help) = asking.one();
                loading.findings.push(
                    Finding::at(
                        loading.tree.node(*key).span,
                        format!("{} has two probes, `{first}` and `{kind}`", asking.subject()),
                    )
                    .label(label)
                    .help(help),
                );
            }
            None
        }
    }
}
