//! From a draft without mistakes to a plan.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::asked::Asked;
use super::draft::{Draft, Item};
use super::due::{Due, Stages};
use super::files::sha256;
use super::landscape;
use super::links;
use super::load::Loading;
use super::needs::positions;
use super::window;
use super::{Job, Plan, Retry};
use crate::file::findings::Finding;
use crate::file::written::{self, MAX_MINOR};
use crate::model::outline::{
    Check, Defer, HERE, Link, LinkPart, Outline, Person, Piece, Place, Severity, Stage, VantageId, Waiver,
};
use crate::model::window::Window;
use crate::period::Period;
use crate::probe::database::Database;
use crate::probe::postgres::Postgres;
use crate::probe::{Probe as _, Problem, Spec, Surroundings};
use crate::secret::{SecretRef, referred};
use crate::yaml::tree::NodeId;

/// Let each probe find its names, and tell what makes no sense to it.
pub(super) fn bind(loading: &mut Loading<'_>, draft: &mut Draft) {
    for item in draft.vantages.values() {
        let Some(vantage) = &item.value else { continue };
        // The mistake's path begins below the kind, which is the one key there is.
        let kind = loading.tree.entries(item.node).first().map_or(item.node, |&(_, value)| value);
        for problem in vantage.problems() {
            let finding = located(loading, kind, problem);
            loading.findings.push(finding);
        }
    }
    let databases = databases(&draft.databases);
    if let Some((node, written)) = draft.journal.take() {
        let mut journal = Postgres::to(Some(written.url), None, None);
        journal.password = written.password;
        let folder = loading.folder(node);
        let there = journal.password.as_ref().is_some_and(SecretRef::is_on_vantage).then(|| {
            Problem::at("password", "`on: vantage`: the journal is written from here")
                .help("remove `on: vantage`")
        });
        let problems = journal.bind(&Surroundings { folder, databases: &databases });
        for problem in problems.into_iter().chain(there) {
            let finding = located(loading, node, problem);
            loading.findings.push(finding);
        }
        draft.journal_login = Some(journal);
    }
    let unreadable: Vec<String> =
        draft.databases.iter().filter(|(_, item)| item.value.is_none()).map(|(id, _)| id.clone()).collect();
    for position in 0..draft.checks.len() {
        let part = draft.parts.get(&position).copied();
        if let Some(part) = part.filter(|part| part.which == LinkPart::Configured) {
            compare_with_path(loading, draft, position, part.path);
        }
        let Some(Item { node, value: Some(asked), .. }) = draft.checks.get_mut(position) else { continue };
        let database = loading.tree.get_text(asked.probe_node, "database");
        if database.is_some_and(|id| unreadable.iter().any(|bad| bad == id)) {
            // What is wrong with its database is told already.
            continue;
        }
        let folder = loading.folder(*node);
        let problems = asked.probe.bind(&Surroundings { folder, databases: &databases });
        for problem in problems {
            let finding = located(loading, asked.probe_node, problem);
            loading.findings.push(finding);
        }
        if let Some(part) = part.filter(|part| part.which == LinkPart::Path) {
            links::elsewhere(loading, draft, part);
        }
    }
    keep_secrets(loading, draft);
}

/// What an application is configured with has to be where its path leads.
fn compare_with_path(loading: &mut Loading<'_>, draft: &mut Draft, position: usize, path: usize) {
    let Some(Item { value: Some(asked), .. }) = draft.checks.get(path) else { return };
    let meant = links::address(&asked.probe);
    let kind = asked.probe.kind();
    let Some(Item { value: Some(Asked { probe: Spec::Config(config), probe_node, .. }), .. }) =
        draft.checks.get_mut(position)
    else {
        return;
    };
    if config.expect.is_some() || config.address.is_some() {
        return;
    }
    match meant {
        Some(meant) => config.address = Some(meant.to_string()),
        None => loading.findings.push(
            Finding::at(
                loading.tree.place(*probe_node),
                format!("there is nothing to compare this with: the path, `{kind}`, has no address"),
            )
            .label("nothing says what it has to be")
            .help("say it here, such as `address: \"app2.example:8443\"` or `expect: ...`"),
        ),
    }
}

/// Those that could be read.
fn databases(written: &IndexMap<String, Item<Database>>) -> IndexMap<String, Database> {
    written.iter().filter_map(|(id, item)| Some((id.clone(), item.value.clone()?))).collect()
}

