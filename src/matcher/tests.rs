//! What each matcher accepts, refuses and says, and that it reads back from JSON.

use serde_json::{Value, json};

use super::Matcher;

fn matcher(written: Value) -> Matcher {
    serde_json::from_value(written).unwrap()
}

fn refused(written: Value) -> String {
    serde_json::from_value::<Matcher>(written).unwrap_err().to_string()
}

#[test]
fn what_fits_and_what_does_not() {
    for (written, fits, does_not) in [
        (json!("a"), vec![json!("a")], vec![json!("b"), json!(["a"]), json!(null)]),
        (json!("200"), vec![json!("200")], vec![json!(200)]),
        (
            json!(200),
            vec![json!(200), json!(200.0), json!("200")],
            vec![json!(201), json!("200.0"), json!(true)],
        ),
        (json!(true), vec![json!(true), json!("true")], vec![json!(false), json!(1)]),
        (json!(null), vec![json!(null), json!("null")], vec![json!(""), json!(0)]),
        (
            json!(["a", "b"]),
            vec![json!("a"), json!("b"), json!(["b", "a"])],
            vec![json!("c"), json!(["a"]), json!(["a", "a"]), json!([])],
        ),
        (
            json!({"equals": {"a": [1]}}),
            vec![json!({"a": [1.0]})],
            vec![json!({"a": [1], "b": 2}), json!({"a": 1})],
        ),
        (
            json!({"contains": "b"}),
            vec![json!("abc"), json!(["b"]), json!({"b": 1})],
            vec![json!("ac"), json!(["abc"]), json!(null)],
        ),
        (
            json!({"contains": ["a", {"starts_with": "b"}]}),
            vec![json!(["bc", "a"])],
            vec![json!(["a"]), json!("ab")],
        ),
        (json!({"each": {"at_least": 2}}), vec![json!([2, 3])], vec![json!([2, 1]), json!([]), json!(2)]),
        (json!({"count": 2}), vec![json!([1, 2]), json!({"a": 1, "b": 2})], vec![json!([1]), json!("ab")]),
        (json!({"count": {"at_most": 1}}), vec![json!([])], vec![json!([1, 2])]),
        (
            json!({"starts_with": "4."}),
            vec![json!("4.2"), json!(4.2)],
            vec![json!("5"), json!(["4."]), json!(null)],
        ),
        (json!({"ends_with": "z"}), vec![json!("az")], vec![json!("za")]),
        (json!({"matches": "^v[0-9]+$"}), vec![json!("v12")], vec![json!("v"), json!(12)]),
        (
            json!({"at_least": 1}),
            vec![json!(1), json!("1.5"), json!("10")],
            vec![json!(0), json!("x"), json!(null), json!(true)],
        ),
        (
            json!({"at_most": "9007199254740993"}),
            vec![json!(9_007_199_254_740_993_u64)],
            vec![json!(9_007_199_254_740_994_u64)],
        ),
        (json!({"one_of": [1, 2]}), vec![json!(2)], vec![json!(3)]),
        (json!({"not": "a"}), vec![json!("b")], vec![json!("a")]),
        (json!({"all_of": [{"at_least": 1}, {"at_most": 2}]}), vec![json!(2)], vec![json!(3)]),
        (json!({"any_of": ["a", {"at_least": 5}]}), vec![json!("a"), json!(6)], vec![json!(4)]),
        (
            json!({"empty": true}),
            vec![json!(""), json!([]), json!({})],
            vec![json!("a"), json!(null), json!(0)],
        ),
        (json!({"empty": false}), vec![json!("a"), json!(0)], vec![json!(""), json!(null)]),
        (json!({"is": "array"}), vec![json!([])], vec![json!({})]),
    ] {
        let matcher = matcher(written.clone());
        for value in fits {
            assert!(matcher.holds(Some(&value)), "{written} must fit {value}");
        }
        for value in does_not {
            assert!(!matcher.holds(Some(&value)), "{written} must not fit {value}");
        }
    }
}

#[test]
fn only_exists_false_is_satisfied_by_nothing() {
    for written in [
        json!({"exists": false}),
        json!({"not": {"exists": true}}),
        json!({"any_of": [{"exists": false}, 1]}),
    ] {
        assert!(matcher(written.clone()).holds(None), "{written}");
    }
    for written in [
        json!("a"),
        json!(null),
        json!({"not": "a"}),
        json!({"exists": true}),
        json!({"empty": true}),
        json!({"count": 0}),
        json!({"not": {"any_of": [{"exists": true}, "a"]}}),
    ] {
        let mismatch = matcher(written.clone()).mismatch("x", None).unwrap();
        assert_eq!(mismatch.got, "nothing", "{written}");
    }
    assert!(!matcher(json!({"exists": false})).holds(Some(&json!(null))));
}

