//! `gonogo doctor`: before the night, everything a run will need: each vantage, each secret, each database login.

mod login;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::arguments::{Format, JournalFolder, PlanFiles};
use super::{Shared, journal, load, signals};
use crate::clock;
use crate::journal::{Baseline, JournalError};
use crate::model::application::AsApplication;
use crate::model::fact::Fact;
use crate::model::notification::Target;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::trace::{Ended, Seen, VantageError};
use crate::notify;
use crate::plan::Plan;
use crate::probe::{self, Context, Names, Spec};
use crate::report::text;
use crate::secret::{Scrubber, SecretRef, Vault, referred};
use crate::vantage::{About, Places};
use crate::verdict::Exit;

/// The longest a secret may take: a vault may have to be asked.
const SECRET_LIMIT: Duration = Duration::from_secs(30);
/// The longest a vantage may take: the program may have to be brought there.
const VANTAGE_LIMIT: Duration = Duration::from_mins(1);
/// The longest an application's own process may be looked for.
const APPLICATION_LIMIT: Duration = Duration::from_secs(10);
/// A clock that is further off is told: it spoils tokens, certificates and every comparison of times.
const CLOCK_LIMIT_MS: u64 = 2000;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    plan: PlanFiles,
    #[command(flatten)]
    journal: JournalFolder,
    /// Where reports will be written
    #[arg(long, value_name = "DIR", default_value = "gonogo-out")]
    out: PathBuf,
    /// Asked at once
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u16).range(1..=4096))]
    concurrency: u16,
    /// Send a test message to everybody of the plan's `notify`
    #[arg(long)]
    notify: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// How one of them stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ready,
    /// A run will work, but somebody should know.
    Caution,
    /// A run will not work.
    Fault,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ok",
            Self::Caution => "CAUTION",
            Self::Fault => "FAULT",
        }
    }
}

