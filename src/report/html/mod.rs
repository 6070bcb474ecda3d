//! `report.html`: everything for the people on the call, in one file that needs nothing from elsewhere: no server, no
//! script from another place, no font. The sections are files beside this one; what they say comes from the same digest
//! as the summary. `page` puts a `body` into a file; a body can be sent again by itself when the night goes on.

mod attempts;
mod checks;
mod items;
mod permissions;
mod stages;
mod systems;
pub(crate) mod tone;
mod top;
pub(crate) mod words;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::digest::Digest;
use super::{EarlyEnd, Options, Rendered};
use crate::model::verdict::Verdict;
use crate::verdict::Assessment;
use words::Words;

/// The file's name.
const NAME: &str = "report.html";
const STYLE: &str = include_str!("page.css");
/// The script of a page: its filters.
pub(crate) const SCRIPT: &str = include_str!("page.js");

/// What a page has around its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    /// Its title; not cleaned.
    pub(crate) title: &'a str,
    /// Its script; a page without one forbids any.
    pub(crate) script: Option<&'a str>,
    /// It may ask the server it came from for more.
    pub(crate) live: bool,
}

/// Tell a run as a page.
#[must_use]
pub fn render(told: &Assessment<'_>, options: &Options) -> Vec<Rendered> {
    let title = title(told);
    let head = Head { title: &title, script: Some(SCRIPT), live: false };
    vec![Rendered { name: NAME.to_owned(), text: page(&head, &body(told, options)) }]
}

/// What a browser calls the page.
pub(crate) fn title(told: &Assessment<'_>) -> String {
    format!("{}: {}", told.verdict, told.outline.name)
}

/// Tell of a run that died before it could be judged.
#[must_use]
pub fn render_early(end: &EarlyEnd) -> Vec<Rendered> {
    let head = Head { title: &format!("NO-GO: {}", end.plan), script: None, live: false };
    vec![Rendered { name: NAME.to_owned(), text: page(&head, &top::early(end)) }]
}

/// A whole page. Its style and its script are told to the browser by their hashes (Content Security Policy Level 3,
/// section 2.3.1): nothing else of it is ever run, whatever a server has sent.
pub(crate) fn page(head: &Head<'_>, body: &Markup) -> String {
    let script = head.script.map_or_else(|| "'none'".to_owned(), hash);
    let (connect, form) = if head.live { ("'self'", "'self'") } else { ("'none'", "'none'") };
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {script}; connect-src {connect}; base-uri 'none'; form-action {form}",
        hash(STYLE)
    );
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content=(if head.live { "same-origin" } else { "no-referrer" });
                title { (Words(head.title)) }
                style { (PreEscaped(STYLE)) }
            }
            "\n"
            body {
                (body)
                @if let Some(script) = head.script { script { (PreEscaped(script)) } }
            }
        }
        "\n"
    };
    markup.into_string()
}

fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Everything that is said of a run, each section with an `id` of its own that stays the same.
pub(crate) fn body(told: &Assessment<'_>, options: &Options) -> Markup {
    let digest = Digest::of(told);
    // With line breaks: nobody reads lines of a megabyte, and many a tool does not.
    let sections: Vec<Markup> = [
        Some(top::next(&digest)),
        systems::section(&digest),
        items::unknown(&digest),
        items::failures(&digest),
        permissions::section(&digest),
        items::debts(&digest),
        items::waivers(&digest),
        items::flaky(&digest),
        items::look_at(&digest),
        items::changed(&digest),
        Some(stages::stages(&digest)),
        attempts::section(&digest, options.before.as_deref()),
        stages::not_told(&digest),
        stages::timeline(told),
        Some(checks::section(&digest)),
    ]
    .into_iter()
    .flatten()
    .collect();
    html! {
        a.skip href="#next" { "Skip to what to do" }
        (top::header(&digest))
        (top::contents(&digest, options))
        main { @for section in &sections { (section) "\n" } }
        (top::footer(&digest))
        "\n"
    }
}

/// A section with its heading; `about` is a line below it.
fn section(id: &str, title: &str, about: &str, content: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } { (title) }
            @if !about.is_empty() { p.about { (about) } }
            (content)
        }
    }
}

/// A table that is wider than a phone: it can be moved sideways, by keyboard too.
fn wide(label: &str, table: &Markup) -> Markup {
    html! { div.wide role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// A verdict with its shape.
pub(crate) fn verdict(verdict: Verdict) -> Markup {
    let tone = tone::Tone::of(verdict);
    html! { span class={ "mark " (tone.name()) } { (tone.shape()) (verdict.spoken()) } }
}
