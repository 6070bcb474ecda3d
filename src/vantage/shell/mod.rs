//! The reduced look: where our program cannot be placed, a shell's own means (`getent`, bash's `/dev/tcp`, `openssl s_client`,
//! `curl`) answer with the layers that they can see. What they cannot answer is an error, never a pass.

mod call;
mod said;
mod steps;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

use super::place::Way;
use crate::model::fact::Fact;
use crate::model::layer::Layer;
use crate::model::trace::{Trace, VantageError};
use crate::net::Net;
use crate::probe::{Context, Recorder, Spec, Stop};
use crate::secret::{SecretRef, Vault, referred};

/// Who it is, as far as it can tell; the time has whole seconds only.
const GREET: &str = r#"printf '\ngonogo/1 host %s\n' "$(uname -n 2>/dev/null)"
printf 'gonogo/1 user %s\n' "$(id -un 2>/dev/null || id -u 2>/dev/null || echo unknown)"
printf 'gonogo/1 now %s\n' "$(date +%s 2>/dev/null)""#;

/// A vantage that has a shell, and no place for our program.
#[derive(Debug)]
pub(super) struct Shell {
    id: String,
    way: Way,
    context: Context,
    pub(super) host: String,
    pub(super) user: String,
    /// Its clock, less ours, in milliseconds, to about a second.
    pub(super) clock_offset_ms: i64,
    /// Why our program is not there.
    pub(super) reason: String,
}

/// One look in progress.
struct Looking<'a> {
    shell: &'a Shell,
    recorder: &'a mut Recorder,
}

impl Shell {
    /// Ask who it is. `reason` tells why our program is not there.
    ///
    /// # Errors
    /// When no shell answers.
    pub(super) async fn greet(
        id: String,
        way: Way,
        vault: Arc<Vault>,
        reason: String,
    ) -> Result<Self, String> {
        let asked = Instant::now();
        let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ran = way.run(&["sh", "-c", GREET], None).await?;
        let ours = i64::try_from((ours + asked.elapsed() / 2).as_millis()).unwrap_or(i64::MAX);
        let told = |name: &str| ran.value(name).unwrap_or_default().to_owned();
        let Some(host) = ran.value("host") else {
            return Err(way.no_shell(&ran));
        };
        let context = Context { vault, environment: Arc::default(), net: Arc::new(Net::default()) };
        // One that cannot tell the time is taken to have ours.
        let theirs = told("now").parse::<i64>().map(|now| now.saturating_mul(1000).saturating_add(500));
        let clock_offset_ms = theirs.map_or(0, |theirs| theirs.saturating_sub(ours));
        Ok(Self { id, host: host.to_owned(), user: told("user"), clock_offset_ms, reason, way, context })
    }

    /// Look once, as far as a shell can see; comes back in any case.
    pub(super) async fn look(
        &self,
        probe: &Spec,
        limit: Duration,
        began: Instant,
        cancel: &CancellationToken,
    ) -> Trace {
        let mut recorder = Recorder::new(self.context.clone(), limit, cancel.clone());
        let fact = Fact::LookedFrom {
            host: self.host.clone(),
            user: self.user.clone(),
            version: String::new(),
            clock_offset_ms: self.clock_offset_ms,
            of_set: None,
            reduced: Some(self.reason.clone()),
        };
        recorder.worked(Layer::Vantage, began.elapsed(), fact);
        let mut looking = Looking { shell: self, recorder: &mut recorder };
        let result = looking.probe(probe).await;
        recorder.finish(result)
    }

    /// We could not look: what a shell cannot answer, and why our program could not be asked.
    fn cannot(&self, what: &str) -> Stop {
        let reason = format!("{what}; our program is not there: {}", self.reason);
        let reason = self.context.vault.scrubber().text(&reason).into_owned();
        Stop::Blind(VantageError::Unusable { vantage: self.id.clone(), reason })
    }

    fn lost(&self, reason: &str) -> Stop {
        let reason = self.context.vault.scrubber().text(reason).into_owned();
        Stop::Blind(VantageError::Lost { vantage: self.id.clone(), reason })
    }
}

impl Looking<'_> {
    async fn probe(&mut self, probe: &Spec) -> Result<(), Stop> {
        if referred(probe).iter().any(SecretRef::is_on_vantage) {
            return Err(self.shell.cannot("a shell cannot keep a secret that is there to itself"));
        }
        match probe {
            Spec::Dns(dns) => self.dns(dns).await,
            Spec::Tcp(tcp) => self.tcp(tcp).await,
            Spec::Tls(tls) => self.tls(tls).await,
            Spec::Http(http) => self.http(http).await,
            Spec::Command(_)
            | Spec::Config(_)
            | Spec::Flow(_)
            | Spec::Grants(_)
            | Spec::Manual(_)
            | Spec::Postgres(_)
            | Spec::Behind(_)
            | Spec::Held(_)
            | Spec::Hello(_)
            | Spec::Catalog(_)
            | Spec::Listeners(_)
            | Spec::Names(_)
            | Spec::Relogin(_)
            | Spec::Sockets(_) => {
                let kind = probe.kind();
                Err(self.shell.cannot(&format!("shell commands alone cannot answer a `{kind}` check")))
            }
        }
    }

    /// Refuse the first of these fields that is used: what a shell cannot do is not left out.
    fn refuse(&self, fields: &[(&str, bool)]) -> Result<(), Stop> {
        match fields.iter().find(|(_, used)| *used) {
            Some((field, _)) => {
                Err(self.shell.cannot(&format!("shell commands alone cannot do what `{field}` asks")))
            }
            None => Ok(()),
        }
    }

    fn broke(&mut self, layer: Layer, began: Instant, fault: crate::model::fault::Fault) -> Stop {
        self.recorder.broke(layer, began.elapsed(), fault)
    }
}

/// Milliseconds of a limit.
fn limit_ms(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
}
