//! GRANT and REVOKE.

use super::target::{granted, name, new_objects};
use crate::grants::change::{Granted, Who};
use crate::grants::privilege::Privileges;
use crate::grants::quote::Quoted;
use crate::grants::snapshot::{Key, Kind, SchemaObjects};

/// What stands between `GRANT` or `REVOKE` and the grantee.
#[derive(Debug, Clone, Copy)]
pub(super) enum Object<'a> {
    /// An object or column of the database.
    Existing(&'a Key, &'a str),
    /// What a role will make: its name, the schema, which objects.
    New(&'a str, Option<&'a str>, SchemaObjects),
}

/// A statement and what takes it back.
pub(super) type Pair = (String, String);

impl Object<'_> {
    fn statement(self, verb: &str, privileges: Privileges, link: &str, to: &Who, end: &str) -> String {
        let to = grantee(to);
        match self {
            Self::Existing(key, database) => {
                format!("{verb} {} ON {} {link} {to}{end}", words(key, privileges), granted(key, database))
            }
            Self::New(creator, schema, objects) => {
                let schema =
                    schema.map_or_else(String::new, |schema| format!(" IN SCHEMA {}", Quoted(schema)));
                let objects = new_objects(objects);
                let creator = Quoted(creator);
                format!(
                    "ALTER DEFAULT PRIVILEGES FOR ROLE {creator}{schema} {verb} {privileges} ON {objects} {link} {to}{end}"
                )
            }
        }
    }

    fn grant(self, privileges: Privileges, to: &Who, grantable: bool) -> String {
        self.statement("GRANT", privileges, "TO", to, if grantable { " WITH GRANT OPTION" } else { "" })
    }

    fn revoke(self, privileges: Privileges, from: &Who, option_only: bool) -> String {
        self.statement(
            if option_only { "REVOKE GRANT OPTION FOR" } else { "REVOKE" },
            privileges,
            "FROM",
            from,
            "",
        )
    }

    /// Take away what is too much.
    pub(super) fn revokes(self, to: &Who, expected: Option<&Granted>, got: Option<&Granted>) -> Vec<Pair> {
        let (wanted, wanted_options) = both(expected);
        let (had, had_options) = both(got);
        let gone = had - wanted;
        let options_gone = (had_options - wanted_options) - gone;
        let mut pairs = Vec::new();
        for (privileges, option) in [(gone & had_options, true), (gone - had_options, false)] {
            if !privileges.is_empty() {
                pairs.push((self.revoke(privileges, to, false), self.grant(privileges, to, option)));
            }
        }
        if !options_gone.is_empty() {
            pairs.push((self.revoke(options_gone, to, true), self.grant(options_gone, to, true)));
        }
        pairs
    }

    /// Give what is missing.
    pub(super) fn grants(self, to: &Who, expected: Option<&Granted>, got: Option<&Granted>) -> Vec<Pair> {
        let (wanted, wanted_options) = both(expected);
        let (had, had_options) = both(got);
        let missing = wanted - had;
        let options_missing = (wanted_options - had_options) - missing;
        let mut pairs = Vec::new();
        for (privileges, option) in [(missing & wanted_options, true), (missing - wanted_options, false)] {
            if !privileges.is_empty() {
                pairs.push((self.grant(privileges, to, option), self.revoke(privileges, to, false)));
            }
        }
        if !options_missing.is_empty() {
            pairs.push((self.grant(options_missing, to, true), self.revoke(options_missing, to, true)));
        }
        pairs
    }
}

/// `PUBLIC`, or a role in quotes.
pub(super) fn grantee(who: &Who) -> String {
    match who {
        Who::Public => "PUBLIC".to_owned(),
        Who::Role(role) => Quoted(role).to_string(),
    }
}

fn both(granted: Option<&Granted>) -> (Privileges, Privileges) {
    granted.map_or((Privileges::NONE, Privileges::NONE), |granted| (granted.privileges, granted.grantable))
}

/// `SELECT, INSERT`, or for a column `SELECT ("total"), INSERT ("total")`.
fn words(key: &Key, privileges: Privileges) -> String {
    if key.kind != Kind::Column {
        return privileges.to_string();
    }
    let column = Quoted(&key.name);
    privileges.iter().map(|privilege| format!("{privilege} ({column})")).collect::<Vec<_>>().join(", ")
}

/// ALTER ... OWNER TO; what follows its owner by itself has no statement.
pub(super) fn owner(key: &Key, database: &str, expected: &str, got: &str) -> Pair {
    let altered = format!("ALTER {} {}", key.kind.sql(), name(key, database));
    (format!("{altered} OWNER TO {}", Quoted(expected)), format!("{altered} OWNER TO {}", Quoted(got)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::privilege::Privilege::{Delete, Insert, Select};

    fn granted(
        privileges: &[crate::grants::privilege::Privilege],
        grantable: &[crate::grants::privilege::Privilege],
    ) -> Granted {
        Granted {
            by: "o".to_owned(),
            privileges: Privileges::of(privileges),
            grantable: Privileges::of(grantable),
        }
    }

    #[test]
    fn only_the_difference_is_granted_and_revoked() {
        let key = Key::within(Kind::Table, "s", "t");
        let object = Object::Existing(&key, "d");
        let to = Who::Role("app".to_owned());
        let expected = granted(&[Select, Insert], &[Insert]);
        let got = granted(&[Select, Delete], &[Select, Delete]);
        let sql = |pairs: Vec<Pair>| {
            pairs.into_iter().map(|(sql, undo)| format!("{sql} / {undo}")).collect::<Vec<_>>()
        };
        assert_eq!(
            sql(object.revokes(&to, Some(&expected), Some(&got))),
            [
                r#"REVOKE DELETE ON TABLE "s"."t" FROM "app" / GRANT DELETE ON TABLE "s"."t" TO "app" WITH GRANT OPTION"#,
                r#"REVOKE GRANT OPTION FOR SELECT ON TABLE "s"."t" FROM "app" / GRANT SELECT ON TABLE "s"."t" TO "app" WITH GRANT OPTION"#,
            ]
        );
        assert_eq!(
            sql(object.grants(&to, Some(&expected), Some(&got))),
            [
                r#"GRANT INSERT ON TABLE "s"."t" TO "app" WITH GRANT OPTION / REVOKE INSERT ON TABLE "s"."t" FROM "app""#
            ]
        );
    }

    #[test]
    fn columns_are_named_behind_each_privilege() {
        let key = Key::within(Kind::Table, "s", "t").column("c");
        let pairs =
            Object::Existing(&key, "d").grants(&Who::Public, Some(&granted(&[Select, Insert], &[])), None);
        assert_eq!(pairs[0].0, r#"GRANT SELECT ("c"), INSERT ("c") ON TABLE "s"."t" TO PUBLIC"#);
    }
}
