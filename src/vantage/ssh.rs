//! `ssh`: the site's own `ssh`, with its configuration, bastions, keys and agents.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Vantage;
use super::quote::{name, quoted};
use crate::probe::Problem;

/// Options that keep a session to what it is for (`ssh_config(5)`): it asks nothing, forwards nothing, runs nothing here, and
/// never takes a host key that is not known, whatever its configuration says otherwise. One master connection carries everything.
const OPTIONS: &[&str] = &[
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "RemoteCommand=none",
    "RequestTTY=no",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "ControlMaster=auto",
    "ControlPersist=15",
];

/// A host that is reached by ssh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ssh {
    /// The host, or its alias in `~/.ssh/config`.
    pub host: String,
    /// The user there; else ssh's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The port there; else ssh's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// A configuration file instead of `~/.ssh/config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// Where gonogo is there; it is brought when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

impl Ssh {
    fn ssh(&self, private: &Path) -> Vec<String> {
        let mut command = vec!["ssh".to_owned(), "-T".to_owned()];
        if let Some(config) = &self.config {
            command.extend(["-F".to_owned(), config.clone()]);
        }
        for option in OPTIONS {
            command.extend(["-o".to_owned(), (*option).to_owned()]);
        }
        // %C is a hash of the connection: a socket's path has no room for names.
        command.extend(["-o".to_owned(), format!("ControlPath={}/%C", private.display())]);
        if let Some(user) = &self.user {
            command.extend(["-l".to_owned(), user.clone()]);
        }
        if let Some(port) = self.port {
            command.extend(["-p".to_owned(), port.to_string()]);
        }
        command
    }
}

impl Vantage for Ssh {
    fn command(&self, words: &[String], private: &Path) -> Vec<String> {
        let mut command = self.ssh(private);
        command.extend(["--".to_owned(), self.host.clone()]);
        // ssh joins its words with spaces, and the user's shell there splits them again.
        command.push(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
        command
    }

    fn closing(&self, private: &Path) -> Option<Vec<String>> {
        let mut command = self.ssh(private);
        command.extend(["-O", "exit", "--", &self.host].map(ToOwned::to_owned));
        Some(command)
    }

    fn program(&self) -> Option<&str> {
        self.program.as_deref()
    }

    fn problems(&self) -> Vec<Problem> {
        let user = self.user.as_deref().and_then(|user| name("user", user));
        name("host", &self.host).into_iter().chain(user).collect()
    }
}
