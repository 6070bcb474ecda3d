//! Judges a chain of certificates and tells every reason not to trust it, not only the first.

use std::time::Duration;

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::certificate::{moment, names, signature};
use super::trust::Roots;
use crate::model::fault::Distrust;

/// How much of a chain is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verify {
    /// Nothing: the chain is only recorded.
    None,
    /// The chain and its dates, as libpq's `verify-ca`.
    Chain,
    /// The chain, its dates and the name, as libpq's `verify-full`.
    Full,
}

/// What a chain is judged by.
pub(super) struct Standard<'a> {
    pub(super) roots: &'a Roots,
    pub(super) verify: Verify,
    pub(super) name: &'a ServerName<'static>,
    pub(super) accept_common_name: bool,
}

/// Every reason not to trust the chain; none when it is trusted.
pub(super) fn reasons(chain: &[CertificateDer<'_>], standard: &Standard<'_>, now: UnixTime) -> Vec<Distrust> {
    if standard.verify == Verify::None {
        return Vec::new();
    }
    let Some((leaf_der, intermediates)) = chain.split_first() else {
        return vec![Distrust::Other { said: "the server sent no certificate".to_owned() }];
    };
    let Ok((_, leaf)) = X509Certificate::from_der(leaf_der) else {
        return vec![Distrust::Other { said: "the server's certificate cannot be read".to_owned() }];
    };
    let mut reasons = dates(&leaf, now);
    let is_root = standard.roots.certificates.iter().any(|root| root.as_ref() == leaf_der.as_ref());
    if !is_root {
        if leaf.subject().as_raw() == leaf.issuer().as_raw() {
            reasons.push(Distrust::SelfSigned);
        } else {
            chain_reasons(&mut reasons, leaf_der, intermediates, standard, now);
        }
    }
    if standard.verify == Verify::Full && !is_named(&leaf, leaf_der, standard) {
        let mut presented = names(&leaf);
        if presented.is_empty() {
            presented.extend(common_names(&leaf).map(|name| format!("{name} (common name)")));
        }
        reasons
            .push(Distrust::NameMismatch { wanted: standard.name.to_str().into_owned(), names: presented });
    }
    reasons
}

/// What is wrong with the dates of a certificate.
pub(super) fn dates_of(der: &CertificateDer<'_>, now: UnixTime) -> Vec<Distrust> {
    X509Certificate::from_der(der).map_or_else(|_| Vec::new(), |(_, parsed)| dates(&parsed, now))
}

fn dates(certificate: &X509Certificate<'_>, now: UnixTime) -> Vec<Distrust> {
    let validity = certificate.validity();
    let (begin, end) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let mut reasons = Vec::new();
    if end < now {
        reasons.push(Distrust::Expired { not_after: moment(end) });
    }
    if begin > now {
        reasons.push(Distrust::NotYetValid { not_before: moment(begin) });
    }
    reasons
}

/// Ask webpki now, and once more at a time when everything sent is valid: it tells one reason at a time, dates first.
fn chain_reasons(
    reasons: &mut Vec<Distrust>,
    leaf_der: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    standard: &Standard<'_>,
    now: UnixTime,
) {
    let leaf = match ParsedCertificate::try_from(leaf_der) {
        Ok(leaf) => leaf,
        Err(error) => {
            return reasons.push(Distrust::Other { said: format!("the leaf is unusable: {error}") });
        }
    };
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    let ask = |when| {
        verify_server_cert_signed_by_trust_anchor(
            &leaf,
            &standard.roots.store,
            intermediates,
            when,
            algorithms,
        )
    };
    let Err(first) = ask(now) else { return };
    let Some(dated) = date_reason(&first) else {
        return reasons.extend(structural(leaf_der, intermediates, &first));
    };
    // The leaf's own dates are told already; this tells those of an intermediate.
    if reasons.is_empty() {
        reasons.push(dated);
    }
    if let Err(second) = ask(inside(leaf_der, intermediates))
        && date_reason(&second).is_none()
    {
        reasons.extend(structural(leaf_der, intermediates, &second));
    }
}

fn date_reason(error: &Error) -> Option<Distrust> {
    let Error::InvalidCertificate(error) = error else { return None };
    let at = |time: &UnixTime| moment(i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
    if let CertificateError::ExpiredContext { not_after, .. } = error {
        Some(Distrust::Expired { not_after: at(not_after) })
    } else if let CertificateError::NotValidYetContext { not_before, .. } = error {
        Some(Distrust::NotYetValid { not_before: at(not_before) })
    } else {
        None
    }
}

/// A time inside the validity of everything sent; when there is none, inside the leaf's.
fn inside(leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> UnixTime {
    let span = |der: &CertificateDer<'_>| {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let validity = parsed.validity();
        Some((validity.not_before.timestamp(), validity.not_after.timestamp()))
    };
    let own = span(leaf).unwrap_or((0, 0));
    let common = intermediates
        .iter()
        .filter_map(span)
        .fold(own, |(begin, end), (later, sooner)| (begin.max(later), end.min(sooner)));
    let (begin, end) = if common.0 <= common.1 { common } else { own };
    let middle = begin.saturating_add(end.saturating_sub(begin) / 2);
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(middle).unwrap_or(0)))
}

