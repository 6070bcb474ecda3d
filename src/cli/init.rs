//! `gonogo init`: a commented starter plan.

use std::fs::OpenOptions;
use std::io::Write as _;

use super::Shared;
use super::arguments::Init;
use crate::verdict::Exit;

const STARTER: &str = include_str!("starter.yaml");

pub(super) fn init(arguments: &Init, shared: &Shared) -> Exit {
    let file = &arguments.file;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut open| open.write_all(STARTER.as_bytes()));
    match written {
        Ok(()) => {
            let name = file.display();
            shared.terminal.print(&format!(
                "wrote {name}: edit it, then gonogo validate {name} and gonogo run -f {name}"
            ));
            Exit::Go
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let help = "nothing was changed; name another file: gonogo init FILE";
            shared.terminal.error(&format!("{} is there already", file.display()), Some(help));
            Exit::Usage
        }
        Err(error) => {
            shared.terminal.error(&format!("cannot write {}: {error}", file.display()), None);
            Exit::NotWritten
        }
    }
}
