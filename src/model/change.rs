//! What is not as it was: two traces of one check side by side.

use super::cause::Change;
use super::fact::{Certificate, Fact};
use super::response::Response;
use super::trace::{Seen, Trace};

/// What is not as it was, in the order of the layers; only what both traces show is compared.
#[must_use]
pub fn changes(before: &Trace, now: &Trace) -> Vec<Change> {
    let (before, now) = (Shown::of(before), Shown::of(now));
    let pairs = before.values.into_iter().filter_map(|(what, was)| {
        let is = now.values.iter().find(|(other, _)| *other == what).map(|(_, is)| is.clone())?;
        (was != is).then_some(Change { what: what.to_owned(), before: was, now: is })
    });
    // What a shell's own commands take is not what a probe takes.
    let comparable = before.is_reduced == now.is_reduced;
    let slower = before.times.into_iter().filter(|_| comparable).filter_map(|(what, was)| {
        let (_, is) = *now.times.iter().find(|(other, _)| *other == what)?;
        is_far_longer(was, is).then(|| Change { what: what.to_owned(), before: spent(was), now: spent(is) })
    });
    pairs.chain(slower).collect()
}

/// So many times as long, and so many milliseconds more: a busy machine makes five of one, but hardly that of nothing.
fn is_far_longer(before_ms: f64, now_ms: f64) -> bool {
    const TIMES: f64 = 5.0;
    const MORE_MS: f64 = 500.0;
    now_ms >= TIMES * before_ms && now_ms - before_ms >= MORE_MS
}

fn spent(milliseconds: f64) -> String {
    if milliseconds < 1.0 {
        "under 1 ms".to_owned()
    } else if milliseconds < 1000.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.1} s", milliseconds / 1000.0)
    }
}

