//! What may be a secret in a catalog, and never leaves it: values of options and settings, literals of statements.

use std::borrow::Cow;

use crate::secret::STARS;

/// Words in the names of options and settings whose values are secrets.
const WORDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "api_key",
    "private",
    "access_key",
    "accesskey",
    "auth_key",
    "encryption_key",
];

/// Names that speak of passwords and hold none.
const HARMLESS: [&str; 2] = ["password_encryption", "password_required"];

/// Whether a text speaks of secrets.
fn suspicious(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    WORDS.iter().any(|word| text.contains(word)) && !HARMLESS.contains(&text.as_str())
}

/// Whether a value is a connection string or URL with a password in it.
fn holds_password(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let login = |(_, rest): (&str, &str)| {
        let authority = rest.split(['/', '?', ' ']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    };
    value.contains("password=") || value.split_once("://").is_some_and(login)
}

/// `name=value` each: those that may be secrets without their value.
pub(super) fn settings(mut settings: Vec<String>) -> Vec<String> {
    for setting in &mut settings {
        if let Some((name, value)) = setting.split_once('=') {
            *setting = format!("{name}={}", value_of(name, value));
        }
    }
    settings
}

/// The value of a setting, starred when its name speaks of a secret or it holds a connection string with one.
pub(super) fn value_of<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    if suspicious(name) || holds_password(value) { Cow::Borrowed(STARS) } else { Cow::Borrowed(value) }
}

/// Options of a user mapping: names, and of values only the user's.
pub(super) fn mapping(options: Vec<String>) -> Vec<String> {
    let shown = |option: String| match option.split_once('=') {
        Some((name, _)) if name != "user" => format!("{name}={STARS}"),
        Some(_) | None => option,
    };
    options.into_iter().map(shown).collect()
}

/// A statement as `pg_stat_statements` keeps it: constants of queries are `$1` there already, those of utility statements
/// are not (before 16 never), so that every literal of one that can hold a password is starred.
pub(super) fn statement(text: &str) -> Cow<'_, str> {
    if suspicious(text) || can_hold_a_secret(text) { Cow::Owned(without_literals(text)) } else { text.into() }
}

/// `ALTER ROLE ... PASSWORD`, `CREATE USER MAPPING ... OPTIONS`, `CREATE SUBSCRIPTION ... CONNECTION`, `SET app.key`.
fn can_hold_a_secret(text: &str) -> bool {
    let bare = without_literals(text).to_ascii_lowercase();
    let mut words = bare.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let mut word = || words.find(|word| !word.is_empty()).unwrap_or_default();
    match word() {
        "set" | "do" => true,
        "create" | "alter" => {
            matches!(
                word(),
                "role" | "user" | "group" | "subscription" | "server" | "foreign" | "database" | "system"
            )
        }
        _ => false,
    }
}

/// The text with stars in place of each string constant ("String Constants") and without its comments. What does not
/// end is starred to the end.
fn without_literals(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => {
                let escapes = out.ends_with(['e', 'E']);
                if escapes && !out.trim_end_matches(['e', 'E']).ends_with(char::is_alphanumeric) {
                    out.pop();
                }
                out.push_str("'***'");
                string(rest, escapes)
            }
            '$' => match dollar(rest) {
                Some(length) if !out.ends_with(|before: char| before.is_alphanumeric() || before == '_') => {
                    out.push_str("'***'");
                    length
                }
                Some(_) | None => {
                    out.push('$');
                    1
                }
            },
            '"' => {
                let length = rest[1..].find('"').map_or(rest.len(), |end| end + 2);
                out.push_str(&rest[..length]);
                length
            }
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => {
                out.push(' ');
                comment(rest)
            }
            other => {
                out.push(other);
                other.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    out
}

/// The length of a quoted string; a doubled quote is part of it, with `escapes` a backslashed one too.
fn string(text: &str, escapes: bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escapes => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The length of a dollar-quoted string; none for a parameter such as `$1`.
fn dollar(text: &str) -> Option<usize> {
    let tag_end = text[1..].find('$')? + 2;
    let tag = &text[..tag_end];
    let name = &tag[1..tag_end - 1];
    let is_name = name.chars().all(|character| character.is_alphanumeric() || character == '_');
    if !is_name || name.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    Some(text[tag_end..].find(tag).map_or(text.len(), |end| tag_end + end + tag.len()))
}

/// The length of a comment, others inside it included.
fn comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return at + 2,
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_statements_that_can_hold_a_password_are_starred() {
        for (text, shown) in [
            ("ALTER ROLE app PASSWORD 'canary'", "ALTER ROLE app PASSWORD '***'"),
            (
                "alter user \"a'b\" with password E'ca\\'nary' valid until 'x'",
                "alter user \"a'b\" with password '***' valid until '***'",
            ),
            ("/* x */ CREATE ROLE a LOGIN PASSWORD $q$canary$q$", "  CREATE ROLE a LOGIN PASSWORD '***'"),
            ("SET app.key = 'canary'", "SET app.key = '***'"),
            ("DO $$ begin execute 'canary'; end $$", "DO '***'"),
            (
                "create user mapping for a server b options (user 'x', password 'canary",
                "create user mapping for a server b options (user '***', password '***'",
            ),
            ("select dblink_connect($1), 'password=canary'", "select dblink_connect($1), '***'"),
            ("call login('it''s', U&'secret canary') -- canary", "call login('***', U&'***') "),
        ] {
            assert_eq!(statement(text), shown, "{text}");
            assert!(!statement(text).contains("canary"));
        }
        for text in
            ["select * from a where b = $1 and c = $2", "call f('x')", "copy a (b) from stdin", "select 'x'"]
        {
            assert_eq!(statement(text), text);
        }
    }

    #[test]
    fn values_that_may_be_secrets_are_hidden() {
        let list = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            settings(list(&[
                "host=db",
                "password_encryption=md5",
                "search_path=token",
                "DB_Password=x",
                "app.jwt_secret=y",
                "dsn=postgres://u:pw@h/d",
                "a=host=x password=y"
            ])),
            list(&[
                "host=db",
                "password_encryption=md5",
                "search_path=token",
                "DB_Password=***",
                "app.jwt_secret=***",
                "dsn=***",
                "a=***"
            ])
        );
        assert_eq!(
            mapping(list(&["user=me", "password=x", "other=y"])),
            list(&["user=me", "password=***", "other=***"])
        );
    }
}
