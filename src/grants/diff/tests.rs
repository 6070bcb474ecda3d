//! Each rule of `diff` and `judge`, on databases made by hand.

use std::collections::BTreeMap;

use jiff::civil::date;

mod exceptions;
mod lost;

use super::*;
use crate::grants::acl::{Acl, AclItem, Grantee, RoleId};
use crate::grants::finding::{Finding, Severity};
use crate::grants::map::Exception;
use crate::grants::privilege::{Privilege, Privileges};
use crate::grants::snapshot::{
    AclDefault, Aspect, Attribute, DefaultPrivilege, Fact, Gap, Key, Kind, Membership, Object, Role, Roles,
    SchemaObjects, Setting, Statement, Workload, tests as hand,
};

fn id(facts: &Facts, name: &str) -> RoleId {
    facts.roles.id(name).unwrap()
}

fn acl(facts: &Facts, text: &str) -> Acl {
    Acl::parse(text, |name| facts.roles.id(name)).unwrap()
}

fn table(name: &str) -> Key {
    Key::within(Kind::Table, "shop", name)
}

fn add(facts: &mut Facts, key: Key, owner: &str, grants: Option<&str>) {
    let owner = Some(id(facts, owner));
    let acl = grants.map(|text| acl(facts, text));
    facts.objects.insert(key, Object { owner, acl, ..Object::default() });
}

fn join(facts: &mut Facts, role: &str, member: &str, inherit: bool) {
    let [role, member, by] = [role, member, "admin"].map(|name| id(facts, name));
    facts.memberships.push(Membership { role, member, by, admin: false, inherit, set: true });
    facts.memberships.sort_unstable();
}

/// `app` reads and writes orders itself, `web` reads it through `readers`.
fn shop() -> Facts {
    let mut facts = hand::facts(&["admin", "app", "boss", "readers", "web"]);
    facts.roles = Roles::new(
        facts
            .roles
            .iter()
            .map(|(_, role)| {
                let name = role.name.as_str();
                Role {
                    superuser: name == "admin",
                    login: !matches!(name, "readers" | "boss"),
                    ..role.clone()
                }
            })
            .collect(),
    );
    let database = AclDefault {
        owner: Kind::Database.privileges(),
        public: Privileges::of(&[Privilege::Connect, Privilege::Temporary]),
    };
    facts.acl_defaults.insert(Kind::Database, database);
    let admin = id(&facts, "admin");
    facts.objects.insert(Key::database(), Object { owner: Some(admin), ..Object::default() });
    join(&mut facts, "readers", "web", true);
    add(&mut facts, Key::plain(Kind::Schema, "shop"), "boss", Some("{boss=UC/boss,=U/boss}"));
    let grants = "{boss=arwdDxt/boss,app=arw/boss,readers=r/boss}";
    add(&mut facts, table("orders"), "boss", Some(grants));
    facts
}

fn object<'f>(facts: &'f mut Facts, key: &Key) -> &'f mut Object {
    facts.objects.get_mut(key).unwrap()
}

fn judged_with(
    before: &Facts,
    after: &Facts,
    workload: Option<&Workload>,
    exceptions: &[Exception],
) -> Vec<Finding> {
    let changes = diff(before, &Values::default(), after, &Values::default());
    judge(
        &changes,
        &Context {
            expected: before,
            actual: after,
            workload,
            renamed: &BTreeMap::new(),
            exceptions,
            taken_at: "2026-11-23T01:00:00Z",
            today: date(2026, 11, 23),
        },
    )
}

fn judged(before: &Facts, after: &Facts) -> Vec<Finding> {
    judged_with(before, after, None, &[])
}

/// What goes away with a finding, in words.
fn consequences(finding: &Finding) -> Vec<&str> {
    finding.consequences.iter().map(|one| one.message.as_str()).collect()
}

