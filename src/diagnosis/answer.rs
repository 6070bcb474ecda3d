//! What a server answered that was not what was asked for, and what other answers prove of it.

use super::evidence::{Evidence, Place, facts, listed};
use super::registry::Ruling;
use crate::model::cause::{Cause, Confidence};
use crate::model::fact::Fact;
use crate::model::fault::{Fault, Mismatch};
use crate::model::host::{Behind, BehindSaid};
use crate::model::layer::Layer;
use crate::model::response::{Body, BodyKind, Response, Sent};
use crate::model::trace::{Seen, Trace};

/// An answer that broke a check.
pub(super) struct Answer<'a> {
    pub(super) evidence: &'a Evidence<'a>,
    pub(super) layer: Layer,
    pub(super) fault: &'a Fault,
    pub(super) response: &'a Response,
    /// The beginning of its body, on one line.
    pub(super) said: String,
    /// The same in small letters.
    pub(super) text: String,
}

impl<'a> Answer<'a> {
    /// The answer that broke the check; none when none came.
    pub(super) fn of(evidence: &'a Evidence<'a>) -> Option<Self> {
        let (layer, fault) = evidence.broken().filter(|(layer, _)| *layer >= Layer::Protocol)?;
        let response = response(evidence.trace).filter(|response| !is_of_forward_proxy(response))?;
        let said = said(fault, response);
        Some(Self { evidence, layer, fault, response, text: said.to_lowercase(), said })
    }

    /// The same, when every call from this place is answered so.
    pub(super) fn steady(evidence: &'a Evidence<'a>) -> Option<Self> {
        Self::of(evidence).filter(|answer| calls(answer.evidence).is_none())
    }

    /// The same, when it has this status.
    pub(super) fn with_status(evidence: &'a Evidence<'a>, wanted: &[u16]) -> Option<Self> {
        Self::steady(evidence).filter(|answer| wanted.contains(&answer.response.status))
    }

    /// Whether its text has any of these.
    pub(super) fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.text.contains(word))
    }

    /// A body of this kind.
    pub(super) fn is(&self, kind: BodyKind) -> bool {
        self.response.body.as_ref().is_some_and(|body| body.kind == kind)
    }

    /// Its body, read as JSON.
    pub(super) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.text).ok()
    }

    /// What was asked.
    pub(super) fn sent(&self) -> Option<&'a Sent> {
        self.response.sent.as_ref()
    }

    /// Whether the request had a header of this name.
    pub(super) fn has_sent(&self, name: &str) -> bool {
        self.sent().is_some_and(|sent| sent.headers.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Each value that differs from what was expected.
    pub(super) fn mismatches(&self) -> &'a [Mismatch] {
        if let Fault::Mismatch { mismatches, .. } = self.fault { mismatches } else { &[] }
    }

    /// What was seen, in words.
    pub(super) fn seen(&self) -> String {
        let status = self.response.status;
        let by = match self.response.header("server") {
            Some(server) => format!(" (Server: {server})"),
            None => String::new(),
        };
        if self.layer == Layer::Protocol && self.mismatches().iter().any(|one| one.what == "status") {
            return format!("answered {status}{by} after {:.0} ms", self.response.first_byte_ms);
        }
        if self.layer == Layer::Auth {
            return format!("{}{by}", self.fault);
        }
        format!("{}, in an answer {status}{by}", self.fault)
    }

    /// The first words of its body, quoted; of a page its title.
    pub(super) fn words(&self) -> String {
        /// Letters of a body that are told.
        const MOST: usize = 200;
        let title = self.response.body.as_ref().and_then(|body| body.title.as_deref());
        let whole = title.unwrap_or(&self.said);
        let words: String = whole.chars().take(MOST).collect();
        let cut = if words.len() < whole.len() { "..." } else { "" };
        format!("\"{words}{cut}\"")
    }

    /// The same, with what the answer says.
    pub(super) fn quote(&self, cause: &'static Cause) -> Ruling {
        let ruling = self.tell(cause);
        if self.said.is_empty() { ruling } else { ruling.saying(&format!("It says {}.", self.words())) }
    }

    /// A ruling with what other places and the baseline say of it.
    pub(super) fn tell(&self, cause: &'static Cause) -> Ruling {
        let ruling = Ruling::new(cause, self.layer, self.seen());
        contrasted(self.evidence, ruling)
    }
}

impl Ruling {
    /// With a sentence before the contrast.
    pub(super) fn saying(mut self, said: &str) -> Self {
        let words = [said, &self.contrast].into_iter().filter(|words| !words.is_empty());
        self.contrast = words.collect::<Vec<_>>().join(" ");
        self
    }
}

/// With what the baseline and other places show; surer when a place or a time is known where all was well.
pub(super) fn contrasted(evidence: &Evidence<'_>, ruling: Ruling) -> Ruling {
    let mut proofs: Vec<String> = Vec::new();
    if let Some(was) = before(evidence) {
        proofs.push(format!("Before: {} in {:.0} ms.", was.status, was.first_byte_ms));
    }
    let same: Vec<&str> =
        evidence.elsewhere().filter(|place| is_same(evidence, place)).map(|place| place.name()).collect();
    if !same.is_empty() {
        proofs.push(format!("It is the same from {}.", listed(same.iter().copied())));
    }
    let well = well(evidence);
    if let Some(place) = &well {
        proofs.push(format!("From {} all is well.", place.name()));
    }
    let proof = proofs.join(" ");
    match (before(evidence).is_some() || well.is_some(), same.is_empty()) {
        (true, _) => ruling.proved(proof),
        (false, false) => ruling.because(proof),
        (false, true) => ruling
            .because("There is no baseline in which all was well, and no other place shows the same.")
            .sure(Confidence::Low)
            .next("record a baseline while all is well: gonogo baseline"),
    }
}

