//! What ties a login to its TLS connection: the hash of the server's certificate.

use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::oid_registry::{
    OID_PKCS1_MD5WITHRSAENC, OID_PKCS1_SHA1WITHRSA, OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA,
    OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ECDSA_WITH_SHA512,
};
use x509_parser::prelude::{FromDer, X509Certificate};

/// `tls-server-end-point` of a certificate in DER form (RFC 5929 section 4.1): its hash, by the hash function it is
/// signed with, but SHA-256 in place of MD5 and SHA-1. None for signatures without a hash of their own, such as Ed25519.
#[must_use]
pub fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let signed = &parsed.signature_algorithm.algorithm;
    let is = |known: &[_]| known.contains(signed);
    if is(&[
        OID_PKCS1_SHA256WITHRSA,
        OID_SIG_ECDSA_WITH_SHA256,
        OID_PKCS1_SHA1WITHRSA,
        OID_PKCS1_MD5WITHRSAENC,
    ]) {
        Some(Sha256::digest(certificate).to_vec())
    } else if is(&[OID_PKCS1_SHA384WITHRSA, OID_SIG_ECDSA_WITH_SHA384]) {
        Some(Sha384::digest(certificate).to_vec())
    } else if is(&[OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA512]) {
        Some(Sha512::digest(certificate).to_vec())
    } else {
        None
    }
}
