//! Where things go, and that a map which says something wrong is told so in its place.

use std::collections::BTreeMap;

use jiff::civil::date;

use super::*;
use crate::file::diagnostic::render_all;
use crate::grants::acl::{Acl, AclItem, Grantee};
use crate::grants::privilege::Privileges;
use crate::grants::snapshot::tests::facts;
use crate::grants::snapshot::{Attribute, Confidence, Fact, Facts, Key, Kind, Means, Object, Reference};

/// A database to split: what shop and billing share is in public and ref.
pub(crate) fn shop() -> Facts {
    let mut facts = facts(&[
        "boss",
        "etl",
        "shop_app",
        "billing_app",
        "billing_ro",
        "alice",
        "auditor",
        "nobody",
        "pg_monitor",
        "agent",
    ]);
    let roles = facts.roles.clone();
    let grant = |grants: &[(&str, Privileges)]| {
        let item = |&(to, privileges): &(&str, Privileges)| AclItem {
            to: roles.id(to).map_or(Grantee::Public, Grantee::Role),
            by: roles.id("boss").expect("a role"),
            privileges,
            grantable: Privileges::NONE,
        };
        Some(Acl::new(grants.iter().map(item).collect()))
    };
    let boss = roles.id("boss");
    let object = |acl: Option<Acl>| Object { owner: boss, acl, ..Object::default() };
    let with = |attribute, text: &str| Object {
        facts: BTreeMap::from([(attribute, Fact::Text(text.to_owned()))]),
        ..object(None)
    };
    let all = |kind: Kind| kind.privileges();
    let mut add = |key: Key, object: Object| drop(facts.objects.insert(key, object));
    for schema in ["billing", "shop", "ref"] {
        add(Key::plain(Kind::Schema, schema), object(None));
    }
    add(
        Key::plain(Kind::Schema, "public"),
        object(grant(&[("", all(Kind::Schema)), ("nobody", all(Kind::Schema))])),
    );
    let table = |schema: &str, name: &str| Key::within(Kind::Table, schema, name);
    let invoice = table("billing", "invoice");
    add(
        invoice.clone(),
        object(grant(&[
            ("billing_app", all(Kind::Table)),
            ("billing_ro", all(Kind::Table)),
            ("etl", all(Kind::Table)),
        ])),
    );
    add(table("shop", "orders"), object(grant(&[("shop_app", all(Kind::Table))])));
    add(table("public", "rates"), object(None));
    add(table("ref", "country"), object(None));
    let named = |kind, of: &str, schema: &str, name: &str| Key {
        of: Some(of.into()),
        ..Key::within(kind, schema, name)
    };
    add(
        named(Kind::Policy, "invoice", "billing", "own"),
        Object {
            facts: BTreeMap::from([(
                Attribute::Roles,
                Fact::Roles(vec![Grantee::Role(roles.id("auditor").expect("a role"))]),
            )]),
            ..Object::default()
        },
    );
    add(named(Kind::Trigger, "orders", "shop", "log"), Object::default());
    add(
        Key::within(Kind::Sequence, "public", "invoice_id"),
        with(Attribute::OwnedBy, "column:billing.invoice.id"),
    );
    add(Key::within(Kind::Sequence, "public", "free"), object(None));
    for args in ["integer", "text, integer"] {
        let key = Key::within(Kind::Function, "public", "calc_tax");
        add(Key { args: Some(args.into()), ..key }, object(grant(&[("", all(Kind::Function))])));
    }
    add(Key::plain(Kind::Extension, "citext"), object(None));
    add(Key::within(Kind::Type, "public", "citext"), with(Attribute::Extension, "citext"));
    add(Key::plain(Kind::Extension, "plpgsql"), object(None));
    add(Key::plain(Kind::Tablespace, "fast"), object(None));
    add(Key::plain(Kind::ForeignDataWrapper, "wrap"), object(None));
    add(Key::plain(Kind::ForeignServer, "far"), with(Attribute::Wrapper, "wrap"));
    add(Key { of: Some("far".into()), ..Key::plain(Kind::UserMapping, "etl") }, Object::default());
    add(Key::within(Kind::ForeignTable, "billing", "ledger"), with(Attribute::Server, "far"));
    add(Key::within(Kind::View, "billing", "v_inv"), object(None));
    let reference = |to: Key| Reference {
        from: Key::within(Kind::View, "billing", "v_inv"),
        to,
        by: Means::Query,
        name: None,
        confidence: Confidence::Catalog,
    };
    facts.references = Some(vec![reference(invoice), reference(table("shop", "orders"))]);
    facts
}

pub(crate) const MAP: &str = include_str!("../../../fixtures/maps/good/shop.yaml");

pub(crate) fn read_map(text: &str) -> Result<Map, String> {
    let loaded = load_source(&Source::new("map.yaml", "map.yaml", text.to_owned()), date(2026, 11, 22));
    loaded.map.ok_or_else(|| render_all(&loaded.diagnostics, false))
}

