//! TLS alerts by their registered names (RFC 8446 section 6, IANA "TLS Alerts").

use rustls::AlertDescription;

/// The registered name, such as `handshake_failure`; unassigned numbers stay numbers.
pub(super) fn name(alert: AlertDescription) -> String {
    let Some(spelled) = alert.as_str() else { return format!("number {}", u8::from(alert)) };
    // rustls spells these three otherwise than the registry.
    let spelled = match spelled {
        "UnknownCA" => "UnknownCa",
        "UnknownPSKIdentity" => "UnknownPskIdentity",
        "UnrecognisedName" => "UnrecognizedName",
        other => other,
    };
    let mut name = String::new();
    for character in spelled.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

/// An alert a server sends when it does not like the client certificate, or the lack of one (RFC 8446 section 6.2).
pub(super) fn concerns_certificate(alert: AlertDescription) -> bool {
    [
        AlertDescription::HandshakeFailure,
        AlertDescription::NoCertificate,
        AlertDescription::BadCertificate,
        AlertDescription::UnsupportedCertificate,
        AlertDescription::CertificateRevoked,
        AlertDescription::CertificateExpired,
        AlertDescription::CertificateUnknown,
        AlertDescription::UnknownCA,
        AlertDescription::AccessDenied,
        AlertDescription::DecryptError,
        AlertDescription::CertificateRequired,
    ]
    .contains(&alert)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_registered_ones() {
        assert_eq!(name(AlertDescription::HandshakeFailure), "handshake_failure");
        assert_eq!(name(AlertDescription::UnknownCA), "unknown_ca");
        assert_eq!(name(AlertDescription::BadRecordMac), "bad_record_mac");
        assert_eq!(name(AlertDescription::NoApplicationProtocol), "no_application_protocol");
        assert_eq!(name(AlertDescription::from(200)), "number 200");
    }
}