/// One finding after one mutation.
fn after(mutate: impl FnOnce(&mut Facts)) -> Finding {
    let before = shop();
    let mut after = before.clone();
    mutate(&mut after);
    let mut findings = judged(&before, &after);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings.remove(0)
}

fn change_role(facts: &mut Facts, name: &str, change: impl Fn(&mut Role)) {
    let roles = facts.roles.iter().map(|(_, role)| {
        let mut role = role.clone();
        if role.name == name {
            change(&mut role);
        }
        role
    });
    facts.roles = Roles::new(roles.collect());
}

#[test]
fn the_same_twice_is_no_difference() {
    assert_eq!(judged(&shop(), &shop()), vec![]);
}

#[test]
fn a_grant_that_an_application_needs_is_a_blocker_in_the_servers_words() {
    let lost = after(|facts| {
        let list = acl(facts, "{boss=arwdDxt/boss,app=r/boss,readers=r/boss}");
        object(facts, &table("orders")).acl = Some(list);
    });
    assert_eq!((&*lost.id, lost.severity), ("grant_missing", Severity::Blocker));
    assert_eq!(lost.key, "missing:table:shop.orders:app:INSERT, UPDATE");
    let error = lost.app_error.unwrap();
    assert_eq!((&*error.sqlstate, &*error.message), ("42501", "permission denied for table orders"));
}

#[test]
fn a_group_that_loses_tells_of_its_members() {
    let lost = after(|facts| {
        let list = acl(facts, "{boss=arwdDxt/boss,app=arw/boss}");
        object(facts, &table("orders")).acl = Some(list);
    });
    assert_eq!((lost.grantee.as_deref(), lost.severity), (Some("readers"), Severity::Blocker));
    assert_eq!(consequences(&lost), ["web can no longer SELECT on table shop.orders"]);
}

#[test]
fn what_nobody_could_reach_is_minor() {
    let mut before = shop();
    object(&mut before, &Key::plain(Kind::Schema, "shop")).acl = Some(acl(&before.clone(), "{boss=UC/boss}"));
    let mut after = before.clone();
    object(&mut after, &table("orders")).acl = Some(acl(&before, "{boss=arwdDxt/boss,readers=r/boss}"));
    let findings = judged(&before, &after);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].severity, Severity::Minor);
    // ... unless the workload shows that it is used.
    let statement = Statement {
        role: "app".to_owned(),
        query: "INSERT INTO shop.orders VALUES ($1)".to_owned(),
        toplevel: true,
        calls: 7,
        search_path: String::new(),
    };
    let workload = Workload { since: None, evictions: None, statements: vec![statement], hidden: 0 };
    let findings = judged_with(&before, &after, Some(&workload), &[]);
    assert_eq!(findings[0].severity, Severity::Blocker);
    let used = findings[0].used.unwrap();
    assert_eq!((used.calls, used.statements), (7, 1));
}

#[test]
fn the_same_by_another_way_is_for_the_record() {
    let before = shop();
    let mut after = before.clone();
    let list = acl(&after, "{boss=arwdDxt/boss,app=arw/boss,web=r/boss}");
    object(&mut after, &table("orders")).acl = Some(list);
    after.memberships.clear();
    let findings = judged(&before, &after);
    assert_eq!(findings.len(), 3, "{findings:#?}");
    assert!(findings.iter().all(|finding| finding.severity == Severity::Info), "{findings:#?}");
}

#[test]
fn an_owner_is_one_cause() {
    let changed = after(|facts| {
        let list = acl(facts, "{admin=arwdDxt/admin,app=arw/admin,readers=r/admin}");
        let admin = id(facts, "admin");
        let orders = object(facts, &table("orders"));
        orders.acl = Some(list);
        orders.owner = Some(admin);
    });
    assert_eq!(changed.id, "owner_changed");
    assert_eq!(changed.app_error.unwrap().message, "must be owner of table orders");
    assert_eq!(changed.consequences.len(), 4, "{:#?}", changed.consequences);
}

