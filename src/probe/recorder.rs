//! Times, limits, cancels and records the layers of one probe, in one place.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::response::Response;
use crate::model::trace::{Ended, Observation, Seen, Trace, Trouble, VantageError};
use crate::net::Context;
use crate::secret::{Secret, SecretRef, Text};

/// Why a probe goes no further. What happened is already recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// A layer broke.
    Broke,
    /// We could not look.
    Blind(VantageError),
    /// We were told to stop.
    Cancelled,
}

impl From<VantageError> for Stop {
    fn from(error: VantageError) -> Self {
        Self::Blind(error)
    }
}

/// The trace of one probe in the making.
#[derive(Debug)]
pub struct Recorder {
    context: Context,
    observations: Vec<Observation>,
    address: Option<SocketAddr>,
    deadline: Instant,
    cancel: CancellationToken,
}

impl Recorder {
    /// A recorder for one probe that has to end within `timeout`.
    #[must_use]
    pub fn new(context: Context, timeout: Duration, cancel: CancellationToken) -> Self {
        let deadline = Instant::now() + timeout;
        Self { context, observations: Vec::with_capacity(6), address: None, deadline, cancel }
    }

    /// What every probe of the run shares.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Time left until the check's own limit.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// A recorder for one of several ways that are tried until one works: same limits, no observations yet.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            context: self.context.clone(),
            observations: Vec::with_capacity(6),
            address: None,
            deadline: self.deadline,
            cancel: self.cancel.clone(),
        }
    }

    /// Take over what a fork observed.
    pub fn adopt(&mut self, fork: Self) {
        self.observations.extend(fork.observations);
    }

    /// The fault that broke this recorder's last layer, if one did.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self.observations.last().map(|last| &last.seen) {
            Some(Seen::Broke(fault)) => Some(fault),
            Some(Seen::Worked(_)) | None => None,
        }
    }

    /// From here on, observations are about this address.
    pub fn about(&mut self, address: Option<SocketAddr>) {
        self.address = address;
    }

    /// Do one step of a layer within its limit, time it and record what it shows.
    ///
    /// # Errors
    /// `Stop`, once the fault, if it was one, is recorded.
    pub async fn layer<T>(
        &mut self,
        layer: Layer,
        limit: Duration,
        waiting_for: &str,
        step: impl Future<Output = Result<(Fact, T), Trouble>>,
    ) -> Result<T, Stop> {
        let limit = limit.min(self.remaining());
        let began = Instant::now();
        let ended = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Stop::Cancelled),
            ended = tokio::time::timeout(limit, step) => ended,
        };
        let took = began.elapsed();
        match ended {
            Ok(Ok((fact, value))) => {
                self.worked(layer, took, fact);
                Ok(value)
            }
            Ok(Err(Trouble::Fault(fault))) => Err(self.broke(layer, took, fault)),
            Ok(Err(Trouble::Blind(error))) => Err(Stop::Blind(error)),
            Err(_) => {
                let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                let fault = Fault::TimedOut { waiting_for: waiting_for.to_owned(), limit_ms };
                Err(self.broke(layer, took, fault))
            }
        }
    }

    /// Wait for something that has its own limits and whose layers are recorded after it.
    ///
    /// # Errors
    /// `Stop::Cancelled` when we are told to stop.
    pub async fn waiting<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stop::Cancelled),
            done = work => Ok(done),
        }
    }

    /// Record that a layer worked.
    pub fn worked(&mut self, layer: Layer, took: Duration, fact: Fact) {
        self.push(layer, took, Seen::Worked(fact));
    }

    /// Record what was seen on the way to the last observation, before it.
    pub fn worked_before(&mut self, layer: Layer, fact: Fact) {
        let last = self.observations.pop();
        self.push(layer, Duration::ZERO, Seen::Worked(fact));
        self.observations.extend(last);
    }

    /// Record that a layer broke; the `Stop` is for `return Err(...)`.
    pub fn broke(&mut self, layer: Layer, took: Duration, fault: Fault) -> Stop {
        self.push(layer, took, Seen::Broke(fault));
        Stop::Broke
    }

    /// The answer that broke the layer that was recorded last.
    pub fn answered(&mut self, answer: Response) {
        if let Some(last) = self.observations.last_mut() {
            last.answer = Some(Box::new(answer));
        }
    }

    /// A secret's value, found at the last moment.
    ///
    /// # Errors
    /// `Stop::Blind` when it cannot be had, `Stop::Cancelled` when we are told to stop meanwhile.
    pub async fn secret(&self, reference: &SecretRef) -> Result<Secret, Stop> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stop::Cancelled),
            found = tokio::time::timeout(self.remaining(), self.context.vault.get(reference)) => match found {
                Ok(found) => found.map_err(Stop::Blind),
                Err(_) => Err(Stop::Blind(VantageError::Secret {
                    secret: reference.to_string(),
                    reason: "it did not come within the check's timeout".to_owned(),
                })),
            },
        }
    }

    /// A text of the plan, with its secret found at the last moment when it is one.
    ///
    /// # Errors
    /// Those of [`Self::secret`].
    pub async fn text(&self, text: &Text) -> Result<String, Stop> {
        match text {
            Text::Plain(text) => Ok(text.clone()),
            Text::Secret(reference) => Ok(self.secret(reference).await?.expose().to_owned()),
        }
    }

    /// The first bytes of what a peer sent, with every known secret starred.
    #[must_use]
    pub fn excerpt(&self, bytes: &[u8]) -> String {
        /// Bytes of a body or banner kept in a trace.
        const EXCERPT: usize = 2048;
        self.context.vault.scrubber().excerpt(bytes, EXCERPT)
    }

    /// The trace, scrubbed of every known secret.
    #[must_use]
    pub fn finish(self, result: Result<(), Stop>) -> Trace {
        let ended = match result {
            Ok(()) | Err(Stop::Broke) => Ended::Complete,
            Err(Stop::Blind(error)) => Ended::Blind(error),
            Err(Stop::Cancelled) => Ended::Cancelled,
        };
        let trace = Trace { observations: self.observations, ended };
        self.context.vault.scrubber().value(trace).unwrap_or_else(|error| {
            Trace::blind(VantageError::Internal { reason: format!("the trace cannot be scrubbed: {error}") })
        })
    }

    fn push(&mut self, layer: Layer, took: Duration, seen: Seen) {
        let took_ms = clock::milliseconds(took);
        self.observations.push(Observation { layer, took_ms, address: self.address, seen, answer: None });
    }
}
