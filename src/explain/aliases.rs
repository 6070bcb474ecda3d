//! What people type when they have not our names at hand: an errno, a SQLSTATE, an HTTP status, a word. A new word gets a
//! line in `WORDS`, with the names it leads to, the likeliest first.

use super::{Explanation, all, normal};

/// Words, as `normal` writes them, and the names they lead to.
const WORDS: &[(&[&str], &[&str])] = &[
    (&["econnrefused", "connection_refused"], &["refused"]),
    (
        &[
            "etimedout",
            "timeout",
            "time_out",
            "timed_out_connecting",
            "connection_timed_out",
            "connect_timeout",
        ],
        &["connect_timed_out", "timed_out"],
    ),
    (&["deadline", "slow", "hang", "hangs"], &["timed_out"]),
    (&["ehostunreach", "no_route_to_host", "host_unreachable"], &["unreachable"]),
    (&["enetunreach", "eafnosupport", "network_unreachable", "network_is_unreachable"], &["no_route"]),
    (&["eacces", "eperm"], &["prohibited", "unreadable"]),
    (&["econnreset", "connection_reset", "rst"], &["reset", "connection_lost"]),
    (&["epipe", "econnaborted", "broken_pipe"], &["connection_lost", "reset"]),
    (&["eof", "connection_closed", "empty_reply"], &["closed_early"]),
    (&["eaddrnotavail"], &["connect_failed"]),
    (&["emfile", "enfile", "enobufs", "enomem", "too_many_open_files"], &["exhausted"]),
    (&["enoent", "no_such_file_or_directory", "command_not_found"], &["start", "unreadable"]),
    (
        &["nxdomain", "eai_noname", "enotfound", "unknown_host", "name_or_service_not_known"],
        &["name_not_found"],
    ),
    (&["nodata", "eai_nodata"], &["no_record"]),
    (&["servfail"], &["server_failure"]),
    (&["eai_again", "eai_fail"], &["resolver_failed"]),
    (&["permission_denied"], &["forbidden", "prohibited", "unusable"]),
    (&["ssh", "host_key", "vantage_error"], &["unusable", "vantage"]),
    (&["certificate", "cert", "expired", "x509", "self_signed", "untrusted"], &["distrusted"]),
    (&["handshake", "ssl"], &["handshake_failed", "tls"]),
    (&["password", "wrong_password"], &["login_refused", "unauthorized"]),
    (&["401", "407"], &["unauthorized"]),
    (&["403"], &["forbidden"]),
    (&["404", "500", "502", "503", "504"], &["mismatch"]),
];

/// What a word leads to that is no name.
pub(super) fn found(word: &str) -> Vec<Explanation> {
    let named = |name: &str| all().filter(|entry| entry.name == name).collect::<Vec<_>>();
    let mut found: Vec<Explanation> = WORDS
        .iter()
        .filter(|(words, _)| words.contains(&word))
        .flat_map(|(_, names)| names.iter().flat_map(|name| named(name)))
        .collect();
    if is_sqlstate(word) {
        let fault = if is_about_login(word) { "login_refused" } else { "statement_failed" };
        found.extend(named(fault));
    }
    if is_sqlstate(word) || is_status(word) {
        let within = format!("_{word}_");
        found.extend(all().filter(|entry| format!("{}_", normal(entry.name)).contains(&within)));
    }
    found
}

/// Five digits and letters, the first of them a digit, or a class of PostgreSQL's own (documentation of PostgreSQL,
/// appendix A).
fn is_sqlstate(word: &str) -> bool {
    let begins = |first: char| first.is_ascii_digit() || matches!(first, 'f' | 'h' | 'p' | 'x');
    word.len() == 5
        && word.starts_with(begins)
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Connections, logins, catalogs that are not there, resources, operators: what may come before any statement.
fn is_about_login(state: &str) -> bool {
    ["08", "28", "3d", "53", "57p", "55000"].iter().any(|class| state.starts_with(class))
}

fn is_status(word: &str) -> bool {
    word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::explain;
    use super::*;

    #[test]
    fn every_word_leads_to_names_that_are_there() {
        for (words, names) in WORDS {
            for name in *names {
                assert!(all().any(|entry| entry.name == *name), "{name}");
            }
            for word in *words {
                assert_eq!(*word, normal(word));
                assert!(!found(word).is_empty(), "{word}");
            }
        }
    }

    #[test]
    fn what_people_type_leads_somewhere() {
        for (typed, first, among) in [
            ("ECONNREFUSED", "refused", "refused"),
            ("timeout", "connect_timed_out", "timed_out"),
            ("Connection refused", "refused", "refused"),
            ("28P01", "login_refused", "db-28P01-wrong-password"),
            ("42P01", "statement_failed", "db-42P01-table-missing"),
            ("53300", "login_refused", "db-53300-too-many-clients"),
            ("22012", "statement_failed", "statement_failed"),
            ("504", "mismatch", "http-504-upstream-timeout"),
            ("NXDOMAIN", "name_not_found", "name_not_found"),
        ] {
            let names: Vec<&str> = explain(typed).iter().map(|entry| entry.name).collect();
            assert_eq!(names.first(), Some(&first), "{typed}: {names:?}");
            assert!(names.contains(&among), "{typed}: {names:?}");
        }
        for nothing in ["hello", "hosts", "1", "abc12", "99"] {
            assert!(found(nothing).is_empty(), "{nothing}");
        }
    }
}
