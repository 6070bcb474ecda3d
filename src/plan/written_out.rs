//! Secrets that are written out in a plan where anything may stand: inside URLs and as headers. Each is told, and starred from
//! then on.

use base64::Engine as _;

use super::expand::has_variables;
use super::load::Loading;
use crate::file::findings::Finding;
use crate::file::variables::Variables;
use crate::file::{url_password, url_secrets};
use crate::secret::is_credential;
use crate::yaml::tree::{NodeId, Span};

/// Bytes of the value of a cookie that is searched for: `lang=en` is no secret.
const SHORTEST_COOKIE: usize = 8;
/// What to do about any of them.
const LABEL: &str = "anyone who reads the plan reads it";

/// Tell of a secret that is written out in a URL.
pub(super) fn tell_url(loading: &mut Loading<'_>, node: NodeId, text: &str) {
    let password = url_password(text);
    for range in url_secrets(text) {
        if Variables::concerns(&text[range.clone()]) {
            continue;
        }
        let (message, help) = if password.as_ref() == Some(&range) {
            let help = "keep it in an environment variable, as `${env:NAME}`, or in a `password` key that names an `env`, a `file` or a `command`";
            ("a password is written out in this URL".to_owned(), help.to_owned())
        } else {
            let before = text[..range.start].trim_end_matches('=');
            let name = before.rsplit(['?', '&', ';']).next().unwrap_or_default();
            let help = format!("keep it in an environment variable: `{name}=${{env:NAME}}`");
            (format!("a secret is written out in this URL, as `{name}`"), help)
        };
        loading.findings.push(Finding::warning(loading.tree.place(node), message).label(LABEL).help(help));
    }
}

/// Star the secrets of a URL wherever they come up.
pub(super) fn learn_url(loading: &mut Loading<'_>, text: &str) {
    for range in url_secrets(text) {
        let secret = text[range].to_owned();
        loading.stars.value(&secret, loading.request.scrubber);
        if let Ok(decoded) = percent_encoding::percent_decode_str(&secret).decode_utf8() {
            loading.stars.value(&decoded, loading.request.scrubber);
        }
    }
}

/// Tell of credentials that are written out as headers, and star them wherever they come up.
pub(super) fn headers(loading: &mut Loading<'_>, headers: NodeId) {
    for (key, value) in loading.tree.entries(headers).to_vec() {
        let name = loading.tree.text(key).unwrap_or_default().to_owned();
        let Some(text) = loading.tree.text(value).map(ToOwned::to_owned) else { continue };
        if !is_credential(&name) || text.is_empty() {
            continue;
        }
        for secret in secrets(&name, &text) {
            loading.stars.value(&secret, loading.request.scrubber);
        }
        if !has_variables(loading, value) {
            let place: Span = loading.tree.place(value);
            loading.stars.place(place);
            loading.findings.push(
                Finding::warning(place, format!("`{name}` is written out in the plan"))
                    .label(LABEL)
                    .help(instead(&name, &text)),
            );
        }
    }
}

/// What of a header's value is secret: not the scheme, nor the names of cookies.
fn secrets(name: &str, text: &str) -> Vec<String> {
    if name.eq_ignore_ascii_case("cookie") {
        let values = text.split(';').filter_map(|pair| Some(pair.split_once('=')?.1.trim().to_owned()));
        return values.filter(|value| value.len() >= SHORTEST_COOKIE).chain([text.to_owned()]).collect();
    }
    match text.split_once(' ') {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            let decoded = scheme.eq_ignore_ascii_case("basic").then(|| password(rest.trim())).flatten();
            decoded.into_iter().chain([rest.trim().to_owned()]).collect()
        }
        Some(_) | None => vec![text.to_owned()],
    }
}

/// The password of basic credentials (RFC 7617).
fn password(encoded: &str) -> Option<String> {
    let pair = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    Some(String::from_utf8(pair).ok()?.split_once(':')?.1.to_owned())
}

fn instead(name: &str, text: &str) -> String {
    let whole = format!("`{name}: {{ env: NAME }}`, where the variable holds the whole value");
    let scheme = text.split(' ').next().unwrap_or_default().to_ascii_lowercase();
    match (name.eq_ignore_ascii_case("authorization"), scheme.as_str()) {
        (true, "bearer") => format!("use `auth: {{ bearer: {{ env: NAME }} }}`, or {whole}"),
        (true, "basic") => {
            format!("use `auth: {{ basic: {{ user: NAME, password: {{ env: NAME }} }} }}`, or {whole}")
        }
        _ => format!("use {whole}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_of_a_header_is_one() {
        for (name, text, wanted) in [
            ("Authorization", "Bearer s3cret", &["s3cret"][..]),
            ("Authorization", "Basic YXBwOnMzY3JldA==", &["s3cret", "YXBwOnMzY3JldA=="]),
            ("Authorization", "s3cret", &["s3cret"]),
            ("Cookie", "lang=en; session=0123456789", &["0123456789", "lang=en; session=0123456789"]),
            ("X-Api-Key", "s3cret", &["s3cret"]),
        ] {
            assert_eq!(secrets(name, text), wanted, "{text}");
        }
    }
}