/// One thing that a run will need.
#[derive(Debug, Clone, Serialize)]
struct Row {
    kind: &'static str,
    name: String,
    state: State,
    /// What was found.
    told: String,
    /// What to do about it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Row {
    fn new(kind: &'static str, name: impl Into<String>, state: State, told: impl Into<String>) -> Self {
        Self { kind, name: name.into(), state, told: told.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

pub(super) async fn doctor(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    // What is wrong with it is told.
    let Ok(plan) = load::usable(&arguments.plan, shared, &scrubber) else { return Exit::Usage };
    let store = match journal::planned(&arguments.journal, plan.journal.as_deref(), shared, &scrubber) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let cancel = signals::cancelled_by_signals();
    let places = match load::places(&plan.vantages, plan.applications(), shared, &scrubber) {
        Ok(places) => places,
        Err(exit) => return exit,
    };
    let context = load::context(shared, &scrubber);
    let mut asked = asked(&plan, &places, &context.vault, &cancel);
    asked.extend(plan.notify.iter().map(|target| told(&plan, target, arguments.notify, &context).boxed()));
    shared.terminal.tell(&format!("asking {} vantages, secrets and logins", asked.len()));
    let asking = stream::iter(asked).buffered(arguments.concurrency.into()).collect::<Vec<Row>>();
    let rows = tokio::select! {
        rows = asking => Some(rows),
        () = cancel.cancelled() => None,
    };
    places.close().await;
    let Some(mut rows) = rows else {
        shared.terminal.error("interrupted: not everything was asked", None);
        return Exit::Interrupted;
    };
    let folder = journal::folder(&arguments.journal);
    rows.push(writable("journal", &folder));
    if let Some(checked) = store.check().await {
        rows.push(team_journal(store.place(), checked));
    }
    rows.push(writable("reports", &arguments.out));
    rows.push(baseline(store.place(), store.baseline().await));
    let shown = match arguments.format {
        Format::Text => as_text(&rows),
        Format::Json => {
            let ready = rows.iter().all(|row| row.state != State::Fault);
            json!({ "ready": ready, "rows": rows }).to_string()
        }
    };
    shared.terminal.print(&scrubber.text(&shown));
    if rows.iter().any(|row| row.state == State::Fault) { Exit::NoGo } else { Exit::Go }
}

/// Everything that is asked of somebody else, in the order it is shown.
fn asked<'a>(
    plan: &Plan,
    places: &'a Places,
    vault: &'a Vault,
    cancel: &'a CancellationToken,
) -> Vec<BoxFuture<'a, Row>> {
    let vantages = places.ids().map(|id| vantage(id, places).boxed());
    let applications = places.applications().map(|who| application(who, places, cancel).boxed());
    let secrets = secrets(plan).into_iter().map(|reference| secret(reference, vault).boxed());
    let held = held(plan).into_iter().map(|held| held.row(places, cancel).boxed());
    let logins = login::logins(plan).into_iter().map(|login| login.row(places, cancel).boxed());
    vantages.chain(applications).chain(secrets).chain(held).chain(logins).collect()
}

async fn vantage(id: &str, places: &Places) -> Row {
    let began = Instant::now();
    let row = |state, told: String| Row::new("vantage", id, state, told);
    let abouts = match tokio::time::timeout(VANTAGE_LIMIT, places.about((id, None))).await {
        Ok(Ok(abouts)) => abouts,
        Ok(Err(error)) => return row(State::Fault, reason(error)).help("gonogo explain vantage"),
        Err(_) => return row(State::Fault, format!("no answer within {} s", VANTAGE_LIMIT.as_secs())),
    };
    let took = clock::milliseconds(began.elapsed()).round();
    let each: Vec<String> = abouts
        .iter()
        .map(|About { user, host, version, program, reduced, .. }| match reduced {
            None => format!("{user} on {host}, gonogo {version} in {program}"),
            Some(why) => format!("{user} on {host}, by shell commands only, which see less: {why}"),
        })
        .collect();
    let told = format!("{}, {took} ms", each.join("; "));
    let worst = abouts.iter().map(|about| about.clock_offset_ms).max_by_key(|offset| offset.unsigned_abs());
    if let Some(offset) = worst.filter(|offset| offset.unsigned_abs() > CLOCK_LIMIT_MS) {
        return row(State::Caution, format!("{told}; its clock is {:+} s off ours", offset / 1000))
            .help("set both clocks by NTP: chronyc tracking, timedatectl");
    }
    if abouts.iter().any(|about| about.reduced.is_some()) {
        return row(State::Caution, told).help("gonogo explain vantage");
    }
    let row = row(State::Ready, told);
    // socket(7), proc(5): who owns a socket is told to its owner and to root.
    if abouts.iter().all(|about| about.user == "root") {
        row
    } else {
        row.help("as root it would also name the programs behind listening sockets")
    }
}

/// Whether we can be in an application's place: its user, and the variables of its process.
async fn application((id, who): (&str, &AsApplication), places: &Places, cancel: &CancellationToken) -> Row {
    let name = who.user.as_ref().map_or_else(|| id.to_owned(), |user| format!("{id} as {user}"));
    let row = |state, told: String| Row::new("as app", name, state, format!("{}: {told}", who.environment));
    let place = (id, Some(who));
    let abouts = match tokio::time::timeout(VANTAGE_LIMIT, places.about(place)).await {
        Ok(Ok(abouts)) => abouts,
        Ok(Err(error)) => return row(State::Fault, reason(error)).help("gonogo explain vantage"),
        Err(_) => return row(State::Fault, format!("no answer within {} s", VANTAGE_LIMIT.as_secs())),
    };
    // Any look shows whether its variables can be told; this one also shows which proxies they name.
    let names = Spec::Names(Names { name: "localhost".to_owned() });
    let trace = places.look(place, &names, APPLICATION_LIMIT, None, cancel).await;
    if let Ended::Blind(error) = trace.ended {
        return row(State::Fault, error.to_string()).help("once the application runs, ask again");
    }
    let proxies = trace.observations.iter().find_map(|observation| {
        let Seen::Worked(Fact::Names(names)) = &observation.seen else { return None };
        let set = names.proxies.iter().map(|(name, value)| format!("{name}={value}"));
        Some(set.collect::<Vec<_>>().join(", ")).filter(|set| !set.is_empty())
    });
    let proxies = proxies.unwrap_or_else(|| "no proxies".to_owned());
    let each: Vec<String> = abouts.iter().map(|about| format!("{} on {}", about.user, about.host)).collect();
    row(State::Ready, format!("{}; {proxies}", each.join("; ")))
}

/// Every secret that a check or a login finds here, once.
fn secrets(plan: &Plan) -> Vec<SecretRef> {
    let mut known = HashSet::new();
    let probes = plan.jobs.iter().flat_map(|job| referred(&job.probe));
    let logins = plan.databases.values().flat_map(referred);
    let here = |secret: &SecretRef| !matches!(secret, SecretRef::Literal(_) | SecretRef::OnVantage(_));
    let named = probes.chain(logins).filter(here);
    named.filter(|secret| known.insert(secret.clone())).collect()
}

async fn secret(reference: SecretRef, vault: &Vault) -> Row {
    let row = |state, told: &str| Row::new("secret", reference.to_string(), state, told);
    match tokio::time::timeout(SECRET_LIMIT, vault.get(&reference)).await {
        Ok(Ok(secret)) if secret.expose().is_empty() => row(State::Caution, "it is empty"),
        Ok(Ok(_)) => row(State::Ready, "found"),
        Ok(Err(VantageError::Secret { reason, .. })) => row(State::Fault, &reason),
        Ok(Err(error)) => row(State::Fault, &error.to_string()),
        Err(_) => row(State::Fault, &format!("no answer within {} s", SECRET_LIMIT.as_secs())),
    }
}

/// Whether somebody could be told of a run: nothing is sent, unless it is asked for.
async fn told(plan: &Plan, target: &Target, send: bool, context: &Context) -> Row {
    let row = |state, told: String| Row::new("notify", &target.name, state, told);
    let nobody = "nobody would be told; a run judges all the same";
    let fault = |reason| row(State::Fault, reason).help(nobody);
    match tokio::time::timeout(SECRET_LIMIT, notify::ready(target, context)).await {
        Ok(Ok(())) => {}
        Ok(Err(reason)) => return fault(reason),
        Err(_) => return fault(format!("no answer within {} s", SECRET_LIMIT.as_secs())),
    }
    let of: Vec<&str> = target.on.0.iter().map(|occasion| occasion.name()).collect();
    let told = format!("{} of {}", target.way, of.join(", "));
    if !send {
        return row(State::Ready, format!("{told}; nothing was sent"));
    }
    match notify::test(target, &plan.outline, context).await {
        Ok(()) => row(State::Ready, format!("{told}; a test message was taken")),
        Err(reason) => fault(format!("a test message was not taken: {reason}")),
    }
}

/// A secret that one place has to have: it is not asked for here, as it stays there.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Held {
    secret: SecretRef,
    vantage: Arc<str>,
    who: Option<AsApplication>,
}

