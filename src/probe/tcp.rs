//! `tcp`: a port that answers, and what it says.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::address::{HostPort, host_port};
use super::reach::{Addresses, reach, reach_all};
use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::matcher::Matcher;
use crate::model::fact::{Fact, Looked};
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::net::connect::Connection;
use crate::net::os_error::broken;

/// Bytes of a banner we read.
const LONGEST_BANNER: usize = 4096;
/// The longest a banner is waited for.
const BANNER_LIMIT: Duration = Duration::from_secs(5);

/// A TCP port.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tcp {
    /// `host:port`; an IPv6 address stands in brackets.
    pub address: String,
    /// Text to send once connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<String>,
    /// Carry the first address that answers, or every one.
    #[serde(default)]
    pub addresses: Addresses,
    /// What has to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

/// What a port has to say.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What it says first, or after `send`; read until it matches, the peer closes, or 4 KiB came. With a `not` in it,
    /// at least to the end of the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner: Option<Matcher>,
}

impl Tcp {
    fn banner(&self) -> Option<&Matcher> {
        self.expect.as_ref()?.banner.as_ref()
    }

    async fn talk(&self, recorder: &mut Recorder, mut connection: Connection) -> Result<(), Stop> {
        if self.send.is_none() && self.banner().is_none() {
            recorder.worked(Layer::Payload, Duration::ZERO, Fact::Matched { values: Vec::new(), excerpt: None });
            return Ok(());
        }
        let began = Instant::now();
        let limit = BANNER_LIMIT.min(recorder.remaining());
        let mut heard = Vec::new();
        let talked = recorder.waiting(tokio::time::timeout(limit, self.hear(&mut connection, &mut heard))).await?;
        let took = began.elapsed();
        let said = String::from_utf8_lossy(&heard).into_owned();
        let fault = match (talked, self.banner()) {
            (Ok(Err(_)) | Err(_), Some(banner)) if !heard.is_empty() => mismatch(recorder, banner, &said),
            (Ok(Ok(())), Some(banner)) => mismatch(recorder, banner, &said),
            (Ok(Err(fault)), _) => Some(fault),
            (Err(_), _) => {
                let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                Some(Fault::TimedOut { waiting_for: "banner".to_owned(), limit_ms })
            }
            (Ok(Ok(())), None) => None,
        };
        if let Some(fault) = fault {
            return Err(recorder.broke(Layer::Payload, took, fault));
        }
        let banner = Looked { what: "banner".to_owned(), got: recorder.excerpt(&heard) };
        let values = if self.banner().is_some() { vec![banner] } else { Vec::new() };
        recorder.worked(Layer::Payload, took, Fact::Matched { values, excerpt: None });
        Ok(())
    }

    /// Send, then read until the banner matches, the peer closes or enough came.
    async fn hear(&self, connection: &mut Connection, heard: &mut Vec<u8>) -> Result<(), Fault> {
        const WAITING: &str = "banner";
        let stream = &mut connection.stream;
        if let Some(send) = &self.send {
            stream.write_all(send.as_bytes()).await.map_err(|error| broken(&error, WAITING, 0))?;
        }
        let Some(banner) = self.banner() else { return Ok(()) };
        let mut chunk = [0; 1024];
        while heard.len() < LONGEST_BANNER {
            let read = stream.read(&mut chunk).await.map_err(|error| broken(&error, WAITING, heard.len() as u64))?;
            if read == 0 && heard.is_empty() {
                return Err(Fault::ClosedEarly { waiting_for: WAITING.to_owned(), received: 0 });
            }
            let room = LONGEST_BANNER - heard.len();
            heard.extend_from_slice(chunk.get(..read.min(room)).unwrap_or_default());
            // What must not be said may still come: that is judged when the line, or the wait, has ended.
            let may_come = banner.forbids() && !heard.ends_with(b"\n");
            if read == 0 || (!may_come && holds(banner, &String::from_utf8_lossy(heard))) {
                break;
            }
        }
        Ok(())
    }
}

/// The banner with or without its line break: people write it without, and mean it so where they forbid something.
fn holds(banner: &Matcher, said: &str) -> bool {
    let as_text = |text: &str| banner.holds(Some(&Value::from(text)));
    as_text(said.trim_end_matches(['\r', '\n'])) || (!banner.forbids() && as_text(said))
}

fn mismatch(recorder: &Recorder, banner: &Matcher, said: &str) -> Option<Fault> {
    if holds(banner, said) {
        return None;
    }
    let line = said.trim_end_matches(['\r', '\n']);
    let found = banner.mismatch("banner", Some(&Value::from(line)))?;
    let excerpt = Some(recorder.excerpt(said.as_bytes()));
    Some(Fault::Mismatch { mismatches: vec![found], excerpt })
}

impl Probe for Tcp {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Dns, Layer::Route, Layer::Tcp, Layer::Payload]
    }

    fn target(&self) -> String {
        self.address.clone()
    }

    fn bind(&mut self, _: &Surroundings<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Err(wrong) = host_port(&self.address) {
            problems.push(Problem::at("address", wrong).help("write it as `host:port` or `[v6]:port`"));
        }
        if let Some(expect) = &self.expect {
            match &expect.banner {
                None => problems.push(Problem::at("expect", "this expectation asserts nothing")),
                Some(banner) if banner.asserts_nothing() => {
                    problems.push(Problem::at("expect.banner", "this expectation asserts nothing"));
                }
                Some(_) => {}
            }
        }
        problems
    }

    fn harmless(&self) -> Option<Self> {
        (self.send.is_none()).then(|| self.clone())
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("connect {}", self.address)]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let HostPort { host, port } = address(&self.address)?;
        match self.addresses {
            Addresses::First => {
                let connection = reach(recorder, &host, port).await?;
                self.talk(recorder, connection).await
            }
            Addresses::All => {
                let (connections, mut broken) = reach_all(recorder, &host, port).await?;
                for connection in connections {
                    recorder.about(Some(connection.address));
                    match self.talk(recorder, connection).await {
                        Ok(()) => {}
                        Err(Stop::Broke) => broken += 1,
                        Err(stop) => return Err(stop),
                    }
                }
                recorder.about(None);
                if broken == 0 { Ok(()) } else { Err(Stop::Broke) }
            }
        }
    }
}

/// The address of a probe that was bound; one that was not is our own defect.
pub(super) fn address(text: &str) -> Result<HostPort, VantageError> {
    host_port(text).map_err(|reason| VantageError::Setting { setting: "address".to_owned(), reason })
}

#[cfg(test)]
mod tests;
