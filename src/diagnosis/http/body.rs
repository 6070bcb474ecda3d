//! The head came, and the body is not what it says.

use super::{
    BAD_CHUNKS, BAD_GZIP, CHUNKS_CUT, CONTENT_TYPE, DRIP, EXPECT, SHORT_LENGTH, SLOW, TRUNCATED, UNTOLD_GZIP,
};
use crate::diagnosis::answer::{Answer, before, bodies, calls, contrasted, response, well};
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::registry::Ruling;
use crate::diagnosis::{route, tcp};
use crate::model::cause::Confidence;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::response::BodyKind;

fn at_protocol<'a>(evidence: &'a Evidence<'a>) -> Option<Answer<'a>> {
    Answer::steady(evidence).filter(|answer| answer.layer == Layer::Protocol)
}

fn is_chunked(answer: &Answer<'_>) -> bool {
    answer.response.header("transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"))
}

/// Where a body breaks from one place only, the way there is to blame and not the server.
fn unless_well_elsewhere(evidence: &Evidence<'_>, ruling: Ruling) -> Option<Ruling> {
    well(evidence).is_none().then_some(ruling)
}

pub(super) fn chunks(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = at_protocol(evidence).filter(|answer| is_chunked(answer))?;
    let Fault::BadProtocol { .. } = answer.fault else { return None };
    unless_well_elsewhere(evidence, answer.tell(BAD_CHUNKS))
}

pub(super) fn cut(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = at_protocol(evidence)?;
    let (Fault::ClosedEarly { .. } | Fault::Reset { .. }) = answer.fault else { return None };
    let cause = if is_chunked(&answer) { CHUNKS_CUT } else { TRUNCATED };
    let ruling = answer.tell(cause);
    unless_well_elsewhere(evidence, match answer.response.header("content-length") {
        Some(length) => ruling.saying(&format!("The head promises {length} bytes.")),
        None => ruling,
    })
}

pub(super) fn compression(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = at_protocol(evidence)?;
    let Fault::BadCompression { .. } = answer.fault else { return None };
    unless_well_elsewhere(evidence, answer.tell(BAD_GZIP))
}

pub(super) fn packed(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence).filter(|answer| answer.is(BodyKind::Gzip))?;
    let was_packed = before(evidence).is_some_and(|was| was.body.as_ref().is_some_and(|body| body.kind == BodyKind::Gzip));
    if was_packed {
        return None;
    }
    unless_well_elsewhere(evidence, answer.tell(UNTOLD_GZIP))
}

pub(super) fn short(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence).filter(|answer| answer.is(BodyKind::BrokenJson))?;
    let bytes = answer.response.body.as_ref()?.bytes;
    let ruling = match bodies(&answer) {
        Some((was, _)) if was.kind == BodyKind::Json => {
            let contrast = format!("It ends in the middle after {bytes} bytes; before it was whole, with {}.", was.bytes);
            answer.tell(SHORT_LENGTH).proved(contrast)
        }
        Some(_) | None => answer.tell(SHORT_LENGTH).because(format!("It ends in the middle after {bytes} bytes.")),
    };
    unless_well_elsewhere(evidence, ruling)
}

/// Told of the server only when it stalls on the target's own host too: a large packet that is lost on the way looks the same.
pub(super) fn drip(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = at_protocol(evidence)?;
    let Fault::TimedOut { .. } = answer.fault else { return None };
    let stalls = evidence.target().any(|place| {
        matches!(place.trace.broken(), Some((Layer::Protocol, Fault::TimedOut { .. })))
            && response(place.trace).is_some()
    });
    let ruling = answer.tell(DRIP);
    if stalls {
        return Some(ruling.sure(Confidence::High));
    }
    let passes = evidence.elsewhere().any(|place| place.passes(Layer::Protocol));
    (!passes).then(|| {
        ruling
            .sure(Confidence::Low)
            .or(&[route::MTU])
            .next("name the target's own host: gonogo probe TARGET --target-host ssh:HOST tells a slow server from a lossy way")
    })
}

/// The header is another, the body is as it was.
pub(super) fn content_type(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = at_protocol(evidence)?;
    let differs = answer.mismatches();
    let one = differs.iter().find(|one| one.what.eq_ignore_ascii_case("header content-type")).filter(|_| differs.len() == 1)?;
    let (was, now) = bodies(&answer)?;
    let kept = was.kind == now.kind && (was.keys == now.keys || was.keys.is_empty());
    (kept && (200..300).contains(&answer.response.status)).then(|| {
        let contrast = format!("The body is {}, as it was in the baseline.", now.kind.name());
        Ruling::new(CONTENT_TYPE, answer.layer, format!("Content-Type is {}, not {}", one.got, one.expected)).proved(contrast)
    })
}

/// Connected at once, and answered late, or not within the limit while another path of the same server is answered.
pub(super) fn slow(evidence: &Evidence<'_>) -> Option<Ruling> {
    /// How much slower than before an answer is that is called slow.
    const TIMES: f64 = 3.0;
    if let Some(ruling) = silent(evidence) {
        return Some(ruling);
    }
    let answer = Answer::steady(evidence)?;
    let differs = answer.mismatches();
    let one = differs.iter().find(|one| one.what == "time").filter(|_| differs.len() == 1)?;
    let first = answer.response.first_byte_ms;
    let took: f64 = evidence.trace.observations.iter().map(|observation| observation.took_ms).sum();
    if first < took / 2.0 || well(evidence).is_some() {
        return None;
    }
    let seen = format!("{}, of which {first:.0} ms until the first byte", one.got);
    let ruling = contrasted(evidence, Ruling::new(SLOW, answer.layer, seen));
    let sure = match before(evidence) {
        Some(was) if first > was.first_byte_ms * TIMES => Confidence::High,
        Some(_) => Confidence::Low,
        None => Confidence::Medium,
    };
    Some(ruling.sure(sure))
}

/// Nothing within the limit, from every place, while the root path of the same server is answered.
fn silent(evidence: &Evidence<'_>) -> Option<Ruling> {
    let Some(Fault::TimedOut { .. }) = evidence.broken_at(Layer::Protocol) else { return None };
    let root = response(evidence.otherwise("root")?)?;
    let is_silent = response(evidence.trace).is_none() && well(evidence).is_none() && calls(evidence).is_none();
    is_silent.then(|| {
        let ruling = Ruling::new(SLOW, Layer::Protocol, evidence.broken().map_or(String::new(), |(_, fault)| fault.to_string()));
        let other = format!("The root path of the same server is answered {} after {:.0} ms.", root.status, root.first_byte_ms);
        contrasted(evidence, ruling).saying(&other).or(&[tcp::HUNG])
    })
}

/// Silence or 417 (RFC 9110 section 15.5.18) with Expect, and an answer without it: what is asked only of a request that has it.
pub(super) fn expect(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken().filter(|(layer, _)| *layer == Layer::Protocol)?;
    let refused = response(evidence.trace).is_some_and(|answer| answer.status == 417);
    let silent = matches!(fault, Fault::TimedOut { .. }) && response(evidence.trace).is_none();
    let bare = response(evidence.otherwise("bare")?).filter(|_| refused || silent)?;
    let ruling = contrasted(evidence, Ruling::new(EXPECT, layer, fault.to_string())).not(&[SLOW, tcp::HUNG]);
    let said = format!("A request without Expect is answered {} after {:.0} ms.", bare.status, bare.first_byte_ms);
    Some(ruling.saying(&said).sure(Confidence::High))
}
