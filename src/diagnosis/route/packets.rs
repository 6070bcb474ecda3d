//! Packets that get lost now and then, or when they are large, and a way that carries them slowly.

use super::{LATENCY, LOSS, MTU, MTU_REQUEST, SLOW_LINK};
use crate::diagnosis::evidence::{Evidence, Place, facts, listed, tried};
use crate::diagnosis::http;
use crate::diagnosis::registry::Ruling;
use crate::model::cause::Confidence;
use crate::model::fact::{Attempt, ConnectErrorKind, Fact};
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::trace::Trace;

/// A SYN is sent again after one second, then three, then seven (RFC 6298 section 2): a connection that needed it.
fn sent_again(took_ms: f64) -> bool {
    [1000.0, 3000.0, 7000.0].iter().any(|after| (after - 50.0..after + 400.0).contains(&took_ms))
}

/// Connections that came only after a SYN was sent again.
pub(super) fn lossy(evidence: &Evidence<'_>) -> Option<Ruling> {
    let attempts = || std::iter::once(evidence.trace).chain(evidence.again()).flat_map(tried);
    // To the address that is slow here: of another one that never answers something else is told.
    let late = |attempt: &Attempt| attempt.error.is_none() && sent_again(attempt.took_ms);
    let timed_out = |attempt: &Attempt| {
        attempt.error.as_ref().is_some_and(|error| error.kind == ConnectErrorKind::TimedOut)
    };
    let first = tried(evidence.trace).find(|attempt| late(attempt) || timed_out(attempt))?;
    let (mut quick, mut slow) = (0, 0);
    for attempt in attempts().filter(|attempt| attempt.address == first.address) {
        quick += usize::from(attempt.error.is_none() && attempt.took_ms <= 500.0);
        slow += usize::from(late(attempt) || timed_out(attempt));
    }
    let seen = match evidence.broken() {
        Some((_, fault)) => fault.to_string(),
        None => format!("{} connected after {:.1} s", first.address, first.took_ms / 1000.0),
    };
    // One that waited once, and one more that did not: that may have been anything, over by now.
    (quick > 0 && slow > 0 && quick + slow > 2).then(|| {
        let contrast = format!("Of {} connections, {slow} came only after a second or more, as when a SYN is sent again.", quick + slow);
        let ruling = Ruling::new(LOSS, Layer::Tcp, seen).proved(contrast).beside_unless_late(evidence);
        if slow > 1 { ruling } else { ruling.sure(Confidence::Medium) }
    })
}

/// How long a connection took at the least, which is a round trip: of several tries from one place, a busy host spoils some.
fn round_trip<'a>(traces: impl IntoIterator<Item = &'a Trace>) -> Option<f64> {
    let made = traces.into_iter().flat_map(tried).filter(|attempt| attempt.error.is_none());
    made.map(|attempt| attempt.took_ms).min_by(f64::total_cmp)
}

/// Too slow for what is expected, and every connection takes far longer than before: the way has become longer.
pub(super) fn latency(evidence: &Evidence<'_>) -> Option<Ruling> {
    /// Less is within what a busy host does.
    const LEAST_MS: f64 = 20.0;
    const TIMES: f64 = 4.0;
    let (layer, fault) = evidence.broken()?;
    let is_late = if let Fault::Mismatch { mismatches, .. } = fault {
        mismatches.iter().all(|one| one.what == "time")
    } else {
        matches!(fault, Fault::TimedOut { .. }) && layer > Layer::Tcp && answered(evidence.trace)
    };
    let again: Vec<&Trace> = evidence.again().collect();
    if !is_late || again.is_empty() {
        return None;
    }
    let now = round_trip(std::iter::once(evidence.trace).chain(again.iter().copied()))?;
    let before = round_trip(evidence.before)?;
    if now < before + LEAST_MS || now < before * TIMES {
        return None;
    }
    let quick = |place: &Place<'_>| round_trip([place.trace]).is_some_and(|there| now >= there + LEAST_MS && now >= there * TIMES);
    let places: Vec<Place<'_>> = evidence.elsewhere().filter(quick).collect();
    let seen = format!("{fault}; a connection takes {now:.0} ms at the least");
    let contrast = format!("Of {} connections in a row; in the baseline it took {before:.1} ms.", again.len() + 1);
    let ruling = Ruling::new(LATENCY, Layer::Tcp, seen).not(&[http::SLOW]);
    Some(match listed(places.iter().map(Place::name)).as_str() {
        "" => ruling.because(contrast),
        names => ruling.proved(format!("{contrast} It is quick from {names}.")),
    })
}

/// Whether the target said anything above the tcp layer, be it an error.
fn answered(trace: &Trace) -> bool {
    facts(trace).any(|fact| matches!(fact, Fact::Responded(_))) || trace.observations.iter().any(|seen| seen.answer.is_some())
}

