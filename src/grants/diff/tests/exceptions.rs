//! Exceptions of the map: each covers what it names, whatever it was folded into.

use super::*;
use crate::grants::finding::FindingId;

fn exception(ignore: &str) -> Exception {
    Exception { ignore: ignore.to_owned(), why: format!("why {ignore}"), until: None }
}

/// What is open, and what is meant: severity, rule and subject, and whom.
fn told(before: &Facts, after: &Facts, ignore: &[&str]) -> (Vec<String>, Vec<String>) {
    let exceptions: Vec<Exception> = ignore.iter().map(|ignore| exception(ignore)).collect();
    let findings = judged_with(before, after, None, &exceptions);
    let keys: std::collections::BTreeSet<&str> =
        findings.iter().map(|finding| finding.key.as_str()).collect();
    assert_eq!(keys.len(), findings.len(), "no key twice: {findings:#?}");
    let (open, meant): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| finding.expected.is_none());
    let word = |finding: &&Finding| {
        let Finding { severity, id, subject, grantee, .. } = finding;
        let whom = grantee.as_deref().map(|whom| format!(" {whom}")).unwrap_or_default();
        format!("{severity} {id} {subject}{whom}")
    };
    (open.iter().map(word).collect(), meant.iter().map(word).collect())
}

#[test]
fn it_covers_what_it_names_until_its_day() {
    let before = shop();
    let mut after = before.clone();
    object(&mut after, &table("orders")).acl =
        Some(acl(&before, "{boss=arwdDxt/boss,app=r/boss,readers=r/boss}"));
    for ignore in ["table:shop.orders", "table:shop.* app", "table:shop.orders app UPDATE, INSERT, DELETE"] {
        let findings = judged_with(&before, &after, None, &[exception(ignore)]);
        assert_eq!(findings.len(), 1, "{findings:#?}");
        assert_eq!(findings[0].expected, Some(format!("why {ignore}")));
    }
    let partly = judged_with(&before, &after, None, &[exception("table:shop.orders app INSERT")]);
    assert_eq!(partly[0].expected, None, "UPDATE is not covered");
    assert_eq!(partly[1].id, "exception_unneeded");
    let until = Some(date(2026, 11, 22));
    let ended = judged_with(&before, &after, None, &[Exception { until, ..exception("*") }]);
    assert_eq!((ended[0].expected.as_deref(), &*ended[1].id), (None, "exception_expired"));
    assert_eq!(ended[0].severity, Severity::Blocker);
    let last_day = Exception { until: Some(date(2026, 11, 23)), ..exception("*") };
    let findings = judged_with(&before, &after, None, &[last_day]);
    assert!(findings.iter().all(|finding| finding.expected.is_some()), "{findings:#?}");
}

/// `readers` and its grant are gone: `web` loses what it had through it.
fn without_readers() -> (Facts, Facts) {
    let before = shop();
    let mut after = before.clone();
    object(&mut after, &table("orders")).acl = Some(acl(&before, "{boss=arwdDxt/boss,app=arw/boss}"));
    (before, after)
}

#[test]
fn the_group_that_is_named_is_not_its_members() {
    let (before, after) = without_readers();
    let (open, meant) = told(&before, &after, &["table:shop.orders readers SELECT"]);
    assert_eq!(open, ["blocker effective_changed table:shop.orders web"]);
    assert_eq!(meant, ["info grant_missing table:shop.orders readers"]);
    // Nor does a member that is named hide what others lose.
    let mut before = before;
    join(&mut before, "readers", "boss", true);
    let mut after = after;
    join(&mut after, "readers", "boss", true);
    change_role(&mut before, "boss", |role| role.login = true);
    change_role(&mut after, "boss", |role| role.login = true);
    join(&mut before, "readers", "app", true);
    join(&mut after, "readers", "app", true);
    object(&mut before, &table("orders")).acl = Some(acl(&after, "{readers=r/boss}"));
    object(&mut after, &table("orders")).acl = Some(Acl::default());
    let (open, meant) = told(&before, &after, &["table:shop.orders web"]);
    assert_eq!(open, ["blocker grant_missing table:shop.orders readers"]);
    assert_eq!(meant, ["blocker effective_changed table:shop.orders web"]);
    let (open, _) = told(&before, &after, &["table:shop.orders"]);
    assert_eq!(open, [""; 0], "all of it is about the table");
}

#[test]
fn a_role_that_is_meant_to_go_does_not_take_others_privileges_along() {
    let before = shop();
    let mut after = hand::facts(&["admin", "app", "boss", "web"]);
    after.acl_defaults = before.acl_defaults.clone();
    let roles = before.roles.iter().map(|(_, role)| role.clone()).filter(|role| role.name != "readers");
    after.roles = Roles::new(roles.collect());
    let admin = id(&after, "admin");
    after.objects.insert(Key::database(), Object { owner: Some(admin), ..Object::default() });
    add(&mut after, Key::plain(Kind::Schema, "shop"), "boss", Some("{boss=UC/boss,=U/boss}"));
    add(&mut after, table("orders"), "boss", Some("{boss=arwdDxt/boss,app=arw/boss}"));
    let (open, meant) = told(&before, &after, &["role:readers"]);
    assert_eq!(open, ["blocker effective_changed table:shop.orders web"]);
    assert_eq!(meant, ["minor role_missing role:readers readers"]);
    let (open, meant) = told(&before, &after, &["role:readers", "table:shop.orders web SELECT"]);
    assert_eq!(open, [""; 0]);
    assert_eq!(meant, ["blocker role_missing role:readers readers"], "told as one, with both reasons");
}

