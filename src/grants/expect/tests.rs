//! What each half of a split database has to be.

use super::*;
use crate::grants::map::tests::{MAP, read_map, shop};
use crate::grants::privilege::Privilege;
use crate::grants::snapshot::{Attribute, SchemaObjects};

/// The shop, with members, settings, default privileges and rules of access.
fn full_shop() -> Facts {
    let mut facts = shop();
    let id = |name: &str| facts.roles.id(name).expect("a role");
    let [boss, billing_ro, alice, shop_app, agent, monitor, nobody, etl] =
        ["boss", "billing_ro", "alice", "shop_app", "agent", "pg_monitor", "nobody", "etl"].map(id);
    let member =
        |role, member| Membership { role, member, by: boss, admin: false, inherit: false, set: true };
    let default = |schema: Option<&str>, to| DefaultPrivilege {
        creator: boss,
        schema: schema.map(ToOwned::to_owned),
        objects: SchemaObjects::Tables,
        acl: Acl::new(vec![AclItem {
            to: Grantee::Role(to),
            by: boss,
            privileges: Privilege::Select.into(),
            grantable: Privileges::NONE,
        }]),
    };
    let setting = |role, in_database| Setting {
        in_database,
        role,
        name: "search_path".to_owned(),
        value: "x".to_owned(),
    };
    let rule = |roles: &[&str]| HbaRule {
        connection: "host".to_owned(),
        databases: vec!["shop".to_owned(), "other".to_owned()],
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        address: None,
        method: "scram-sha-256".to_owned(),
    };
    facts.memberships = vec![member(billing_ro, alice), member(monitor, agent), member(shop_app, alice)];
    facts.default_privileges = vec![
        default(None, nobody),
        default(Some("billing"), etl),
        default(Some("billing"), shop_app),
        default(Some("shop"), alice),
    ];
    facts.settings = vec![
        setting(Some(nobody), false),
        setting(None, true),
        setting(Some(alice), true),
        setting(Some(etl), true),
    ];
    facts.settings.sort_unstable();
    facts.hba = Some(vec![rule(&["billing_app", "+billing_ro", "etl"]), rule(&["etl"]), rule(&["all"])]);
    facts
}

