//! Lines of a page, each kept within its width; colour, when asked for, is put on whole lines at the end.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::report::text;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Plain,
    /// What the next lines are about.
    Heading,
    /// As it should be.
    Good,
    /// Not as it should be, or not known.
    Caution,
    /// It stops the night.
    Bad,
}

impl Tone {
    /// How it looks where colour is wanted; no meaning is in it alone.
    #[must_use]
    pub fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Heading => Style::new().bold(),
            Self::Good => Style::new().bold().fg_color(Some(AnsiColor::Green.into())),
            Self::Caution => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            Self::Bad => Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
        }
    }
}

/// A page in the making.
#[derive(Debug)]
pub(super) struct Page {
    width: usize,
    lines: Vec<(Tone, String)>,
}

impl Page {
    /// The narrowest there is: leads have to leave room for text.
    pub(super) const NARROWEST: usize = 40;

    /// An empty page.
    pub(super) fn new(width: usize) -> Self {
        Self { width: width.max(Self::NARROWEST), lines: Vec::new() }
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) fn rule(&mut self) {
        self.lines.push((Tone::Plain, "=".repeat(self.width)));
    }

    /// An empty line, unless there is one already.
    pub(super) fn gap(&mut self) {
        if self.lines.last().is_some_and(|(_, line)| !line.is_empty()) {
            self.lines.push((Tone::Plain, String::new()));
        }
    }

    pub(super) fn plain(&mut self, line: &str) {
        self.toned(line, Tone::Plain);
    }

    /// One line, cut when it is too long. Whatever a caller forgot to clean is cleaned here.
    pub(super) fn toned(&mut self, line: &str, tone: Tone) {
        let line = text::ascii_exact(line);
        self.lines.push((tone, text::cut(&line, self.width).trim_end().to_owned()));
    }

    /// Something at the left and something at the right; on two lines when one does not hold both.
    pub(super) fn pair(&mut self, left: &str, right: &str, tone: Tone) {
        if left.len() + 2 + right.len() <= self.width {
            let room = self.width - left.len();
            self.toned(&format!("{left}{right:>room$}"), tone);
            return;
        }
        let indent = " ".repeat(left.len() - left.trim_start().len() + 3);
        self.wrapped("", left, tone);
        if !right.is_empty() {
            self.wrapped(&indent, right, tone);
        }
    }

    /// A lead, then text as long as it needs; further lines stand under the text.
    pub(super) fn wrapped(&mut self, lead: &str, content: &str, tone: Tone) {
        self.wrapped_at_most(lead, content, tone, usize::MAX);
    }

    /// The same, in at most so many lines; ` ...` says that there was more.
    pub(super) fn wrapped_at_most(&mut self, lead: &str, content: &str, tone: Tone, most: usize) {
        /// Characters that are left for the text whatever the lead.
        const LEAST: usize = 8;
        // Leading spaces of the content belong to the lead, or wrapping would lose them.
        let body = content.trim_start();
        // Somebody's title may begin with any number of them.
        let spaces = (content.len() - body.len()).min(self.width / 2);
        let lead = format!("{lead}{}", " ".repeat(spaces));
        let room = self.width.saturating_sub(lead.len()).max(LEAST);
        let mut lines = text::wrap(body, room);
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                *last = format!("{} ...", text::cut(last, room - 4).trim_end_matches(" ..."));
            }
        }
        for (index, line) in lines.iter().enumerate() {
            let lead = if index == 0 { lead.clone() } else { " ".repeat(lead.len()) };
            self.toned(&format!("{lead}{line}"), tone);
        }
    }

    /// The lines so far, each with what it is about.
    pub(super) fn lines(self) -> Vec<(Tone, String)> {
        self.lines
    }

    pub(super) fn finish(self, color: bool) -> String {
        let mut page = String::with_capacity(self.lines.len() * (self.width + 1));
        for (tone, line) in self.lines {
            if color && tone != Tone::Plain {
                let style = tone.style();
                // Writing to a String cannot fail.
                let _ = write!(page, "{style}{line}{style:#}");
            } else {
                page.push_str(&line);
            }
            page.push('\n');
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, Tone};

    #[test]
    fn no_lead_and_no_spaces_leave_text_without_room() {
        for (lead, spaces) in [("", 200), ("  lead ", 200), (&*"x".repeat(60), 0), (&*"\u{e9}".repeat(60), 3)]
        {
            let mut page = Page::new(40);
            let content = format!("{}the title of a check that goes on", " ".repeat(spaces));
            page.wrapped_at_most(lead, &content, Tone::Plain, 1);
            page.wrapped(lead, &content, Tone::Plain);
            let lines = page.lines();
            assert!(lines.iter().all(|(_, line)| line.len() <= 40), "{lines:?}");
            assert!(spaces < 100 || lines[0].1.contains("the t"), "{lines:?}");
        }
    }
}