/// The fault, when the connection was made and what was asked for did not come.
fn stalled<'a>(evidence: &Evidence<'a>) -> Option<(Layer, &'a Fault)> {
    evidence.broken().filter(|(layer, fault)| matches!(fault, Fault::TimedOut { .. }) && *layer > Layer::Tcp)
}

/// Places where the whole of it comes.
fn whole<'a>(evidence: &Evidence<'a>) -> Vec<Place<'a>> {
    evidence.elsewhere().filter(|place| place.trace.broken().is_none() && answered(place.trace)).collect()
}

/// The same stall every time; of a call that changes something only the connection is made again, which says nothing.
fn always(evidence: &Evidence<'_>) -> bool {
    let same = |trace: &&Trace| trace.broken().is_some() || answered(trace);
    evidence.again().filter(same).all(|trace| trace.broken().is_some())
}

/// A small request is answered, the same request in a large packet is not.
pub(super) fn large_request(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (_, fault) = stalled(evidence).filter(|_| always(evidence))?;
    let (small, large) = (evidence.otherwise("small")?, evidence.otherwise("large")?);
    let lost = matches!(large.broken(), Some((layer, Fault::TimedOut { .. })) if layer > Layer::Tcp);
    (answered(small) && lost && !answered(large)).then(|| {
        let contrast = "A HEAD request is answered at once; the same with a header of 1,400 bytes is not answered.";
        Ruling::new(MTU_REQUEST, Layer::Route, fault.to_string()).proved(contrast)
    })
}

/// The head of the answer comes, the whole of it does not; elsewhere it does.
pub(super) fn large_answer(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (_, fault) = stalled(evidence).filter(|_| always(evidence) && large_request(evidence).is_none())?;
    evidence.otherwise("small").filter(|trace| answered(trace))?;
    let places = whole(evidence);
    let names = listed(places.iter().map(Place::name));
    (!places.is_empty()).then(|| {
        let contrast = format!("A HEAD request is answered here at once, and the whole answer comes from {names}.");
        Ruling::new(MTU, Layer::Route, fault.to_string()).proved(contrast)
    })
}

/// The connection is made and then stalls where large packets come, but not from other places.
pub(super) fn large(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = stalled(evidence).filter(|_| always(evidence) && evidence.otherwise("small").is_none())?;
    let elsewhere = evidence.elsewhere().find(|place| place.trace.broken().is_none())?;
    let cause_is_near = layer == Layer::Payload || answered(evidence.trace) || layer == Layer::Tls;
    cause_is_near.then(|| {
        let contrast = format!("The whole answer comes from {}.", elsewhere.name());
        Ruling::new(MTU, Layer::Route, fault.to_string()).proved(contrast)
    })
}

/// Bytes a second, and how long they took, of a body that is large enough to tell.
fn speed(trace: &Trace) -> Option<(f64, f64)> {
    /// Smaller ones are there with the first packets.
    const LEAST: u64 = 16 * 1024;
    trace.observations.iter().find_map(|observation| {
        let crate::model::trace::Seen::Worked(Fact::Responded(response)) = &observation.seen else { return None };
        let bytes = response.body.as_ref().map(|body| body.bytes).filter(|bytes| *bytes >= LEAST)?;
        let seconds = (observation.took_ms - response.first_byte_ms).max(0.01) / 1000.0;
        #[expect(clippy::cast_precision_loss, reason = "a speed is told in two digits")]
        Some((bytes as f64 / seconds, seconds))
    })
}

/// A body comes at a tenth of the baseline's speed or less, more than once.
pub(super) fn slow(evidence: &Evidence<'_>) -> Option<Ruling> {
    /// Less than this is within what a busy host does.
    const LONG_S: f64 = 1.0;
    const FRACTION: f64 = 10.0;
    let (now, took) = speed(evidence.trace).filter(|(_, took)| evidence.broken().is_none() && *took >= LONG_S)?;
    let (before, _) = speed(evidence.before?).filter(|(before, _)| *before >= now * FRACTION)?;
    let mut again = evidence.again().peekable();
    again.peek()?;
    // Asked beside others over the same slow way, it may not come within the time of a question.
    let still = again.all(|trace| match speed(trace) {
        Some((again, _)) => before >= again * FRACTION,
        None => matches!(trace.broken(), Some((Layer::Protocol, Fault::TimedOut { .. }))),
    });
    let rate = |bytes: f64| format!("{:.0} kB/s", bytes / 1000.0);
    let places = evidence.elsewhere().filter(|place| speed(place.trace).is_some_and(|(there, _)| there >= now * FRACTION));
    let fast = listed(places.map(|place| place.name()).collect::<Vec<_>>());
    let fast = if fast.is_empty() { fast } else { format!(" It is fast from {fast}.") };
    still.then(|| {
        let contrast = format!("It came at {}, and again so; in the baseline at {}.{fast}", rate(now), rate(before));
        Ruling::new(SLOW_LINK, Layer::Route, format!("the body took {took:.1} s")).proved(contrast).sure(
            if fast.is_empty() { Confidence::Medium } else { Confidence::High },
        )
    })
}
