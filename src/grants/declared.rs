//! What a plan says a role may and may not do, held against what it can do. Pure.

use std::borrow::Cow;

use super::change::{Change, Delta, Granted, Who};
use super::effective::Effective;
use super::fix;
use super::map::Pattern;
use super::privilege::{Privilege, Privileges};
use super::quote::Name;
use super::snapshot::{Facts, Key, Kind, Object};
use crate::model::permission::{AppError, Class, Counts, Finding, FindingId, Severity};

/// Privileges on the objects whose names match, such as `SELECT, INSERT on table:shop.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    privileges: Privileges,
    pattern: Pattern,
    text: String,
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No `on`.
    #[error("`{0}` is no rule: write PRIVILEGES on KIND:NAME, such as `SELECT, INSERT on table:shop.*`")]
    Shape(String),
    /// A word that is no privilege.
    #[error("there is no privilege `{0}`")]
    Privilege(String),
    /// A word that is no kind of object.
    #[error(
        "there is no kind of object `{0}`: write `table:shop.orders`, `function:public.*`, `schema:shop`"
    )]
    Kind(String),
    /// A privilege that such objects do not have.
    #[error("a {kind} has no {privilege}, only {}", kind.privileges())]
    NotOfKind {
        /// The kind.
        kind: Kind,
        /// The privilege.
        privilege: Privilege,
    },
    /// A name that is none.
    #[error("{0}")]
    Name(String),
}

impl std::str::FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (words, object) = text.split_once(" on ").ok_or_else(|| RuleError::Shape(text.to_owned()))?;
        let (kind, name) = object.trim().split_once(':').ok_or_else(|| RuleError::Shape(text.to_owned()))?;
        let kind = *Kind::ALL
            .iter()
            .find(|known| known.as_str() == kind)
            .ok_or_else(|| RuleError::Kind(kind.to_owned()))?;
        let mut privileges = Privileges::NONE;
        for word in words.split(',').map(str::trim) {
            let known = Privilege::ALL.iter().find(|privilege| privilege.as_str().eq_ignore_ascii_case(word));
            let &privilege = known.ok_or_else(|| RuleError::Privilege(word.to_owned()))?;
            if !kind.privileges().has(privilege) {
                return Err(RuleError::NotOfKind { kind, privilege });
            }
            privileges |= privilege.into();
        }
        let pattern = Pattern::parse(kind, name).map_err(RuleError::Name)?;
        Ok(Self { privileges, pattern, text: text.to_owned() })
    }
}

/// What came of holding rules against a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Declared {
    /// What differs, in the order of the rules.
    pub findings: Vec<Finding>,
    /// Objects the rules are about.
    pub objects: u64,
}

/// Hold the rules for a role against a database. A rule that is about no object is a finding: nothing was looked at.
#[must_use]
pub fn judge(facts: &Facts, role: &str, may: &[Rule], may_not: &[Rule]) -> Declared {
    let mut declared = Declared::default();
    let Some(id) = facts.roles.id(role) else {
        declared.findings.push(Finding {
            app_error: Some(AppError {
                sqlstate: Cow::Borrowed("28000"),
                message: format!("role \"{role}\" does not exist"),
            }),
            ..finding(
                FindingId::RoleMissing,
                Class::Missing,
                format!("role:{}", Name(role)),
                role,
                "the role does not exist",
            )
        });
        return declared;
    };
    let effective = Effective::new(facts);
    let can_connect =
        effective.on(&Key::database(), &facts.objects[&Key::database()])[id.index()].has(Privilege::Connect);
    for (rule, wanted) in may.iter().map(|rule| (rule, true)).chain(may_not.iter().map(|rule| (rule, false)))
    {
        let mut matched = false;
        for (key, object) in &facts.objects {
            if key.kind != rule.pattern.kind() || !rule.pattern.matches_name(key) {
                continue;
            }
            matched = true;
            declared.objects += 1;
            let held = effective.on(key, object)[id.index()];
            let reachable =
                can_connect && key.home().is_none_or(|home| may_look(facts, &effective, &home, id));
            let wrong = if wanted { rule.privileges - held } else { rule.privileges & held };
            if !wrong.is_empty() && (wanted || reachable) {
                declared.findings.push(differs(facts, key, object, role, wrong, wanted));
            } else if wanted && !reachable {
                declared.findings.push(out_of_reach(key, role, rule.privileges));
            }
        }
        if !matched {
            let message = format!("`{}`: there is no such object", rule.text);
            let subject = rule.pattern.text().to_owned();
            declared.findings.push(finding(
                FindingId::ObjectMissing,
                Class::Missing,
                subject,
                role,
                &message,
            ));
        }
    }
    declared
}

fn may_look(facts: &Facts, effective: &Effective<'_>, home: &Key, role: super::acl::RoleId) -> bool {
    facts
        .objects
        .get(home)
        .is_none_or(|schema| effective.on(home, schema)[role.index()].has(Privilege::Usage))
}

fn finding(id: FindingId, class: Class, subject: String, role: &str, message: &str) -> Finding {
    Finding {
        id: id.name().into(),
        class,
        key: format!("{}:{subject}:{role}", id.name()),
        subject,
        grantee: Some(Name(role).to_string()),
        privilege: None,
        direct: false,
        effective: true,
        severity: Severity::Blocker,
        message: message.to_owned(),
        used: None,
        app_error: None,
        consequences: Vec::new(),
        consequences_left_out: Counts::default(),
        opened_left_out: 0,
        fix_left_out: 0,
        fix: Vec::new(),
        expected: None,
    }
}