fn structural(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    error: &Error,
) -> Vec<Distrust> {
    let Error::InvalidCertificate(error) = error else {
        return vec![Distrust::Other { said: error.to_string() }];
    };
    if matches!(error, CertificateError::Revoked) {
        return vec![Distrust::Revoked];
    }
    if let Some(uses) = other_uses(error) {
        return vec![Distrust::WrongUse { uses }];
    }
    if let CertificateError::UnsupportedSignatureAlgorithmContext {
        signature_algorithm_id: algorithm, ..
    } = error
    {
        let signature =
            std::iter::once(leaf).chain(intermediates).find_map(|der| signature_by(der, algorithm));
        return vec![Distrust::WeakSignature {
            signature: signature.unwrap_or_else(|| "an unknown algorithm".to_owned()),
        }];
    }
    let other_key = matches!(error, CertificateError::BadSignature);
    if !other_key && !matches!(error, CertificateError::UnknownIssuer) {
        return vec![Distrust::Other { said: error.to_string() }];
    }
    let last = intermediates.last().unwrap_or(leaf);
    let issuer = X509Certificate::from_der(last)
        .map_or_else(|_| "(unreadable)".to_owned(), |(_, parsed)| parsed.issuer().to_string());
    let mut reasons = vec![Distrust::UnknownIssuer { issuer: issuer.clone() }];
    if other_key {
        let said = "a trusted or sent authority has the issuer's name but another key".to_owned();
        reasons.push(Distrust::Other { said });
        return reasons;
    }
    // A lone leaf whose issuer is no root: either the issuer is an intermediate that ought to have been sent, or a root
    // that is not in the store. Nothing here can tell which, so both are told.
    if intermediates.is_empty() {
        reasons.push(Distrust::MissingIntermediate { issuer });
    }
    reasons
}

/// The name of the algorithm that signed a certificate, when it is this one, given as DER.
fn signature_by(der: &CertificateDer<'_>, algorithm: &[u8]) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    algorithm.ends_with(parsed.signature_algorithm.algorithm.as_bytes()).then(|| signature(&parsed))
}

/// What a certificate is made for, when that is not a server.
fn other_uses(error: &CertificateError) -> Option<Vec<String>> {
    if let CertificateError::InvalidPurposeContext { presented, .. } = error {
        return Some(presented.iter().map(ToString::to_string).collect());
    }
    matches!(error, CertificateError::InvalidPurpose).then(Vec::new)
}

fn is_named(leaf: &X509Certificate<'_>, der: &CertificateDer<'_>, standard: &Standard<'_>) -> bool {
    if let Ok(parsed) = ParsedCertificate::try_from(der)
        && verify_server_name(&parsed, standard.name).is_ok()
    {
        return true;
    }
    if !standard.accept_common_name || !names(leaf).is_empty() {
        return false;
    }
    let wanted = standard.name.to_str();
    common_names(leaf).any(|name| matches_host(name, &wanted))
}

fn common_names<'a>(leaf: &'a X509Certificate<'_>) -> impl Iterator<Item = &'a str> {
    leaf.subject().iter_common_name().filter_map(|name| name.as_str().ok())
}

/// A name with an optional `*` as its whole first label (RFC 6125 section 6.4.3).
fn matches_host(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(rest), Some((_, parent))) = (pattern.strip_prefix("*."), host.split_once('.')) else {
        return false;
    };
    rest.eq_ignore_ascii_case(parent)
}
