//! `gonogo completions` and `gonogo man`.

use clap_complete::Shell;

use super::arguments::Completions;
use super::{Shared, command};
use crate::verdict::Exit;

pub(super) fn completions(arguments: &Completions, shared: &Shared) -> Exit {
    let guessed = || Shell::from_shell_path(shared.environment.filled("SHELL")?);
    let Some(shell) = arguments.shell.or_else(guessed) else {
        shared
            .terminal
            .error("which shell?", Some("name one: gonogo completions bash|elvish|fish|powershell|zsh"));
        return Exit::Usage;
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "gonogo", &mut script);
    shared.terminal.print(&String::from_utf8_lossy(&script));
    Exit::Go
}

pub(super) fn man(shared: &Shared) -> Exit {
    let mut page = Vec::new();
    if let Err(error) = clap_mangen::Man::new(command()).render(&mut page) {
        shared.terminal.error(&format!("cannot make the manual page: {error}"), None);
        return Exit::NotWritten;
    }
    shared.terminal.print(&String::from_utf8_lossy(&page));
    Exit::Go
}
