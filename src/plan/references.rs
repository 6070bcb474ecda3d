//! Names of people, tags of stages, waivers: everything that refers to something has to find it.

use super::asked::Asked;
use super::draft::{Draft, Item};
use super::ends::{self, End};
use super::load::Loading;
use super::window;
use crate::file::findings::Finding;
use crate::file::written::{self, Names};
use crate::model::outline::HERE;
use crate::period::Period;
use crate::suggest::suggestion;
use crate::yaml::tree::NodeId;

/// No try and no retrying lasts longer.
const LONGEST: std::time::Duration = std::time::Duration::from_hours(24);

/// Tell every reference to nothing, and what makes no sense in a check by itself.
pub(super) fn check(loading: &mut Loading<'_>, draft: &Draft) {
    for person in draft.people.values() {
        if let Some(deputy) = person.value.as_ref().and_then(|person| person.deputy.as_deref()) {
            person_exists(loading, draft, person.node, "deputy", deputy);
        }
    }
    for database in draft.databases.values() {
        let Some(written) = &database.value else { continue };
        piece(loading, draft, database.node, written.owner.as_deref(), written.runs_on.as_ref());
    }
    for app in draft.apps.values() {
        let Some(written) = &app.value else { continue };
        piece(loading, draft, app.node, written.owner.as_deref(), written.runs_on.as_ref());
    }
    for system in draft.systems.values() {
        let Some(written) = &system.value else { continue };
        piece(loading, draft, system.node, written.owner.as_deref(), written.runs_on.as_ref());
    }
    for (id, vantage) in &draft.vantages {
        if id == HERE {
            loading.findings.push(
                Finding::at(loading.tree.key_place(vantage.node), format!("`{HERE}` is this host already"))
                    .label("a vantage of this name would never be used")
                    .help("give it another id"),
            );
        }
    }
    for item in &draft.stages {
        if let Some(written) = &item.value {
            stage(loading, draft, item.node, written);
        }
    }
    ends::check(loading, draft);
    for (position, check) in draft.checks.iter().enumerate() {
        // What the parts of a link have in common is told once, at its path.
        let is_repeated = draft.parts.get(&position).is_some_and(|part| part.path != position);
        if let Some(asked) = check.value.as_ref().filter(|_| !is_repeated) {
            one(loading, draft, check, asked, draft.parts.contains_key(&position));
        }
    }
    waivers(loading, draft);
}

pub(super) fn person_exists(loading: &mut Loading<'_>, draft: &Draft, node: NodeId, key: &str, id: &str) {
    if !draft.has_people {
        return;
    }
    let at = loading.tree.get(node, key).unwrap_or(node);
    person_exists_at(loading, draft, at, id);
}

fn person_exists_at(loading: &mut Loading<'_>, draft: &Draft, at: NodeId, id: &str) {
    if draft.people.contains_key(id) {
        return;
    }
    let help = loading.suggest(id, draft.people.keys().map(String::as_str));
    loading.findings.push(
        Finding::at(loading.tree.place(at), format!("`{id}` is not one of the `people`"))
            .label("nobody has this id")
            .help(help),
    );
}

fn stage(loading: &mut Loading<'_>, draft: &Draft, node: NodeId, written: &written::Stage) {
    if let Some(owner) = &written.owner {
        person_exists(loading, draft, node, "owner", owner);
    }
    for (key, period) in [
        ("duration", written.duration),
        ("wait", written.wait),
        ("sanity", written.sanity),
        ("undo", written.undo),
    ] {
        if let Some(period) = period {
            window::period(loading, node, &[key], period);
        }
    }
    for (index, voter) in written.votes.iter().flat_map(|votes| &votes.0).enumerate() {
        let position = index.to_string();
        let at = loading.tree.descend(node, &["votes", position.as_str()]);
        if !draft.has_people {
            loading.findings.push(
                Finding::at(loading.tree.place(at), format!("`{voter}` votes, and the plan has no `people`"))
                    .label("nobody has this id")
                    .help(format!("say who it is: `people: {{ {voter}: {{ name: NAME }} }}`")),
            );
        } else if written.votes.iter().any(|votes| votes.0[..index].contains(voter)) {
            loading.findings.push(
                Finding::at(loading.tree.place(at), format!("`{voter}` is listed twice")).label("again"),
            );
        } else {
            person_exists_at(loading, draft, at, voter);
        }
    }
}

fn touches(loading: &mut Loading<'_>, draft: &Draft, node: NodeId, names: &[String]) {
    for (index, name) in names.iter().enumerate() {
        if !End::called(draft, name).is_empty() {
            continue;
        }
        let position = index.to_string();
        let at = loading.tree.descend(node, &["touches", position.as_str()]);
        let known = draft.apps.keys().chain(draft.databases.keys()).chain(draft.systems.keys());
        let help = loading.suggest(name, known.map(String::as_str));
        loading.findings.push(
            Finding::at(loading.tree.place(at), format!("`{name}` is no app, database or system"))
                .label("the plan knows nothing of this name")
                .help(help),
        );
    }
}

