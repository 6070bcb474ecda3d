//! `gonogo serve`: the newest run live over HTTP, until it is stopped.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use clap::Args;
use tokio::net::TcpListener;
use url::Url;

use super::arguments::{JournalFolder, PlanFiles};
use super::{Shared, journal, load, reporting, signals};
use crate::period::Period;
use crate::secret::{Scrubber, Secret};
use crate::serve::{Door, GithubApp, Server};
use crate::verdict::Exit;

/// Bytes of a token's file.
const LARGEST_TOKEN: u64 = 4096;
/// A shorter token can be guessed.
const SHORTEST_TOKEN: usize = 16;
/// The variables that hold a token when no file does.
const VARIABLE: &str = "GONOGO_SERVE_TOKEN";
const OPERATOR_VARIABLE: &str = "GONOGO_SERVE_OPERATOR_TOKEN";
const WEBHOOK_VARIABLE: &str = "GONOGO_GITHUB_WEBHOOK_SECRET";

/// Milliseconds until mimalloc gives unused memory back to the system; 10 unless this says otherwise.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where to listen; beyond this machine only with a token, and with TLS or behind a proxy
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8474")]
    listen: SocketAddr,
    /// A file with the token that readers have to show; `GONOGO_SERVE_TOKEN` of the environment when absent
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A file with the token of those who may say something on the page (record, accept, waive, vote, decide ...), each with
    /// the name they state; `GONOGO_SERVE_OPERATOR_TOKEN` of the environment when absent. Without one, nobody can
    #[arg(long, value_name = "FILE")]
    operator_token_file: Option<PathBuf>,
    /// A certificate chain, to speak TLS
    #[arg(long, value_name = "PEM", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "PEM", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A proxy before it speaks TLS
    #[arg(long)]
    behind_proxy: bool,
    /// A name this server answers to, as the Host header has it, beside those of this machine; beyond it, any until one is named
    #[arg(long, value_name = "HOST")]
    name: Vec<String>,
    /// Answer /gate without a token, by the verdict alone: Flagger's webhooks can show none
    #[arg(long)]
    open_gate: bool,
    /// A gate gets no go when nothing was looked at for longer than this
    #[arg(long, value_name = "PERIOD", default_value = "1h")]
    max_age: Period,
    /// Tell those of the plan's `notify`, when the clock says decide now, and when it is overdue
    #[arg(long)]
    notify: bool,
    #[command(flatten)]
    github: GithubArguments,
    #[command(flatten)]
    plan: PlanFiles,
    #[command(flatten)]
    journal: JournalFolder,
}

#[derive(Debug, Args)]
struct GithubArguments {
    /// A GitHub App's id: its webhook (to /github, or /github?stage=STAGE) asks for deployments that a protection rule
    /// holds; they are approved once the run is GO, rejected once it ended in NO-GO, and wait until then
    #[arg(id = "github-app", long = "github-app", value_name = "ID", requires = "github-key")]
    app: Option<String>,
    /// The App's private key
    #[arg(id = "github-key", long = "github-key", value_name = "PEM", requires = "github-app")]
    key: Option<PathBuf>,
    /// A file with the App's webhook secret; `GONOGO_GITHUB_WEBHOOK_SECRET` of the environment when absent
    #[arg(
        id = "github-secret-file",
        long = "github-secret-file",
        value_name = "FILE",
        requires = "github-app"
    )]
    secret_file: Option<PathBuf>,
    /// Where GitHub answers, such as `https://HOST/api/v3` of an enterprise server
    #[arg(
        id = "github-api",
        long = "github-api",
        value_name = "URL",
        default_value = "https://api.github.com"
    )]
    api: Url,
}

pub(super) async fn serve(arguments: &Arguments, shared: &Shared) -> Exit {
    give_memory_back(shared);
    match prepared(arguments, shared).await {
        Ok((server, listener)) => {
            server.run(listener, signals::cancelled_by_signals()).await;
            Exit::Go
        }
        Err(exit) => exit,
    }
}

/// Serving lasts for nights: memory that is no longer used goes back to the system at once. The allocator can be told so by
/// its environment only, as the program starts: we start once more in our own place.
fn give_memory_back(shared: &Shared) {
    if shared.environment.filled(PURGE_DELAY).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let error = Command::new(program).args(std::env::args_os().skip(1)).env(PURGE_DELAY, "0").exec();
    // Then more memory is held, and nothing else is wrong.
    tracing::debug!(%error, "the program could not be started once more");
}

