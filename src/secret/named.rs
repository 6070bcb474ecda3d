//! Names that tell that what stands beside them is secret: of keys, of headers, of parameters of a URL.

/// Whether a key, a header or a parameter stands for something secret.
pub(crate) fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "bearer",
        "authorization",
        "cookie",
        "api_key",
        "api-key",
        "apikey",
    ]
    .iter()
    .any(|word| name.ends_with(word))
}

/// Whether a parameter of a URL is what gives it its power, as in one that was signed in advance.
pub(crate) fn signs(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "sig" | "signature" | "jwt") || name.ends_with("-signature")
}

/// Whether a header carries a credential.
pub(crate) fn is_credential(header: &str) -> bool {
    let others = ["x-auth-key", "x-functions-key", "ocp-apim-subscription-key"];
    sounds_secret(header) || others.iter().any(|name| header.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::is_credential;

    #[test]
    fn headers_that_carry_credentials_are_known() {
        for name in
            ["authorization", "Proxy-Authorization", "Cookie", "X-API-Key", "Private-Token", "X-Auth-Token"]
        {
            assert!(is_credential(name), "{name}");
        }
        for name in ["Accept", "Idempotency-Key", "Content-Type", "X-Request-Id"] {
            assert!(!is_credential(name), "{name}");
        }
    }
}
