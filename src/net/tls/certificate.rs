//! Certificates as facts: what a person needs to recognise one.

use std::fmt::Write as _;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::model::fact::Certificate;

/// A certificate as sent; one that cannot be read keeps its fingerprint and says so in its subject.
#[must_use]
pub(crate) fn describe(der: &CertificateDer<'_>) -> Certificate {
    let sha256 = Sha256::digest(der).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let written = write!(hex, "{byte:02x}");
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
        hex
    });
    let Ok((_, parsed)) = X509Certificate::from_der(der) else {
        let unreadable = || "(not a readable certificate)".to_owned();
        return Certificate {
            subject: unreadable(),
            issuer: unreadable(),
            names: Vec::new(),
            not_before: String::new(),
            not_after: String::new(),
            sha256,
            key: None,
            signature: None,
            must_staple: false,
        };
    };
    Certificate {
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        names: names(&parsed),
        not_before: moment(parsed.validity().not_before.timestamp()),
        not_after: moment(parsed.validity().not_after.timestamp()),
        sha256,
        key: key(&parsed),
        signature: Some(signature(&parsed)),
        must_staple: must_staple(&parsed),
    }
}

/// The certificates in a text of PEM blocks among others, in order.
#[must_use]
pub(crate) fn from_pem(text: &[u8]) -> Vec<Certificate> {
    CertificateDer::pem_slice_iter(text).filter_map(Result::ok).map(|der| describe(&der)).collect()
}

/// Whether the TLS feature extension has `status_request` (RFC 7633: a sequence of numbers of TLS extensions, this one 5).
fn must_staple(certificate: &X509Certificate<'_>) -> bool {
    const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
    const STATUS_REQUEST: [u8; 3] = [0x02, 0x01, 0x05];
    let feature = certificate.extensions().iter().find(|one| one.oid.to_id_string() == TLS_FEATURE);
    feature.is_some_and(|one| one.value.windows(3).any(|part| part == STATUS_REQUEST))
}

/// The public key's algorithm and size; none for those that are known by their name alone.
fn key(certificate: &X509Certificate<'_>) -> Option<String> {
    let key = certificate.public_key().parsed().ok()?;
    let size = key.key_size();
    let name = if matches!(key, PublicKey::RSA(_)) {
        "RSA"
    } else if matches!(key, PublicKey::EC(_)) {
        "EC"
    } else if matches!(key, PublicKey::DSA(_)) {
        "DSA"
    } else {
        return None;
    };
    (size > 0).then(|| format!("{name} {size}"))
}

/// The signature's algorithm by its short name, else by its object identifier.
pub(super) fn signature(certificate: &X509Certificate<'_>) -> String {
    /// Not in the registry of the library (RFC 3279 section 2.2.3).
    const ECDSA_WITH_SHA1: &str = "1.2.840.10045.4.1";
    let algorithm = &certificate.signature_algorithm.algorithm;
    match oid2sn(algorithm, oid_registry()) {
        Ok(name) => name.to_owned(),
        Err(_) if algorithm.to_id_string() == ECDSA_WITH_SHA1 => "ecdsa-with-SHA1".to_owned(),
        Err(_) => algorithm.to_id_string(),
    }
}

/// The names of the subject alternative name extension (RFC 5280 section 4.2.1.6) as text.
pub(crate) fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    extension
        .value
        .general_names
        .iter()
        .filter_map(|name| {
            if let GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) = name
            {
                Some((*name).to_owned())
            } else if let GeneralName::IPAddress(octets) = name {
                address(octets)
            } else {
                None
            }
        })
        .collect()
}

fn address(octets: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(octets).ok().map(|sixteen| std::net::Ipv6Addr::from(sixteen).to_string())
}

/// Seconds since 1970 as RFC 3339 in UTC.
pub(crate) fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| format!("{seconds} s after 1970"), |moment| moment.to_string())
}