/// Every secret that is `on: vantage`, with each place that looks for it.
fn held(plan: &Plan) -> Vec<Held> {
    let checks = plan.outline.checks.iter().zip(&plan.jobs).flat_map(|(check, job)| {
        let there = referred(&job.probe).into_iter().filter(SecretRef::is_on_vantage);
        there.flat_map(move |secret| {
            let held = move |from: &Arc<str>| Held {
                secret: secret.clone(),
                vantage: from.clone(),
                who: job.as_application.clone(),
            };
            check.from.iter().map(held)
        })
    });
    let mut known = HashSet::new();
    checks.filter(|held| known.insert(held.clone())).collect()
}

impl Held {
    async fn row(self, places: &Places, cancel: &CancellationToken) -> Row {
        let Self { secret, vantage, who } = self;
        let name = match &secret {
            SecretRef::OnVantage(there) => format!("{there} on {vantage}"),
            SecretRef::Env(_) | SecretRef::File(_) | SecretRef::Command(_) | SecretRef::Literal(_) => {
                secret.to_string()
            }
        };
        let probe = Spec::Held(probe::held::Held { secret });
        let trace = places.look((&vantage, who.as_ref()), &probe, SECRET_LIMIT, None, cancel).await;
        let judgement = Judgement::of(&trace, &probe.layers(), None);
        match (judgement.outcome, trace.ended) {
            (Outcome::Pass, _) => Row::new("secret", name, State::Ready, "found there"),
            (_, Ended::Blind(VantageError::Secret { reason, .. })) => {
                Row::new("secret", name, State::Fault, reason)
            }
            (_, Ended::Blind(error)) => Row::new("secret", name, State::Fault, reason(error)),
            (_, Ended::Complete | Ended::Cancelled) => {
                Row::new("secret", name, State::Fault, judgement.message)
            }
        }
    }
}

