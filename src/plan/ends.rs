//! Both ends of every link, and the places it is compared from: each has to be there, and to make sense.

use super::asked::Asked;
use super::draft::{Draft, Item};
use super::load::Loading;
use super::references::places;
use crate::file::findings::Finding;
use crate::file::written;
use crate::model::application::Variables;
use crate::model::outline::HERE;
use crate::probe::Spec;
use crate::probe::config::agree::Address;
use crate::probe::config::broken;
use crate::suggest::suggestion;
use crate::yaml::tree::NodeId;

/// What a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    App,
    Database,
    System,
}

impl End {
    const fn in_words(self) -> &'static str {
        match self {
            Self::App => "an app",
            Self::Database => "a database",
            Self::System => "a system",
        }
    }

    /// Everything of this name.
    pub(super) fn called(draft: &Draft, name: &str) -> Vec<Self> {
        let all = [
            (Self::App, draft.apps.contains_key(name)),
            (Self::Database, draft.databases.contains_key(name)),
            (Self::System, draft.systems.contains_key(name)),
        ];
        all.into_iter().filter_map(|(end, is_there)| is_there.then_some(end)).collect()
    }
}

/// Tell what is wrong with the systems and with the ends of links.
pub(super) fn check(loading: &mut Loading<'_>, draft: &Draft) {
    for system in draft.systems.values() {
        let Some(written) = &system.value else { continue };
        if let Some(why) = written.address.as_deref().and_then(|address| no_address(address)) {
            let at = loading.tree.get(system.node, "address").unwrap_or(system.node);
            loading.findings.push(
                Finding::at(loading.tree.place(at), format!("this is not an address: {why}"))
                    .label("expected a host and a port")
                    .help("such as `payments.partner.example:443` or `https://payments.partner.example`"),
            );
        }
    }
    for (index, link) in draft.links.iter().enumerate() {
        let Some(written) = &link.value else { continue };
        from(loading, draft, link.node, &written.from);
        to(loading, draft, link.node, written);
        compare_from(loading, draft, link.node, written);
        as_application(loading, link.node, written);
        let path = draft.parts.iter().find(|(position, part)| part.link == index && part.path == **position);
        if let Some(item) = path.and_then(|(&position, _)| draft.checks.get(position)) {
            other_database(loading, draft, item, &written.to);
        }
    }
}

fn no_address(text: &str) -> Option<&'static str> {
    match Address::read(text) {
        Ok(address) if address.has_host() => None,
        Ok(_) => Some("it has no host"),
        Err(why) => Some(why),
    }
}

fn from(loading: &mut Loading<'_>, draft: &Draft, link: NodeId, name: &str) {
    let at = loading.tree.get(link, "from").unwrap_or(link);
    let place = loading.tree.place(at);
    if let Some(app) = draft.apps.get(name) {
        if app.value.as_ref().is_some_and(|app| app.runs_on.is_none()) {
            loading.findings.push(
                Finding::at(place, format!("`{name}` has nowhere to run"))
                    .label("a link is looked at from where this app runs")
                    .help(format!("say where: `{name}: {{ runs_on: [VANTAGE] }}` under `apps`")),
            );
        }
        return;
    }
    let help = if name == HERE || draft.vantages.contains_key(name) {
        format!("a link belongs to an app: name one that has `runs_on: {name}`")
    } else if draft.apps.is_empty() {
        format!("the plan has no apps: add `apps: {{ {name}: {{ runs_on: [VANTAGE] }} }}`")
    } else {
        loading.suggest(name, draft.apps.keys().map(String::as_str))
    };
    loading.findings.push(
        Finding::at(place, format!("`{name}` is not one of the `apps`"))
            .label("a link goes from an app")
            .help(help),
    );
}

fn to(loading: &mut Loading<'_>, draft: &Draft, link: NodeId, written: &written::Link) {
    let name = &written.to;
    let at = loading.tree.get(link, "to").unwrap_or(link);
    let place = loading.tree.place(at);
    if *name == written.from {
        loading.findings.push(
            Finding::at(place, format!("this link leads from `{name}` to itself"))
                .label("where it comes from")
                .help("a link leads to something else; what an app says of itself is a check `from` it"),
        );
        return;
    }
    match End::called(draft, name).as_slice() {
        [_] => {}
        [] => {
            let known = draft.apps.keys().chain(draft.databases.keys()).chain(draft.systems.keys());
            let others: Vec<&str> =
                known.map(String::as_str).filter(|other| *other != written.from).collect();
            let help = if others.is_empty() {
                format!(
                    "what you do not deploy is a system: `systems: {{ {name}: {{ address: \"HOST:PORT\" }} }}`"
                )
            } else {
                loading.suggest(name, others.iter().copied())
            };
            loading.findings.push(
                Finding::at(place, format!("`{name}` is no app, database or system"))
                    .label("leads to nothing the plan knows")
                    .help(help),
            );
        }
        [first, second, ..] => {
            loading.findings.push(
                Finding::at(place, format!("`{name}` is {} and {}", first.in_words(), second.in_words()))
                    .label("which of them is meant?")
                    .help("give one of them another name"),
            );
        }
    }
}