#[test]
fn a_view_that_runs_as_a_superuser_now_is_an_escalation() {
    let mut before = shop();
    let view = Key::within(Kind::View, "shop", "v");
    add(&mut before, view.clone(), "boss", None);
    let mut after = before.clone();
    let admin = id(&after, "admin");
    object(&mut after, &view).owner = Some(admin);
    let findings = judged(&before, &after);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((&*findings[0].id, findings[0].severity), ("owner_escalated", Severity::Blocker));
}

#[test]
fn a_missing_role_takes_all_that_names_it() {
    let before = shop();
    let roles = before.roles.iter().map(|(_, role)| role.clone()).filter(|role| role.name != "readers");
    let mut after = hand::facts(&["admin", "app", "boss", "web"]);
    after.acl_defaults = before.acl_defaults.clone();
    after.roles = Roles::new(roles.collect());
    let admin = id(&after, "admin");
    after.objects.insert(Key::database(), Object { owner: Some(admin), ..Object::default() });
    add(&mut after, Key::plain(Kind::Schema, "shop"), "boss", Some("{boss=UC/boss,=U/boss}"));
    add(&mut after, table("orders"), "boss", Some("{boss=arwdDxt/boss,app=arw/boss}"));
    let findings = judged(&before, &after);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let lost = &findings[0];
    assert_eq!((&*lost.id, lost.severity), ("role_missing", Severity::Blocker));
    assert!(consequences(lost).contains(&"web can no longer SELECT on table shop.orders"));
    assert!(consequences(lost).contains(&"web is no longer a member of readers"));
}

#[test]
fn a_lost_membership_is_one_cause_for_all_it_reached() {
    let lost = after(|facts| facts.memberships.clear());
    assert_eq!((&*lost.id, lost.severity), ("membership_missing", Severity::Blocker));
    assert_eq!(lost.subject, "membership:readers.web");
    assert_eq!(consequences(&lost), ["web can no longer SELECT on table shop.orders"]);
}

#[test]
fn a_missing_table_takes_its_policies_and_columns() {
    let mut before = shop();
    object(&mut before, &table("orders")).columns = BTreeMap::from([("id".into(), None)]);
    let policy = Key { of: Some("orders".into()), ..Key::within(Kind::Policy, "shop", "own") };
    before.objects.insert(policy, Object::default());
    let mut after = before.clone();
    after.objects.retain(|key, _| &*key.name != "orders" && key.of.is_none());
    let findings = judged(&before, &after);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((&*findings[0].id, findings[0].severity), ("object_missing", Severity::Blocker));
    assert_eq!(findings[0].consequences.len(), 1);
    assert_eq!(findings[0].app_error.as_ref().unwrap().sqlstate, "42P01");
    after.objects.remove(&Key::plain(Kind::Schema, "shop"));
    let findings = judged(&before, &after);
    assert_eq!((findings.len(), &*findings[0].subject), (1, "schema:shop"), "{findings:#?}");
    assert_eq!(findings[0].consequences.len(), 2);
}

#[test]
fn a_schema_nobody_may_look_into_hides_what_is_in_it() {
    let lost = after(|facts| {
        let list = acl(facts, "{boss=UC/boss}");
        object(facts, &Key::plain(Kind::Schema, "shop")).acl = Some(list);
    });
    assert_eq!((&*lost.id, lost.severity), ("grant_missing", Severity::Blocker));
    assert_eq!(lost.grantee.as_deref(), Some("PUBLIC"));
    assert_eq!(lost.app_error.as_ref().unwrap().message, "permission denied for schema shop");
    assert!(consequences(&lost).contains(&"table shop.orders can no longer be reached"));
}

