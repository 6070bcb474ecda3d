//! The JSON Schema of a plan file: it accepts what `validate` accepts in shape, before variables are replaced.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::file::written;
use crate::model::notification::Way;
use crate::probe::Spec;
use crate::probe::database::Database;
use crate::vantage;

/// The name of the definition of a text with a variable in it.
const VARIABLE: &str = "Variable";

/// JSON Schema (draft 2020-12) of a plan's main file.
#[must_use]
pub fn plan_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let probes = Spec::schemas(&mut generator);
    let check = generator.subschema_for::<written::Check>();
    let journal = generator.subschema_for::<written::Journal>();
    let ways = Way::schemas(&mut generator);
    let notify = generator.subschema_for::<written::Notify>();
    let person = generator.subschema_for::<written::Person>();
    let app = generator.subschema_for::<written::App>();
    let vantage = generator.subschema_for::<vantage::Spec>();
    let database = generator.subschema_for::<Database>();
    let system = generator.subschema_for::<written::System>();
    let link = generator.subschema_for::<written::Link>();
    let stage = generator.subschema_for::<written::Stage>();
    let waiver = generator.subschema_for::<written::Waiver>();
    let window = generator.subschema_for::<written::Window>();
    let by_id = |value: Value| json!({ "type": "object", "propertyNames": { "pattern": "^[a-z0-9][a-z0-9-]{0,99}$" }, "additionalProperties": value });
    let text = json!({ "type": "string" });
    let mut properties = json!({
        "name": text,
        "change": text,
        "zone": { "type": "string", "description": "IANA name, such as `America/Montreal`." },
        "include": { "anyOf": [text, { "type": "array", "items": text }], "description": "File patterns, relative to this file." },
        "vars": { "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"] } },
        "window": window.to_value(),
        "max_minor": { "type": "integer", "minimum": 0, "default": written::MAX_MINOR, "description": "More failed minors than this are a NO-GO." },
        "journal": journal.to_value(),
        "notify": { "type": "array", "items": notify.to_value(), "minItems": 1, "description": "Who is told beside the reports; it never decides." },
        "people": by_id(person.to_value()),
        "apps": by_id(app.to_value()),
        "vantages": by_id(vantage.to_value()),
        "databases": by_id(database.to_value()),
        "systems": by_id(system.to_value()),
        "links": { "type": "array", "items": link.to_value(), "minItems": 1 },
        "checks": { "type": "array", "items": check.to_value() },
        "stages": { "type": "array", "items": stage.to_value(), "minItems": 1 },
        "waivers": { "type": "array", "items": waiver.to_value(), "minItems": 1 },
    });
    let mut definitions = generator.take_definitions(true);
    if let Some(link) = definitions.get_mut("Link") {
        take_parts(link, &probes);
        ask_one_question(link, probes.clone());
    }
    if let Some(check) = definitions.get_mut("Check") {
        ask_one_question(check, probes);
    }
    if let Some(notify) = definitions.get_mut("Notify") {
        ask_one_question(notify, ways);
    }
    for definition in definitions.values_mut() {
        as_yaml_reads(definition);
    }
    if let Value::Object(properties) = &mut properties {
        properties.values_mut().for_each(as_yaml_reads);
    }
    definitions.insert(
        VARIABLE.to_owned(),
        json!({ "type": "string", "pattern": r"\$\{", "description": "A text with a `${name}` in it." }),
    );
    let mut all = Map::new();
    all.insert("gonogo".to_owned(), json!({ "const": 1, "description": "The version of this language." }));
    if let Value::Object(properties) = properties {
        all.extend(properties);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gonogo plan",
        "type": "object",
        "properties": all,
        "required": ["gonogo"],
        "anyOf": [{ "required": ["checks"] }, { "required": ["links"] }, { "required": ["include"] }],
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// JSON Schema (draft 2020-12) of a split map.
#[must_use]
pub fn map_schema() -> Value {
    let mut schema = crate::grants::map::schema();
    nothing_is_null(&mut schema);
    schema
}

fn nothing_is_null(schema: &mut Value) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(nothing_is_null),
        Value::Object(object) => {
            without_null(object);
            object.values_mut().for_each(nothing_is_null);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The parts a link has beside its path.
fn take_parts(link: &mut Value, probes: &[(&'static str, schemars::Schema)]) {
    let mut through = json!({
        "type": "object",
        "properties": {},
        "additionalProperties": false,
        "description": "A probe of the app that calls, which makes it call the target: due when both are up, owed until then.",
    });
    ask_one_question(&mut through, probes.to_vec());
    let config =
        probes.iter().find(|(kind, _)| *kind == "config").map(|(_, schema)| schema.clone().to_value());
    let configured = json!({
        "type": "array",
        "items": config,
        "minItems": 1,
        "description": "What the app that calls is configured with: has to be the address of the path, unless `expect` or `address` says otherwise.",
    });
    if let Some(Value::Object(properties)) = link.get_mut("properties") {
        properties.insert("through".to_owned(), through);
        properties.insert("configured".to_owned(), configured);
    }
}

/// Each kind of probe is a key of a check, and exactly one of them is there.
fn ask_one_question(check: &mut Value, probes: Vec<(&'static str, schemars::Schema)>) {
    let exactly_one: Vec<Value> = probes.iter().map(|(kind, _)| json!({ "required": [kind] })).collect();
    if let Some(Value::Object(properties)) = check.get_mut("properties") {
        properties.extend(probes.into_iter().map(|(kind, schema)| (kind.to_owned(), schema.to_value())));
    }
    if let Value::Object(check) = check {
        check.insert("oneOf".to_owned(), Value::Array(exactly_one));
    }
}

/// What reading YAML makes of types: a key with nothing after it is a mistake, a text may look like a number, and a
/// variable may stand for anything that is not a list or a map.
fn as_yaml_reads(schema: &mut Value) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(as_yaml_reads),
        Value::Object(object) => {
            without_null(object);
            if is_plain_text(object) {
                object.insert("type".to_owned(), json!(["string", "number", "boolean"]));
            } else if is_scalar(object) {
                let scalar = Value::Object(std::mem::take(object));
                let variable = json!({ "$ref": format!("#/$defs/{VARIABLE}") });
                object.insert("anyOf".to_owned(), json!([scalar, variable]));
            } else {
                for (keyword, below) in object.iter_mut() {
                    match (keyword.as_str(), below) {
                        // Not schemas, or about keys, in which nothing is replaced.
                        ("default" | "examples" | "required" | "propertyNames", _) => {}
                        ("properties", Value::Object(properties)) => {
                            properties.values_mut().for_each(as_yaml_reads);
                        }
                        (_, below) => as_yaml_reads(below),
                    }
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An optional key is left out, never null.
fn without_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type")
        && types.len() == 2
        && types.contains(&json!("null"))
    {
        types.retain(|one| one != "null");
        let only = types.pop().unwrap_or(Value::Null);
        object.insert("type".to_owned(), only);
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf")
        && choices.len() == 2
        && choices.contains(&json!({ "type": "null" }))
    {
        choices.retain(|choice| *choice != json!({ "type": "null" }));
    }
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
}

fn is_plain_text(object: &Map<String, Value>) -> bool {
    object.get("type") == Some(&json!("string"))
        && !["pattern", "enum", "const", "format"].iter().any(|keyword| object.contains_key(*keyword))
}

fn is_scalar(object: &Map<String, Value>) -> bool {
    let of_type = match object.get("type") {
        Some(Value::String(name)) => matches!(name.as_str(), "string" | "integer" | "number" | "boolean"),
        Some(Value::Array(names)) => !names.iter().any(|name| name == "object" || name == "array"),
        _ => false,
    };
    let words = |choice: &Value| choice.get("const").is_some() || choice.get("enum").is_some();
    let is_choice =
        object.get("oneOf").and_then(Value::as_array).is_some_and(|choices| choices.iter().all(words));
    of_type || is_choice || object.contains_key("enum") || object.contains_key("const")
}
