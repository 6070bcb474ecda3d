//! Certificates that are not trusted: who issued them, what they are for, and one node of many.

use super::super::evidence::{Evidence, Place, listed};
use super::super::registry::Ruling;
use super::{
    DEFAULT_VHOST, NO_INTERMEDIATE, ONE_OLD_NODE, SELF_SIGNED, UNKNOWN_ISSUER, WEAK_KEY, WRONG_USE, chain,
    compared, issuer_here_and_there, leaf, same,
};
use crate::diagnosis::proxy::INTERCEPTED;
use crate::model::cause::{Cause, Confidence};
use crate::model::fact::{Certificate, Fact};
use crate::model::fault::{Distrust, Fault};
use crate::model::layer::Layer;
use crate::model::trace::Seen;

/// Every reason of distrust, with the chain and the fault in words.
pub(super) fn distrusted<'a>(evidence: &Evidence<'a>) -> Option<(&'a [Distrust], &'a [Certificate], String)> {
    let fault @ Fault::Distrusted { reasons, chain, .. } = evidence.broken_at(Layer::Tls)? else {
        return None;
    };
    Some((reasons, chain, fault.to_string()))
}

/// Proved by what others see of the same certificate or by what it was before, else only likely.
pub(super) fn judged(evidence: &Evidence<'_>, cause: &'static Cause, seen: String) -> Ruling {
    let ruling = Ruling::new(cause, Layer::Tls, seen);
    match compared(evidence) {
        Some(contrast) => ruling.proved(contrast),
        None => ruling.because("No other place was asked, and there is no baseline."),
    }
}

/// Whether the trouble is on one node or on the way only: then the certificate that all others see is well.
pub(super) fn only_here(evidence: &Evidence<'_>) -> bool {
    one_old_node(evidence).is_some() || issuer_here_and_there(evidence).is_some()
}

/// Addresses, or calls in a row, of which some send a certificate that is trusted and others another one.
pub(super) fn one_old_node(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (_, _, fault) = distrusted(evidence)?;
    let own = leaf(evidence.trace)?;
    let ruling = Ruling::new(ONE_OLD_NODE, Layer::Tls, fault);
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for observation in
        evidence.trace.observations.iter().filter(|observation| observation.layer == Layer::Tls)
    {
        let whose = observation.address.map(|address| address.to_string());
        match &observation.seen {
            Seen::Worked(Fact::Secured { chain, .. })
                if chain.first().is_some_and(|leaf| !same(leaf, own)) =>
            {
                good.push(whose);
            }
            Seen::Broke(Fault::Distrusted { .. }) => bad.push(whose),
            Seen::Worked(_) | Seen::Broke(_) => {}
        }
    }
    let sha256 = format!("find the node that sends sha256 {:.16}", own.sha256);
    if !good.is_empty() && !bad.is_empty() {
        let names = |nodes: &[Option<String>]| {
            let known: Option<Vec<&str>> = nodes.iter().map(Option::as_deref).collect();
            known.map(listed)
        };
        let sent = format!("{} until {}", own.subject, own.not_after);
        let (Some(bad), Some(good)) = (names(&bad), names(&good)) else {
            let calls = good.len() + bad.len();
            let contrast = format!(
                "Of {calls} calls {} got {sent}, the others another certificate, which is trusted.",
                bad.len()
            );
            return Some(ruling.proved(contrast).next(sha256));
        };
        let contrast = format!("{bad} sends {sent}; {good} sends another certificate, which is trusted.");
        return Some(ruling.proved(contrast));
    }
    let again: Vec<_> = evidence.again().collect();
    let trusted = again
        .iter()
        .filter(|trace| super::passes(trace, Layer::Tls) && leaf(trace).is_some_and(|leaf| !same(leaf, own)));
    let (trusted, calls) = (trusted.count(), again.len() + 1);
    (trusted > 0).then(|| {
        let contrast =
            format!("Of {calls} calls in a row {trusted} got another certificate, which is trusted.");
        ruling.proved(contrast).next(sha256)
    })
}

/// Whether the name is wrong too.
fn misnamed(reasons: &[Distrust]) -> bool {
    reasons.iter().any(|reason| matches!(reason, Distrust::NameMismatch { .. }))
}

pub(super) fn self_signed(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (reasons, _, fault) = distrusted(evidence)?;
    if !reasons.contains(&Distrust::SelfSigned) || only_here(evidence) {
        return None;
    }
    let ruling = judged(evidence, SELF_SIGNED, fault);
    Some(if misnamed(reasons) { ruling.or(&[DEFAULT_VHOST]) } else { ruling })
}

