//! A snapshot survives its file, and a file that is not as it was written is refused.

use std::collections::BTreeMap;

use super::*;

pub(crate) fn role(name: &str) -> Role {
    Role {
        name: name.to_owned(),
        superuser: false,
        inherit: true,
        create_role: false,
        create_db: false,
        login: true,
        replication: false,
        bypass_rls: false,
        connection_limit: -1,
        valid_until: None,
        password: Some(PasswordKind::Scram),
    }
}

/// A database of PostgreSQL 15 with these roles, owned by the first, that holds nothing yet.
pub(crate) fn facts(roles: &[&str]) -> Facts {
    let table =
        AclDefault { owner: Kind::Table.privileges() - Privilege::Maintain.into(), public: Privileges::NONE };
    let mut facts = Facts {
        server: Server {
            version_num: 150_018,
            system_identifier: Some("7".to_owned()),
            database: "shop".to_owned(),
        },
        reader: Reader { role: "postgres".to_owned(), superuser: true },
        coverage: vec![],
        acl_defaults: BTreeMap::from([
            (Kind::Table, table),
            (Kind::View, table),
            (Kind::Schema, AclDefault { owner: Kind::Schema.privileges(), public: Privileges::NONE }),
            (
                Kind::Function,
                AclDefault { owner: Kind::Function.privileges(), public: Kind::Function.privileges() },
            ),
        ]),
        roles: Roles::new(roles.iter().map(|name| role(name)).collect()),
        memberships: vec![],
        objects: BTreeMap::new(),
        settings: vec![],
        default_privileges: vec![],
        references: None,
        hba: None,
    };
    let owner = facts.roles.id(roles[0]);
    facts.objects.insert(Key::database(), Object { owner, ..Object::default() });
    facts
}

fn sample() -> Snapshot {
    let mut facts = facts(&["boss", "PUBLIC", "we \"ird\"\n"]);
    let [boss, public, weird] =
        ["boss", "PUBLIC", "we \"ird\"\n"].map(|name| facts.roles.id(name).expect("a role"));
    let item = |to, privileges| AclItem { to, by: boss, privileges, grantable: Privileges::NONE };
    let acl = Acl::new(vec![
        item(Grantee::Public, Privilege::Select.into()),
        item(Grantee::Role(public), Privilege::Insert.into()),
        AclItem {
            grantable: Privilege::Update.into(),
            ..item(Grantee::Role(weird), Privileges::of(&[Privilege::Update, Privilege::Delete]))
        },
    ]);
    let table = Key::within(Kind::Table, "shop", "a.b \"c\"");
    facts.objects.insert(
        table.clone(),
        Object {
            owner: Some(boss),
            acl: Some(acl.clone()),
            initial: Some(Acl::default()),
            columns: BTreeMap::from([("id".into(), None), ("näme".into(), Some(acl.clone()))]),
            facts: BTreeMap::from([
                (Attribute::RowSecurity, Fact::Text("yes".to_owned())),
                (Attribute::Tables, Fact::List(vec!["x".to_owned(), "y\u{0}".to_owned()])),
                (Attribute::Roles, Fact::Roles(vec![Grantee::Public, Grantee::Role(public)])),
            ]),
        },
    );
    facts.memberships =
        vec![Membership { role: boss, member: weird, by: boss, admin: true, inherit: false, set: true }];
    facts.settings = vec![Setting {
        in_database: true,
        role: Some(weird),
        name: "search_path".to_owned(),
        value: "a, \"b\"".to_owned(),
    }];
    facts.default_privileges =
        vec![DefaultPrivilege { creator: boss, schema: None, objects: SchemaObjects::Tables, acl }];
    facts.references = Some(vec![Reference {
        from: table.clone(),
        to: Key::database(),
        by: Means::Query,
        name: None,
        confidence: Confidence::Text,
    }]);
    Snapshot {
        taken_at: "2026-11-22T01:31:00Z".to_owned(),
        facts,
        values: Values {
            sequences: BTreeMap::from([(Key::within(Kind::Sequence, "shop", "s"), -7)]),
            populated: BTreeMap::new(),
        },
        workload: Some(Workload { since: None, evictions: Some(3), statements: vec![], hidden: 0 }),
    }
}

#[test]
fn what_is_written_is_read_again() {
    let snapshot = sample();
    let text = write(&snapshot);
    let again = read(&text).expect("a snapshot");
    assert_eq!(again, snapshot);
    assert_eq!(write(&again), text);
    assert!(String::from_utf8(text).expect("text").lines().count() > 15, "one object a line");
}

#[test]
fn time_and_values_are_not_in_the_digest() {
    let one = sample();
    let mut other = one.clone();
    other.taken_at = "2027-01-01T00:00:00Z".to_owned();
    other.values = Values::default();
    assert_eq!(digest(&one), digest(&other));
    other.facts.server.database = "other".to_owned();
    assert_ne!(digest(&one), digest(&other));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let text = write(&sample());
    for end in 0..text.len() - 2 {
        let error = read(&text[..end]).expect_err("it is cut");
        let known = matches!(error, SnapshotError::CutShort { .. }) || end == 0;
        assert!(known, "at {end}: {error}");
    }
}

#[test]
fn a_file_changed_by_hand_is_refused() {
    let text = String::from_utf8(write(&sample())).expect("text");
    for (from, to) in [
        ("\"INSERT\"", "\"SELECT\""),
        ("150018", "160000"),
        (":-7", ":7"),
        ("2026-11", "2026-12"),
        ("\"evictions\":3", "\"evictions\":0"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = read(text.replacen(from, to, 1).as_bytes()).expect_err("it was changed");
        assert!(matches!(error, SnapshotError::Changed { .. }), "{from}: {error}");
    }
}

#[test]
fn another_format_is_called_by_its_name() {
    let text = String::from_utf8(write(&sample())).expect("text");
    let newer = text.replacen("permsnap/1", "permsnap/2", 1).replacen("\"seal\"", "\"signature\"", 1);
    assert!(
        matches!(read(newer.as_bytes()), Err(SnapshotError::OtherFormat(format)) if format == "gonogo.permsnap/2")
    );
    for text in ["", "[]", "{}", "null", "\u{0}\u{1}", "{\"format\": 7}"] {
        assert!(read(text.as_bytes()).is_err(), "{text}");
    }
}
