//! The JSON Schema of matchers, written by hand: what `read` accepts.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::Matcher;

impl JsonSchema for Matcher {
    fn schema_name() -> Cow<'static, str> {
        "Matcher".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let matcher = generator.subschema_for::<Self>();
        let several = serde_json::json!({ "type": "array", "items": matcher, "minItems": 1 });
        let text = serde_json::json!({ "type": ["string", "number", "boolean", "null"] });
        json_schema!({
            "description": "What a value has to be: a value, a list, or a map of conditions that must all hold.",
            "anyOf": [
                { "type": ["string", "number", "boolean", "null"] },
                several,
                {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": false,
                    "properties": {
                        "equals": { "description": "Equal as a whole." },
                        "contains": { "anyOf": [matcher, several], "description": "A part of a text, an item of a list, a key of an object; a list asks for all of them." },
                        "each": matcher,
                        "count": matcher,
                        "starts_with": text,
                        "ends_with": text,
                        "matches": { "type": ["string", "number", "boolean", "null"], "description": "A regular expression, not anchored." },
                        "at_least": { "type": ["number", "string"], "description": "A number." },
                        "at_most": { "type": ["number", "string"], "description": "A number." },
                        "one_of": several,
                        "not": matcher,
                        "all_of": several,
                        "any_of": several,
                        "exists": { "type": "boolean" },
                        "empty": { "type": "boolean" },
                        "is": { "enum": ["number", "string", "boolean", "null", "array", "object"] },
                    }
                },
            ]
        })
    }
}
