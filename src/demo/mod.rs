//! `gonogo demo`: a release night in miniature, on real servers that it starts and stops.
//! The story is told in `story`; `app` holds the two applications of ours that it deploys.

pub mod app;
mod certificates;
mod cluster;
mod container;
mod fault;
mod ground;
mod night;
mod process;
mod servers;
mod split;
mod stage;
mod story;

use std::path::{Path, PathBuf};

use tokio::signal::unix::{SignalKind, signal};

use crate::environment::Environment;

pub use fault::Fault;
pub use ground::INSIDE;

/// What is to be played.
#[derive(Debug)]
pub struct Play<'a> {
    /// Where plan and reports are written.
    pub out: &'a Path,
    /// What breaks between the two applications, one after the other; the usual fault without one.
    pub faults: &'a [Fault],
    /// Whether we are inside network namespaces of our own already.
    pub inside: bool,
}

/// Why the story could not be told.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is nothing to run PostgreSQL with.
    #[error("the demo needs PostgreSQL, and found neither its programs nor a container engine that answers")]
    NoPostgres,
    /// A program could not be started, or ended before it was up.
    #[error("{program} does not run: {reason}")]
    Program {
        /// The program.
        program: String,
        /// Why, with the end of its log.
        reason: String,
    },
    /// Something did not come up in time.
    #[error("{what} is not up after {seconds} s: {reason}")]
    NotUp {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// What was seen last.
        reason: String,
    },
    /// A file or folder could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A report could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The system gave no port, no random bytes or no signal handler.
    #[error("the system refuses {what}: {reason}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// A fault cannot be made here.
    #[error("{fault} needs network namespaces, and nft to filter in them; here: {reason}")]
    NoNetwork {
        /// The fault.
        fault: String,
        /// Why there are none.
        reason: String,
    },
    /// Ctrl-C or SIGTERM.
    #[error("interrupted; the servers are stopped")]
    Interrupted,
}

impl DemoError {
    /// What to do about it, where that is known.
    #[must_use]
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoPostgres => Some(
                "sudo apt-get install postgresql (its own cluster need not run), or start docker or podman; \
                 without a database nothing was played",
            ),
            Self::NoNetwork { .. } => Some(
                "as root, or where user namespaces are allowed, with PostgreSQL, util-linux, iproute2 and nftables \
                 installed, all can be made; gonogo demo --help tells which need none of that",
            ),
            Self::Program { .. }
            | Self::NotUp { .. }
            | Self::Write { .. }
            | Self::Read { .. }
            | Self::System { .. }
            | Self::Interrupted => None,
        }
    }
}

/// Play the night, write plan and reports, and say whether it went as told: verdict by verdict, cause by cause.
///
/// Every server is stopped and its files are removed when this returns, and also when its future is dropped.
///
/// # Errors
/// When something could not be started or written: then nothing is said about any verdict.
pub async fn run(play: &Play<'_>, environment: &Environment) -> Result<bool, DemoError> {
    let refused = |error: std::io::Error| DemoError::System { what: "signals", reason: error.to_string() };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
    tokio::select! {
        told = story::play(play, environment) => told,
        _ = interrupt.recv() => Err(DemoError::Interrupted),
        _ = terminate.recv() => Err(DemoError::Interrupted),
    }
}