/// Load a map and hold it against the shop; what is told.
fn told(text: &str, name: &str) -> String {
    let loaded = load_source(&Source::new(name, name, text.to_owned()), date(2026, 11, 22));
    let facts = shop();
    let wrong = loaded.map.and_then(|map| map.resolve(&facts).err()).unwrap_or_default();
    render_all(&loaded.diagnostics, false) + &render_all(&wrong, false)
}

/// Every bad map in `fixtures/maps` with the text a person sees, beside it. `UPDATE_FIXTURES=1` writes the texts.
#[test]
fn every_bad_map_is_told_as_expected() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    let folder = std::fs::read_dir("fixtures/maps").expect("the folder of bad maps");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    assert!(files.len() >= 18, "only {} bad maps", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a map");
        let told = told(&text, &file.display().to_string());
        assert!(!told.is_empty(), "{} has nothing wrong", file.display());
        assert!(!told.contains("planted-secret"), "{} shows a secret:\n{told}", file.display());
        assert!(told.chars().all(|c| c == '\n' || !c.is_control()), "{} drives the terminal", file.display());
        let beside = file.with_extension("txt");
        if update {
            std::fs::write(&beside, &told).expect("written");
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        assert_eq!(told, expected, "{}: UPDATE_FIXTURES=1 rewrites", file.display());
    }
}

#[test]
fn an_exception_that_is_over_is_told() {
    let late = MAP.replace("2026-12-31", "2026-11-21");
    let told = told(&late, "map.yaml");
    assert!(told.contains("warning: this exception was good until 2026-11-21"), "{told}");
    assert!(read_map(&late).expect("it loads").exceptions[0].is_over(date(2026, 11, 22)));
}

#[test]
fn what_is_proposed_loads_again() {
    let mut facts = shop();
    let text = propose(&facts);
    assert!(text.contains("\"view:billing.v_inv\", to: \"table:shop.orders\""), "{text}");
    let map = read_map(&text).unwrap_or_else(|told| panic!("{text}\n{told}"));
    let resolved = map.resolve(&facts).unwrap_or_else(|told| panic!("{}", render_all(&told, false)));
    assert!(resolved.unmapped().is_empty());
    assert_eq!(map.targets().len(), 4, "billing, public, ref, shop: nothing ties them");
    // A foreign key ties two schemas.
    let known = facts.references.get_or_insert_default();
    known[1].by = Means::ForeignKey;
    let map = read_map(&propose(&facts)).expect("it loads");
    assert_eq!(map.targets().len(), 3);
    // Names that are hard to write.
    for schema in ["true", "a \"b\".*", "\u{1b}[31m\n# x", "\u{2028}\u{feff}é", "1"] {
        facts.objects.insert(Key::plain(Kind::Schema, schema), Object::default());
        facts.objects.insert(Key::within(Kind::Table, schema, "t"), Object::default());
        facts.objects.insert(Key::plain(Kind::Extension, schema), Object::default());
    }
    let text = propose(&facts);
    let map = read_map(&text).unwrap_or_else(|told| panic!("{text}\n{told}"));
    let resolved = map.resolve(&facts).unwrap_or_else(|told| panic!("{text}\n{}", render_all(&told, false)));
    assert!(resolved.unmapped().is_empty());
    assert_eq!(map.targets().len(), 8);
}

fn placed(map: &str) -> BTreeMap<String, String> {
    let (map, facts) = (read_map(map).expect("a map"), shop());
    let resolved = map.resolve(&facts).unwrap_or_else(|told| panic!("{}", render_all(&told, false)));
    let words = |destination: Destination<'_>| match destination {
        Destination::Targets(targets) => targets.join(" "),
        Destination::Dropped => "dropped".to_owned(),
        Destination::Unmapped => "unmapped".to_owned(),
    };
    resolved.destinations().map(|(key, destination)| (key.to_string(), words(destination))).collect()
}

#[test]
fn everything_goes_where_its_closest_entry_sends_it() {
    let placed = placed(MAP);
    for (key, targets) in [
        ("schema:billing", "billing_db"),
        ("table:billing.invoice", "billing_db"),
        ("policy:billing.invoice.own", "billing_db"),
        ("function:public.calc_tax(integer)", "billing_db"),
        ("function:public.calc_tax(text, integer)", "billing_db"),
        ("table:public.rates", "billing_db"),
        // A schema goes wherever something in it goes.
        ("schema:public", "billing_db shop_db"),
        ("sequence:public.invoice_id", "billing_db"),
        ("sequence:public.free", "shop_db"),
        ("schema:ref", "billing_db shop_db"),
        ("table:ref.country", "billing_db shop_db"),
        ("extension:citext", "billing_db shop_db"),
        ("type:public.citext", "billing_db shop_db"),
        ("extension:plpgsql", "billing_db shop_db"),
        ("tablespace:fast", "billing_db shop_db"),
        ("table:shop.orders", "shop_db"),
        ("trigger:shop.orders.log", "shop_db"),
        ("foreign_table:billing.ledger", "billing_db"),
        ("foreign_server:far", "billing_db shop_db"),
        ("foreign_data_wrapper:wrap", "billing_db shop_db"),
        ("user_mapping:far.etl", "billing_db shop_db"),
    ] {
        assert_eq!(placed[key], targets, "{key}");
    }
}

