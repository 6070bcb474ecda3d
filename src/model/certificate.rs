//! A certificate, as far as a person needs it to recognise one.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A certificate as sent, without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// Subject, RFC 4514 style.
    pub subject: String,
    /// Issuer, RFC 4514 style.
    pub issuer: String,
    /// Names from the subject alternative name extension.
    pub names: Vec<String>,
    /// Start of validity, RFC 3339 in UTC.
    pub not_before: String,
    /// End of validity, RFC 3339 in UTC.
    pub not_after: String,
    /// SHA-256 of the DER form, in hexadecimal.
    pub sha256: String,
    /// The public key's algorithm and size in bits, such as `RSA 2048` or `EC 256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it was signed with, such as `sha256WithRSAEncryption` or `ecdsa-with-SHA256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// It says that its server always staples an OCSP answer (TLS feature `status_request`, RFC 7633 section 4.2.3.1).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_staple: bool,
}

/// What an OCSP answer that a server stapled says of its certificate (RFC 6960 section 2.2); its signature is not checked,
/// as nothing is trusted for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stapled {
    /// It is not revoked.
    Good,
    /// It is revoked.
    Revoked,
    /// The responder does not know it.
    Unknown,
    /// It is no answer, or one that says nothing of a certificate.
    #[serde(other)]
    Unreadable,
}

impl Certificate {
    /// Whole days that are left, when they are few: less than two weeks, and less than a quarter of its whole life, as those
    /// that live for days only are renewed later than those that live for a year.
    #[must_use]
    pub fn ends_soon(&self, now: Timestamp) -> Option<i64> {
        const DAY: i64 = 24 * 60 * 60;
        const FEW_DAYS: i64 = 14;
        let begin: Timestamp = self.not_before.parse().ok()?;
        let end: Timestamp = self.not_after.parse().ok()?;
        let left = end.as_second().saturating_sub(now.as_second());
        let life = end.as_second().saturating_sub(begin.as_second());
        ((0..FEW_DAYS * DAY).contains(&left) && left < life / 4).then_some(left / DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_soon_when_less_than_two_weeks_and_a_quarter_of_its_life_are_left() {
        for (from, until, expected) in [
            ("2026-01-01T00:00:00Z", "2026-06-04T00:00:00Z", Some(3)),
            ("2026-01-01T00:00:00Z", "2026-06-01T06:00:00Z", Some(0)),
            ("2026-01-01T00:00:00Z", "2026-06-20T00:00:00Z", None),
            // Over already, which is told as such.
            ("2026-01-01T00:00:00Z", "2026-05-31T00:00:00Z", None),
            // Made to live for six days.
            ("2026-05-30T00:00:00Z", "2026-06-05T00:00:00Z", None),
            ("2026-05-27T00:00:00Z", "2026-06-02T00:00:00Z", Some(1)),
            ("", "", None),
        ] {
            let certificate = Certificate {
                subject: String::new(),
                issuer: String::new(),
                names: Vec::new(),
                not_before: from.to_owned(),
                not_after: until.to_owned(),
                sha256: String::new(),
                key: None,
                signature: None,
                must_staple: false,
            };
            let now = "2026-06-01T00:00:00Z".parse().unwrap();
            assert_eq!(certificate.ends_soon(now), expected, "{from} {until}");
        }
    }
}