/// A privilege that is missing, or one that is too many.
fn differs(
    facts: &Facts,
    key: &Key,
    object: &Object,
    role: &str,
    wrong: Privileges,
    wanted: bool,
) -> Finding {
    let owner = object.owner.map(|owner| facts.roles.name(owner).to_owned()).unwrap_or_default();
    let granted = Granted { by: owner, privileges: wrong, grantable: Privileges::NONE };
    let (expected, got) = if wanted { (Some(granted), None) } else { (None, Some(granted)) };
    let change =
        Change::Grant { key: key.clone(), to: Who::Role(role.to_owned()), delta: Delta { expected, got } };
    let (id, class, verb) = if wanted {
        (FindingId::GrantMissing, Class::Missing, "may not, and should")
    } else {
        (FindingId::GrantExtra, Class::Extra, "may, and should not")
    };
    let message = format!("{} {verb}: {wrong} on {key}", Name(role));
    let refused = AppError {
        sqlstate: Cow::Borrowed("42501"),
        message: format!("permission denied for {} {}", key.kind.as_str().replace('_', " "), key.name),
    };
    Finding {
        privilege: Some(wrong.to_string()),
        direct: true,
        app_error: wanted.then_some(refused),
        // What a role has through a group or PUBLIC is not taken away by a REVOKE from itself.
        fix: if wanted { fix::Sides { expected: facts, actual: facts }.repairs(&change) } else { Vec::new() },
        ..finding(id, class, key.to_string(), role, &message)
    }
}

/// Granted, and of no use: the schema or the database is closed.
fn out_of_reach(key: &Key, role: &str, privileges: Privileges) -> Finding {
    let message = format!(
        "{} has {privileges} on {key} and cannot reach it: no USAGE on its schema, or no CONNECT",
        Name(role)
    );
    Finding {
        privilege: Some(privileges.to_string()),
        ..finding(FindingId::OutOfReach, Class::Missing, key.to_string(), role, &message)
    }
}

#[cfg(test)]
mod tests {
    use super::super::acl::{Acl, AclItem, Grantee};
    use super::super::snapshot::tests::facts;
    use super::*;

    fn shop() -> Facts {
        let mut facts = facts(&["boss", "app"]);
        let (boss, app) = (facts.roles.id("boss").expect("boss"), facts.roles.id("app").expect("app"));
        let grant = |privileges: &[Privilege]| {
            Acl::new(vec![AclItem {
                to: Grantee::Role(app),
                by: boss,
                privileges: Privileges::of(privileges),
                grantable: Privileges::NONE,
            }])
        };
        let object = |privileges: &[Privilege]| Object {
            owner: Some(boss),
            acl: Some(grant(privileges)),
            ..Object::default()
        };
        facts.objects.insert(Key::database(), object(&[Privilege::Connect]));
        facts.objects.insert(Key::plain(Kind::Schema, "shop"), object(&[Privilege::Usage]));
        facts.objects.insert(Key::plain(Kind::Schema, "closed"), object(&[]));
        facts.objects.insert(Key::within(Kind::Table, "shop", "orders"), object(&[Privilege::Select]));
        facts.objects.insert(Key::within(Kind::Table, "closed", "books"), object(&[Privilege::Select]));
        facts
    }

    fn ids(may: &[&str], may_not: &[&str]) -> Vec<String> {
        let rules =
            |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a rule")).collect::<Vec<Rule>>();
        let declared = judge(&shop(), "app", &rules(may), &rules(may_not));
        declared.findings.iter().map(|finding| format!("{} {}", finding.id, finding.subject)).collect()
    }

    #[test]
    fn what_is_declared_is_held_against_what_is() {
        assert_eq!(ids(&["SELECT on table:shop.*"], &["INSERT, DELETE on table:shop.*"]), [""; 0]);
        assert_eq!(ids(&["select, insert on table:shop.orders"], &[]), ["grant_missing table:shop.orders"]);
        assert_eq!(ids(&[], &["SELECT on table:shop.orders"]), ["grant_extra table:shop.orders"]);
        assert_eq!(ids(&["SELECT on table:closed.books"], &[]), ["out_of_reach table:closed.books"]);
        assert_eq!(ids(&[], &["SELECT on table:closed.books"]), [""; 0], "nobody gets there");
    }

    #[test]
    fn a_rule_about_nothing_is_no_pass() {
        assert_eq!(ids(&[], &["SELECT on table:gone.*"]), ["object_missing gone.*"]);
        let rule = "SELECT on table:shop.*".parse().expect("a rule");
        let declared = judge(&shop(), "nobody", &[rule], &[]);
        assert_eq!(declared.findings[0].id, "role_missing");
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| text.parse::<Rule>().expect_err("a mistake");
        assert!(matches!(error("SELECT table:a.b"), RuleError::Shape(_)));
        assert!(matches!(error("SELEKT on table:a.b"), RuleError::Privilege(_)));
        assert!(matches!(error("SELECT on tabel:a.b"), RuleError::Kind(_)));
        assert!(matches!(error("EXECUTE on table:a.b"), RuleError::NotOfKind { .. }));
        assert!(matches!(error("SELECT on table:a"), RuleError::Name(_)));
    }
}
