//! The vault: finds secrets at the last moment, each one once.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::AsyncReadExt;
use tokio::sync::OnceCell;

use super::{Scrubber, Secret, SecretRef};
use crate::environment::Environment;
use crate::model::trace::VantageError;

/// Secrets larger than this are refused.
const LARGEST: u64 = 64 * 1024;
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

type Cell = Arc<OnceCell<Result<Secret, VantageError>>>;

/// Where a vault finds what it is asked for, other than on this host: on a vantage, the runner knows.
pub trait Source: Send + Sync {
    /// The value, from wherever it is.
    fn find(&self, reference: SecretRef) -> BoxFuture<'static, Result<Secret, VantageError>>;
}

/// Finds secrets at the last moment, each one once, and teaches the scrubber what they are.
pub struct Vault {
    environment: Arc<Environment>,
    elsewhere: Option<Arc<dyn Source>>,
    scrubber: Arc<Scrubber>,
    found: Mutex<HashMap<SecretRef, Cell>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault that looks in this environment.
    #[must_use]
    pub fn new(environment: Arc<Environment>, scrubber: Arc<Scrubber>) -> Self {
        Self { environment, elsewhere: None, scrubber, found: Mutex::default() }
    }

    /// A vault that asks somebody else for everything but what is `on: vantage`, which it finds in this environment.
    #[must_use]
    pub fn elsewhere(
        source: Arc<dyn Source>,
        environment: Arc<Environment>,
        scrubber: Arc<Scrubber>,
    ) -> Self {
        Self { environment, elsewhere: Some(source), scrubber, found: Mutex::default() }
    }

    /// The scrubber that knows every secret found here.
    #[must_use]
    pub fn scrubber(&self) -> &Arc<Scrubber> {
        &self.scrubber
    }

    /// The secret's value.
    ///
    /// # Errors
    /// `VantageError::Secret`, with the address and never the value.
    pub async fn get(&self, reference: &SecretRef) -> Result<Secret, VantageError> {
        let cell = {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(found.entry(reference.clone()).or_default())
        };
        cell.get_or_init(|| self.find(reference)).await.clone()
    }

    async fn find(&self, reference: &SecretRef) -> Result<Secret, VantageError> {
        let (asked, source) = match reference {
            SecretRef::OnVantage(there) => (None, &**there),
            SecretRef::Literal(_) => (None, reference),
            SecretRef::Env(_) | SecretRef::File(_) | SecretRef::Command(_) => {
                (self.elsewhere.as_ref(), reference)
            }
        };
        if let Some(elsewhere) = asked {
            let secret = elsewhere.find(reference.clone()).await?;
            self.scrubber.learn(secret.expose());
            return Ok(secret);
        }
        let missing = |reason: String| VantageError::Secret { secret: reference.to_string(), reason };
        let value = match source {
            // One inside another is never read from a plan.
            SecretRef::OnVantage(_) => return Err(missing("it is `on: vantage` twice".to_owned())),
            SecretRef::Literal(secret) => secret.expose().to_owned(),
            SecretRef::Env(name) => self
                .environment
                .get(name)
                .map(ToOwned::to_owned)
                .ok_or_else(|| missing("the variable is not set".to_owned()))?,
            SecretRef::File(path) => read_file(path).await.map_err(missing)?,
            SecretRef::Command(argv) => run_command(argv).await.map_err(missing)?,
        };
        if value.is_empty() {
            return Err(missing("it is empty".to_owned()));
        }
        self.scrubber.learn(&value);
        Ok(Secret::new(value))
    }
}

async fn read_file(path: &Path) -> Result<String, String> {
    // Asked before opening: opening a FIFO that nobody writes to would never return.
    let metadata = tokio::fs::metadata(path).await.map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let file = tokio::fs::File::open(path).await.map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    line(bytes)
}

async fn run_command(argv: &[String]) -> Result<String, String> {
    let (program, arguments) = argv.split_first().ok_or("no program is named")?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let stdout = child.stdout.take().ok_or("its output cannot be read")?;
    let finish = async {
        let mut bytes = Vec::new();
        stdout.take(LARGEST + 1).read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
        let status = child.wait().await.map_err(|error| error.to_string())?;
        if status.success() { line(bytes) } else { Err(format!("it ended with {status}")) }
    };
    tokio::time::timeout(COMMAND_LIMIT, finish)
        .await
        .unwrap_or_else(|_| Err(format!("it did not end within {} s", COMMAND_LIMIT.as_secs())))
}

fn line(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {LARGEST} bytes"));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
