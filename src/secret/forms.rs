//! The forms a secret takes when somebody else writes it down: escaped for JSON, URLs and HTML, in Base64, in hexadecimal.

use std::collections::HashSet;

use base64::Engine as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Bytes of a secret that is also looked for in hexadecimal: a key file would make the search many times as large.
const LONGEST_HEXADECIMAL: usize = 1024;

/// All but the unreserved ones (RFC 3986 section 2.3), as JavaScript, Python and Go write a component, nearly.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// As Python's `quote` writes a path.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');
/// As `encodeURIComponent` of JavaScript.
const SCRIPT: &AsciiSet = &COMPONENT.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');
/// Ways to write `"` and `'` in HTML.
const QUOTES: &[(&str, &str)] = &[
    ("\"", "'"),
    ("&quot;", "'"),
    ("&quot;", "&#39;"),
    ("&quot;", "&#x27;"),
    ("&quot;", "&apos;"),
    ("&#34;", "&#39;"),
];

/// Every form of a value, itself among them, each once.
pub(super) fn of(value: &str) -> HashSet<String> {
    let mut forms = HashSet::from([value.to_owned()]);
    for set in [NON_ALPHANUMERIC, COMPONENT, PATH, SCRIPT] {
        forms.insert(utf8_percent_encode(value, set).to_string());
    }
    forms.insert(url::form_urlencoded::byte_serialize(value.as_bytes()).collect());
    let lower: Vec<String> = forms.iter().filter(|form| *form != value).map(|form| lower(form)).collect();
    forms.extend(lower);
    if value.contains(['&', '<', '>', '"', '\'']) {
        let escaped = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        forms.extend(QUOTES.iter().map(|(two, one)| escaped.replace('"', two).replace('\'', one)));
    }
    forms.insert(base64::engine::general_purpose::STANDARD.encode(value));
    if value.len() <= LONGEST_HEXADECIMAL {
        let hexadecimal: String =
            value.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        forms.insert(hexadecimal.to_ascii_uppercase());
        forms.insert(hexadecimal);
    }
    let json: Vec<String> = forms.iter().map(|form| in_json(form)).collect();
    forms.extend(json);
    forms
}

/// The escapes of a percent-encoded text in lower case.
fn lower(text: &str) -> String {
    let mut parts = text.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escape, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower.push('%');
        lower.push_str(&escape.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}

fn in_json(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(&json).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_make_of_a_secret_is_known() {
        let forms = of("p/a+s&<w>'\"~d\u{e9} x");
        for form in [
            "p/a+s&<w>'\"~d\u{e9} x",
            // Python's quote, with `/` kept and not; in lower case; JavaScript's encodeURIComponent; a form.
            "p/a%2Bs%26%3Cw%3E%27%22~d%C3%A9%20x",
            "p%2Fa%2Bs%26%3Cw%3E%27%22~d%C3%A9%20x",
            "p%2fa%2bs%26%3cw%3e%27%22~d%c3%a9%20x",
            "p%2Fa%2Bs%26%3Cw%3E'%22~d%C3%A9%20x",
            "p%2Fa%2Bs%26%3Cw%3E%27%22%7Ed%C3%A9+x",
            "p/a+s&amp;&lt;w&gt;'\"~d\u{e9} x",
            "p/a+s&amp;&lt;w&gt;'\\\"~d\u{e9} x",
            "p/a+s&amp;&lt;w&gt;&#x27;&quot;~d\u{e9} x",
            "p/a+s&amp;&lt;w&gt;&#39;&#34;~d\u{e9} x",
            "702f612b73263c773e27227e64c3a92078",
            "702F612B73263C773E27227E64C3A92078",
        ] {
            assert!(forms.contains(form), "{form}: {forms:#?}");
        }
    }

    #[test]
    fn a_plain_secret_has_few_forms() {
        let mut forms: Vec<String> = of("sesame42").into_iter().collect();
        forms.sort();
        assert_eq!(forms, ["736573616D653432", "736573616d653432", "c2VzYW1lNDI=", "sesame42"]);
        assert_eq!(of(&"x".repeat(LONGEST_HEXADECIMAL + 1)).len(), 2);
    }
}
