//! Secrets on their way to a vantage: the only forms in which a value is serialized, and only into a pipe of ours.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{STARS, Secret, SecretRef};
use crate::json;

thread_local! {
    /// Whether what is serialized just now goes to a vantage's stdin.
    static CARRYING: Cell<bool> = const { Cell::new(false) };
    /// The secrets that are named by what is serialized just now, when somebody asked for them.
    static NAMED: RefCell<Option<Vec<SecretRef>>> = const { RefCell::new(None) };
}

/// A secret's value between the runner and a vantage. It is serialized as it is: for the vantage's stdin and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct Carried(Secret);

impl Carried {
    /// Wrap a value that is to be sent.
    #[must_use]
    pub const fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The secret that came.
    #[must_use]
    pub fn into_secret(self) -> Secret {
        self.0
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STARS)
    }
}

impl Serialize for Carried {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Carried {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|value| Self(Secret::new(value)))
    }
}

/// A value as JSON for a vantage's stdin, secrets that are written in the plan itself among it.
///
/// # Errors
/// Those of the value's own `Serialize`.
pub fn carry<T: Serialize>(value: &T) -> Result<Value, serde_json::Error> {
    /// Ends it also when serializing panics.
    struct Ending;
    impl Drop for Ending {
        fn drop(&mut self) {
            CARRYING.set(false);
        }
    }
    CARRYING.set(true);
    let _ending = Ending;
    serde_json::to_value(value)
}

/// Every secret that a value names, in the order it names them.
#[must_use]
pub fn referred<T: Serialize>(value: &T) -> Vec<SecretRef> {
    NAMED.set(Some(Vec::new()));
    // A value that cannot be written out has named what came before that.
    let _ = json::line(value);
    NAMED.take().unwrap_or_default()
}

/// Remember that this secret was named, when somebody asked.
pub(super) fn note(secret: &SecretRef) {
    NAMED.with_borrow_mut(|named| named.as_mut().map(|named| named.push(secret.clone())));
}

/// A secret that is written in the plan itself: stars everywhere but on its way to a vantage.
pub(super) fn literal<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    if CARRYING.get() {
        return serializer.serialize_str(secret.expose());
    }
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry("literal", STARS)?;
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_carried_shows_a_literal() {
        let literal = SecretRef::Literal(Secret::new("hunter22"));
        assert_eq!(carry(&literal).unwrap(), "hunter22");
        assert_eq!(serde_json::to_value(&literal).unwrap(), serde_json::json!({ "literal": STARS }));
        assert_eq!(referred(&literal), [literal]);
        assert_eq!(referred(&"env"), []);
        assert_eq!(format!("{:?}", Carried::new(Secret::new("hunter22"))), STARS);
    }
}
