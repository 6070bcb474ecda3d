//! What can be read, how much of it, and that every mistake is found in its place.

use std::fmt::Write;

use serde::Deserialize;

use super::parse::parse;
use super::read::{Reading, read};
use super::tree::{FileId, NodeId, Tree};
use crate::period::Period;

fn tree(text: &str) -> (Tree, Option<NodeId>, Vec<String>) {
    let mut tree = Tree::default();
    let (root, mistakes) = parse(&mut tree, FileId(0), text);
    (tree, root, mistakes.into_iter().map(|mistake| mistake.message).collect())
}

fn reading<T: for<'de> Deserialize<'de>>(text: &str) -> Reading<T> {
    let (tree, root, mistakes) = tree(text);
    assert_eq!(mistakes, Vec::<String>::new());
    read(&tree, root.unwrap())
}

/// Mistakes, each with the letters it points at.
fn told<T: for<'de> Deserialize<'de>>(text: &str) -> Vec<(String, String)> {
    let reading = reading::<T>(text);
    assert!(reading.value.is_none(), "what has mistakes has no value");
    reading
        .mistakes
        .into_iter()
        .map(|mistake| (mistake.message, text[mistake.span.range()].to_owned()))
        .collect()
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    name: String,
    count: Option<u8>,
    #[serde(default)]
    parts: Vec<Thing>,
    kind: Option<Kind>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Round,
    Square(Side),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Side {
    length: f64,
}

#[test]
fn what_is_right_is_read() {
    let thing = reading::<Thing>(
        "{ name: 4.20, parts: [{ name: 'a', kind: round }], kind: { square: { length: 2 } } }",
    );
    let part = Thing { name: "a".to_owned(), count: None, parts: Vec::new(), kind: Some(Kind::Round) };
    let kind = Some(Kind::Square(Side { length: 2.0 }));
    assert_eq!(thing.value, Some(Thing { name: "4.20".to_owned(), count: None, parts: vec![part], kind }));
}

#[test]
fn all_mistakes_are_told_each_in_its_place() {
    let text = "name: [x]\ncuont: 3\ncount: 300\nparts:\n  - { name: a, kind: rond }\n  - { naem: b }\n  - { name: c, kind: { square: { length: long, width: 1 } } }\n  - d\nkind:\n";
    let told = told::<Thing>(text);
    let places: Vec<&str> = told.iter().map(|(_, place)| place.as_str()).collect();
    for wanted in ["[x]", "cuont", "300", "rond", "naem", "long", "width", "d"] {
        assert!(places.contains(&wanted), "nothing points at {wanted}: {told:#?}");
    }
    assert!(told.iter().any(|(message, _)| message == "`kind` has no value"), "{told:#?}");
    assert_eq!(told.len(), 9, "no mistake is told twice, and none breeds another: {told:#?}");
}

#[test]
fn a_missing_field_is_told_at_the_parents_key() {
    assert_eq!(
        told::<Thing>("{ name: a, kind: { square: {} } }"),
        [("`length` is missing".to_owned(), "square".to_owned())]
    );
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct Day(jiff::civil::Date);

impl TryFrom<String> for Day {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    by: String,
    until: Day,
    lasts: Period,
    side: Option<Side>,
    #[serde(rename = "for")]
    names: Vec<String>,
}

#[test]
fn every_missing_key_is_told_at_once_with_what_else_is_wrong() {
    let missing = |text| -> Vec<String> {
        told::<Grant>(text).into_iter().map(|(message, _)| message.replace(" is missing", "")).collect()
    };
    assert_eq!(missing("{}"), ["`by`", "`until`", "`lasts`", "`for`"]);
    assert_eq!(missing("{ lasts: 1h }"), ["`by`", "`until`", "`for`"]);
    assert_eq!(missing("{ by: a, side: {} }"), ["`length`", "`until`", "`lasts`", "`for`"]);
    let wrong = missing("{ by: [], until: never, for: [a], side: { length: long } }");
    assert_eq!(wrong.len(), 4, "{wrong:?}");
    assert!(wrong.contains(&"`lasts`".to_owned()), "{wrong:?}");
}

#[test]
fn a_misspelt_key_is_not_missing_as_well() {
    assert_eq!(
        told::<Thing>("{ naem: a, kind: { square: { lenght: 2 } } }"),
        [
            ("unknown key `naem`".to_owned(), "naem".to_owned()),
            ("unknown key `lenght`".to_owned(), "lenght".to_owned())
        ]
    );
    let told = told::<Thing>("{ nothing-like-it: a }");
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn an_enum_takes_one_word_or_one_key() {
    for text in [
        "{ name: a, kind: {} }",
        "{ name: a, kind: { round: 1, square: 2 } }",
        "{ name: a, kind: [round] }",
        "{ name: a, kind: square }",
    ] {
        assert_eq!(told::<Thing>(text).len(), 1, "{text}");
    }
}

#[test]
fn every_duplicate_key_is_found() {
    let (.., mistakes) = tree("a: 1\nb: { c: 1, c: 2, 'c': 3 }\na: 2\n");
    assert_eq!(mistakes, ["duplicate key `c`", "duplicate key `c`", "duplicate key `a`"]);
}

#[test]
fn merge_keys_fill_in_what_is_not_written() {
    let text = "base: &base { name: a, count: 1 }\nthing: { <<: *base, count: 2 }\n";
    let (tree, root, mistakes) = tree(text);
    assert_eq!(mistakes, Vec::<String>::new());
    let thing = read::<Thing>(&tree, tree.get(root.unwrap(), "thing").unwrap()).value.unwrap();
    assert_eq!((thing.name.as_str(), thing.count), ("a", Some(2)));
}

#[test]
fn bombs_end_early_and_say_so() {
    let mut wide = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        writeln!(wide, "a{level}: &a{level} [{}]", vec![format!("*a{}", level - 1); 10].join(", ")).unwrap();
    }
    let mut deep = String::from("a0: &a0 [x]\n");
    for level in 1..3000 {
        writeln!(deep, "a{level}: &a{level} [[[[[[*a{}]]]]]]", level - 1).unwrap();
    }
    let nested = "[".repeat(100_000);
    let mut block = String::new();
    for depth in 0..2000 {
        writeln!(block, "{}a:", " ".repeat(depth)).unwrap();
    }
    for (text, wanted) in [
        (wide, "aliases"),
        (deep, "nested"),
        (nested, "nested"),
        (block, "nested"),
        ("a: &a [*a]".to_owned(), "inside"),
    ] {
        let (_, root, mistakes) = tree(&text);
        assert_eq!(root, None);
        assert!(mistakes[0].contains(wanted), "{mistakes:?}");
    }
}

#[test]
fn what_is_not_plain_yaml_is_refused() {
    for (text, wanted) in [
        ("a: 1\n---\nb: 2\n", "more than one"),
        ("? [a]\n: 1\n", "has to be a text"),
        ("a: !ruby/object x\n", "tag"),
        ("a: *nothing\n", "alias"),
        ("a: 1\n\tb: 2\n", "not valid YAML"),
        ("a: \"x\n", "quote"),
        ("<<: 5\n", "takes a map"),
    ] {
        let (.., mistakes) = tree(text);
        assert!(mistakes.iter().any(|mistake| mistake.contains(wanted)), "{text}: {mistakes:?}");
    }
    assert_eq!(tree("# nothing\n").1, None);
}