/// The values of a trace that stay the same from one night to the next, and its times, by name.
struct Shown {
    values: Vec<(&'static str, String)>,
    /// In milliseconds.
    times: Vec<(&'static str, f64)>,
    is_reduced: bool,
}

impl Shown {
    fn of(trace: &Trace) -> Self {
        let mut shown = Self { values: Vec::new(), times: Vec::new(), is_reduced: trace.is_reduced() };
        for observation in &trace.observations {
            if let Seen::Worked(fact) = &observation.seen {
                shown.fact(fact);
                shown.time(fact, observation.took_ms);
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

    /// How long a step took whose length says something of the target; a rest that was asked for does not.
    fn time(&mut self, fact: &Fact, took_ms: f64) {
        if matches!(fact, Fact::Resolved { by, .. } if by != "literal") {
            self.took("name lookup", took_ms);
        } else if matches!(fact, Fact::Connected { .. }) {
            self.took("connection", took_ms);
        } else if matches!(fact, Fact::Secured { .. }) {
            self.took("TLS handshake", took_ms);
        } else if matches!(fact, Fact::Matched { .. }) && self.knows("database") {
            self.took("statement", took_ms);
        }
    }

    fn response(&mut self, response: &Response) {
        self.took("first byte", response.first_byte_ms);
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
        if !value.is_empty() && !self.knows(what) {
            self.values.push((what, value));
        }
    }

    fn knows(&self, what: &str) -> bool {
        self.values.iter().any(|(known, _)| *known == what)
    }

    /// The first counts here too: what comes after a rest, or again, is on a connection that is there already.
    fn took(&mut self, what: &'static str, took_ms: f64) {
        if self.times.iter().all(|(known, _)| *known != what) {
            self.times.push((what, took_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fact::{DatabaseIdentity, Looked};
    use crate::model::layer::Layer;
    use crate::model::trace::{Ended, Observation};

    fn seen(layer: Layer, took_ms: f64, fact: Fact) -> Observation {
        Observation { layer, took_ms, address: None, seen: Seen::Worked(fact), answer: None }
    }

    fn trace(observations: Vec<Observation>) -> Trace {
        Trace { observations, ended: Ended::Complete }
    }

    fn resolved(by: &str) -> Fact {
        let addresses = vec!["192.0.2.7".parse().unwrap()];
        Fact::Resolved { name: "app2.example".to_owned(), addresses, by: by.to_owned() }
    }

    fn connected() -> Fact {
        let (address, source) = ("192.0.2.7:443".parse().unwrap(), "192.0.2.1:40000".parse().unwrap());
        Fact::Connected { address, source, attempts: Vec::new() }
    }

    fn secured() -> Fact {
        Fact::Secured {
            version: "TLSv1.3".to_owned(),
            cipher: String::new(),
            alpn: None,
            chain: Vec::new(),
            verifier: String::new(),
            client_certificate_asked: false,
            stapled: None,
        }
    }

    fn responded(first_byte_ms: f64) -> Fact {
        Fact::Responded(Box::new(Response { status: 200, first_byte_ms, ..Response::default() }))
    }

    fn matched() -> Fact {
        let values = vec![Looked { what: "rows".to_owned(), got: "1".to_owned() }];
        Fact::Matched { values, excerpt: None }
    }

    fn identified() -> Fact {
        Fact::Identified(Box::new(DatabaseIdentity { database: "orders".to_owned(), ..Default::default() }))
    }

    fn web(times: [f64; 4]) -> Trace {
        trace(vec![
            seen(Layer::Dns, times[0], resolved("getaddrinfo")),
            seen(Layer::Tcp, times[1], connected()),
            seen(Layer::Tls, times[2], secured()),
            // The body's time is none of the first byte.
            seen(Layer::Protocol, times[3] + 9000.0, responded(times[3])),
            seen(Layer::Payload, 9000.0, matched()),
        ])
    }

    fn told(before: &Trace, now: &Trace) -> Vec<String> {
        changes(before, now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_takes_far_longer_is_told_by_its_step() {
        let before = web([0.4, 1.0, 20.0, 2.0]);
        assert_eq!(
            told(&before, &web([2005.0, 1001.0, 600.0, 3000.0])),
            [
                "name lookup: was under 1 ms, is 2.0 s",
                "connection: was 1 ms, is 1.0 s",
                "TLS handshake: was 20 ms, is 600 ms",
                "first byte: was 2 ms, is 3.0 s",
            ]
        );
        assert_eq!(told(&web([2005.0; 4]), &before), [""; 0], "what is faster than it was is no trouble");
    }

    #[test]
    fn a_busy_machine_and_a_slow_target_that_was_slow_are_no_change() {
        // A hundred times as long, and nothing that anybody would notice.
        assert_eq!(told(&web([1.0; 4]), &web([500.0; 4])), [""; 0]);
        assert_eq!(told(&web([1.0; 4]), &web([501.0; 4])).len(), 4);
        // Seconds more, and less than five times as long.
        assert_eq!(told(&web([1000.0; 4]), &web([4999.0; 4])), [""; 0]);
        assert_eq!(told(&web([1000.0; 4]), &web([5000.0; 4])).len(), 4);
    }

    #[test]
    fn a_statement_is_timed_and_a_rest_is_not() {
        let database = |took_ms, idle_ms, again_ms| {
            trace(vec![
                seen(Layer::Auth, 1.0, identified()),
                seen(Layer::Payload, took_ms, matched()),
                seen(Layer::Payload, idle_ms, Fact::Idled { idle_ms }),
                seen(Layer::Payload, again_ms, matched()),
            ])
        };
        let before = database(3.0, 1000.0, 3.0);
        assert_eq!(told(&before, &database(1503.0, 1000.0, 3.0)), ["statement: was 3 ms, is 1.5 s"]);
        assert_eq!(told(&before, &database(3.0, 60_000.0, 900.0)), [""; 0]);
    }

    #[test]
    fn times_of_other_things_are_not_compared() {
        let literal = |took_ms| trace(vec![seen(Layer::Dns, took_ms, resolved("literal"))]);
        assert_eq!(told(&literal(0.0), &literal(900.0)), [""; 0]);
        // What an HTTP check makes of a body is our own time.
        let body = |took_ms| trace(vec![seen(Layer::Payload, took_ms, matched())]);
        assert_eq!(told(&body(0.0), &body(900.0)), [""; 0]);
        let from = |reduced: Option<&str>| Fact::LookedFrom {
            host: "app1".to_owned(),
            user: "app".to_owned(),
            version: String::new(),
            clock_offset_ms: 0,
            of_set: None,
            reduced: reduced.map(ToOwned::to_owned),
        };
        let far = |reduced, took_ms| {
            trace(vec![seen(Layer::Vantage, 0.0, from(reduced)), seen(Layer::Tcp, took_ms, connected())])
        };
        assert_eq!(told(&far(None, 1.0), &far(Some("no room"), 900.0)), [""; 0]);
        assert_eq!(told(&far(None, 1.0), &far(None, 900.0)), ["connection: was 1 ms, is 900 ms"]);
    }
}