/// Whether the same broke in the same way from this place.
fn is_same(evidence: &Evidence<'_>, place: &Place<'_>) -> bool {
    let alike = |one: &Fault, other: &Fault| one.id() == other.id();
    let broke = match (evidence.broken(), place.trace.broken()) {
        (Some((layer, fault)), Some((there, other))) => layer == there && alike(fault, other),
        (None, _) | (_, None) => false,
    };
    let status = |trace| response(trace).map(|response| response.status);
    broke && status(evidence.trace) == status(place.trace)
}

/// Another place from which the whole check passes; a mere connection is none.
pub(super) fn well<'a>(evidence: &Evidence<'a>) -> Option<Place<'a>> {
    evidence.elsewhere().find(|place| place.trace.broken().is_none() && response(place.trace).is_some())
}

/// The answer of the baseline, when it was a good one.
pub(super) fn before<'a>(evidence: &Evidence<'a>) -> Option<&'a Response> {
    evidence.before.filter(|before| before.broken().is_none()).and_then(response)
}

/// The answer that a trace is about: the one that broke it, else the last.
pub(super) fn response(trace: &Trace) -> Option<&Response> {
    trace.answer()
}

/// Every answer of a trace, in order.
pub(super) fn responses(trace: &Trace) -> impl Iterator<Item = &Response> {
    trace.observations.iter().filter_map(|observation| match &observation.seen {
        Seen::Worked(Fact::Responded(response)) => Some(&**response),
        Seen::Worked(_) | Seen::Broke(_) => observation.answer.as_deref(),
    })
}

/// The beginning of a body, on one line: pages break their sentences into lines of their own.
fn said(fault: &Fault, response: &Response) -> String {
    let excerpt = if let Fault::Mismatch { excerpt, .. } = fault { excerpt.as_deref() } else { None };
    let begins = response.body.as_ref().and_then(|body| body.begins.as_deref());
    let words: Vec<&str> = excerpt.or(begins).unwrap_or_default().split_whitespace().collect();
    words.join(" ")
}

/// How many calls of how many failed, when some of the same calls from the same place did not.
pub(super) fn calls(evidence: &Evidence<'_>) -> Option<(usize, usize)> {
    let mut broken = 0;
    let mut all = 0;
    for trace in std::iter::once(evidence.trace).chain(evidence.again().filter(|trace| is_call(trace))) {
        let (some, of) = of_calls(trace);
        broken += some;
        all += of;
    }
    (broken > 0 && broken < all).then_some((broken, all))
}

/// Whether the call itself was made again: one that changes something never is.
pub(super) fn asked_again(evidence: &Evidence<'_>) -> bool {
    evidence.again().any(|trace| response(trace).is_some())
}

/// Not a mere connection in the place of a call that would change something.
fn is_call(trace: &Trace) -> bool {
    trace.broken().is_some() || response(trace).is_some()
}

/// Calls of one trace: how many broke, of how many.
fn of_calls(trace: &Trace) -> (usize, usize) {
    let told = trace.observations.iter().find_map(|observation| {
        let got = match &observation.seen {
            Seen::Broke(Fault::Mismatch { mismatches, .. }) => {
                mismatches.iter().find(|one| one.what == "calls").map(|one| &one.got)
            }
            Seen::Worked(Fact::Matched { values, .. }) => {
                values.iter().find(|one| one.what == "calls").map(|one| &one.got)
            }
            Seen::Broke(_) | Seen::Worked(_) => None,
        }?;
        let mut numbers = got.split_whitespace().filter_map(|word| word.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    });
    told.unwrap_or((usize::from(trace.broken().is_some()), 1))
}

/// The shape of a body that came before, beside the one that came now.
pub(super) fn bodies<'a>(answer: &Answer<'a>) -> Option<(&'a Body, &'a Body)> {
    Some((before(answer.evidence)?.body.as_ref()?, answer.response.body.as_ref()?))
}

/// What a port behind the one that was asked answers, on the target's own hosts.
pub(super) fn behind<'a>(evidence: &'a Evidence<'a>) -> Vec<&'a Behind> {
    let found = evidence
        .behind()
        .flat_map(facts)
        .filter_map(|fact| if let Fact::Behind { ports } = fact { Some(ports) } else { None });
    found.flatten().collect()
}

/// A port behind the one that was called that answers well; as in the baseline, where there is one: another application
/// on the same host proves nothing.
pub(super) fn well_behind<'a>(evidence: &'a Evidence<'a>) -> Option<&'a Behind> {
    let was = before(evidence).and_then(|was| was.body.as_ref());
    let alike = |now: &Body| was.is_none_or(|was| was.kind == now.kind && was.keys == now.keys);
    behind(evidence).into_iter().find(|port| {
        let succeeded =
            matches!(port.said, BehindSaid::Answered { status, .. } if (200..300).contains(&status));
        succeeded && port.body.as_ref().is_none_or(alike)
    })
}

/// Whether a proxy that the caller itself goes through speaks, and not one in front of the target.
fn is_of_forward_proxy(response: &Response) -> bool {
    const NAMES: [&str; 8] =
        ["squid", "tinyproxy", "zscaler", "bluecoat", "privoxy", "web gateway", "fortiproxy", "cisco"];
    let of = |name: &str| response.header(name).unwrap_or_default().to_lowercase();
    let names = [of("server"), of("via")];
    NAMES.iter().any(|name| names.iter().any(|value| value.contains(name)))
}
