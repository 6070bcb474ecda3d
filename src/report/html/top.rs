//! The top of the page: the verdict and what to read aloud, the clock, what to do; and the page of a run that died early.

use maud::{Markup, html};

use super::tone::Tone;
use super::words::{Words, code};
use super::{Options, section};
use crate::model::verdict::Verdict;
use crate::report::EarlyEnd;
use crate::report::digest::{Digest, as_sentence};
use crate::window::State;

/// The verdict, and the clock at its side: both always here, whatever else there is to say.
pub(super) fn header(digest: &Digest<'_>) -> Markup {
    let told = digest.told;
    html! {
        header.top {
            (banner(told.verdict, &html! {
                p.stage {
                    (Words(&digest.stage()))
                    @if let Some(title) = digest.title() { " \u{b7} " (Words(title)) }
                }
                p.plan {
                    (Words(&told.outline.name))
                    @if let Some(change) = &told.outline.change { " \u{b7} " (Words(change)) }
                    " \u{b7} " time datetime=(told.at.to_string()) { (digest.moment(told.at)) }
                }
            }, &digest.say()))
            (clock(digest))
        }
    }
}

/// Read out by a screen reader whenever it changes.
fn banner(verdict: Verdict, about: &Markup, say: &[String]) -> Markup {
    let tone = Tone::of(verdict);
    html! {
        div #verdict class={ "verdict " (tone.name()) } role="status" aria-live="polite" aria-atomic="true" {
            h1 { (tone.shape()) (verdict.spoken()) }
            (about)
            blockquote.say { (Words(&say.join(" "))) }
        }
    }
}

fn clock(digest: &Digest<'_>) -> Markup {
    let late = digest.told.clock.as_ref().and_then(|clock| Some(clock.way_back.as_ref()?.late.is_positive()));
    let tone = match (late, digest.told.clock.as_ref().map(|clock| clock.state)) {
        (Some(true), _) | (None, Some(State::Overdue | State::DecideNow)) => Tone::Bad,
        (Some(false), _) | (None, Some(State::Tight)) => Tone::Caution,
        (None, Some(State::Up | State::Comfortable)) => Tone::Good,
        (None, None) => Tone::Idle,
    };
    let lines = digest.clock_lines();
    // In the summary some stand side by side.
    let lines: Vec<&str> = lines
        .iter()
        .flat_map(|line| line.split("   "))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    html! {
        section #clock class={ "clock " (tone.name()) } aria-labelledby="clock-title" {
            h2 #clock-title {
                (tone.shape()) "Clock"
                @if let Some(clock) = digest.told.clock.as_ref().filter(|clock| clock.way_back.is_none()) { ": " (clock.state.spoken()) }
            }
            @if lines.is_empty() {
                p { "The plan names no window: there is no clock." }
            } @else {
                ul {
                    @for (index, line) in lines.iter().enumerate() {
                        li class=[(index == 0 || line.starts_with("decide by")).then_some("now")] { (Words(line)) }
                    }
                }
            }
            @if let Some(handed_over) = digest.told.run.people.in_charge() {
                p.charge { "In charge since " (digest.clock(handed_over.at)) ": " (Words(digest.told.outline.person(&handed_over.said.to))) }
            }
        }
    }
}

/// Where on the page what is, with how much of it there is.
pub(super) fn contents(digest: &Digest<'_>, options: &Options) -> Markup {
    let told = digest.told;
    let failed = digest.blockers.len() + digest.majors.len() + digest.issues.len() + digest.noted.len();
    let count = |number: usize| (number > 0).then_some(number);
    let has_links = !told.outline.pieces.is_empty();
    let entries = [
        Some(("next", "Next", None)),
        has_links.then_some(("systems", "Systems", None)),
        count(digest.unknown.len()).map(|number| ("unknown", "Not known", Some(number))),
        count(failed).map(|number| ("failures", "Failures", Some(number))),
        count(super::permissions::count(digest)).map(|number| ("permissions", "Permissions", Some(number))),
        count(told.debts.len()).map(|number| ("debts", "Debts", Some(number))),
        count(told.waivers.len() + digest.accepted.len()).map(|number| ("waivers", "Waivers", Some(number))),
        count(digest.look_at.len()).map(|number| ("look-at", "Look at", Some(number))),
        Some(("stages", "Stages", None)),
        options.before.is_some().then_some(("attempts", "Attempts", None)),
        Some(("timeline", "Timeline", None)),
        Some(("checks", "Checks", Some(told.rows.len()))),
    ];
    let tone = Tone::of(told.verdict);
    html! {
        nav.contents aria-label="Contents" {
            span class={ "mark " (tone.name()) } aria-hidden="true" { (tone.shape()) (told.verdict.spoken()) }
            ul {
                @for (id, name, number) in entries.into_iter().flatten() {
                    li { a href={ "#" (id) } { (name) @if let Some(number) = number { " " span.count { (super::words::number(number)) } } } }
                }
            }
        }
        "\n"
    }
}

/// What to do now, each with the command that does it.
pub(super) fn next(digest: &Digest<'_>) -> Markup {
    let steps = digest.next();
    let history = digest.history();
    section(
        "next",
        "What to do",
        "",
        &html! {
            @if steps.is_empty() { p { "Nothing is to be done." } }
            ol.steps {
                @for step in &steps {
                    li { span { (Words(&as_sentence(&step.what))) } @if let Some(command) = &step.command { " " (code(command)) } }
                }
            }
            @if !history.is_empty() {
                ul.history { @for line in &history { li { (Words(line)) } } }
            }
        },
    )
}

/// Which run this is.
pub(super) fn footer(digest: &Digest<'_>) -> Markup {
    let told = digest.told;
    let plan = told.outline.sha256.get(..6).unwrap_or(&told.outline.sha256);
    html! {
        footer {
            p {
                "run " (code(&told.run.id)) " attempt " (told.run.attempt) " plan " (code(plan))
                " \u{b7} gonogo " (env!("CARGO_PKG_VERSION"))
            }
            @if told.run.unknown > 0 {
                p { (told.run.unknown) " events of a newer gonogo were passed over." }
            }
        }
    }
}

/// The page of a run that died before it could be judged.
pub(super) fn early(end: &EarlyEnd) -> Markup {
    /// Mistakes shown; `gonogo validate` shows them all.
    const MOST: usize = 50;
    let when = end.at.strftime("%a %d %b %H:%M UTC").to_string();
    let say = ["The run could not begin: this is no-go.".to_owned(), as_sentence(&end.reason.text)];
    html! {
        header.top {
            (banner(Verdict::NoGo, &html! { p.stage { "no stage was begun" } p.plan { (Words(&end.plan)) " \u{b7} " (when) } }, &say))
        }
        main {
            (section("next", "What to do", "", &html! {
                ol.steps { li { span { "See what it means." } " " (code(&format!("gonogo explain {}", end.reason.id.name()))) } }
            }))
            @if !end.diagnostics.is_empty() {
                (section("mistakes", "Mistakes", "", &html! {
                    ul { @for diagnostic in end.diagnostics.iter().take(MOST) { li { (code(diagnostic)) } } }
                    @if let Some(more) = end.diagnostics.len().checked_sub(MOST).filter(|&more| more > 0) {
                        p { "and " (more) " more" }
                    }
                }))
            }
        }
    }
}
