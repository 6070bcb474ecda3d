//! Printing: results on stdout, everything else on stderr; a closed pipe ends the printing, not the program.

use std::io::{IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};

use crate::environment::Environment;
use crate::file::visible;

/// What the terminals can do, asked once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub(super) struct Terminal {
    /// stdout takes colour.
    pub(super) color_out: bool,
    /// stderr takes colour.
    pub(super) color_err: bool,
    /// stderr is a terminal that can be redrawn.
    pub(super) live: bool,
    /// stdout is a terminal that can be painted on.
    pub(super) full: bool,
    /// stderr takes notes at any time; not while stdout is painted on.
    pub(super) notes: bool,
}

impl Terminal {
    pub(super) fn new(environment: &Environment) -> Self {
        let wanted = environment.filled("NO_COLOR").is_none() && environment.get("TERM") != Some("dumb");
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let paints = environment.filled("TERM").is_some_and(|kind| kind != "dumb");
        Self {
            notes: true,
            full: paints && out && environment.get("CI").is_none(),
            color_out: wanted && out,
            color_err: wanted && err,
            live: wanted && err && environment.get("CI").is_none(),
        }
    }

    /// Print a result.
    #[expect(clippy::unused_self, reason = "what is printed goes through the terminal, whatever it can do")]
    pub(super) fn print(self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = out.write_all(b"\n");
        }
        let _ = out.flush();
    }

    /// Tell the person who watches.
    #[expect(clippy::unused_self, reason = "what is printed goes through the terminal, whatever it can do")]
    pub(super) fn tell(self, text: &str) {
        let mut err = std::io::stderr().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let _ = err.write_all(format!("{text}{end}").as_bytes());
    }

    /// Say what went wrong, and what to do.
    pub(super) fn error(self, message: &str, help: Option<&str>) {
        let style = self.style(AnsiColor::Red);
        // It may hold what was typed or sent: only its lines are ours.
        let tame = |text: &str| text.lines().map(visible).collect::<Vec<_>>().join("\n");
        self.tell(&format!("{style}error{style:#}: {}", tame(message)));
        if let Some(help) = help {
            self.tell(&format!("help: {}", tame(help)));
        }
    }

    /// A style for stderr, plain where colour is not wanted.
    pub(super) fn style(self, color: AnsiColor) -> Style {
        if self.color_err { Style::new().bold().fg_color(Some(color.into())) } else { Style::new() }
    }
}
