//! `gonogo schema`: JSON Schemas, for editors and for programs that read results.

use super::Shared;
use super::arguments::{Schema as Arguments, SchemaOf};
use crate::verdict::Exit;

pub(super) fn schema(arguments: &Arguments, shared: &Shared) -> Exit {
    let schema = match arguments.of {
        SchemaOf::Plan => crate::schema::plan_schema(),
        SchemaOf::Map => crate::schema::map_schema(),
        SchemaOf::Result => crate::report::json::result_schema(),
        SchemaOf::Notification => crate::notify::notification_schema(),
        SchemaOf::Results => crate::report::merged::schema(),
        SchemaOf::Grants => crate::report::grants::schema(),
        SchemaOf::Snapshot => crate::grants::snapshot::schema(),
        SchemaOf::Effective => super::grants::effective::schema(),
        SchemaOf::Replay => crate::grants::replay::schema(),
    };
    shared.terminal.print(&format!("{schema:#}"));
    Exit::Go
}
