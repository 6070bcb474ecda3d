//! `gonogo schema`: JSON Schemas, for editors and for programs that read results. They are kept as files beside this one, which
//! a test holds to the types they are made of: what makes them would be a twentieth of the program.

use std::io::Read as _;

use flate2::read::DeflateDecoder;

use super::Shared;
use super::arguments::{Schema as Arguments, SchemaOf};
use crate::verdict::Exit;

/// A schema, deflated when the program was built (`build.rs`).
macro_rules! kept {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".json.deflate")).as_slice()
    };
}

pub(super) fn schema(arguments: &Arguments, shared: &Shared) -> Exit {
    let mut text = String::new();
    match DeflateDecoder::new(deflated(arguments.of)).read_to_string(&mut text) {
        Ok(_) => {
            shared.terminal.print(&text);
            Exit::Go
        }
        Err(error) => {
            let help = "please report this";
            shared.terminal.error(&format!("internal error: the schema cannot be read: {error}"), Some(help));
            Exit::NoGo
        }
    }
}

fn deflated(of: SchemaOf) -> &'static [u8] {
    match of {
        SchemaOf::Plan => kept!("plan"),
        SchemaOf::Map => kept!("map"),
        SchemaOf::Result => kept!("result"),
        SchemaOf::Notification => kept!("notification"),
        SchemaOf::Results => kept!("results"),
        SchemaOf::Grants => kept!("grants"),
        SchemaOf::Snapshot => kept!("snapshot"),
        SchemaOf::Effective => kept!("effective"),
        SchemaOf::Replay => kept!("replay"),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    /// As the types make it.
    fn made(of: SchemaOf) -> serde_json::Value {
        match of {
            SchemaOf::Plan => crate::schema::plan_schema(),
            SchemaOf::Map => crate::schema::map_schema(),
            SchemaOf::Result => crate::report::json::result_schema(),
            SchemaOf::Notification => crate::notify::notification_schema(),
            SchemaOf::Results => crate::report::merged::schema(),
            SchemaOf::Grants => crate::report::grants::schema(),
            SchemaOf::Snapshot => crate::grants::snapshot::schema(),
            SchemaOf::Effective => super::super::grants::effective::schema(),
            SchemaOf::Replay => crate::grants::replay::schema(),
        }
    }

    /// `UPDATE_FIXTURES=1` writes the files.
    #[test]
    fn the_schemas_are_those_of_the_types() {
        for of in SchemaOf::value_variants() {
            let name = of.to_possible_value().unwrap().get_name().to_owned();
            let path = format!("{}/src/cli/schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
            let made = format!("{:#}\n", made(*of));
            if std::env::var_os("UPDATE_FIXTURES").is_some() {
                std::fs::write(&path, made).unwrap();
                continue;
            }
            assert!(
                std::fs::read_to_string(&path).unwrap() == made,
                "{path} differs: UPDATE_FIXTURES=1 rewrites"
            );
            let mut kept = String::new();
            DeflateDecoder::new(deflated(*of)).read_to_string(&mut kept).unwrap();
            assert_eq!(kept, made, "{name} as the program has it");
        }
    }
}