#[test]
fn what_is_opened_to_everybody_is_a_blocker_and_to_one_role_is_not() {
    let opened = after(|facts| {
        let list = acl(facts, "{boss=arwdDxt/boss,app=arw/boss,readers=r/boss,=r/boss}");
        object(facts, &table("orders")).acl = Some(list);
    });
    assert_eq!((&*opened.id, opened.severity), ("opened_to_public", Severity::Blocker));
    let extra = after(|facts| {
        let list = acl(facts, "{boss=arwdDxt/boss,app=arwd/boss,readers=r/boss}");
        object(facts, &table("orders")).acl = Some(list);
    });
    assert_eq!((&*extra.id, extra.severity), ("grant_extra", Severity::Info));
    assert!(extra.effective);
}

#[test]
fn a_grantor_alone_is_for_the_record() {
    let changed = after(|facts| {
        let list = acl(facts, "{boss=arwdDxt/boss,app=arw/boss,readers=r/admin}");
        object(facts, &table("orders")).acl = Some(list);
    });
    assert_eq!((&*changed.id, changed.severity), ("grantor_changed", Severity::Info));
}

#[test]
fn powers_gained_and_lost() {
    type Mutation = fn(&mut Role);
    let rules: [(&str, Mutation, &str, Severity); 8] = [
        ("app", |role| role.superuser = true, "superuser_gained", Severity::Blocker),
        ("app", |role| role.bypass_rls = true, "bypassrls_gained", Severity::Blocker),
        ("app", |role| role.login = false, "login_missing", Severity::Blocker),
        ("app", |role| role.connection_limit = 0, "connection_limit", Severity::Blocker),
        ("app", |role| role.connection_limit = 9, "connection_limit", Severity::Major),
        (
            "app",
            |role| role.valid_until = Some("2020-01-01 00:00:00+00".to_owned()),
            "valid_until",
            Severity::Blocker,
        ),
        (
            "app",
            |role| role.valid_until = Some("2030-01-01 00:00:00+00".to_owned()),
            "valid_until",
            Severity::Major,
        ),
        ("app", |role| role.create_db = true, "role_attribute_extra", Severity::Info),
    ];
    for (name, mutation, rule, severity) in rules {
        let finding = after(|facts| change_role(facts, name, mutation));
        assert_eq!((&*finding.id, finding.severity), (rule, severity), "{finding:#?}");
    }
}

#[test]
fn a_membership_that_opens_everything_is_a_blocker() {
    let gained = after(|facts| join(facts, "admin", "app", false));
    assert_eq!((&*gained.id, gained.severity), ("membership_extra", Severity::Blocker));
}

#[test]
fn rows_that_are_no_longer_hidden() {
    let mut before = shop();
    let yes = || Fact::Text("yes".to_owned());
    object(&mut before, &table("orders")).facts =
        BTreeMap::from([(Attribute::RowSecurity, yes()), (Attribute::ForceRowSecurity, yes())]);
    for (attribute, rule) in [
        (Attribute::RowSecurity, "row_security_off"),
        (Attribute::ForceRowSecurity, "row_security_not_forced"),
    ] {
        let mut after = before.clone();
        object(&mut after, &table("orders")).facts.remove(&attribute);
        let findings = judged(&before, &after);
        assert_eq!(findings.len(), 1);
        assert_eq!((&*findings[0].id, findings[0].severity), (rule, Severity::Blocker));
    }
}

