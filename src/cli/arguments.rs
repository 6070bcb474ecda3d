//! Every command and option, with the words of `--help`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::people::Said;
use crate::people::{accept, decide, extend, handover, note, record, vote, waive};
use crate::report::Mode;

/// Go or no-go, after each stage of a deployment, and why.
///
/// Write a plan (gonogo init), check it (gonogo validate), run what is due after a stage (gonogo run app2), and read
/// the verdict aloud. New here? `gonogo demo` plays a whole release night on this machine.
#[derive(Debug, Parser)]
#[command(name = "gonogo", version, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,

    /// Log to stderr, such as `debug` or `gonogo=trace`
    #[arg(long, global = true, value_name = "FILTER")]
    pub(super) log: Option<String>,

    /// Bring this build of gonogo to vantages that have none, such as a static one (make agents)
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) agent: Option<PathBuf>,

    /// Let it be this moment now, to rehearse a night; recorded, and never more than PROVISIONAL GO
    #[arg(long = "now", global = true, value_name = "INSTANT", hide = true)]
    pub(super) set_clock: Option<jiff::Timestamp>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a commented starter plan, or one made of a file of another tool (--from)
    Init(super::init::Arguments),
    /// Load a plan and report every mistake with its file, line and a caret; touches no network
    Validate(Validate),
    /// Show stages, checks, what is due when, what is owed until when, and until when each stage can begin and be undone
    Plan(Plan),
    /// Print the clock in one line, for a prompt or a wall screen: decide-by, start-by and the deadline
    ///
    /// Of the newest run; before the first one, of the plan. Exits 1 once it is overdue.
    Clock(Clock),
    /// Look once at one target, layer by layer, without a plan
    Probe(Probe),
    /// Probe what is due, print the verdict, write the reports
    Run(super::run::Arguments),
    /// Prove every vantage, secret and database login before the night, and that journal and reports can be written
    Doctor(super::doctor::Arguments),
    /// Look at every check from every place while all is well, to compare later runs with
    ///
    /// It records and does not judge. Later runs say what has changed since, and name causes more surely.
    Baseline(Baseline),
    /// Look again at some checks of the current stage
    Retest(Retest),
    /// Record a person's answer to a manual check
    Record(Said<record::Record>),
    /// Show the newest run as it stands now, with what people have said since
    Status(super::status::Arguments),
    /// Keep the newest run on the screen: verdict, clock, stages, what failed and why, and the timeline
    ///
    /// It only reads the journal, holds nobody up, and goes over to a newer run by itself. On a terminal it is a full screen
    /// that follows the size of the window: arrows, j, k, `PgUp`, `PgDn`, Home and End scroll; q, Esc or Ctrl-C quit; Ctrl-Z
    /// stops it until `fg`. Into a pipe or a file, and where TERM is dumb, it prints a line an event, as `gonogo log` does,
    /// and one whenever the verdict changes. `NO_COLOR` takes the colour away; no meaning is in colour alone.
    ///
    /// When the journal cannot be read it says so at the top, and what is still shown is no go.
    ///
    /// Quit, it ends like `status`, with the verdict that was shown last: 5 when the journal could not be read, 2 when no
    /// run was recorded. Ended by a signal, or because the terminal went away: 130.
    Watch(super::watch::Arguments),
    /// Vote on a stage: the roll call
    Vote(Said<vote::Vote>),
    /// Take upon yourself that a major, or a suspect minor, does not pass
    Accept(Said<accept::Accept>),
    /// Waive a check until a day, while the run goes on
    Waive(Said<waive::Waive>),
    /// Grant more time, or record that it was asked for
    Extend(Said<extend::Extend>),
    /// Decide to go on, or to roll back
    Decide(Said<decide::Decide>),
    /// Put somebody else in charge of the night
    Handover(Said<handover::Handover>),
    /// Make a remark for the timeline of the night
    Note(Said<note::Note>),
    /// The way back, timed and verified
    #[command(subcommand)]
    Rollback(super::people::Rollback),
    /// Compare two attempts: what turned red or green, permissions, what stages really took
    ///
    /// Ends with 1 when anything is worse than before.
    Compare(super::compare::Arguments),
    /// Print any report again, from the journal
    Report(super::report::Arguments),
    /// Show the newest run as a page that keeps itself up to date, and answer gates
    ///
    /// Readers change nothing; operators, with a token of their own, record, accept, vote and decide at /say. Gates: /gate
    /// answers 200 to go on and 409 not to; /verdict is the same as JSON.
    Serve(super::serve::Arguments),
    /// Print the timeline of a run in local time, and verify its journal
    Log(super::log::Arguments),
    /// Remove old runs from the journal
    Clean(super::clean::Arguments),
    /// Permissions of a database: a snapshot before, one after, and every difference that will hurt
    #[command(subcommand)]
    Grants(super::grants::Grants),
    /// Explain a fault, a finding, an outcome, a verdict or a reason in plain words
    Explain(Explain),
    /// Print a JSON Schema: of plans, of split maps, of result.json, or of what `grants` prints
    Schema(Schema),
    /// Print a completion script for your shell
    Completions(Completions),
    /// Print the manual page
    Man,
    /// Play a release night in miniature, on real servers that are started and stopped
    ///
    /// A database is split in two, and its permissions are audited and repaired; two applications are upgraded. Every
    /// command of gonogo that it shows is really run. It takes less than a minute.
    Demo(Demo),
    /// One of the demo's applications
    #[command(name = "__app", hide = true)]
    App(App),
    #[command(name = "__agent", hide = true)]
    Agent(super::agent::Arguments),
}

