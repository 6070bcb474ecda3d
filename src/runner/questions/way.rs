//! What else is asked about the way: the same call in small and in large packets, and again where a connection was slow.

use indexmap::IndexMap;

use super::{AGAIN, Asked, Question, connected};
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::trace::{Seen, Trace};
use crate::probe::Spec;
use crate::probe::http::Http;
use crate::probe::http::fields::Text;

/// Bytes of a header that no packet of 1,280 bytes, which every way of IPv6 carries (RFC 8200 section 5), has room for.
const LARGE: usize = 1400;

impl Asked<'_> {
    /// Of a call that was made and not answered: HEAD alone, and with a header that fills a packet.
    pub(super) fn small_and_large(&mut self, layer: Layer, fault: &Fault) {
        let Spec::Http(http) = self.probe else { return };
        if !matches!(fault, Fault::TimedOut { .. }) || layer < Layer::Protocol {
            return;
        }
        let head = Http {
            method: Some("HEAD".to_owned()),
            body: None,
            json: None,
            redirects: 0,
            repeat: 1,
            record_body: false,
            expect: None,
            ..(**http).clone()
        };
        let mut headers: IndexMap<String, Text> = head.headers.clone();
        headers.insert("x-padding".to_owned(), Text::Plain("x".repeat(LARGE)));
        let large = Http { headers, ..head.clone() };
        for (way, probe) in [("small", head), ("large", large)] {
            let question = Question::Otherwise { way: way.to_owned() };
            self.push(question, self.vantage, Some(Spec::Http(Box::new(probe))));
        }
    }

    /// Of a check that passed slowly: the same again, and from elsewhere.
    pub(super) fn slow_way(&mut self, trace: &Trace) {
        if waited_for_connection(trace) {
            self.again(AGAIN);
        } else if waited_for_body(trace) {
            self.again(1);
            self.elsewhere();
        }
    }
}

/// Whether a connection took the time of a SYN that is sent again.
pub(super) fn waited_for_connection(trace: &Trace) -> bool {
    const SLOW_MS: f64 = 900.0;
    trace.observations.iter().any(|seen| match &seen.seen {
        Seen::Worked(Fact::Connected { attempts, .. }) => {
            attempts.iter().any(|attempt| attempt.error.is_none() && attempt.took_ms >= SLOW_MS)
        }
        Seen::Worked(_) | Seen::Broke(_) => false,
    })
}

/// Whether the body took long after the head had come.
pub(super) fn waited_for_body(trace: &Trace) -> bool {
    const SLOW_MS: f64 = 1000.0;
    trace.observations.iter().any(|seen| match &seen.seen {
        Seen::Worked(Fact::Responded(response)) => seen.took_ms - response.first_byte_ms >= SLOW_MS,
        Seen::Worked(_) | Seen::Broke(_) => false,
    })
}

/// Whether a name leads to other addresses than the one that was connected before.
pub(super) fn has_moved(before: &Trace, now: &Trace) -> bool {
    let resolved = now.observations.iter().find_map(|seen| match &seen.seen {
        Seen::Worked(Fact::Resolved { addresses, by, .. }) if by != "literal" => Some(addresses),
        Seen::Worked(_) | Seen::Broke(_) => None,
    });
    resolved.is_some_and(|now| connected(before).any(|was| !now.contains(&was.ip())))
}