#[test]
fn two_wanted_items_that_fit_the_same_value_find_their_own() {
    let wanted = matcher(json!([{"starts_with": "a"}, "ab"]));
    assert!(wanted.holds(Some(&json!(["ab", "ac"]))));
    assert!(!wanted.holds(Some(&json!(["ab", "b"]))));
}

#[test]
fn a_difference_is_told_in_words() {
    let told = |written: Value, got: Value| {
        let mismatch = matcher(written).mismatch("$.version", Some(&got)).unwrap();
        assert_eq!(mismatch.what, "$.version");
        (mismatch.expected, mismatch.got)
    };
    let pair = |expected: &str, got: &str| (expected.to_owned(), got.to_owned());
    assert_eq!(told(json!("4.2.0"), json!("4.1.9")), pair("4.2.0", "4.1.9"));
    assert_eq!(told(json!("200"), json!(200)), pair("\"200\"", "200"));
    assert_eq!(told(json!([200, 204]), json!(503)), pair("one of 200, 204", "503"));
    assert_eq!(told(json!(["a", "b"]), json!(["a"])), pair("exactly a, b, in any order", "[a]"));
    assert_eq!(told(json!({"at_least": 1, "at_most": 9}), json!(0)), pair("at least 1", "0"));
    assert_eq!(told(json!({"count": 2}), json!([1])), pair("a count of 2", "1 item"));
    assert_eq!(told(json!({"each": "up"}), json!(["up", "down"])), pair("each item up", "down as item 2"));
    assert_eq!(
        told(json!({"not": {"contains": "error"}}), json!("an error")),
        pair("not contains error", "an error")
    );
    let long = told(json!("a"), Value::from("x\u{1b}".repeat(100_000)));
    assert!(long.1.len() < 1200 && !long.1.contains('\u{1b}'), "{}", long.1);
}

#[test]
fn what_asserts_nothing_is_refused_or_told() {
    assert!(refused(json!({})).contains("asserts nothing"));
    assert!(refused(json!([])).contains("asserts nothing"));
    assert!(refused(json!({"one_of": []})).contains("asserts nothing"));
    for written in [
        json!({"starts_with": ""}),
        json!({"contains": ""}),
        json!({"matches": ""}),
        json!({"all_of": [{"ends_with": ""}]}),
    ] {
        assert!(matcher(written.clone()).asserts_nothing(), "{written}");
    }
    assert!(!matcher(json!({"contains": "", "exists": true})).asserts_nothing());
}

#[test]
fn a_wrong_matcher_says_why() {
    assert!(refused(json!({"at_lest": 1})).contains("unknown field `at_lest`"));
    assert!(refused(json!({"at_least": "many"})).contains("`many` is not a number"));
    let told = refused(json!({"matches": "a("}));
    assert!(told.starts_with("not a regular expression: unclosed group\nhelp: a backslash before"), "{told}");
    assert!(refused(json!({"matches": "(a{1000}){1000}"})).contains("not a regular expression"));
}

#[test]
fn every_matcher_reads_back_from_json() {
    for written in [
        json!("a"),
        json!(1),
        json!(null),
        json!(["a", {"not": 1}]),
        json!({"equals": {"a": [1, "1", null, true]}}),
        json!({"contains": ["a"], "each": 1, "count": {"at_least": 1}, "starts_with": "a", "ends_with": "b"}),
        json!({"matches": "a+", "at_least": 1, "at_most": 2.5, "one_of": [1], "not": "a"}),
        json!({"all_of": [1], "any_of": [2], "exists": true, "empty": false, "is": "number"}),
    ] {
        let first = matcher(written);
        let text = serde_json::to_string(&first).unwrap();
        assert_eq!(serde_json::from_str::<Matcher>(&text).unwrap(), first, "{text}");
    }
}

#[test]
fn an_unquoted_number_keeps_its_letters_through_json() {
    let read = |text: &'static str| {
        serde_json::from_str::<Matcher>(&serde_json::to_string(&super::read::plain(text)).unwrap()).unwrap()
    };
    for version in [super::read::plain("4.20"), read("4.20")] {
        assert!(version.holds(Some(&json!("4.20"))));
        assert!(version.holds(Some(&json!(4.2))));
        assert!(!version.holds(Some(&json!("4.2"))));
    }
}
