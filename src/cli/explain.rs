//! `gonogo explain`: a fault, an outcome, a verdict or a reason in plain words.

use super::Shared;
use super::arguments::{Explain as Arguments, Format};
use crate::explain;
use crate::verdict::Exit;

pub(super) fn explain(arguments: &Arguments, shared: &Shared) -> Exit {
    let Some(name) = &arguments.name else {
        shared.terminal.print(&explain::index());
        return Exit::Go;
    };
    let Some(explanation) = explain::explain(name) else {
        let near = explain::nearest(name).map(|near| format!("did you mean `{near}`?"));
        let help = near.unwrap_or_else(|| "gonogo explain lists every name".to_owned());
        shared.terminal.error(&format!("nothing is called `{name}`"), Some(&help));
        return Exit::Usage;
    };
    match arguments.format {
        Format::Text => shared.terminal.print(&explanation.to_string()),
        Format::Json => shared.terminal.print(&serde_json::to_string(&explanation).unwrap_or_default()),
    }
    Exit::Go
}
