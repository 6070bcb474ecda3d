//! `gonogo grants effective`: who can do what, and through which path.

mod html;
mod json;
mod rows;
mod text;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::super::Shared;
use super::read;
use crate::grants::map::Selection;
use crate::grants::paths::Paths;
use crate::grants::snapshot::{Facts, Key};
use crate::report::text::line;
use crate::report::{Mode, replace};
use crate::suggest::suggestion;
use crate::verdict::Exit;
use rows::{Asked, Shown};

/// Roles times objects on a page for people: of more a browser makes nothing, nor does a reader.
const MOST_TO_READ: usize = 200_000;

/// Roles times objects for a program: a few hundred megabytes while it is written.
const MOST_TO_PARSE: usize = 10_000_000;

/// Show who can do what, and through which path
///
/// All roles and objects as a matrix; one role or object with every path that leads to each privilege: the owner, a
/// grant, a chain of groups, PUBLIC, a predefined role. What is granted and yet out of reach, for want of USAGE on the
/// schema or CONNECT on the database, is said apart. In a large database roles that only inherit are left out, which is
/// told; they can be asked for.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  gonogo grants effective before.json
  gonogo grants effective before.json --role app_ro
  gonogo grants effective before.json --object shop.orders --object 'function:public.*'
  gonogo grants effective before.json --format html -o rights.html")]
pub(in super::super) struct Arguments {
    /// The snapshot
    #[arg(value_name = "SNAPSHOT")]
    snapshot: PathBuf,
    /// Only this role; may be repeated
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// Only this object, such as `shop.orders` or `table:shop.*`; may be repeated
    #[arg(long, value_name = "OBJECT")]
    object: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    /// Where to write it; stdout when absent
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
    Html,
}

/// JSON Schema of `--format json`.
#[cfg(test)]
pub(in super::super) fn schema() -> serde_json::Value {
    json::schema()
}

pub(super) fn effective(arguments: &Arguments, shared: &Shared) -> Exit {
    shown(arguments, shared).unwrap_or_else(|exit| exit)
}

fn shown(arguments: &Arguments, shared: &Shared) -> Result<Exit, Exit> {
    let before = read::snapshot(&arguments.snapshot, shared)?;
    let asked = asked(arguments, &before.facts).map_err(|(message, help)| {
        shared.terminal.error(&line(&message), Some(&line(&help)));
        Exit::Usage
    })?;
    let paths = Paths::new(&before.facts);
    let rows = Shown::new(&paths, &asked);
    if let Some(message) = rows.no_room() {
        shared.terminal.tell(&message);
    }
    let page = match arguments.format {
        Form::Text if asked.roles.is_empty() && asked.objects.is_empty() => text::matrix(&rows),
        Form::Text => text::paths(&rows),
        Form::Json => json::json(&rows),
        Form::Html => html::page(&rows),
    };
    let Some(file) = &arguments.out else {
        shared.terminal.print(&page);
        return Ok(Exit::Go);
    };
    replace(file, Mode::default(), page.as_bytes()).map_err(|failure| {
        shared.terminal.error(&failure.to_string(), None);
        Exit::NotWritten
    })?;
    shared.terminal.tell(&format!("wrote {}", file.display()));
    Ok(Exit::Go)
}

/// The roles and objects asked for; or what is wrong with one, and what to do.
fn asked(arguments: &Arguments, facts: &Facts) -> Result<Asked, (String, String)> {
    let names: Vec<&str> = facts.roles.iter().map(|(_, role)| role.name.as_str()).collect();
    let role = |name: &String| {
        facts.roles.id(name).ok_or_else(|| {
            (format!("the snapshot has no role `{name}`"), suggestion(name, names.iter().copied()))
        })
    };
    let selection = |text: &String| {
        let selection = Selection::parse(text)
            .map_err(|message| (message, "such as `shop.orders` or `table:shop.*`".to_owned()))?;
        let granted = || facts.objects.keys().filter(|key| !key.kind.privileges().is_empty());
        if granted().any(|key| selection.matches(key)) {
            return Ok(selection);
        }
        let called = |key: &Key| if text.contains(':') { key.to_string() } else { key.qualified() };
        let mut names: Vec<String> = granted().map(called).collect();
        names.dedup();
        let help = suggestion(text, names.iter().map(String::as_str));
        Err((format!("`{text}` is nothing in the snapshot"), help))
    };
    let most = match arguments.format {
        Form::Text | Form::Html => MOST_TO_READ,
        Form::Json => MOST_TO_PARSE,
    };
    Ok(Asked {
        most,
        roles: arguments.role.iter().map(role).collect::<Result<_, _>>()?,
        objects: arguments.object.iter().map(selection).collect::<Result<_, _>>()?,
    })
}