#[test]
fn versions_alone_are_no_difference() {
    let before = shop();
    let mut after = before.clone();
    after.server.version_num = 170_002;
    let all = AclDefault { owner: Kind::Table.privileges(), public: Privileges::NONE };
    after.acl_defaults.insert(Kind::Table, all);
    let list = acl(&after, "{boss=arwdDxtm/boss,app=arw/boss,readers=r/boss}");
    object(&mut after, &table("orders")).acl = Some(list);
    let mut roles: Vec<_> = after.roles.iter().map(|(_, role)| role.clone()).collect();
    // Sorted after all others, so that ids stay.
    roles.push(Role { login: false, ..hand::role("pg_maintain") });
    let with_maintain = Roles::new(roles);
    let renumbered = |facts: &Facts, acl: &Acl| {
        let name = |id: RoleId| with_maintain.id(facts.roles.name(id)).unwrap();
        Acl::new(
            acl.items()
                .iter()
                .map(|item| AclItem {
                    to: match item.to {
                        Grantee::Public => item.to,
                        Grantee::Role(id) => Grantee::Role(name(id)),
                    },
                    by: name(item.by),
                    ..*item
                })
                .collect(),
        )
    };
    let old = after.clone();
    for object in after.objects.values_mut() {
        object.owner = object.owner.map(|id| with_maintain.id(old.roles.name(id)).unwrap());
        object.acl = object.acl.as_ref().map(|acl| renumbered(&old, acl));
    }
    for row in &mut after.memberships {
        for id in [&mut row.role, &mut row.member, &mut row.by] {
            *id = with_maintain.id(old.roles.name(*id)).unwrap();
        }
    }
    after.roles = with_maintain;
    assert_eq!(judged(&before, &after), vec![]);
}

#[test]
fn null_and_no_grants_are_not_the_same() {
    let mut before = shop();
    add(&mut before, table("log"), "app", None);
    let mut after = before.clone();
    object(&mut after, &table("log")).acl = Some(Acl::default());
    let findings = judged(&before, &after);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((&*findings[0].id, findings[0].severity), ("grant_missing", Severity::Blocker));
    object(&mut after, &table("log")).acl = Some(acl(&before, "{app=arwdDxt/app}"));
    assert_eq!(judged(&before, &after), vec![], "what NULL stands for, written out");
}

#[test]
fn settings_and_what_comes_later() {
    let mut before = shop();
    let app = id(&before, "app");
    before.settings.push(Setting {
        in_database: false,
        role: Some(app),
        name: "search_path".to_owned(),
        value: "shop".to_owned(),
    });
    let boss = id(&before, "boss");
    let grants = acl(&before, "{app=r/boss}");
    before.default_privileges.push(DefaultPrivilege {
        creator: boss,
        schema: Some("shop".to_owned()),
        objects: SchemaObjects::Tables,
        acl: grants,
    });
    let mut after = before.clone();
    after.settings.clear();
    let findings = judged(&before, &after);
    assert_eq!((&*findings[0].id, findings[0].severity), ("setting_missing", Severity::Blocker));
    let mut after = before.clone();
    after.default_privileges.clear();
    let findings = judged(&before, &after);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((&*findings[0].id, findings[0].severity), ("default_privilege_missing", Severity::Major));
}

#[test]
fn values_are_compared_apart() {
    let mut facts = shop();
    let (sequence, view) =
        (Key::within(Kind::Sequence, "shop", "s"), Key::within(Kind::MaterializedView, "shop", "m"));
    add(&mut facts, sequence.clone(), "boss", None);
    add(&mut facts, view.clone(), "boss", None);
    let values = |position, populated| Values {
        sequences: BTreeMap::from([(sequence.clone(), position)]),
        populated: BTreeMap::from([(view.clone(), populated)]),
    };
    assert_eq!(diff(&facts, &values(5, false), &facts, &values(9, true)), vec![]);
    let changes = diff(&facts, &values(5, true), &facts, &values(4, false));
    assert_eq!(changes.len(), 2, "{changes:?}");
    let unread = diff(&facts, &values(5, false), &facts, &Values::default());
    assert_eq!(unread.len(), 1, "a position that is not known is not equal");
}

#[test]
fn unreadable_is_never_equal() {
    let mut facts = shop();
    facts.coverage.push(Gap { aspect: Aspect::AclItems, why: "who was granted is gone".to_owned() });
    let findings = judged(&facts, &facts);
    assert_eq!(findings.len(), 2, "{findings:#?}");
    assert!(findings.iter().all(|finding| finding.severity == Severity::Blocker));
}
