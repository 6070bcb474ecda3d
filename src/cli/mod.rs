//! The command line: reads the environment once, calls one command, prints, ends with a code of `verdict::Exit`.
//! A new command is one new file here and one line in `Command` and in `dispatch`.

mod agent;
mod arguments;
mod baseline;
mod begin;
mod clean;
mod clock;
mod compare;
mod completions;
mod demo;
mod doctor;
mod early;
mod explain;
mod github;
mod grants;
mod init;
mod journal;
mod load;
mod log;
mod people;
mod plan;
mod probe;
mod progress;
mod report;
mod reporting;
mod retest;
mod rollback_verify;
mod run;
mod schema;
mod serve;
mod signals;
mod stage;
mod status;
mod terminal;
mod validate;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _};
use tokio::runtime::Runtime;

use crate::environment::Environment;
use crate::verdict::Exit;
use arguments::{Arguments, Command};
use terminal::Terminal;

/// What every command is given: read once, passed in.
#[derive(Debug, Clone)]
struct Shared {
    environment: Arc<Environment>,
    terminal: Terminal,
    /// The program to bring to vantages, when one is named.
    agent: Option<PathBuf>,
}

/// Run the program with these arguments in this environment.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>, environment: Environment) -> ExitCode {
    let parsed =
        command().try_get_matches_from(arguments).and_then(|matches| Arguments::from_arg_matches(&matches));
    let exit = match parsed {
        Ok(arguments) => {
            let terminal = Terminal::new(&environment);
            trace(arguments.log.as_deref());
            let Arguments { command, agent, set_clock, .. } = arguments;
            if let Some(now) = set_clock {
                crate::clock::set(now);
            }
            dispatch(command, &Shared { environment: Arc::new(environment), terminal, agent })
        }
        Err(error) => {
            // `--help` and `--version` are errors to clap, but not to us.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Go };
            let _ = error.print();
            exit
        }
    };
    ExitCode::from(exit.code())
}

/// The command line's definition, with the table of exit codes at its end.
fn command() -> clap::Command {
    Arguments::command().after_help(exit_codes())
}

fn exit_codes() -> String {
    let rows = Exit::TABLE.iter().map(|(exit, meaning)| format!("  {:>3}  {meaning}\n", exit.code()));
    format!("Exit codes:\n{}", rows.collect::<String>())
}

fn dispatch(command: Command, shared: &Shared) -> Exit {
    match command {
        Command::Init(arguments) => init::init(&arguments, shared),
        Command::Validate(arguments) => validate::validate(&arguments, shared),
        Command::Plan(arguments) => plan::plan(&arguments, shared),
        Command::Clock(arguments) => {
            on_runtime(shared, |shared| async move { clock::clock(&arguments, &shared).await })
        }
        Command::Probe(arguments) => {
            on_runtime(shared, |shared| async move { probe::probe(&arguments, &shared).await })
        }
        Command::Run(arguments) => {
            on_runtime(shared, |shared| async move { run::run(&arguments, &shared).await })
        }
        Command::Baseline(arguments) => {
            on_runtime(shared, |shared| async move { baseline::baseline(&arguments, &shared).await })
        }
        Command::Doctor(arguments) => {
            on_runtime(shared, |shared| async move { doctor::doctor(&arguments, &shared).await })
        }
        Command::Retest(arguments) => {
            on_runtime(shared, |shared| async move { retest::retest(&arguments, &shared).await })
        }
        Command::Record(arguments) => {
            on_runtime(shared, |shared| async move { people::take(&arguments, &shared).await })
        }
        Command::Status(arguments) => {
            on_runtime(shared, |shared| async move { status::status(&arguments, &shared).await })
        }
        Command::Vote(arguments) => {
            on_runtime(shared, |shared| async move { people::take(&arguments, &shared).await })
        }
        Command::Accept(arguments) => {
            on_runtime(shared, |shared| async move { people::take(&arguments, &shared).await })
        }
        Command::Waive(arguments) => {
            on_runtime(shared, |shared| async move { people::take(&arguments, &shared).await })
        }
        Command::Extend(arguments) => {
            on_runtime(shared, |shared| async move { people::take(&arguments, &shared).await })
        }
        Command::Decide(arguments) => {
            on_runtime(shared, |shared| async move { people::take(&arguments, &shared).await })
        }
        Command::Handover(arguments) => {
            on_runtime(shared, |shared| async move { people::take(&arguments, &shared).await })
        }
        Command::Note(arguments) => {
            on_runtime(shared, |shared| async move { people::take(&arguments, &shared).await })
        }
        Command::Rollback(arguments) => {
            on_runtime(shared, |shared| async move { people::roll_back(&arguments, &shared).await })
        }
        Command::Compare(arguments) => {
            on_runtime(shared, |shared| async move { compare::compare(&arguments, &shared).await })
        }
        Command::Report(arguments) => {
            on_runtime(shared, |shared| async move { report::report(&arguments, &shared).await })
        }
        Command::Serve(arguments) => {
            on_runtime(shared, |shared| async move { serve::serve(&arguments, &shared).await })
        }
        Command::Watch(arguments) => {
            on_runtime(shared, |shared| async move { watch::watch(&arguments, &shared).await })
        }
        Command::Log(arguments) => {
            on_runtime(shared, |shared| async move { log::log(&arguments, &shared).await })
        }
        Command::Clean(arguments) => {
            on_runtime(shared, |shared| async move { clean::clean(&arguments, &shared).await })
        }
        Command::Grants(arguments) => {
            on_runtime(shared, |shared| async move { grants::grants(&arguments, &shared).await })
        }
        Command::Explain(arguments) => explain::explain(&arguments, shared),
        Command::Schema(arguments) => schema::schema(&arguments, shared),
        Command::Completions(arguments) => completions::completions(&arguments, shared),
        Command::Demo(arguments) => {
            with_runtime(shared, |runtime| runtime.block_on(demo::demo(&arguments, shared)))
        }
        Command::App(arguments) => {
            on_runtime(shared, |shared| async move { demo::app(&arguments, &shared).await })
        }
        Command::Agent(arguments) => agent::agent(arguments, shared),
        Command::Man => completions::man(shared),
    }
}

/// Do the work as a task: on the workers themselves, a finished probe wakes it without a system call.
fn on_runtime<F>(shared: &Shared, work: impl FnOnce(Shared) -> F) -> Exit
where
    F: Future<Output = Exit> + Send + 'static,
{
    with_runtime(shared, |runtime| {
        runtime.block_on(runtime.spawn(work(shared.clone()))).unwrap_or_else(|error| {
            let help = "please report this; the verdict is NO-GO";
            shared.terminal.error(&format!("internal error: {error}"), Some(help));
            Exit::NoGo
        })
    })
}

fn with_runtime(shared: &Shared, work: impl FnOnce(&Runtime) -> Exit) -> Exit {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = work(&runtime);
            // A secret command or a name lookup that hangs in a thread must not keep the program.
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            shared.terminal.error(&format!("cannot start: {error}"), None);
            Exit::NotWritten
        }
    }
}

fn trace(filter: Option<&str>) {
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let Some(targets) = filter.and_then(|filter| filter.parse::<tracing_subscriber::filter::Targets>().ok())
    else {
        return;
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
}