fn one(loading: &mut Loading<'_>, draft: &Draft, item: &Item<Asked>, asked: &Asked, is_link: bool) {
    let node = item.node;
    let check = &asked.check;
    if let Some(owner) = &check.owner {
        person_exists(loading, draft, node, "owner", owner);
    }
    if let Some(from) = check.from.as_ref().filter(|_| !is_link) {
        let apps = draft.apps.keys().map(String::as_str);
        places(loading, draft, (node, "from"), &from.0, apps);
        nowhere_to_run(loading, draft, node, &from.0);
    }
    let layers = asked.probe.layers();
    if let Some(layer) = check.expect_break
        && !layers.contains(&layer)
    {
        let at = loading.tree.get(node, "expect_break").unwrap_or(node);
        let kind = asked.probe.kind();
        loading.findings.push(
            Finding::at(loading.tree.place(at), format!("a `{kind}` probe has no layer `{layer}`"))
                .label("it can never break there")
                .help(suggestion("", layers.iter().map(|layer| layer.name()))),
        );
    }
    period(loading, node, &["timeout"], check.timeout);
    if let Some(retry) = check.retry {
        period(loading, node, &["retry", "for"], retry.lasting);
        period(loading, node, &["retry", "every"], retry.every);
    }
    touches(loading, draft, node, &check.touches);
    for (index, need) in check.needs.iter().enumerate() {
        let position = index.to_string();
        let at = loading.tree.descend(node, &["needs", position.as_str()]);
        check_exists(loading, draft, at, need);
    }
}

/// Who owns an app, a database or a system, and where it runs.
fn piece(
    loading: &mut Loading<'_>,
    draft: &Draft,
    node: NodeId,
    owner: Option<&str>,
    runs_on: Option<&Names>,
) {
    if let Some(owner) = owner {
        person_exists(loading, draft, node, "owner", owner);
    }
    if let Some(runs_on) = runs_on {
        places(loading, draft, (node, "runs_on"), &runs_on.0, std::iter::empty());
    }
}

/// An app that says nowhere where it runs is no place to look from.
fn nowhere_to_run(loading: &mut Loading<'_>, draft: &Draft, node: NodeId, from: &[String]) {
    for (index, name) in from.iter().enumerate() {
        let app = draft.apps.get(name).and_then(|app| app.value.as_ref());
        if app.is_some_and(|app| app.runs_on.is_none()) {
            let position = index.to_string();
            let at = loading.tree.descend(node, &["from", position.as_str()]);
            loading.findings.push(
                Finding::at(loading.tree.place(at), format!("`{name}` has nowhere to run"))
                    .label("no place to look from")
                    .help(format!("say where: `{name}: {{ runs_on: [VANTAGE] }}` under `apps`")),
            );
        }
    }
}

/// Tell every place that is not there, and every one that is named twice.
pub(super) fn places<'d>(
    loading: &mut Loading<'_>,
    draft: &'d Draft,
    (node, key): (NodeId, &str),
    names: &[String],
    apps: impl Iterator<Item = &'d str> + Clone,
) {
    let vantages = draft.vantages.keys().map(String::as_str);
    let known = apps.chain([HERE]).chain(vantages);
    for (index, name) in names.iter().enumerate() {
        let position = index.to_string();
        let at = loading.tree.descend(node, &[key, position.as_str()]);
        if !known.clone().any(|known| known == name) {
            let help = loading.suggest(name, known.clone());
            loading.findings.push(
                Finding::at(loading.tree.place(at), format!("`{name}` is no place to look from"))
                    .label(if key == "from" {
                        "neither an app nor a vantage"
                    } else {
                        "not one of the `vantages`"
                    })
                    .help(help),
            );
        } else if names[..index].contains(name) {
            loading.findings.push(
                Finding::at(loading.tree.place(at), format!("`{name}` is listed twice")).label("again"),
            );
        }
    }
}

fn period(loading: &mut Loading<'_>, node: NodeId, path: &[&str], period: Period) {
    let message = if period.0.is_zero() {
        "this has to be longer than nothing"
    } else if period.0 > LONGEST {
        "this is longer than a day"
    } else {
        return;
    };
    let at = loading.tree.descend(node, path);
    loading.findings.push(
        Finding::at(loading.tree.place(at), message)
            .label("out of bounds")
            .help("a duration such as `10s` or `2m`"),
    );
}

/// Whether a check of this id, or a family of `for_each`, is there; told when not.
pub(super) fn check_exists(loading: &mut Loading<'_>, draft: &Draft, at: NodeId, id: &str) -> bool {
    if draft.by_id.contains_key(id) {
        return true;
    }
    let help = loading.suggest(id, draft.by_id.keys().map(String::as_str));
    loading.findings.push(
        Finding::at(loading.tree.place(at), format!("there is no check `{id}`"))
            .label("no check has this id")
            .help(help),
    );
    false
}

fn waivers(loading: &mut Loading<'_>, draft: &Draft) {
    for (node, waiver) in &draft.waivers {
        let Some(waiver) = waiver else { continue };
        let at = loading.tree.get(*node, "check").unwrap_or(*node);
        if check_exists(loading, draft, at, &waiver.check) {
            names_one(loading, draft, at, &waiver.check);
        }
        person_exists(loading, draft, *node, "by", &waiver.by);
        if waiver.until.0 < loading.request.today {
            let at = loading.tree.get(*node, "until").unwrap_or(*node);
            loading.findings.push(
                Finding::warning(
                    loading.tree.place(at),
                    format!("this waiver for `{}` is out of date", waiver.check),
                )
                .label("its last day is over: it covers nothing")
                .help("have it granted again, or remove it"),
            );
        }
    }
}

/// A waiver is for one check, not for all that `for_each` made.
fn names_one(loading: &mut Loading<'_>, draft: &Draft, at: NodeId, id: &str) {
    let members = draft.by_id.get(id).map(Vec::as_slice).unwrap_or_default();
    let ids: Vec<&str> =
        members.iter().filter_map(|&member| draft.checks.get(member)).map(|item| item.id.as_str()).collect();
    if ids.contains(&id) {
        return;
    }
    loading.findings.push(
        Finding::at(loading.tree.place(at), format!("`{id}` stands for several checks"))
            .label("a waiver is for one check")
            .help(suggestion("", ids.into_iter())),
    );
}