pub(super) fn located(loading: &Loading<'_>, probe: NodeId, problem: Problem) -> Finding {
    let Problem { path, at_key, message, help } = problem;
    let node = loading.tree.descend(probe, &path);
    let span = if at_key || node == probe { loading.tree.key_place(node) } else { loading.tree.place(node) };
    let finding = Finding::at(span, message);
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// The plan; warns about blockers nobody owns.
pub(super) fn plan(loading: &mut Loading<'_>, draft: Draft, stages: &Stages, due: &[Due]) -> Option<Plan> {
    let needs = positions(&draft);
    let has_people = draft.has_people;
    let ids: Vec<Arc<str>> = draft.checks.iter().map(|item| Arc::from(item.id.as_str())).collect();
    let outline_stages = stages_of(&draft, stages);
    if let Some((end, _)) = &draft.window {
        window::without_undo(loading, *end, &outline_stages);
    }
    let database_owners: IndexMap<String, Option<String>> = draft
        .databases
        .iter()
        .map(|(id, item)| (id.clone(), item.value.as_ref().and_then(|database| database.owner.clone())))
        .collect();
    let pieces = landscape::pieces(loading, &draft, stages);
    let linked = linked(&draft, &pieces);
    let files: Vec<Arc<str>> = loading.sources.iter().map(|source| Arc::from(source.name.as_str())).collect();
    let mut checks = Vec::with_capacity(draft.checks.len());
    let mut jobs = Vec::with_capacity(draft.checks.len());
    for (index, Item { node, value, .. }) in draft.checks.into_iter().enumerate() {
        let Asked { check, probe, probe_node } = value?;
        let link = linked.get(&index).map(Arc::clone);
        // The path to a database belongs to who needs it.
        let database = loading.tree.get_text(probe_node, "database").filter(|_| link.is_none());
        let owner = check
            .owner
            .or_else(|| database_owners.get(database?).cloned().flatten())
            .or_else(|| app_owner(&draft.apps, check.from.as_ref()))
            .or_else(|| outline_stages.get(due[index].stage)?.owner.clone());
        let as_application = link.as_ref().and_then(|link| link.as_application.clone());
        let is_repeated = link.as_ref().is_some_and(|link| link.part != LinkPart::Path);
        if has_people && owner.is_none() && check.severity == Severity::Blocker && !is_repeated {
            let at = loading.tree.get(node, "id").unwrap_or(node);
            loading.findings.push(
                Finding::warning(loading.tree.place(at), format!("nobody owns the blocker `{}`", ids[index]))
                    .label("who is called when it is red?")
                    .help("add `owner:` with one of the `people`, here or at its stage"),
            );
        }
        checks.push(Check {
            id: Arc::clone(&ids[index]),
            title: check.title,
            kind: probe.kind().to_owned(),
            target: loading.request.scrubber.text(&probe.target()).into_owned(),
            layers: probe.layers(),
            from: vantages_of(&draft.apps, check.from.as_ref()),
            severity: check.severity,
            owner,
            tags: check.tags,
            needs: needs[index].iter().map(|&need| Arc::clone(&ids[need])).collect(),
            touches: check.touches,
            expect_break: check.expect_break,
            stage: due[index].stage,
            defer: due[index]
                .because
                .clone()
                .or(check.defer.map(|defer| defer.because))
                .zip(due[index].until)
                .map(|(because, until)| Defer { until, because }),
            again: check.again,
            manual: probe.kind() == "manual",
            link,
            place: place(loading, &files, node),
        });
        let timeout = check.timeout.0 + probe.rests();
        jobs.push(Job { probe, as_application, timeout, retry: check.retry.map(retry) });
    }
    let people = draft.people.into_iter().filter_map(|(id, item)| {
        let person = item.value?;
        Some((id, Person { name: person.name, decides: person.decides, deputy: person.deputy }))
    });
    let stem =
        loading.sources.first().and_then(|main| main.path.file_stem()).map(|stem| stem.to_string_lossy());
    let outline = Outline {
        name: draft
            .name
            .unwrap_or_else(|| stem.map_or_else(|| "plan".to_owned(), std::borrow::Cow::into_owned)),
        change: draft.change,
        sha256: sha256(loading),
        window: draft.window.map(|(node, window)| Window { place: place(loading, &files, node), ..window }),
        zone: draft.zone,
        max_minor: draft.max_minor.unwrap_or(MAX_MINOR),
        people: people.collect(),
        stages: outline_stages,
        checks,
        waivers: draft.waivers.into_iter().filter_map(|(_, waiver)| Some(granted(waiver?))).collect(),
        pieces,
    };
    Some(Plan {
        outline: Arc::new(outline),
        jobs,
        sources: Vec::new(),
        journal: draft.journal_login.map(Box::new),
        notify: draft.notify.into(),
        databases: Arc::new(databases(&draft.databases)),
        vantages: Arc::new(
            draft.vantages.into_iter().filter_map(|(id, item)| Some((id, item.value?))).collect(),
        ),
    })
}

fn granted(waiver: written::Waiver) -> Waiver {
    let covered = waiver.expect.unwrap_or_default();
    Waiver {
        check: Arc::from(waiver.check),
        until: waiver.until.0,
        by: waiver.by,
        because: waiver.because,
        outcome: covered.outcome,
        layer: covered.layer,
    }
}

/// What each part of a link says of the whole, by position of the check.
fn linked(draft: &Draft, pieces: &[Piece]) -> HashMap<usize, Arc<Link>> {
    let shared = |names: &written::Names| names.0.iter().map(|name| Arc::from(name.as_str())).collect();
    let links = draft.parts.iter().filter_map(|(&position, part)| {
        let item = draft.links.get(part.link)?;
        let link = item.value.as_ref()?;
        let to = pieces.iter().find(|piece| piece.id == link.to)?;
        let link = Link {
            id: Arc::from(item.id.as_str()),
            part: part.which,
            from: link.from.clone(),
            to: link.to.clone(),
            to_owner: to.owner.clone(),
            to_runs_on: to.runs_on.clone(),
            compare_from: link.compare_from.as_ref().map_or_else(Vec::new, shared),
            as_application: link.as_application.clone().filter(|_| part.which == LinkPart::Path),
        };
        Some((position, Arc::new(link)))
    });
    links.collect()
}

/// A secret that is `on: vantage` needs one.
fn keep_secrets(loading: &mut Loading<'_>, draft: &Draft) {
    for asked in draft.checks.iter().filter_map(|item| item.value.as_ref()) {
        let from = vantages_of(&draft.apps, asked.check.from.as_ref());
        if from.iter().any(|vantage| **vantage != *HERE) {
            continue;
        }
        let named = referred(&asked.probe);
        if let Some(SecretRef::OnVantage(there)) = named.iter().find(|secret| secret.is_on_vantage()) {
            let at = loading.tree.key_place(asked.probe_node);
            loading.findings.push(
                Finding::at(at, format!("{there} is `on: vantage`, and there is none"))
                    .label("this looks from here only")
                    .help("remove `on: vantage`, or name the places it is looked at from: `from:`"),
            );
        }
    }
}

/// The vantages of what `from` names: those an application runs on, each once.
fn vantages_of(apps: &IndexMap<String, Item<written::App>>, from: Option<&written::Names>) -> Vec<VantageId> {
    let Some(from) = from else { return vec![Arc::from(HERE)] };
    let mut vantages: Vec<VantageId> = Vec::new();
    for name in &from.0 {
        let app = apps.get(name).and_then(|app| app.value.as_ref());
        let runs_on = app.map(|app| app.runs_on.as_ref().map_or(&[][..], |names| &names.0));
        for vantage in runs_on.unwrap_or(std::slice::from_ref(name)) {
            if vantages.iter().all(|known| **known != **vantage) {
                vantages.push(Arc::from(vantage.as_str()));
            }
        }
    }
    vantages
}

/// Who owns the first application a check looks from.
fn app_owner(apps: &IndexMap<String, Item<written::App>>, from: Option<&written::Names>) -> Option<String> {
    let mut apps = from?.0.iter().filter_map(|name| apps.get(name)?.value.as_ref());
    apps.find_map(|app| app.owner.clone())
}

const fn retry(written: written::Retry) -> Retry {
    Retry { lasting: written.lasting, every: written.every }
}

fn stages_of(draft: &Draft, stages: &Stages) -> Vec<Stage> {
    let seconds = |period: Option<Period>| period.map(|period| period.0.as_secs());
    let names = |names: Option<&written::Names>| names.map_or_else(Vec::new, |names| names.0.clone());
    let written = stages.order.iter().filter_map(|&position| draft.stages.get(position)?.value.as_ref());
    let mut all: Vec<Stage> = written
        .enumerate()
        .map(|(index, stage)| Stage {
            id: stage.id.0.clone(),
            title: stage.title.clone(),
            owner: stage.owner.clone(),
            after: match &stage.after {
                Some(after) => after.0.iter().filter_map(|id| stages.index(id)).collect(),
                None => index.checked_sub(1).into_iter().collect(),
            },
            duration_s: seconds(stage.duration),
            wait_s: seconds(stage.wait),
            sanity_s: seconds(stage.sanity),
            undo_s: seconds(stage.undo),
            irreversible: !stage.reversible,
            votes: names(stage.votes.as_ref()),
        })
        .collect();
    if all.is_empty() {
        all.push(Stage { id: "all".to_owned(), ..Stage::default() });
    }
    all
}

fn place(loading: &Loading<'_>, files: &[Arc<str>], node: NodeId) -> Place {
    let span = loading.tree.place(node);
    let index = span.file.0 as usize;
    let line = loading.sources.get(index).map_or(1, |source| source.line_of(span.start as usize).0);
    Place { file: files.get(index).map_or_else(|| Arc::from(""), Arc::clone), line }
}