/// Which plan, with which values.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct PlanFiles {
    /// The plan; more than one is read as if the first included the others
    #[arg(short, long, value_name = "FILE", default_value = "gonogo.yaml")]
    pub(super) file: Vec<PathBuf>,

    /// A YAML file of variables, for this environment
    #[arg(long, value_name = "FILE")]
    pub(super) vars: Vec<PathBuf>,

    /// One variable; wins over files
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub(super) set: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

#[derive(Debug, Clone, Args)]
pub(super) struct JournalFolder {
    /// Where runs are recorded: a folder, or the `postgres://` URL of a team's database; else as the plan says, or .gonogo
    #[arg(long, value_name = "DIR|URL")]
    pub(super) journal: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

/// Ways to draw a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Picture {
    /// For Graphviz
    Dot,
    /// A page of its own, with an SVG in it
    Html,
}

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// The plan's files
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) plan: PlanFiles,
    /// How to print mistakes
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    pub(super) files: PlanFiles,
    /// List every command, request and statement that would be run, and where
    #[arg(long)]
    pub(super) commands: bool,
    /// Draw apps, databases and systems, and the links between them
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["commands", "format"])]
    pub(super) graph: Option<Picture>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Clock {
    #[command(flatten)]
    pub(super) files: PlanFiles,
    #[command(flatten)]
    pub(super) journal: JournalFolder,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Probe {
    /// `https://...`, `postgres://...`, `tcp://host:port`, `tls://host:port` or `dns:name`
    pub(super) target: String,
    /// Where to look from: `here`, `ssh:HOST`, `docker:NAME`, `podman:NAME`, `kubectl:NAMESPACE/POD/CONTAINER` or
    /// `exec:WORDS`; with `-f` also a vantage of that plan
    #[arg(long, value_name = "VANTAGE", default_value = crate::model::outline::HERE)]
    pub(super) from: Vec<String>,
    /// The first `--from` decides; the others are looked from to find the cause, and never decide
    #[arg(long)]
    pub(super) compare: bool,
    /// The target's own host: once the probe has failed, it tells what listens there
    #[arg(long, value_name = "VANTAGE")]
    pub(super) target_host: Option<String>,
    /// A plan whose vantages can be named
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
    /// The longest it may take
    #[arg(long, default_value = "10s", value_name = "DURATION")]
    pub(super) timeout: crate::period::Period,
}

#[derive(Debug, Args)]
pub(super) struct Baseline {
    #[command(flatten)]
    pub(super) plan: PlanFiles,
    #[command(flatten)]
    pub(super) journal: JournalFolder,
    /// Probes at once
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(super) concurrency: u16,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

/// How to probe and where results go.
#[derive(Debug, Clone, Args)]
pub(super) struct Probing {
    /// Where reports are written
    #[arg(long, value_name = "DIR", default_value = "gonogo-out")]
    pub(super) out: PathBuf,
    /// Probes at once
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(super) concurrency: u16,
    /// Probes at once on one server
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(super) per_target: u16,
    /// What to print when it is done: the summary, or result.json
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
    /// Which JUnit dialect to write
    #[arg(long, value_enum, default_value = "wide", value_name = "DIALECT")]
    pub(super) junit: JunitDialect,
    /// Write minor failures as skipped, where red must mean NO-GO
    #[arg(long, value_enum, default_value = "failure", value_name = "AS")]
    pub(super) junit_minor: JunitMinor,
    /// Permissions of the reports, in octal
    #[arg(long, value_name = "MODE", default_value = "600")]
    pub(super) mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum JunitDialect {
    /// For GitLab, Azure, GitHub actions and most others
    Wide,
    /// For Jenkins' xunit plugin, which validates against its own schema
    XunitPlugin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum JunitMinor {
    Failure,
    Skipped,
}

#[derive(Debug, Args)]
pub(super) struct Retest {
    /// Checks to look at again; those that did not pass when none is named
    #[arg(value_name = "CHECK")]
    pub(super) checks: Vec<String>,
    /// Every check that did not pass
    #[arg(long, conflicts_with = "checks")]
    pub(super) failed: bool,
    #[command(flatten)]
    pub(super) plan: PlanFiles,
    #[command(flatten)]
    pub(super) journal: JournalFolder,
    #[command(flatten)]
    pub(super) probing: Probing,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Such as `refused`, `grant_missing`, `no_go`, `debts_open` or an exit code; all of them when absent
    pub(super) name: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    /// A plan's main file
    Plan,
    /// `result.json` of a run
    Result,
    /// What a webhook or a command of `notify` gets
    Notification,
    /// `result.json` of several runs told as one
    Results,
    /// A split map
    Map,
    /// What `gonogo grants diff --format json` prints
    Grants,
    /// What `gonogo grants snapshot` writes
    Snapshot,
    /// What `gonogo grants effective --format json` prints
    Effective,
    /// What `gonogo grants replay --format json` prints
    Replay,
}

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Of what
    #[arg(value_enum, default_value = "plan")]
    pub(super) of: SchemaOf,
}

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell; guessed from $SHELL when absent
    #[arg(value_enum)]
    pub(super) shell: Option<Shell>,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where the plan, the split map and the reports are written
    #[arg(long, value_name = "DIR", default_value = "gonogo-out")]
    pub(super) out: PathBuf,
    /// What breaks between the two applications, by the name of its cause; several one after the other. Without this:
    /// `fw-drop-port` where network namespaces are allowed, else `auth-credentials-rotated`
    #[arg(long = "fault", value_name = "LIST", value_delimiter = ',', value_enum)]
    pub(super) faults: Vec<crate::demo::Fault>,
    #[arg(long = crate::demo::INSIDE, hide = true)]
    pub(super) inside: bool,
}

#[derive(Debug, Args)]
pub(super) struct App {
    /// Which one
    #[arg(value_enum)]
    pub(super) app: crate::demo::app::App,
    /// Its properties file
    pub(super) settings: PathBuf,
}