async fn prepared(arguments: &Arguments, shared: &Shared) -> Result<(Server, TcpListener), Exit> {
    let refused = |message: &str, help: &str| {
        shared.terminal.error(message, Some(help));
        Exit::Usage
    };
    let known = |file: &Option<PathBuf>, variable| {
        token(file.as_deref(), variable, shared).map_err(|reason| {
            refused(&reason, "for example: head -c 24 /dev/urandom | base64 > token; chmod 600 token")
        })
    };
    let token = known(&arguments.token_file, VARIABLE)?;
    let operator = known(&arguments.operator_token_file, OPERATOR_VARIABLE)?;
    if token.as_ref().zip(operator.as_ref()).is_some_and(|(one, other)| one.expose() == other.expose()) {
        let message = "readers and operators have the same token: every reader could decide";
        return Err(refused(message, "give operators another one"));
    }
    let beyond = !arguments.listen.ip().is_loopback();
    if beyond && token.is_none() {
        let message =
            format!("{} can be reached from other machines, and there is no token", arguments.listen);
        return Err(refused(&message, "give readers one: --token-file FILE"));
    }
    if beyond && arguments.tls_cert.is_none() && !arguments.behind_proxy {
        let message = format!(
            "{} can be reached from other machines, and tokens would go in clear text",
            arguments.listen
        );
        return Err(refused(
            &message,
            "--tls-cert and --tls-key; or --behind-proxy when one before it speaks TLS",
        ));
    }
    let secured = arguments.tls_cert.is_some() || arguments.behind_proxy;
    let door =
        Door::new(token.as_ref(), operator.as_ref(), arguments.listen.ip(), arguments.name.clone(), secured)
            .map_err(|error| refused(&format!("no random numbers: {error}"), "nothing is served"))?;
    let scrubber = Arc::new(Scrubber::default());
    let store = journal::named(&arguments.journal, shared, &scrubber)?;
    let place = store.place();
    let mut server = Server::new(store, door, reporting::actor(shared), arguments.max_age.0);
    if arguments.open_gate {
        server = server.with_open_gate();
    }
    if arguments.notify {
        // What is wrong with it is told.
        let plan = load::usable(&arguments.plan, shared, &scrubber).map_err(|_| Exit::Usage)?;
        if plan.notify.is_empty() {
            let help = "say whom, below `notify:`; or leave --notify away";
            return Err(refused("this plan tells nobody", help));
        }
        let telling = server.telling(plan.notify, load::context(shared, &scrubber));
        server =
            telling.map_err(|error| refused(&format!("no random numbers: {error}"), "nothing is served"))?;
    }
    if let Some(app) = github(&arguments.github, shared, &scrubber).map_err(|reason| {
        refused(
            &reason,
            "they are those of the App's page at GitHub: its id, a private key, the webhook secret",
        )
    })? {
        server = server.answering_github(app);
    }
    if let (Some(chain), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        server = server
            .secured(chain, key)
            .map_err(|error| refused(&error.to_string(), "PEM files, chain first"))?;
    }
    let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
        refused(
            &format!("cannot listen on {}: {error}", arguments.listen),
            "name another place: --listen ADDRESS:PORT",
        )
    })?;
    let address = listener.local_addr().unwrap_or(arguments.listen);
    let scheme = if arguments.tls_cert.is_some() { "https" } else { "http" };
    shared.terminal.print(&format!("serving {place} at {scheme}://{address}/ until Ctrl-C"));
    Ok((server, listener))
}

/// The App as which we answer GitHub, when there is one.
fn github(
    arguments: &GithubArguments,
    shared: &Shared,
    scrubber: &Arc<Scrubber>,
) -> Result<Option<GithubApp>, String> {
    let (Some(id), Some(key)) = (&arguments.app, &arguments.key) else { return Ok(None) };
    let secret = token(arguments.secret_file.as_deref(), WEBHOOK_VARIABLE, shared)?;
    let secret = secret.ok_or("the App's webhook secret is missing: anybody could ask in GitHub's name")?;
    let terminal = shared.terminal;
    let tell = Arc::new(move |text: &str| terminal.tell(text));
    let (api, context) = (arguments.api.clone(), load::context(shared, scrubber));
    GithubApp::new(id.clone(), key, secret, api, context, tell).map(Some)
}

/// The token, out of a file or the environment: never argv, which every user of a machine can read.
fn token(file: Option<&Path>, variable: &str, shared: &Shared) -> Result<Option<Secret>, String> {
    use std::io::Read as _;
    let text = match file {
        Some(path) => {
            let mut text = String::new();
            let read =
                std::fs::File::open(path).and_then(|file| file.take(LARGEST_TOKEN).read_to_string(&mut text));
            read.map_err(|error| format!("{}: {error}", path.display()))?;
            text
        }
        None => match shared.environment.filled(variable) {
            Some(token) => token.to_owned(),
            None => return Ok(None),
        },
    };
    let token = text.trim();
    if token.len() < SHORTEST_TOKEN {
        return Err(format!("this is shorter than {SHORTEST_TOKEN} characters: it could be guessed"));
    }
    Ok(Some(Secret::new(token.to_owned())))
}