fn compare_from(loading: &mut Loading<'_>, draft: &Draft, link: NodeId, written: &written::Link) {
    let Some(names) = &written.compare_from else { return };
    places(loading, draft, (link, "compare_from"), &names.0, std::iter::empty());
    let app = draft.apps.get(&written.from).and_then(|app| app.value.as_ref());
    let Some(own) = app.and_then(|app| app.runs_on.as_ref()) else { return };
    for (index, name) in names.0.iter().enumerate().filter(|(_, name)| own.0.contains(name)) {
        let position = index.to_string();
        let at = loading.tree.descend(link, &["compare_from", position.as_str()]);
        loading.findings.push(
            Finding::at(loading.tree.place(at), format!("`{name}` is where `{}` runs", written.from))
                .label("it decides already")
                .help("compare with places where it does not run"),
        );
    }
}

/// As whom a path is looked at has to say something that can be meant; whether there is such a user is seen there.
fn as_application(loading: &mut Loading<'_>, link: NodeId, written: &written::Link) {
    let Some(who) = &written.as_application else { return };
    let Some(node) = loading.tree.get(link, "as_application") else { return };
    let at = |path: &[&str]| loading.tree.place(loading.tree.descend(node, path));
    let mut told = Vec::new();
    if loading.tree.entries(node).is_empty() {
        let finding = Finding::at(at(&[]), "`as_application` says nothing").label("as whom?");
        told.push(finding.help("such as `{ user: app1, environment: { process: 'app1\\.jar' } }`; either of them may be left out"));
    }
    // A user is put on a command line (sudo(8)) and looked up in passwd(5).
    let is_name = |user: &str| {
        !user.is_empty()
            && !user.starts_with('-')
            && !user.contains([':', '/', '#', '%'])
            && !user.contains(char::is_whitespace)
    };
    if who.user.as_ref().is_some_and(|user| !is_name(user)) {
        let finding =
            Finding::at(at(&["user"]), "this is not a user's name").label("no user has such a name");
        told.push(finding.help("name the user that the application runs as, or its number"));
    }
    match &who.environment {
        Variables::Vantage => {}
        Variables::Process(pattern) => {
            if let Some(problem) = broken("process", pattern) {
                let finding = Finding::at(at(&["environment", "process"]), problem.message);
                told.push(finding.help("it is looked for in the command lines of the processes there"));
            }
        }
        Variables::PidFile(file) => {
            if !file.is_absolute() {
                let finding = Finding::at(at(&["environment", "pid_file"]), "this path is not absolute");
                told.push(finding.label("read where the application runs").help("begin it with `/`"));
            }
        }
        Variables::Unit(unit) => {
            if unit.is_empty() || unit.contains('/') || unit.contains(char::is_whitespace) {
                let finding = Finding::at(at(&["environment", "unit"]), "this is not the name of a unit");
                told.push(finding.help("such as `app1.service`: systemctl status PID tells it"));
            }
        }
    }
    for finding in told {
        loading.findings.push(finding);
    }
}

/// A path to one database that logs in to another one proves nothing.
fn other_database(loading: &mut Loading<'_>, draft: &Draft, path: &Item<Asked>, to: &str) {
    let Some(asked) = &path.value else { return };
    let Some(database) = loading.tree.get_text(asked.probe_node, "database").map(ToOwned::to_owned) else {
        return;
    };
    let is_login = matches!(asked.probe, Spec::Postgres(_) | Spec::Grants(_));
    if !is_login || database == to || End::called(draft, to) != [End::Database] {
        return;
    }
    let at = loading.tree.get(asked.probe_node, "database").unwrap_or(asked.probe_node);
    loading.findings.push(
        Finding::at(
            loading.tree.place(at),
            format!("this link leads to `{to}`, and its path logs in to `{database}`"),
        )
        .label("another database")
        .help(suggestion("", [to].into_iter())),
    );
}
