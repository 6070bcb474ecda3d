//! Who is told: each entry of `notify` names one way, and its secrets are found where gonogo runs.

use super::draft::{list, take};
use super::finish::located;
use super::load::Loading;
use crate::file::findings::Finding;
use crate::file::written;
use crate::model::notification::{Command, Occasions, Target, Way, endpoint};
use crate::probe::Problem;
use crate::secret::SecretRef;
use crate::suggest::suggestion;
use crate::yaml::read::{read_beside, read_with};
use crate::yaml::tree::{Kind, NodeId};

/// Read the section; what cannot be used is told and left out.
pub(super) fn read(loading: &mut Loading<'_>, section: NodeId) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for node in list(loading, section, "notify") {
        let Some((way, on)) = one(loading, node) else { continue };
        let kind = way.kind();
        let before = targets.iter().filter(|target| target.way.kind() == kind).count();
        let name = if before == 0 { kind.to_owned() } else { format!("{kind}-{}", before + 1) };
        targets.push(Target { name, way, on });
    }
    targets
}

fn one(loading: &mut Loading<'_>, node: NodeId) -> Option<(Way, Occasions)> {
    if !matches!(loading.tree.node(node).kind, Kind::Map(_)) {
        loading.findings.push(
            Finding::at(loading.tree.place(node), "an entry of `notify` has to be a map")
                .label("expected a way to tell somebody")
                .help("such as `- { slack: { url: { env: SLACK_URL } }, on: [stage, blocker] }`"),
        );
        return None;
    }
    let reading = read_beside::<written::Notify>(&loading.tree, node, Way::KINDS);
    let unknown_keys = reading.unknown_keys;
    let written = take(loading, reading);
    let kind_of = |key: NodeId| Way::KINDS.iter().copied().find(|kind| loading.tree.text(key) == Some(kind));
    let entries = loading.tree.entries(node).iter();
    let ways: Vec<(&'static str, NodeId, NodeId)> =
        entries.filter_map(|&(key, value)| kind_of(key).map(|kind| (kind, key, value))).collect();
    match ways.as_slice() {
        [] => {
            // A key nobody knows is most likely a misspelt way.
            if unknown_keys == 0 {
                loading.findings.push(
                    Finding::at(
                        loading.tree.place(node),
                        "this entry of `notify` names no way to tell somebody",
                    )
                    .label("nobody would be told")
                    .help(suggestion("", Way::KINDS.iter().copied())),
                );
            }
            None
        }
        [(kind, _, value)] => {
            let reading = read_with(&loading.tree, *value, &[], |reader| match Way::read(kind, reader) {
                Some(read) => read,
                None => Err(serde::de::Error::custom("no such way")),
            });
            let mut way = take(loading, reading)?;
            for problem in problems(&mut way) {
                let finding = located(loading, *value, problem);
                loading.findings.push(finding);
            }
            way.anchor(loading.folder(node));
            Some((way, written?.on))
        }
        [(first, ..), rest @ ..] => {
            for (kind, key, _) in rest {
                loading.findings.push(
                    Finding::at(
                        loading.tree.node(*key).span,
                        format!("this entry of `notify` has two ways, `{first}` and `{kind}`"),
                    )
                    .label("an entry tells somebody in one way")
                    .help("make an entry of its own for each"),
                );
            }
            None
        }
    }
}

/// What makes no sense, and its type could not catch.
fn problems(way: &mut Way) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Way::Command(Command { argv, .. }) = way
        && argv.is_empty()
    {
        problems.push(Problem::at("argv", "this list is empty: it begins with a program"));
    }
    for (path, secret) in way.secrets() {
        if secret.is_on_vantage() {
            let wrong = "`on: vantage`: notifications are sent from here";
            problems.push(Problem::at(&path, wrong).help("remove `on: vantage`"));
        }
        if let (SecretRef::Literal(text), "url") = (&*secret, path.as_str())
            && let Err(reason) = endpoint(text.expose())
        {
            problems.push(Problem::at(&path, format!("nothing can be sent to this URL: {reason}")));
        }
    }
    problems
}
