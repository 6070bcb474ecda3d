//! Comparing: does a value fit, and if not, what was wanted and what came.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::words::{items, shown};
use super::{Condition, Kind, Matcher, Rule};

/// Why a value does not fit, in words.
pub(super) struct Difference {
    pub(super) expected: String,
    pub(super) got: String,
}

impl Matcher {
    pub(super) fn difference(&self, got: Option<&Value>) -> Option<Difference> {
        if self.fits(got) {
            return None;
        }
        let Some(value) = got else {
            return Some(Difference { expected: self.words(None), got: "nothing".to_owned() });
        };
        let failed: Vec<&Condition> = match &self.0 {
            Rule::Plain(_) | Rule::List(_) => Vec::new(),
            Rule::Map(conditions) => conditions.iter().filter(|condition| !condition.fits(got)).collect(),
        };
        match failed.as_slice() {
            [] => Some(Difference { expected: self.words(got), got: shown(value) }),
            [Condition::Each(each)] => Some(each_difference(each, value)),
            [Condition::Count(_)] if size(value).is_some() => Some(Difference {
                expected: words(&failed, got),
                got: items(size(value).unwrap_or_default()),
            }),
            _ => Some(Difference { expected: words(&failed, got), got: shown(value) }),
        }
    }

    fn fits(&self, got: Option<&Value>) -> bool {
        match (&self.0, got) {
            (Rule::Map(conditions), got) => conditions.iter().all(|condition| condition.fits(got)),
            (Rule::Plain(_) | Rule::List(_), None) => false,
            (Rule::Plain(scalar), Some(got)) => scalar.equals(got),
            (Rule::List(wanted), Some(Value::Array(got))) => exactly(wanted, got),
            (Rule::List(wanted), Some(got)) => wanted.iter().any(|wanted| wanted.fits(Some(got))),
        }
    }

    /// Whether it says something about a value that is not there.
    fn speaks_of_absence(&self) -> bool {
        match &self.0 {
            Rule::Plain(_) | Rule::List(_) => false,
            Rule::Map(conditions) => conditions.iter().all(Condition::speaks_of_absence),
        }
    }
}

impl Condition {
    fn speaks_of_absence(&self) -> bool {
        match self {
            Self::Exists(_) => true,
            Self::Not(one) => one.speaks_of_absence(),
            Self::AllOf(list) | Self::AnyOf(list) | Self::OneOf(list) => {
                list.iter().all(Matcher::speaks_of_absence)
            }
            Self::Equals(_)
            | Self::Contains(_)
            | Self::Each(_)
            | Self::Count(_)
            | Self::StartsWith(_)
            | Self::EndsWith(_)
            | Self::Matches(_)
            | Self::AtLeast(_)
            | Self::AtMost(_)
            | Self::Empty(_)
            | Self::Is(_) => false,
        }
    }

    fn fits(&self, got: Option<&Value>) -> bool {
        match self {
            Self::Exists(wanted) => got.is_some() == *wanted,
            Self::Not(one) => (got.is_some() || one.speaks_of_absence()) && !one.fits(got),
            Self::AllOf(list) => list.iter().all(|one| one.fits(got)),
            Self::AnyOf(list) | Self::OneOf(list) => list.iter().any(|one| one.fits(got)),
            Self::Equals(_)
            | Self::Contains(_)
            | Self::Each(_)
            | Self::Count(_)
            | Self::StartsWith(_)
            | Self::EndsWith(_)
            | Self::Matches(_)
            | Self::AtLeast(_)
            | Self::AtMost(_)
            | Self::Empty(_)
            | Self::Is(_) => got.is_some_and(|got| self.fits_value(got)),
        }
    }

