//! The order of the stages, and at which one each check is due.

use std::collections::HashMap;

use super::asked::Asked;
use super::draft::{Draft, Item, duplicate};
use super::load::Loading;
use super::ups::Ups;
use crate::file::findings::Finding;
use crate::file::written::{self, Id};
use crate::yaml::tree::{Kind, NodeId};

/// Stages of one plan.
const STAGES: usize = 1000;

/// When a check is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    /// The stage that owns it.
    pub(super) stage: usize,
    /// The stage it is put off to.
    pub(super) until: Option<usize>,
    /// Why the planner itself puts it off.
    pub(super) because: Option<String>,
}

impl Due {
    pub(super) const fn at_stage(stage: usize) -> Self {
        Self { stage, until: None, because: None }
    }

    pub(super) fn at(&self) -> usize {
        self.until.unwrap_or(self.stage)
    }
}

/// The stage that lists a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) stage: usize,
    /// By its id, not by a tag.
    pub(super) by_name: bool,
}

/// Stages in order.
#[derive(Debug)]
pub(super) struct Stages {
    /// Positions in `Draft::stages`, in order; empty when the plan has none.
    pub(super) order: Vec<usize>,
    by_id: HashMap<String, usize>,
}

impl Stages {
    pub(super) fn index(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }
}

/// Put the stages in order; none when that is not possible.
pub(super) fn stages(loading: &mut Loading<'_>, draft: &mut Draft) -> Option<Stages> {
    let mut position: HashMap<&str, usize> = HashMap::new();
    for (index, stage) in draft.stages.iter().enumerate() {
        if !Id::is_one(&stage.id) {
            continue;
        }
        if let Some(&first) = position.get(stage.id.as_str()) {
            duplicate(
                loading,
                stage.node,
                &stage.id,
                "stage",
                draft.stages.get(first).map(|first| first.node),
            );
        } else {
            position.insert(&stage.id, index);
        }
    }
    if let Some(stage) = draft.stages.get(STAGES) {
        loading.findings.push(
            Finding::at(loading.tree.place(stage.node), format!("this plan has more than {STAGES} stages"))
                .label("one too many")
                .help("is this list generated? a stage is one step of a deployment"),
        );
        return None;
    }
    let mut before: Vec<Vec<usize>> = Vec::with_capacity(draft.stages.len());
    for stage in &draft.stages {
        let names: Vec<(NodeId, String)> = after_nodes(loading, stage.node);
        let mut known = Vec::new();
        for (node, name) in names {
            let place = loading.tree.place(node);
            if name == stage.id {
                loading.findings.push(
                    Finding::at(place, format!("stage `{name}` comes after itself"))
                        .label("this very stage")
                        .help("remove it from `after`"),
                );
            } else if let Some(&index) = position.get(name.as_str()) {
                known.push(index);
            } else {
                let help = loading.suggest(&name, stage_ids(draft));
                loading.findings.push(
                    Finding::at(place, format!("stage `{}` comes after unknown stage `{name}`", stage.id))
                        .label("no stage has this name")
                        .help(help),
                );
            }
        }
        before.push(known);
    }
    let order = ordered(loading, draft, &before)?;
    let by_id =
        order.iter().enumerate().map(|(place, &index)| (draft.stages[index].id.clone(), place)).collect();
    Some(Stages { order, by_id })
}

fn after_nodes(loading: &Loading<'_>, stage: NodeId) -> Vec<(NodeId, String)> {
    let Some(after) = loading.tree.get(stage, "after") else { return Vec::new() };
    let nodes = match &loading.tree.node(after).kind {
        Kind::List(items) => items.clone(),
        Kind::Scalar { .. } | Kind::Map(_) => vec![after],
    };
    nodes.into_iter().filter_map(|node| Some((node, loading.tree.text(node)?.to_owned()))).collect()
}

