//! Every name that results can hold has an entry.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde_json::Value;

use super::{Kind, all, entries, explain, suggest};
use crate::model::fault::Fault;
use crate::model::finding_id::FindingId;
use crate::model::layer::Layer;
use crate::model::outcome::Outcome;
use crate::model::trace::VantageError;
use crate::model::verdict::{ReasonId, Verdict};

/// Every `const` and every string of an `enum` in the schema of an enum: the names of its variants.
fn variants<T: JsonSchema>(tag: Option<&str>) -> BTreeSet<String> {
    fn collect(value: &Value, tag: Option<&str>, names: &mut BTreeSet<String>) {
        let found = match tag {
            Some(tag) => value.pointer(&format!("/properties/{tag}/const")),
            None => value.get("const"),
        };
        names.extend(found.and_then(Value::as_str).map(ToOwned::to_owned));
        if tag.is_none() {
            let listed = value.get("enum").and_then(Value::as_array);
            names.extend(listed.into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned));
        }
        for variant in value.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            collect(variant, tag, names);
        }
    }
    let mut names = BTreeSet::new();
    collect(&schemars::schema_for!(T).to_value(), tag, &mut names);
    names
}

fn explained(kind: Kind) -> BTreeSet<String> {
    entries(kind).map(|entry| entry.name.to_owned()).collect()
}

#[test]
fn every_variant_of_the_model_is_explained_and_nothing_else() {
    for (kind, expected, least) in [
        (Kind::Fault, variants::<Fault>(Some("fault")), 33),
        (Kind::Error, variants::<VantageError>(Some("error")), 7),
        (Kind::Outcome, variants::<Outcome>(None), 5),
        (Kind::Verdict, variants::<Verdict>(None), 5),
        (Kind::Layer, variants::<Layer>(None), 8),
        (Kind::Reason, ReasonId::ALL.iter().map(|id| id.name().to_owned()).collect(), 19),
        (Kind::Finding, FindingId::ALL.iter().map(|id| id.name().to_owned()).collect(), 74),
    ] {
        assert!(expected.len() >= least, "{kind}: the schema lists only {expected:?}");
        assert_eq!(explained(kind), expected, "{kind}");
    }
}

#[test]
fn an_entry_says_something_and_fits_a_screen() {
    for entry in all() {
        assert!(entry.what.ends_with('.') && entry.means.ends_with('.'), "{}", entry.name);
        assert!(entry.what.len() <= 120, "{}: one sentence", entry.name);
        assert!((30..=420).contains(&entry.means.len()), "{}: {}", entry.name, entry.means.len());
        assert!(entry.name == "pass" || !entry.next.is_empty(), "{}: what to do?", entry.name);
        assert!(entry.next.len() <= 4, "{}", entry.name);
        assert!(
            [entry.what, entry.means].iter().chain(entry.next).all(|text| text.is_ascii()),
            "{}",
            entry.name
        );
    }
}

#[test]
fn names_are_found_as_people_write_them() {
    for (written, name) in [
        ("connect_timed_out", "connect_timed_out"),
        ("Connect-Timed-Out", "connect_timed_out"),
        ("NO-GO", "no_go"),
        ("PROVISIONAL GO", "provisional_go"),
        ("exit 3", "3"),
        ("exit code 130", "130"),
        ("tcp", "tcp"),
    ] {
        let found = explain(written);
        assert_eq!(found.iter().map(|entry| entry.name).collect::<Vec<_>>(), [name], "{written}");
    }
    assert_eq!(explain("unknown").len(), 2, "a fault and an error");
    assert!(explain("nonsense").is_empty());
    assert_eq!(suggest("conect_timed_out"), Some("connect_timed_out"));
    assert_eq!(suggest("zzz"), None);
}
