//! JSON Schemas of what is printed for programs.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// JSON Schema (draft 2020-12) of a format as it is written: what is always there is required.
#[must_use]
pub fn schema<T: JsonSchema>(format: &str) -> Value {
    let mut schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), format.into());
    schema.insert("title".to_owned(), format.into());
    schema.to_value()
}