/// The order of the file, but for stages that come after later ones.
fn ordered(loading: &mut Loading<'_>, draft: &Draft, before: &[Vec<usize>]) -> Option<Vec<usize>> {
    let count = before.len();
    let mut placed = vec![false; count];
    let mut order = Vec::with_capacity(count);
    while order.len() < count {
        let next =
            (0..count).find(|&index| !placed[index] && before[index].iter().all(|&other| placed[other]));
        if let Some(next) = next {
            placed[next] = true;
            order.push(next);
            continue;
        }
        // Every stage left waits for another one: following them leads into a circle.
        let mut path = vec![(0..count).find(|&index| !placed[index])?];
        let circle = loop {
            let here = *path.last()?;
            let next = before[here].iter().copied().find(|&other| !placed[other])?;
            if let Some(start) = path.iter().position(|&seen| seen == next) {
                break path.split_off(start);
            }
            path.push(next);
        };
        let names: Vec<String> =
            circle.iter().map(|&index| format!("`{}`", draft.stages[index].id)).collect();
        let first = draft.stages.get(*circle.first()?)?;
        let at = loading.tree.get(first.node, "after").unwrap_or(first.node);
        loading.findings.push(
            Finding::at(
                loading.tree.place(at),
                format!("the stages {} come after each other", names.join(", ")),
            )
            .label("goes round in a circle")
            .help("remove one `after`"),
        );
        return None;
    }
    Some(order)
}

/// At which stage each check is due; same order as the checks.
pub(super) fn checks(loading: &mut Loading<'_>, draft: &Draft, stages: &Stages) -> Vec<Due> {
    let listed = listed(loading, draft, stages);
    let ups = Ups::read(loading, draft, stages);
    let mut all: Vec<Due> = Vec::with_capacity(draft.checks.len());
    for (position, (item, listed)) in draft.checks.iter().zip(listed).enumerate() {
        let due = match draft.parts.get(&position) {
            Some(&part) => {
                // The parts of a link come after its path.
                let path = all.get(part.path);
                ups.part(loading, (draft, stages), (position, part), listed, path)
            }
            None => check(loading, (draft, stages), &ups, item, listed),
        };
        all.push(due);
    }
    all
}

fn check(
    loading: &mut Loading<'_>,
    (draft, stages): (&Draft, &Stages),
    ups: &Ups<'_>,
    item: &Item<Asked>,
    listed: Option<Listed>,
) -> Due {
    let latest = ups.latest(loading, item);
    let stage = listed.map(|listed| listed.stage).or(latest.as_ref().map(|(_, index)| *index)).unwrap_or(0);
    let until = item.value.as_ref().and_then(|asked| deferred(loading, draft, stages, item, asked, stage));
    let due = Due { stage, until, because: None };
    if let Some((what, index)) = latest
        && due.at() < index
        && let Some(stage_id) = stage_id(draft, stages, index)
    {
        let at = loading.tree.get(item.node, "id").unwrap_or(item.node);
        let here = stage_id_or_all(draft, stages, due.at()).to_owned();
        loading.findings.push(
            Finding::at(
                loading.tree.place(at),
                format!("`{}` is due at stage `{here}`, before {what} is up", item.id),
            )
            .label(format!("{what} is up from stage `{stage_id}`"))
            .help(format!(
                "list it at `{stage_id}` or later, or owe it: `defer: {{ until: {stage_id}, because: ... }}`"
            )),
        );
    }
    due
}

pub(super) fn stage_id<'d>(draft: &'d Draft, stages: &Stages, index: usize) -> Option<&'d str> {
    draft.stages.get(*stages.order.get(index)?).map(|stage| stage.id.as_str())
}

pub(super) fn stage_id_or_all<'d>(draft: &'d Draft, stages: &Stages, index: usize) -> &'d str {
    stage_id(draft, stages, index).unwrap_or("all")
}

pub(super) fn unknown_stage(loading: &mut Loading<'_>, draft: &Draft, at: NodeId, name: &str) {
    let help = loading.suggest(name, stage_ids(draft));
    loading.findings.push(
        Finding::at(loading.tree.place(at), format!("there is no stage `{name}`"))
            .label("no stage has this name")
            .help(help),
    );
}

fn stage_ids(draft: &Draft) -> impl Iterator<Item = &str> + Clone {
    draft.stages.iter().map(|stage| stage.id.as_str())
}