/// A lone certificate: the chain before it, or another place, tells whether one is missing.
pub(super) fn no_intermediate(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (reasons, _, fault) = distrusted(evidence)?;
    let issuer = reasons.iter().find_map(|reason| {
        if let Distrust::MissingIntermediate { issuer } = reason { Some(issuer) } else { None }
    })?;
    if only_here(evidence) {
        return None;
    }
    let known = |chain: &[Certificate]| {
        chain
            .get(1..)
            .is_some_and(|rest| rest.iter().any(|one| one.subject == *issuer && one.issuer != one.subject))
    };
    let ruling = Ruling::new(NO_INTERMEDIATE, Layer::Tls, fault);
    if evidence.before.and_then(chain).is_some_and(known) {
        return Some(
            ruling.proved(format!("In the baseline it sent {issuer} along.")).not(&[UNKNOWN_ISSUER]),
        );
    }
    let longer = evidence.elsewhere().find(|place| chain(place.trace).is_some_and(known));
    if let Some(place) = longer {
        return Some(
            ruling.proved(format!("To {} it sends {issuer} along.", place.name())).not(&[UNKNOWN_ISSUER]),
        );
    }
    // Of an authority that was not there before, and unknown whether it is a root.
    let was = evidence.before.and_then(leaf).filter(|was| was.issuer != *issuer);
    let ruling = match was {
        Some(was) => {
            ruling.because(format!("In the baseline the issuer was {}.", was.issuer)).or(&[INTERCEPTED])
        }
        None => ruling.because("The chain has one certificate, and its issuer is in no trust store here."),
    };
    Some(
        ruling
            .or(&[UNKNOWN_ISSUER])
            .not(&[UNKNOWN_ISSUER])
            .next(format!("is {issuer} a root? then its place is the trust store of the source")),
    )
}

pub(super) fn unknown_issuer(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (reasons, _, fault) = distrusted(evidence)?;
    if !reasons.iter().any(|reason| matches!(reason, Distrust::UnknownIssuer { .. })) || only_here(evidence) {
        return None;
    }
    let own = leaf(evidence.trace)?;
    let ruling = Ruling::new(UNKNOWN_ISSUER, Layer::Tls, fault);
    let trusts = |place: &Place<'_>| {
        place.passes(Layer::Tls) && leaf(place.trace).is_some_and(|there| same(own, there))
    };
    let trusted = |trace| trusts(&Place { vantage: evidence.vantage, trace });
    if evidence.own_environment().is_some_and(trusted) {
        let contrast = "The same certificate is trusted from the same place with the vantage's own trust store: SSL_CERT_FILE or \
                        SSL_CERT_DIR of the application names another one.";
        return Some(ruling.proved(contrast).next("add the authority to the file that SSL_CERT_FILE of the source names"));
    }
    let trusting: Vec<Place<'_>> = evidence.elsewhere().filter(trusts).collect();
    if !trusting.is_empty() {
        let names = listed(trusting.iter().map(Place::name));
        return Some(ruling.proved(format!(
            "The same certificate is trusted from {names}: their trust store has the authority."
        )));
    }
    let was = evidence.before.and_then(leaf).filter(|was| was.issuer != own.issuer);
    let ruling = match (was, compared(evidence)) {
        (Some(_), Some(contrast)) => ruling.proved(contrast),
        (_, Some(contrast)) => ruling.because(contrast),
        (_, None) => {
            ruling.because("No other place was asked, and there is no baseline.").sure(Confidence::Low)
        }
    };
    // Seen from here only, it may also be somebody on the way.
    let alone = evidence.elsewhere().next().is_none();
    Some(if alone {
        ruling
            .sure(Confidence::Low)
            .or(&[INTERCEPTED])
            .next("ask from another host: another issuer there is an inspection on the way")
    } else {
        ruling
    })
}

pub(super) fn wrong_use(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (reasons, _, fault) = distrusted(evidence)?;
    let is = reasons.iter().any(|reason| matches!(reason, Distrust::WrongUse { .. }));
    (is && !only_here(evidence)).then(|| judged(evidence, WRONG_USE, fault))
}

/// Why a certificate is too weak, in words.
fn weakness(certificate: &Certificate) -> Option<String> {
    /// Below this, libraries of today refuse RSA (NIST SP 800-131A).
    const LEAST_RSA: u32 = 2048;
    let bits = certificate.key.as_deref().and_then(|key| key.strip_prefix("RSA ")?.parse::<u32>().ok());
    if let Some(bits) = bits.filter(|bits| *bits < LEAST_RSA) {
        return Some(format!("the key of {} has {bits} bits", certificate.subject));
    }
    let signature = certificate.signature.as_deref()?;
    let lower = signature.to_ascii_lowercase();
    let is_root = certificate.subject == certificate.issuer;
    let weak = ["sha1", "sha-1", "md5", "md2"].iter().any(|hash| lower.contains(hash)) && !is_root;
    weak.then(|| format!("{} is signed with {signature}", certificate.subject))
}

/// A chain that libraries of today refuse whoever issued it, though nothing else is wrong with it.
pub(super) fn weak(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tls)?;
    let unexplained = if let Fault::Distrusted { reasons, .. } = fault {
        reasons.iter().any(|reason| matches!(reason, Distrust::WeakSignature { .. }))
    } else {
        matches!(fault, Fault::HandshakeFailed { .. })
    };
    let why = chain(evidence.trace).filter(|_| unexplained)?.iter().find_map(weakness)?;
    let ruling = Ruling::new(WEAK_KEY, Layer::Tls, fault.to_string());
    let was = evidence.before.and_then(leaf).filter(|was| weakness(was).is_none());
    Some(match (was, compared(evidence)) {
        (Some(was), _) => {
            let key = was.key.as_deref().unwrap_or("another key");
            let signature = was.signature.as_deref().unwrap_or("another algorithm");
            ruling.proved(format!(
                "Of the certificate sent, {why}; the one of the baseline had {key}, signed with {signature}."
            ))
        }
        (None, Some(contrast)) => ruling.because(format!("Of the certificate sent, {why}. {contrast}")),
        (None, None) => ruling.because(format!("Of the certificate sent, {why}.")),
    })
}
