//! What the application says of its own TLS library: OpenSSL, Java, .NET.

use super::super::evidence::{Evidence, facts};
use super::super::quoted::{Quoted, Words};
use super::super::registry::Ruling;
use super::{JVM_STORE, NO_CRL, NO_INTERMEDIATE, RENEGOTIATION, UNKNOWN_ISSUER};
use crate::model::cause::Confidence;
use crate::model::fact::Fact;
use crate::model::layer::Layer;

const WORDS: &[Words] = &[
    (NO_CRL, &[
        // X509_V_ERR_UNABLE_TO_GET_CRL and X509_V_ERR_CRL_HAS_EXPIRED.
        &["unable to get certificate crl"], &["crl has expired"],
        // Java's RevocationChecker.
        &["could not determine revocation status"], &["unable to determine revocation status"],
        // X509ChainStatusFlags of .NET, and CRYPT_E_REVOCATION_OFFLINE of Windows.
        &["revocationstatusunknown"], &["revocation server was offline"],
    ]),
    // SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED.
    (RENEGOTIATION, &[&["unsafe legacy renegotiation disabled"]]),
];

pub(super) fn of_library(evidence: &Evidence<'_>) -> Option<Ruling> {
    Quoted::of(evidence)?.find(WORDS)
}

/// Java goes by a store of its own: our probe of the same path, which goes by the system's, tells whether that is the reason.
pub(super) fn of_java(evidence: &Evidence<'_>) -> Option<Ruling> {
    let store: &[Words] = &[(JVM_STORE, &[&["pkix path building failed"], &["unable to find valid certification path"]])];
    let ruling = Quoted::of(evidence)?.find(store)?;
    let Some(path) = evidence.path else { return Some(ruling.or(&[UNKNOWN_ISSUER, NO_INTERMEDIATE]).sure(Confidence::Medium)) };
    if path.broken().is_some_and(|(layer, _)| layer <= Layer::Tls) {
        return None;
    }
    let trusted = facts(path).find_map(|fact| {
        let Fact::Secured { verifier, .. } = fact else { return None };
        Some(format!("On the path of the same link our probe trusts the certificate, by {verifier}."))
    });
    Some(match trusted {
        Some(trusted) => {
            let told = ruling.contrast.clone();
            ruling.proved(format!("{trusted} {told}"))
        }
        None => ruling.or(&[UNKNOWN_ISSUER, NO_INTERMEDIATE]).sure(Confidence::Medium),
    })
}
