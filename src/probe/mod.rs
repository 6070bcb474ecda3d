//! Probes look once and record each layer; they judge nothing beyond what was asked of that layer.
//! A new kind is one new file here and one line in `probes!` below.

pub mod address;
pub mod database;
pub mod file_ref;
mod idle;
mod once;
pub mod reach;
mod recorder;
mod registry;
#[cfg(test)]
pub(crate) mod rehearsal;

use std::fmt::Debug;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use once::{GRACE, once};
pub use recorder::{Recorder, Stop};
use registry::probes;

use crate::model::layer::Layer;
pub use crate::model::trace::Trouble;
pub use crate::net::Context;

probes! {
    "command" => command::Command,
    "config" => config::Config,
    "dns" => dns::Dns,
    "flow" => flow::Flow,
    "grants" => grants::Grants,
    "http" => http::Http,
    "manual" => manual::Manual,
    "postgres" => postgres::Postgres,
    "tcp" => tcp::Tcp,
    "tls" => tls::Tls,
    // Asked by diagnosis and by `gonogo doctor`, never written in a plan.
    internal "behind" => behind::Behind,
    internal "held" => held::Held,
    internal "hello" => hello::Hello,
    internal "catalog" => catalog::Catalog,
    internal "listeners" => listeners::Listeners,
    internal "names" => names::Names,
    internal "relogin" => relogin::Relogin,
    internal "sockets" => sockets::Sockets,
}

/// One kind of probe, as written in a plan.
pub trait Probe: Serialize + DeserializeOwned + JsonSchema + Clone + Debug + Send + Sync {
    /// The layers it passes, shallowest first; without a break it passes only when it reached the last one.
    fn layers(&self) -> Vec<Layer>;

    /// What is looked at, for people, such as `https://app2:8443/status`; holds no secret.
    fn target(&self) -> String;

    /// Which server is asked: probes with the same key share the `--per-target` limit.
    fn endpoint(&self) -> String {
        self.target()
    }

    /// Find names in the plan, make relative local paths relative to the plan's folder, and tell what makes no sense.
    fn bind(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem>;

    /// Files of the machine that runs gonogo, which a vantage elsewhere is sent.
    fn local_files(&mut self) -> Vec<&mut PathBuf> {
        Vec::new()
    }

    /// The same probe so that it changes nothing at the target, to be asked again and from elsewhere; none when it cannot.
    fn harmless(&self) -> Option<Self> {
        None
    }

    /// How long it waits by itself, on top of its timeout.
    fn rests(&self) -> Duration {
        Duration::ZERO
    }

    /// Every command or statement it would run, and where, for `gonogo plan --commands`.
    fn commands(&self) -> Vec<String>;

    /// Look once.
    fn run(&self, recorder: &mut Recorder) -> impl Future<Output = Result<(), Stop>> + Send;
}

/// What a probe's definition can refer to.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// The folder of the file the check is written in.
    pub folder: &'a Path,
    /// The plan's `databases`, by id.
    pub databases: &'a IndexMap<String, database::Database>,
}

/// A mistake in a probe's definition that its type could not catch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Keys from the probe's own node down to the mistake, such as `["expect", "status"]`.
    pub path: Vec<String>,
    /// Point at the key rather than at its value.
    pub at_key: bool,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A mistake at the value found under `path`, keys separated by dots; the probe itself when it is empty.
    #[must_use]
    pub fn at(path: &str, message: impl Into<String>) -> Self {
        let path = path.split('.').filter(|key| !key.is_empty()).map(ToOwned::to_owned).collect();
        Self { path, at_key: false, message: message.into(), help: None }
    }

    /// The same, with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
