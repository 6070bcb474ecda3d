//! `gonogo init`: a commented starter plan, or one that is made of files of another tool.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::arguments::PlanFiles;
use super::validate::counted;
use super::{Shared, load};
use crate::file::source::Source;
use crate::file::visible;
use crate::import::{self, Imported};
use crate::secret::Scrubber;
use crate::verdict::Exit;

const STARTER: &str = include_str!("starter.yaml");

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file to write
    #[arg(default_value = "gonogo.yaml")]
    file: PathBuf,
    /// Make the plan of this file of another tool; several that belong together are read as one
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
    /// What the file is, when it is not recognised by what is in it
    #[arg(long, value_name = "NAME", requires = "from", value_parser = import_names())]
    from_format: Option<import::Format>,
}

/// The names of the formats that can be imported, with the one each stands for.
fn import_names() -> impl TypedValueParser<Value = import::Format> {
    let names =
        import::Format::ALL.iter().map(|format| PossibleValue::new(format.name()).help(format.about()));
    PossibleValuesParser::new(names.collect::<Vec<_>>())
        .try_map(|name| import::Format::named(&name).ok_or("there is no such format"))
}

pub(super) fn init(arguments: &Arguments, shared: &Shared) -> Exit {
    if !arguments.from.is_empty() {
        return made_of(arguments, shared);
    }
    match write(&arguments.file, STARTER, shared) {
        Ok(()) => {
            let name = arguments.file.display();
            shared.terminal.print(&format!(
                "wrote {name}: edit it, then gonogo validate {name} and gonogo run -f {name}"
            ));
            Exit::Go
        }
        Err(exit) => exit,
    }
}

/// Make a plan of files of another tool, and tell every key that could not be carried over. What is written is read again.
fn made_of(arguments: &Arguments, shared: &Shared) -> Exit {
    let mut files = Vec::new();
    for path in &arguments.from {
        match Source::read(path) {
            Ok(file) => files.push(file),
            Err(error) => {
                shared.terminal.error(&visible(&error.message), None);
                return Exit::Usage;
            }
        }
    }
    let imported = match import::import(files, arguments.from_format) {
        Ok(imported) => imported,
        Err(error) => {
            shared.terminal.error(&visible(&error.to_string()), error.help().as_deref());
            return Exit::Usage;
        }
    };
    if let Err(exit) = write(&arguments.file, &imported.plan, shared) {
        return exit;
    }
    tell(&imported, &arguments.file, shared);
    let loaded = load::load(
        std::slice::from_ref(&arguments.file),
        &PlanFiles::default(),
        shared,
        &Scrubber::default(),
    );
    if loaded.plan.is_some() {
        return Exit::Go;
    }
    load::tell(&loaded, shared);
    let name = arguments.file.display();
    shared
        .terminal
        .error(&format!("{name} does not load yet"), Some("repair what is told above, then gonogo validate"));
    Exit::Usage
}

fn tell(imported: &Imported, file: &Path, shared: &Shared) {
    for note in &imported.notes {
        shared.terminal.tell(&format!("not carried over: {note}"));
    }
    let name = file.display();
    let by_hand = match imported.by_hand {
        0 => String::new(),
        count => format!(" and {} for what could not be carried over", counted(count, "manual check")),
    };
    shared.terminal.print(&format!(
        "wrote {name}: {} of {}{by_hand}; read it, then gonogo validate {name} and gonogo run -f {name}",
        counted(imported.checks, "check"),
        imported.format,
    ));
}

/// Write a file that is not there yet.
fn write(file: &Path, text: &str, shared: &Shared) -> Result<(), Exit> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut open| open.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let help = "nothing was changed; name another file: gonogo init FILE";
            shared.terminal.error(&format!("{} is there already", file.display()), Some(help));
            Err(Exit::Usage)
        }
        Err(error) => {
            shared.terminal.error(&format!("cannot write {}: {error}", file.display()), None);
            Err(Exit::NotWritten)
        }
    }
}