fn deferred(
    loading: &mut Loading<'_>,
    draft: &Draft,
    stages: &Stages,
    item: &Item<Asked>,
    asked: &Asked,
    own: usize,
) -> Option<usize> {
    let defer = asked.check.defer.as_ref()?;
    let at = loading.tree.descend(item.node, &["defer", "until"]);
    let Some(until) = stages.index(&defer.until) else {
        unknown_stage(loading, draft, at, &defer.until);
        return None;
    };
    if until <= own {
        let own_id = stage_id_or_all(draft, stages, own).to_owned();
        loading.findings.push(
            Finding::at(
                loading.tree.place(at),
                format!("`{}` cannot be put off to stage `{}`", item.id, defer.until),
            )
            .label(format!("it is due at stage `{own_id}`, no earlier"))
            .help("put it off to a later stage, or remove `defer`"),
        );
        return None;
    }
    Some(until)
}

/// The stage that lists each check, by id or by tag.
fn listed(loading: &mut Loading<'_>, draft: &Draft, stages: &Stages) -> Vec<Option<Listed>> {
    let mut by_tag: HashMap<String, Vec<usize>> = HashMap::new();
    for position in 0..draft.checks.len() {
        let fields = draft.fields_of(position);
        let Some(tags) = fields.and_then(|fields| loading.tree.get(fields, "tags")) else { continue };
        for tag in loading.tree.items(tags) {
            if let Some(tag) = loading.tree.text(*tag) {
                by_tag.entry(tag.to_owned()).or_default().push(position);
            }
        }
    }
    let mut listed: Vec<Option<Listed>> = vec![None; draft.checks.len()];
    // Ids first: a check that is named is due where it is named, whatever its tags say.
    for by_name in [true, false] {
        let mut now = listed.clone();
        for (index, &position) in stages.order.iter().enumerate() {
            let stage: &Item<written::Stage> = &draft.stages[position];
            let Some(node) = loading.tree.get(stage.node, "checks") else { continue };
            for entry in loading.tree.items(node).to_vec() {
                let Some(text) = loading.tree.text(entry).map(ToOwned::to_owned) else { continue };
                let tag = text.strip_prefix("tag:");
                if tag.is_none() != by_name {
                    continue;
                }
                let found = match tag {
                    Some(tag) => by_tag.get(tag).cloned().unwrap_or_default(),
                    None => draft.by_id.get(&text).cloned().unwrap_or_default(),
                };
                if found.is_empty() {
                    nothing_listed(loading, draft, &by_tag, entry, &text);
                }
                for check in found {
                    if listed[check].is_some() {
                        continue;
                    }
                    match now[check] {
                        Some(other) if other.stage != index => {
                            twice(loading, draft, stages, entry, check, other.stage);
                        }
                        Some(_) | None => now[check] = Some(Listed { stage: index, by_name }),
                    }
                }
            }
        }
        listed = now;
    }
    listed
}

fn nothing_listed(
    loading: &mut Loading<'_>,
    draft: &Draft,
    by_tag: &HashMap<String, Vec<usize>>,
    entry: NodeId,
    text: &str,
) {
    let place = loading.tree.place(entry);
    if let Some(tag) = text.strip_prefix("tag:") {
        let mut tags: Vec<&str> = by_tag.keys().map(String::as_str).collect();
        tags.sort_unstable();
        let help = if tags.is_empty() {
            format!("no check has tags; give some `tags: [{tag}]`")
        } else {
            loading.suggest(tag, tags.into_iter())
        };
        loading.findings.push(
            Finding::at(place, format!("no check has the tag `{tag}`")).label("finds no check").help(help),
        );
    } else {
        super::references::check_exists(loading, draft, entry, text);
    }
}

fn twice(
    loading: &mut Loading<'_>,
    draft: &Draft,
    stages: &Stages,
    entry: NodeId,
    check: usize,
    other: usize,
) {
    let id = draft.checks[check].id.clone();
    let other = stage_id_or_all(draft, stages, other).to_owned();
    loading.findings.push(
        Finding::at(loading.tree.place(entry), format!("the check `{id}` is listed by two stages"))
            .label(format!("stage `{other}` lists it too"))
            .help("list it where it is due first; a green blocker is probed again at every later stage"),
    );
}