fn expected(facts: &Facts, target: &str, look: impl Fn(&Expected<'_>)) {
    let map = read_map(MAP).expect("a map");
    let resolved = map.resolve(facts).expect("resolved");
    look(&transform(&resolved, map.target(target).expect("a target")));
}

fn names(facts: &Facts) -> Vec<&str> {
    facts.roles.iter().map(|(_, role)| role.name.as_str()).collect()
}

#[test]
fn roles_are_expected_where_they_have_something_to_do() {
    let facts = full_shop();
    // `nobody` may use the schema public, which comes along with what is in it: that is nothing to do.
    expected(&facts, "billing_db", |expected| {
        assert_eq!(
            names(&expected.facts),
            ["agent", "alice", "app", "auditor", "billing_ro", "boss", "pg_monitor", "shop_app"]
        );
    });
    expected(&facts, "shop_db", |expected| {
        assert_eq!(
            names(&expected.facts),
            ["agent", "alice", "boss", "etl", "nobody", "pg_monitor", "shop_app"]
        );
    });
}

#[test]
fn grants_follow_their_roles() {
    expected(&full_shop(), "billing_db", |expected| {
        let facts = &expected.facts;
        let invoice = &facts.objects[&Key::within(Kind::Table, "billing", "invoice")];
        let to: Vec<&str> = invoice
            .acl
            .iter()
            .flat_map(Acl::items)
            .map(|item| match item.to {
                Grantee::Public => "PUBLIC",
                Grantee::Role(role) => facts.roles.name(role),
            })
            .collect();
        assert_eq!(to, ["app", "billing_ro"]);
        assert_eq!(invoice.owner, facts.roles.id("boss"));
        let policy = Key { of: Some("invoice".into()), ..Key::within(Kind::Policy, "billing", "own") };
        let auditor = facts.roles.id("auditor").map(Grantee::Role);
        assert_eq!(
            facts.objects[&policy].facts[&Attribute::Roles],
            Fact::Roles(auditor.into_iter().collect())
        );
        let public = &facts.objects[&Key::plain(Kind::Schema, "public")];
        assert_eq!(public.acl.as_ref().map(|acl| acl.items().len()), Some(1), "PUBLIC alone");
        let mappings = facts.objects.keys().filter(|key| key.kind == Kind::UserMapping).count();
        assert_eq!(mappings, 0, "that of a role which is dropped");
        assert!(!facts.objects.keys().any(|key| key.schema.as_deref() == Some("shop")));
    });
}

#[test]
fn what_is_set_on_the_database_holds_for_every_target() {
    let facts = full_shop();
    expected(&facts, "billing_db", |expected| {
        let facts = &expected.facts;
        assert_eq!(facts.server.database, "billing");
        assert!(facts.objects.contains_key(&Key::database()));
        let settings: Vec<_> =
            facts.settings.iter().map(|one| one.role.map(|role| facts.roles.name(role))).collect();
        assert_eq!(settings, [None, Some("alice")]);
        let rules: Vec<String> =
            facts.hba.iter().flatten().map(|rule| format!("{:?} {:?}", rule.databases, rule.roles)).collect();
        assert_eq!(
            rules,
            [r#"["billing", "other"] ["app", "+billing_ro"]"#, r#"["billing", "other"] ["all"]"#]
        );
        let defaults: Vec<_> = facts
            .default_privileges
            .iter()
            .map(|one| (one.schema.as_deref(), one.acl.items().len()))
            .collect();
        assert_eq!(defaults, [(Some("billing"), 1)], "of the global ones, nobody is here");
        let members: Vec<_> = facts
            .memberships
            .iter()
            .map(|one| (facts.roles.name(one.role), facts.roles.name(one.member)))
            .collect();
        assert_eq!(members, [("billing_ro", "alice"), ("pg_monitor", "agent"), ("shop_app", "alice")]);
    });
    expected(&facts, "shop_db", |expected| {
        let defaults: Vec<_> =
            expected.facts.default_privileges.iter().map(|one| one.schema.as_deref()).collect();
        assert_eq!(defaults, [None, Some("shop")]);
    });
}

#[test]
fn references_across_the_cut_are_told_unless_something_replaces_them() {
    let mut facts = full_shop();
    let trigger = Key { of: Some("orders".into()), ..Key::within(Kind::Trigger, "shop", "log") };
    let known = facts.references.get_or_insert_default();
    let more = Reference {
        from: trigger.clone(),
        to: Key::within(Kind::Table, "public", "rates"),
        ..known[0].clone()
    };
    let of_the_server = Reference { to: Key::within(Kind::Type, "pg_catalog", "money"), ..more.clone() };
    known.extend([more.clone(), of_the_server]);
    expected(&facts, "billing_db", |expected| {
        assert_eq!(expected.crossing, []);
        let [replaced] = expected.replaced.as_slice() else {
            panic!("one is replaced: {:?}", expected.replaced)
        };
        assert_eq!(replaced.reference.to.to_string(), "table:shop.orders");
        assert_eq!(replaced.by.to_string(), "foreign_table:billing.orders");
        assert_eq!(expected.facts.references.as_ref().map(Vec::len), Some(1));
        assert!(!expected.facts.lacks(Aspect::References));
    });
    expected(&facts, "shop_db", |expected| {
        assert_eq!(expected.crossing, std::slice::from_ref(&more));
        assert!(expected.replaced.is_empty());
    });
    facts.references = None;
    expected(&facts, "shop_db", |expected| {
        assert!(expected.crossing.is_empty());
        assert!(expected.facts.lacks(Aspect::References), "not looked is not clean");
    });
}

#[test]
fn without_a_map_everything_stays_as_it_is() {
    let facts = full_shop();
    let same = counterpart(&facts);
    assert!(*same.facts == facts);
    let other = renamed(&facts, &BTreeMap::from([("alice".to_owned(), "zoe".to_owned())]));
    assert_eq!(other.facts.objects.len(), facts.objects.len());
    assert_eq!(other.facts.roles.len(), facts.roles.len());
    assert!(names(&other.facts).contains(&"zoe"));
    let back = renamed(&other.facts, &BTreeMap::from([("zoe".to_owned(), "alice".to_owned())]));
    assert!(
        *back.facts == Facts { default_privileges: back.facts.default_privileges.clone(), ..facts.clone() }
    );
}

#[test]
fn two_roles_may_become_one() {
    let facts = full_shop();
    let one = renamed(&facts, &BTreeMap::from([("etl".to_owned(), "billing_app".to_owned())]));
    assert_eq!(one.facts.roles.len(), facts.roles.len() - 1);
    let invoice = &one.facts.objects[&Key::within(Kind::Table, "billing", "invoice")];
    assert_eq!(invoice.acl.as_ref().map(|acl| acl.items().len()), Some(2), "etl's and billing_app's are one");
    let mapping = Key { of: Some("far".into()), ..Key::plain(Kind::UserMapping, "billing_app") };
    assert!(one.facts.objects.contains_key(&mapping));
}
