//! What is wrong with a plan, where, and what to do; as text with a caret, or as JSON for editors and CI.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use serde::{Serialize, Serializer};

use crate::json;

/// How grave a diagnostic is, gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// The plan does not load.
    Error,
    /// The plan loads; changes no exit code.
    Warning,
}

/// One mistake or warning, ready to be shown: secrets starred, control characters made visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Gravity,
    /// What is wrong.
    pub message: String,
    /// The file, as the user named it; none when it is about the command line.
    pub file: Option<String>,
    /// Where in the file; none when it is about the whole file.
    pub place: Option<Place>,
    /// What to do about it.
    pub help: Option<String>,
}

/// A place in a file, with the line it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line, or the part of a very long one that is shown.
    pub text: String,
    /// The characters of `text` that are underlined.
    pub underlined: std::ops::Range<usize>,
    /// What stands under the caret.
    pub label: Option<String>,
}

impl Serialize for Diagnostic {
    /// `{severity, message, file, line, column, help}`; what is not known is null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            severity: Gravity,
            message: &'a str,
            file: Option<&'a str>,
            line: Option<usize>,
            column: Option<usize>,
            help: Option<&'a str>,
        }
        let place = self.place.as_ref();
        let flat = Flat {
            severity: self.severity,
            message: &self.message,
            file: self.file.as_deref(),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            help: self.help.as_deref(),
        };
        flat.serialize(serializer)
    }
}

impl Diagnostic {
    /// The text for people, without a line break at its end.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let level = match self.severity {
            Gravity::Error => Level::ERROR,
            Gravity::Warning => Level::WARNING,
        };
        let mut main = Group::with_title(level.primary_title(self.message.as_str()));
        match (&self.file, &self.place) {
            (Some(file), Some(place)) => {
                // Of a line cut at its beginning the renderer would count a wrong column.
                if place.is_cut() {
                    main =
                        main.element(Origin::path(file.as_str()).line(place.line).char_column(place.column));
                    main = main.element(place.snippet(None));
                } else {
                    main = main.element(place.snippet(Some(file)));
                }
            }
            (Some(file), None) => main = main.element(Origin::path(file.as_str())),
            (None, _) => {}
        }
        let mut groups = vec![main];
        if let Some(help) = &self.help {
            groups.push(Group::with_title(Level::HELP.secondary_title(help.as_str())));
        }
        let text = renderer.decor_style(DecorStyle::Ascii).term_width(160).render(&groups);
        if !self.place.as_ref().is_some_and(Place::is_cut) {
            return text;
        }
        // The renderer takes a place of its own and a snippet for two files, and says so with a line `:::`.
        let says_so = |line: &&str| anstream::adapter::strip_str(line).to_string().trim() == ":::";
        text.lines().filter(|line| !says_so(line)).collect::<Vec<_>>().join("\n")
    }
}

impl Place {
    fn is_cut(&self) -> bool {
        self.underlined.start + 1 != self.column
    }

    fn snippet<'a>(&'a self, path: Option<&'a str>) -> impl Into<Element<'a>> {
        let byte = |character: usize| {
            self.text.char_indices().nth(character).map_or(self.text.len(), |(byte, _)| byte)
        };
        let annotation = AnnotationKind::Primary
            .span(byte(self.underlined.start)..byte(self.underlined.end))
            .label(self.label.as_deref());
        Snippet::source(self.text.as_str())
            .path(path)
            .line_start(self.line)
            .fold(false)
            .annotation(annotation)
    }
}

/// All of them as text, errors first, with a count at the end; empty when there is nothing to tell.
#[must_use]
pub fn render_all(diagnostics: &[Diagnostic], color: bool) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&diagnostic.render(color));
        text.push_str("\n\n");
    }
    let count = |gravity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == gravity).count();
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let counted: Vec<String> = [(Gravity::Error, "error"), (Gravity::Warning, "warning")]
        .into_iter()
        .filter(|(gravity, _)| count(*gravity) > 0)
        .map(|(gravity, word)| plural(count(gravity), word))
        .collect();
    if !counted.is_empty() {
        text.push_str(&counted.join(", "));
        text.push('\n');
    }
    text
}

/// All of them as a JSON array.
#[must_use]
pub fn render_json(diagnostics: &[Diagnostic]) -> String {
    json::lines(&diagnostics).unwrap_or_else(|_| "[]".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_like_the_compiler_people_know() {
        let diagnostic = Diagnostic {
            severity: Gravity::Error,
            message: "stage `app2` comes after unknown stage `db-spilt`".to_owned(),
            file: Some("checks/night.yaml".to_owned()),
            place: Some(Place {
                line: 5,
                column: 13,
                text: "    after: [db-spilt]".to_owned(),
                underlined: 12..20,
                label: Some("no stage has this name".to_owned()),
            }),
            help: Some("did you mean `db-split`?".to_owned()),
        };
        let wanted = "\
error: stage `app2` comes after unknown stage `db-spilt`
 --> checks/night.yaml:5:13
  |
5 |     after: [db-spilt]
  |             ^^^^^^^^ no stage has this name
  |
help: did you mean `db-split`?";
        assert_eq!(diagnostic.render(false), wanted);
        let json = serde_json::to_value(&diagnostic).unwrap();
        assert_eq!(json["line"], 5);
        assert_eq!(json["severity"], "error");
    }
}