    fn fits_value(&self, got: &Value) -> bool {
        match self {
            Self::Equals(literal) => literal.equals(got),
            Self::Contains(parts) => parts.iter().all(|part| contains(got, part)),
            // Nothing to compare is not a pass.
            Self::Each(each) => got
                .as_array()
                .is_some_and(|items| !items.is_empty() && items.iter().all(|item| each.fits(Some(item)))),
            Self::Count(count) => size(got).is_some_and(|size| count.fits(Some(&Value::from(size)))),
            Self::StartsWith(text) => letters(got).is_some_and(|got| got.starts_with(text.as_str())),
            Self::EndsWith(text) => letters(got).is_some_and(|got| got.ends_with(text.as_str())),
            Self::Matches(pattern) => letters(got).is_some_and(|got| pattern.0.is_match(&got)),
            Self::AtLeast(limit) => number(got).is_some_and(|got| order(&got, limit).is_ge()),
            Self::AtMost(limit) => number(got).is_some_and(|got| order(&got, limit).is_le()),
            Self::Empty(wanted) => is_empty(got) == Some(*wanted),
            Self::Is(kind) => Kind::of(got) == *kind,
            Self::Exists(_) | Self::Not(_) | Self::AllOf(_) | Self::AnyOf(_) | Self::OneOf(_) => {
                self.fits(Some(got))
            }
        }
    }
}

impl Kind {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }
}

fn words(conditions: &[&Condition], got: Option<&Value>) -> String {
    conditions.iter().map(|condition| condition.words(got)).collect::<Vec<_>>().join(" and ")
}

fn each_difference(each: &Matcher, got: &Value) -> Difference {
    let first = got.as_array().and_then(|list| {
        list.iter().enumerate().find_map(|(index, item)| Some((index, each.difference(Some(item))?)))
    });
    match first {
        Some((index, difference)) => Difference {
            expected: format!("each item {}", difference.expected),
            got: format!("{} as item {}", difference.got, index + 1),
        },
        None => Difference { expected: format!("each item {}", each.words(None)), got: shown(got) },
    }
}

/// Exactly these, in any order: each wanted item has a partner of its own (Kuhn's bipartite matching, since two
/// wanted items may both fit the same value).
fn exactly(wanted: &[Matcher], got: &[Value]) -> bool {
    if wanted.len() != got.len() {
        return false;
    }
    let mut partner: Vec<Option<usize>> = vec![None; got.len()];
    wanted.iter().enumerate().all(|(index, _)| {
        let mut tried = vec![false; got.len()];
        place(index, wanted, got, &mut partner, &mut tried)
    })
}

fn place(
    index: usize,
    wanted: &[Matcher],
    got: &[Value],
    partner: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for candidate in 0..got.len() {
        if tried[candidate] || !wanted[index].fits(Some(&got[candidate])) {
            continue;
        }
        tried[candidate] = true;
        let free = match partner[candidate] {
            None => true,
            Some(other) => place(other, wanted, got, partner, tried),
        };
        if free {
            partner[candidate] = Some(index);
            return true;
        }
    }
    false
}

/// A part of a text, an item of a list, or a key of an object.
fn contains(got: &Value, part: &Matcher) -> bool {
    match (got, &part.0) {
        (Value::Array(list), _) => list.iter().any(|item| part.fits(Some(item))),
        (Value::Object(fields), Rule::Plain(scalar)) => fields.contains_key(scalar.letters()),
        (Value::Object(fields), Rule::List(_) | Rule::Map(_)) => {
            fields.keys().any(|key| part.fits(Some(&Value::from(key.as_str()))))
        }
        (_, Rule::Plain(scalar)) => letters(got).is_some_and(|text| text.contains(scalar.letters())),
        (_, Rule::List(_) | Rule::Map(_)) => false,
    }
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Array(list) => Some(list.len()),
        Value::Object(fields) => Some(fields.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// A null is neither: `is: null` asks for it.
fn is_empty(value: &Value) -> Option<bool> {
    match value {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) => Some(false),
        Value::String(text) => Some(text.is_empty()),
        Value::Array(list) => Some(list.is_empty()),
        Value::Object(fields) => Some(fields.is_empty()),
    }
}

/// A single value as text.
fn letters(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(bool) => Some(Cow::Borrowed(if *bool { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// PostgreSQL sends `numeric` and `bigint` values as text: one that reads as a number is a number.
fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => crate::yaml::scalar::number(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Compares whole numbers exactly, others as doubles.
pub(super) fn order(left: &Number, right: &Number) -> Ordering {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    if let (Some(left), Some(right)) = (whole(left), whole(right)) {
        return left.cmp(&right);
    }
    let double = |number: &Number| number.as_f64().unwrap_or(f64::NAN);
    double(left).partial_cmp(&double(right)).unwrap_or(Ordering::Less)
}
