//! From which stage things are up, and so when each part of a link can be answered.

use std::collections::HashMap;

use super::asked::Asked;
use super::draft::{Draft, Item};
use super::due::{Due, Listed, Stages, stage_id, stage_id_or_all, unknown_stage};
use super::links::Part;
use super::load::Loading;
use crate::file::findings::Finding;
use crate::model::outline::LinkPart;
use crate::yaml::tree::NodeId;

/// From which stage databases, applications and systems are up, when it is not the first.
#[derive(Debug)]
pub(super) struct Ups<'d> {
    databases: HashMap<&'d str, usize>,
    apps: HashMap<&'d str, usize>,
    systems: HashMap<&'d str, usize>,
}

impl<'d> Ups<'d> {
    /// Read every `up_from`; told when there is no such stage.
    pub(super) fn read(loading: &mut Loading<'_>, draft: &'d Draft, stages: &Stages) -> Self {
        let mut up = |id: &'d str, node| Some((id, up_from(loading, draft, stages, node)?));
        let databases = draft.databases.iter().filter_map(|(id, database)| up(id, database.node)).collect();
        let apps = draft.apps.iter().filter_map(|(id, app)| up(id, app.node)).collect();
        let systems = draft.systems.iter().filter_map(|(id, system)| up(id, system.node)).collect();
        Self { databases, apps, systems }
    }

    /// What a check waits for the longest, in words, and from which stage that is up.
    pub(super) fn latest(&self, loading: &Loading<'_>, item: &Item<Asked>) -> Option<(String, usize)> {
        let from = item.value.iter().filter_map(|asked| asked.check.from.as_ref()).flat_map(|names| &names.0);
        let apps = from
            .filter_map(|id| Some((format!("`{id}`, where it looks from,"), *self.apps.get(id.as_str())?)));
        apps.chain(self.database(loading, item.node)).max_by_key(|(_, index)| *index)
    }

    /// The database that a probe below this node logs in to, and from which stage that is up.
    fn database(&self, loading: &Loading<'_>, node: NodeId) -> Option<(String, usize)> {
        let id = database_of(loading, node)?;
        Some((format!("its database `{id}`"), *self.databases.get(id)?))
    }

    /// When a part of a link is due, `path` being when its path is.
    pub(super) fn part(
        &self,
        loading: &mut Loading<'_>,
        (draft, stages): (&Draft, &Stages),
        (position, part): (usize, Part),
        listed: Option<Listed>,
        path: Option<&Due>,
    ) -> Due {
        let (Some(link), Some(item)) = (draft.links.get(part.link), draft.checks.get(position)) else {
            return Due::at_stage(0);
        };
        let end = |key: &str| loading.tree.get_text(link.node, key).unwrap_or_default().to_owned();
        let (from, to) = (end("from"), end("to"));
        let target = (format!("`{to}`"), self.target(&to));
        let source = (format!("`{from}`"), self.apps.get(from.as_str()).copied().unwrap_or(0));
        let mut awaited: Vec<(String, usize)> = match part.which {
            LinkPart::Path | LinkPart::Through => vec![target],
            LinkPart::Configured => Vec::new(),
        };
        awaited.extend(self.database(loading, item.node));
        // The host of the application that calls is there before the application is.
        let without_source = awaited.iter().map(|&(_, index)| index).max().unwrap_or(0);
        if part.needs_source {
            awaited.push(source);
        }
        let up = awaited.iter().map(|&(_, index)| index).max().unwrap_or(0);
        let own = path.map_or(without_source, |path| path.stage);
        let (stage, is_named) = match listed {
            Some(listed) => (listed.stage, listed.by_name || part.which == LinkPart::Path),
            None if part.needs_source => (own.min(up), false),
            None => (own, false),
        };
        if up <= stage {
            return Due::at_stage(stage);
        }
        if is_named {
            let late = awaited.into_iter().max_by_key(|&(_, index)| index);
            if let Some((what, _)) = late {
                too_early(loading, (draft, stages), (item, part), stage, (&what, up));
            }
            return Due::at_stage(stage);
        }
        let mut late: Vec<String> = awaited
            .into_iter()
            .filter(|&(_, index)| index > stage)
            .map(|(what, _)| what.replace('`', ""))
            .collect();
        late.dedup();
        let verb = if late.len() == 1 { "is" } else { "are" };
        let because = format!("{} {verb} not up yet", late.join(" and "));
        Due { stage, until: Some(up), because: Some(because) }
    }

    /// From which stage what a link leads to is up.
    fn target(&self, id: &str) -> usize {
        let ends = [&self.apps, &self.databases, &self.systems];
        ends.into_iter().find_map(|up| up.get(id)).copied().unwrap_or(0)
    }
}

fn too_early(
    loading: &mut Loading<'_>,
    (draft, stages): (&Draft, &Stages),
    (item, part): (&Item<Asked>, Part),
    stage: usize,
    (what, up): (&str, usize),
) {
    let Some(up) = stage_id(draft, stages, up) else { return };
    let by_itself = match part.which {
        LinkPart::Path if !part.needs_source => "a path is due by itself as soon as what it leads to is up",
        LinkPart::Path | LinkPart::Through | LinkPart::Configured => {
            "it is then owed by itself until it can be answered"
        }
    };
    let at = loading.tree.get(item.node, "id").unwrap_or(item.node);
    let here = stage_id_or_all(draft, stages, stage).to_owned();
    loading.findings.push(
        Finding::at(
            loading.tree.place(at),
            format!("`{}` is due at stage `{here}`, before {what} is up", item.id),
        )
        .label(format!("{what} is up from stage `{up}`"))
        .help(format!("list it at `{up}` or later, or at no stage: {by_itself}")),
    );
}

/// The `databases` entry a check logs in to.
fn database_of<'t>(loading: &'t Loading<'_>, check: NodeId) -> Option<&'t str> {
    let probes = ["postgres", "grants"].into_iter().filter_map(|kind| loading.tree.get(check, kind));
    probes.into_iter().find_map(|probe| loading.tree.get_text(probe, "database"))
}

fn up_from(loading: &mut Loading<'_>, draft: &Draft, stages: &Stages, thing: NodeId) -> Option<usize> {
    let node = loading.tree.get(thing, "up_from")?;
    let name = loading.tree.text(node)?.to_owned();
    if let Some(index) = stages.index(&name) {
        return Some(index);
    }
    unknown_stage(loading, draft, node, &name);
    None
}
