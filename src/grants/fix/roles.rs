//! Roles and settings.

use super::privileges::Pair;
use super::target::value;
use crate::grants::change::Delta;
use crate::grants::quote::{Quoted, Text};
use crate::grants::snapshot::Role;

/// CREATE ROLE, or ALTER ROLE for what differs. A role that is too many stays: it may own what no snapshot shows.
pub(super) fn role(name: &str, delta: &Delta<Role>) -> Vec<Pair> {
    let name = Quoted(name);
    match (&delta.expected, &delta.got) {
        (Some(expected), None) => {
            let mut words = attributes(expected);
            // A new role is good for ever, and is not to be given an end that was never set.
            words.extend(expected.valid_until.is_some().then(|| until(expected)));
            let words = words.join(" ");
            vec![(format!("CREATE ROLE {name} WITH {words}"), format!("DROP ROLE {name}"))]
        }
        (Some(expected), Some(got)) => {
            let all = |role| attributes(role).into_iter().chain([until(role)]);
            let differ: Vec<(String, String)> =
                all(expected).zip(all(got)).filter(|(expected, got)| expected != got).collect();
            if differ.is_empty() {
                return Vec::new();
            }
            let (words, undo): (Vec<_>, Vec<_>) = differ.into_iter().unzip();
            let alter = |words: &[String]| format!("ALTER ROLE {name} WITH {}", words.join(" "));
            vec![(alter(&words), alter(&undo))]
        }
        (None, _) => Vec::new(),
    }
}

/// The attributes of CREATE ROLE but VALID UNTIL, always in the same order. Passwords are not known and not set.
fn attributes(role: &Role) -> Vec<String> {
    let switch = |on, word: &str| if on { word.to_owned() } else { format!("NO{word}") };
    vec![
        switch(role.superuser, "SUPERUSER"),
        switch(role.inherit, "INHERIT"),
        switch(role.create_role, "CREATEROLE"),
        switch(role.create_db, "CREATEDB"),
        switch(role.login, "LOGIN"),
        switch(role.replication, "REPLICATION"),
        switch(role.bypass_rls, "BYPASSRLS"),
        format!("CONNECTION LIMIT {}", role.connection_limit),
    ]
}

/// An end cannot be taken back but by `infinity`, which says the same.
fn until(role: &Role) -> String {
    format!("VALID UNTIL {}", Text(role.valid_until.as_deref().unwrap_or("infinity")))
}

/// ALTER DATABASE SET, ALTER ROLE SET or ALTER ROLE IN DATABASE SET.
pub(super) fn setting(
    in_database: Option<&str>,
    role: Option<&str>,
    name: &str,
    delta: &Delta<String>,
) -> Vec<Pair> {
    let alter = match (in_database, role) {
        (Some(database), None) => format!("ALTER DATABASE {}", Quoted(database)),
        (Some(database), Some(role)) => {
            format!("ALTER ROLE {} IN DATABASE {}", Quoted(role), Quoted(database))
        }
        (None, Some(role)) => format!("ALTER ROLE {}", Quoted(role)),
        (None, None) => "ALTER ROLE ALL".to_owned(),
    };
    let name = name.split('.').map(|part| Quoted(part).to_string()).collect::<Vec<_>>().join(".");
    let to = |wanted: &Option<String>| match wanted {
        Some(wanted) => format!("{alter} SET {name} TO {}", value(&name.replace('"', ""), wanted)),
        None => format!("{alter} RESET {name}"),
    };
    vec![(to(&delta.expected), to(&delta.got))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::snapshot::tests::role as sample;

    #[test]
    fn a_role_is_changed_only_where_it_differs() {
        let expected = Role { bypass_rls: true, ..sample("app") };
        let delta = Delta { expected: Some(expected.clone()), got: Some(sample("app")) };
        assert_eq!(
            role("app", &delta),
            [(
                "ALTER ROLE \"app\" WITH BYPASSRLS".to_owned(),
                "ALTER ROLE \"app\" WITH NOBYPASSRLS".to_owned()
            )]
        );
        let missing = role("app", &Delta { expected: Some(expected), got: None });
        assert!(missing[0].0.starts_with("CREATE ROLE \"app\" WITH NOSUPERUSER INHERIT "), "{missing:?}");
        assert_eq!(role("app", &Delta { expected: None, got: Some(sample("app")) }), []);
    }

    #[test]
    fn settings_know_where_they_hold() {
        let delta = Delta { expected: Some("a, \"B\"".to_owned()), got: None };
        let sql = |database, role| setting(database, role, "search_path", &delta).remove(0);
        assert_eq!(
            sql(Some("d"), Some("r")),
            (
                r#"ALTER ROLE "r" IN DATABASE "d" SET "search_path" TO 'a', 'B'"#.to_owned(),
                r#"ALTER ROLE "r" IN DATABASE "d" RESET "search_path""#.to_owned()
            )
        );
        assert!(sql(Some("d"), None).0.starts_with("ALTER DATABASE \"d\" SET"));
        assert!(sql(None, None).0.starts_with("ALTER ROLE ALL SET"));
        let own = Delta { expected: Some("x".to_owned()), got: None };
        assert_eq!(
            setting(None, Some("r"), "app.tenant", &own)[0].0,
            r#"ALTER ROLE "r" SET "app"."tenant" TO 'x'"#
        );
    }
}
