//! `dns`: a name, its records, and which server says so.

use std::net::SocketAddr;

use hickory_resolver::proto::rr::RecordType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Probe, Problem, Recorder, Stop, Surroundings, Trouble};
use crate::matcher::Matcher;
use crate::model::fact::{Fact, Record};
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::net::nameserver;
use crate::net::resolve::{self, RESOLVE_LIMIT, literal};

/// A name to resolve.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// The name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The record type, such as `MX`; without it, and without `server`, what applications of this host would get.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub record_type: Option<String>,
    /// A name server's address, with a port when it is not 53.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What has to be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

/// What has to be answered.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The records' data, such as addresses, as a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Matcher>,
    /// How many records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Matcher>,
    /// The least time to live, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Matcher>,
}

impl Dns {
    fn record_type(&self) -> Result<RecordType, String> {
        let Some(text) = &self.record_type else { return Ok(RecordType::A) };
        let known: Result<RecordType, _> = text.to_ascii_uppercase().parse();
        known.ok().filter(|known| !known.is_zero() && *known != RecordType::ANY).ok_or_else(|| format!("`{text}` is not a record type"))
    }

    fn server(&self) -> Result<Option<SocketAddr>, String> {
        /// RFC 1035 section 4.2.
        const DOMAIN: u16 = 53;
        let Some(text) = &self.server else { return Ok(None) };
        if let Some(address) = literal(text) {
            return Ok(Some(SocketAddr::new(address, DOMAIN)));
        }
        text.parse().map(Some).map_err(|_| format!("`{text}` is not the address of a name server"))
    }

    /// What applications get has neither types nor times to live: those need a name server.
    fn asks_server(&self) -> bool {
        self.record_type.is_some()
            || self.server.is_some()
            || self.expect.as_ref().is_some_and(|expect| expect.ttl.is_some())
    }

    async fn look(&self) -> Result<(Fact, ()), Trouble> {
        let setting = |setting: &str, reason| VantageError::Setting { setting: setting.to_owned(), reason };
        let (fact, answers, ttl) = if self.asks_server() {
            let record_type = self.record_type().map_err(|reason| setting("type", reason))?;
            let server = self.server().map_err(|reason| setting("server", reason))?;
            let (fact, records) = nameserver::query(&self.name, record_type, server).await?;
            let asked: Vec<&Record> =
                records.iter().filter(|record| record.record_type == record_type.to_string()).collect();
            let ttl = asked.iter().map(|record| record.ttl).min();
            let answers: Vec<String> = asked.iter().map(|record| record.data.clone()).collect();
            if answers.is_empty() {
                let (name, record_type) = (self.name.clone(), record_type.to_string());
                let by = server.map_or_else(|| "the name server".to_owned(), |server| server.to_string());
                return Err(Fault::NoRecord { name, record_type, by }.into());
            }
            (fact, answers, ttl)
        } else {
            let (fact, addresses) = resolve::resolve(&self.name).await?;
            (fact, addresses.iter().map(ToString::to_string).collect(), None)
        };
        let mismatches = self.expect.as_ref().map(|expect| expect.mismatches(&answers, ttl)).unwrap_or_default();
        if mismatches.is_empty() {
            return Ok((fact, ()));
        }
        Err(Fault::Mismatch { mismatches, excerpt: None }.into())
    }
}

impl Expect {
    fn parts(&self) -> [(&'static str, Option<&Matcher>); 3] {
        [("answers", self.answers.as_ref()), ("count", self.count.as_ref()), ("ttl", self.ttl.as_ref())]
    }

    /// What differs. `ttl` is the least time to live, in seconds.
    pub(crate) fn mismatches(&self, answers: &[String], ttl: Option<u32>) -> Vec<crate::model::fault::Mismatch> {
        let got = [Some(Value::from(answers)), Some(Value::from(answers.len())), ttl.map(Value::from)];
        self.parts()
            .into_iter()
            .zip(got)
            .filter_map(|((what, matcher), got)| matcher?.mismatch(what, got.as_ref()))
            .collect()
    }
}

impl Probe for Dns {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Dns]
    }

    fn target(&self) -> String {
        let record_type = self.record_type.as_ref().map(|text| format!(" {text}")).unwrap_or_default();
        let server = self.server.as_ref().map(|text| format!(" at {text}")).unwrap_or_default();
        format!("{}{record_type}{server}", self.name)
    }

    fn endpoint(&self) -> String {
        self.server.clone().unwrap_or_else(|| "name servers".to_owned())
    }

    fn bind(&mut self, _: &Surroundings<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.name.is_empty() {
            problems.push(Problem::at("name", "the name is empty"));
        }
        if let Err(wrong) = self.record_type() {
            problems.push(Problem::at("type", wrong).help("such as A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT"));
        }
        if let Err(wrong) = self.server() {
            problems.push(Problem::at("server", wrong).help("write an IP address, with a port when it is not 53"));
        }
        if let Some(expect) = &self.expect {
            if expect.parts().iter().all(|(_, matcher)| matcher.is_none()) {
                problems.push(Problem::at("expect", "this expectation asserts nothing"));
            }
            for (key, matcher) in expect.parts() {
                if matcher.is_some_and(Matcher::asserts_nothing) {
                    problems.push(Problem::at(&format!("expect.{key}"), "this expectation asserts nothing"));
                }
            }
        }
        problems
    }

    fn harmless(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("resolve {}", self.target())]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        recorder.layer(Layer::Dns, RESOLVE_LIMIT, "answer to the query", self.look()).await
    }
}

#[cfg(test)]
mod tests;