/// Whether a folder of ours can be written, without making it.
fn writable(kind: &'static str, folder: &Path) -> Row {
    let name = folder.display().to_string();
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let there = absolute.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    match tempfile::tempfile_in(there) {
        Ok(_) => Row::new(kind, name, State::Ready, "can be written"),
        Err(error) => Row::new(kind, name, State::Fault, format!("cannot be written: {error}"))
            .help(format!("name another folder, or see who owns {}", there.display())),
    }
}

/// Whether a team's journal takes events.
fn team_journal(place: String, checked: Result<(), JournalError>) -> Row {
    match checked {
        Ok(()) => Row::new("journal", place, State::Ready, "takes events"),
        Err(error) => {
            let row = Row::new("journal", place, State::Fault, error.to_string());
            match error.help() {
                Some(help) => row.help(help),
                None => row,
            }
        }
    }
}

fn baseline(place: String, read: Result<Baseline, JournalError>) -> Row {
    let row = |state, told: String| Row::new("baseline", place, state, told);
    match read {
        Ok(baseline) => match baseline.latest() {
            Some(at) => row(State::Ready, format!("recorded {at:.0}")),
            None => row(State::Caution, "there is none, so no report will tell what has changed".to_owned())
                .help("while all is well: gonogo baseline"),
        },
        Err(error) => row(State::Fault, error.to_string()).help("record it again: gonogo baseline"),
    }
}

fn as_text(rows: &[Row]) -> String {
    /// Longer names are cut, so that what was found stands in one column.
    const WIDEST: usize = 32;
    /// Characters of a line.
    const WIDTH: usize = 110;
    let ready = rows.iter().filter(|row| row.state != State::Fault).count();
    let mut out = format!("doctor: {ready} of {} ready\n", rows.len());
    let name = |row: &Row| text::cut(&text::line(&row.name), WIDEST).into_owned();
    let width = rows.iter().map(|row| name(row).chars().count()).max().unwrap_or(0);
    for row in rows {
        let lead = format!("  {:<7}  {:<8}  {:<width$}  ", row.state.word(), row.kind, name(row));
        let room = WIDTH - lead.chars().count();
        let mut lines = text::wrap(&text::line(&row.told), room);
        if let Some(help) = &row.help {
            let lead = if row.state == State::Ready { "" } else { "do: " };
            lines.extend(text::wrap(&text::line(&format!("{lead}{help}")), room));
        }
        for (index, line) in lines.iter().enumerate() {
            let lead = if index == 0 { lead.clone() } else { " ".repeat(lead.chars().count()) };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{lead}{line}");
        }
    }
    out
}

/// Why we could not look, without the name that stands beside it.
fn reason(error: VantageError) -> String {
    if let VantageError::Unusable { reason, .. } = error {
        reason
    } else if let VantageError::Secret { secret, reason } = error {
        format!("no {secret}: {reason}")
    } else {
        error.to_string()
    }
}