#[test]
fn what_is_left_of_two_causes_is_told_once() {
    let (before, mut after) = without_readers();
    after.memberships.clear();
    let (open, meant) =
        told(&before, &after, &["table:shop.orders readers SELECT", "membership:readers.web"]);
    assert_eq!(open, ["blocker effective_changed table:shop.orders web"]);
    assert_eq!(meant.len(), 2, "{meant:?}");
    let all = ["table:shop.orders readers SELECT", "membership:readers.web", "table:shop.orders web"];
    assert_eq!(told(&before, &after, &all).0, [""; 0]);
}

/// A copy that left the database's own owner, grants and settings behind.
fn copied() -> (Facts, Facts) {
    let mut before = shop();
    let boss = id(&before, "boss");
    let grants = acl(&before, "{boss=CTc/boss,app=c/boss,web=c/boss}");
    let database = object(&mut before, &Key::database());
    database.acl = Some(grants);
    database.owner = Some(boss);
    before.settings.push(Setting {
        in_database: true,
        role: None,
        name: "search_path".to_owned(),
        value: "shop".to_owned(),
    });
    let mut after = before.clone();
    let admin = id(&after, "admin");
    let database = object(&mut after, &Key::database());
    database.acl = None;
    database.owner = Some(admin);
    after.settings.clear();
    (before, after)
}

#[test]
fn one_table_or_the_database_is_not_all_that_a_copy_lost() {
    let (before, mut after) = copied();
    let (open, _) = told(&before, &after, &[]);
    assert_eq!(open, ["blocker copy_without_create copy:without_create"]);
    let findings = judged_with(&before, &after, None, &[]);
    let severities: Vec<Severity> = findings[0].consequences.iter().map(|one| one.severity).collect();
    assert!(severities.is_sorted_by(|one, next| one >= next), "worst first: {severities:?}");
    assert_eq!(findings[0].consequences[0].severity, Severity::Blocker);
    assert!(findings[0].consequences.iter().any(|one| one.id == FindingId::OpenedToPublic.name()));

    // The database's own grants and owner are meant, its settings are not.
    let (open, meant) = told(&before, &after, &["database:"]);
    assert_eq!(open, ["blocker copy_without_create copy:without_create"]);
    assert!(meant.iter().all(|finding| finding.contains(" database:")), "{meant:#?}");
    let findings = judged_with(&before, &after, None, &[exception("database:")]);
    assert_eq!(consequences(&findings[0]), ["the setting search_path of the database is gone; it was shop"]);
    let (open, _) = told(&before, &after, &["database:", "setting:database.*"]);
    assert_eq!(open, [""; 0]);
    let (open, meant) = told(&before, &after, &["copy:without_create"]);
    assert_eq!(open[0], "blocker copy_without_create copy:without_create", "it names no loss");
    assert_eq!((open.len(), meant.len()), (2, 0), "and is told to cover nothing: {open:#?}");

    // A table that is named does not hide the copy, nor the copy the table.
    object(&mut after, &table("orders")).acl =
        Some(acl(&before, "{boss=arwdDxt/boss,app=arw/boss,readers=r/boss,=r/boss}"));
    let (open, meant) = told(&before, &after, &["table:shop.orders"]);
    assert_eq!(open, ["blocker copy_without_create copy:without_create"]);
    assert_eq!(meant, ["blocker opened_to_public table:shop.orders PUBLIC"]);
    let (open, _) = told(&before, &after, &["database:", "setting:database.*"]);
    assert_eq!(open, ["blocker opened_to_public table:shop.orders PUBLIC"]);
}

#[test]
fn a_schema_that_is_named_is_not_the_tables_in_it_and_a_table_is_its_columns() {
    let mut before = shop();
    object(&mut before, &table("orders")).columns = BTreeMap::from([("id".into(), None)]);
    add(&mut before, table("items"), "boss", Some("{boss=arwdDxt/boss,app=r/boss}"));
    let column = Key { of: Some("orders".into()), ..Key::within(Kind::Column, "shop", "id") };
    before.objects.insert(column.clone(), Object::default());
    let policy = Key { of: Some("orders".into()), ..Key::within(Kind::Policy, "shop", "own") };
    before.objects.insert(policy, Object::default());
    let mut after = before.clone();
    after.objects.retain(|key, _| &*key.name != "orders" && key.of.is_none());
    let (open, meant) = told(&before, &after, &["table:shop.orders"]);
    assert_eq!((open.len(), meant.len()), (0, 1), "{open:?} {meant:?}");

    after.objects.retain(|key, _| key.schema.is_none() && key.kind != Kind::Schema);
    let (open, meant) = told(&before, &after, &["schema:shop"]);
    assert_eq!(open, ["blocker object_missing table:shop.items"], "with the other table");
    assert_eq!(meant, ["blocker object_missing schema:shop"]);
    let (open, _) = told(&before, &after, &["schema:shop", "table:shop.orders"]);
    assert_eq!(open, ["blocker object_missing table:shop.items"]);
    let (open, _) = told(&before, &after, &["schema:shop", "*:shop.*"]);
    assert_eq!(open, [""; 0]);
}
