//! Matchers: what a value has to be, the same everywhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::fault::Mismatch;

/// What a value has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Matcher(Value);

impl Matcher {
    /// The difference, when `got` is not as it has to be; `None` is "not there at all".
    #[must_use]
    pub fn mismatch(&self, what: &str, got: Option<&Value>) -> Option<Mismatch> {
        if got == Some(&self.0) {
            return None;
        }
        let got = got.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        Some(Mismatch { what: what.to_owned(), expected: self.0.to_string(), got })
    }
}
