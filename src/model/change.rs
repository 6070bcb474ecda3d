//! What is not as it was: two traces of one check side by side.

use super::cause::Change;
use super::fact::{Certificate, Fact};
use super::response::Response;
use super::trace::{Seen, Trace};

/// What is not as it was, in the order of the layers; only what both traces show is compared.
#[must_use]
pub fn changes(before: &Trace, now: &Trace) -> Vec<Change> {
    let (before, now) = (Shown::of(before), Shown::of(now));
    let pairs = before.0.into_iter().filter_map(|(what, was)| {
        let is = now.0.iter().find(|(other, _)| *other == what).map(|(_, is)| is.clone())?;
        (was != is).then_some(Change { what: what.to_owned(), before: was, now: is })
    });
    pairs.collect()
}

/// The values of a trace that stay the same from one night to the next, by name.
struct Shown(Vec<(&'static str, String)>);

impl Shown {
    fn of(trace: &Trace) -> Self {
        let mut shown = Self(Vec::new());
        for observation in &trace.observations {
            if let Seen::Worked(fact) = &observation.seen {
                shown.fact(fact);
            }
            if let Some(answer) = &observation.answer {
                shown.response(answer);
            }
        }
        shown
    }

    fn fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Resolved { addresses, by, .. } if by != "literal" => {
                let mut addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                addresses.sort_unstable();
                self.add("addresses", addresses.join(", "));
            }
            Fact::Routed { source, .. } => self.add("source address", source.to_string()),
            Fact::Secured { version, chain, .. } => {
                self.add("TLS version", version.clone());
                self.certificate(chain);
            }
            Fact::Responded(response) => self.response(response),
            Fact::Identified(identity) => {
                let system = identity.system_identifier.clone();
                self.add("server address", identity.server_address.clone().unwrap_or_default());
                self.add("system identifier", system.unwrap_or_default());
                self.add("database", identity.database.clone());
                self.add("in recovery", identity.in_recovery.to_string());
                self.add("read only", identity.read_only.to_string());
                self.add("server version", identity.version.clone());
            }
            // Values that change by themselves, or that say nothing beside those above.
            Fact::Resolved { .. }
            | Fact::Answered { .. }
            | Fact::Proxied { .. }
            | Fact::Chosen { .. }
            | Fact::Sent { .. }
            | Fact::Connected { .. }
            | Fact::ConnectedLocally { .. }
            | Fact::Clear { .. }
            | Fact::Idled { .. }
            | Fact::Greeted { .. }
            | Fact::Admitted { .. }
            | Fact::Matched { .. }
            | Fact::Started { .. }
            | Fact::Exited { .. }
            | Fact::LookedFrom { .. }
            | Fact::Names(_)
            | Fact::Listening(_)
            | Fact::Sockets(_)
            | Fact::Behind { .. }
            | Fact::Catalog(_)
            | Fact::Read { .. }
            | Fact::Stepped { .. }
            | Fact::Recorded { .. }
            | Fact::Permitted { .. }
            | Fact::Unknown => {}
        }
    }

    fn response(&mut self, response: &Response) {
        self.add("status", response.status.to_string());
        self.add("HTTP version", response.version.clone());
        for (name, label) in
            [("server", "server header"), ("via", "via header"), ("content-type", "content type")]
        {
            self.add(label, response.header(name).unwrap_or_default().to_owned());
        }
        let mut keys = response.body.as_ref().map(|body| body.keys.clone()).unwrap_or_default();
        keys.sort_unstable();
        self.add("body keys", keys.join(", "));
        let endpoints = response.body.as_ref().map(|body| body.endpoints.join(", "));
        self.add("addresses in the WSDL", endpoints.unwrap_or_default());
    }

    fn certificate(&mut self, chain: &[Certificate]) {
        if let Some(leaf) = chain.first() {
            self.add("certificate", format!("{} (sha256 {:.16})", leaf.subject, leaf.sha256));
            self.add("certificate issuer", leaf.issuer.clone());
        }
    }

    /// The first of a name counts: a probe may carry several addresses through its layers.
    fn add(&mut self, what: &'static str, value: String) {
        if !value.is_empty() && self.0.iter().all(|(known, _)| *known != what) {
            self.0.push((what, value));
        }
    }
}