fn with_lists(billing: &str, shop: &str, drop: &str) -> String {
    format!(
        "split:\n  format: gonogo.splitmap/1\n  source: shop\n  targets:\n    b: {{ database: b, objects: [{billing}] }}\n    \
         s: {{ database: s, objects: [{shop}] }}\n  drop: [{drop}]\n"
    )
}

#[test]
fn a_name_beats_a_pattern_beats_a_schema_beats_rest() {
    let map = with_lists(
        r#"{ schema: public }, { function: "public.calc_tax(text,integer)" }, { schema: "b*" }"#,
        r#"{ table: "public.r*" }, { function: public.calc_tax }, { schema: ref }, { schema: ref }"#,
        r#"rest, { trigger: "*.*.log" }, { sequence: "public.free" }, { policy: billing.invoice.own }"#,
    );
    let placed = placed(&map);
    for (key, targets) in [
        ("table:public.rates", "s"),
        ("function:public.calc_tax(integer)", "s"),
        ("function:public.calc_tax(text, integer)", "b"),
        ("sequence:public.free", "dropped"),
        ("sequence:public.invoice_id", "b"),
        ("policy:billing.invoice.own", "dropped"),
        ("type:public.citext", "dropped"),
        ("table:shop.orders", "dropped"),
        ("schema:shop", "dropped"),
        ("schema:public", "b s"),
        ("table:ref.country", "s"),
        ("extension:plpgsql", "b s"),
    ] {
        assert_eq!(placed[key], targets, "{key}");
    }
}

#[test]
fn two_targets_that_say_the_same_have_it_both_and_what_nobody_says_is_unmapped() {
    let map = with_lists("{ schema: ref }, { schema: billing }", "{ schema: ref }", "");
    assert_eq!(placed(&map)["table:ref.country"], "b s");
    let (map, facts) = (read_map(&map).expect("a map"), shop());
    let resolved = map.resolve(&facts).expect("resolved");
    let unmapped: Vec<String> = resolved.unmapped().iter().map(ToString::to_string).collect();
    // The schema public comes along with a sequence. Not apart: the trigger of an unmapped table, the type of an unmapped extension.
    assert_eq!(
        unmapped,
        [
            "schema:shop",
            "extension:citext",
            "table:public.rates",
            "table:shop.orders",
            "sequence:public.free",
            "function:public.calc_tax(integer)",
            "function:public.calc_tax(text, integer)",
        ]
    );
}

#[test]
fn stars_stay_within_their_part_and_quotes_take_their_meaning() {
    let key = |name: &str| Key::within(Kind::Table, "we.ird", name);
    for (pattern, name, matches) in [
        (r#""we.ird".a*z"#, "abcz", true),
        (r#""we.ird".a*z"#, "abc", false),
        (r#""we.ird".a*"#, "a", true),
        (r#""we.ird".ab*ba"#, "aba", false),
        (r#""we.ird".*b*b*"#, "abab", true),
        (r#""we.ird".*b*b*"#, "aba", false),
        (r#""we.ird"."a*""#, "ab", false),
        (r#""we.ird"."a*""#, "a*", true),
        (r#""we.ird"."a""b""#, "a\"b", true),
        (r#"*."a.b""#, "a.b", true),
        ("*.*", "anything", true),
    ] {
        let pattern = pattern::Pattern::parse(Kind::Table, pattern).expect("a pattern");
        assert_eq!(pattern.matches_name(&key(name)), matches, "{pattern:?} {name}");
    }
    for (kind, text) in [
        (Kind::Table, "orders"),
        (Kind::Table, "a.b.c"),
        (Kind::Table, "a.b(c)"),
        (Kind::Table, "a."),
        (Kind::Table, "a.\"b"),
        (Kind::Function, "a.b(c"),
        (Kind::Policy, "a.b"),
        (Kind::Column, "a.b.c"),
        (Kind::Database, "a"),
    ] {
        assert!(pattern::Pattern::parse(kind, text).is_err(), "{kind} {text}");
    }
    let everybody = pattern::Pattern::parse(Kind::UserMapping, "far.PUBLIC").expect("a pattern");
    assert!(everybody.matches_name(&Key { of: Some("far".into()), ..Key::plain(Kind::UserMapping, "") }));
}
