//! This attempt beside the one before: what turned, and what stages really took.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::words::{Words, code};
use super::{section as titled, verdict, wide};
use crate::compare::{Comparison, Side, Spent};
use crate::period::Period;
use crate::report::compare::SECTIONS;
use crate::report::digest::Digest;

/// Lines of one section.
const MOST: usize = 60;

/// Nothing for a first attempt.
pub(super) fn section(digest: &Digest<'_>, told: Option<&Comparison>) -> Option<Markup> {
    let told = told?;
    let content = html! {
        (wide("Attempts", &html! {
            table {
                thead { tr { @for head in ["", "attempt", "began", "verdict", "run"] { th scope="col" { (head) } } } }
                tbody { (side(digest, "before", &told.before)) (side(digest, "now", &told.now)) }
            }
        }))
        p { (super::words::number(told.same)) " are as before." }
        @for (moved, title) in SECTIONS {
            @let turned: Vec<_> = told.checks.iter().filter(|turned| turned.moved == moved).collect();
            @if !turned.is_empty() {
                h3.group { (sentence_case(title)) " (" (turned.len()) ")" }
                ul {
                    @for one in turned.iter().take(MOST) {
                        li {
                            (one.severity.name()) " " (code(&one.check)) " from " (Words(&one.vantage))
                            @if let Some(seen) = one.now.as_ref().or(one.before.as_ref()) { ": " (Words(&seen.message)) }
                        }
                    }
                }
                @if turned.len() > MOST { p { "and " (turned.len() - MOST) " more: " (code("gonogo compare")) } }
            }
        }
        @for (repaired, title) in [(false, "Permissions that differ now"), (true, "Permissions repaired since")] {
            @let some: Vec<_> = told.permissions.iter().filter(|one| one.repaired == repaired).collect();
            @if !some.is_empty() {
                h3.group { (title) " (" (some.len()) ")" }
                ul {
                    @for one in some.iter().take(MOST) {
                        li {
                            (code(&one.check)) ": " (code(&one.id)) " " (Words(&one.subject))
                            @for word in [&one.privilege, &one.grantee].into_iter().flatten() { " " (Words(word)) }
                        }
                    }
                }
                @if some.len() > MOST { p { "and " (some.len() - MOST) " more: " (code("gonogo compare")) } }
            }
        }
        (times(told))
    };
    Some(titled("attempts", "Attempts compared", "", &content))
}

fn side(digest: &Digest<'_>, word: &str, side: &Side) -> Markup {
    let zone =
        digest.told.outline.zone.as_deref().and_then(crate::clock::zone).unwrap_or_else(TimeZone::system);
    let began = side.started_at.to_zoned(zone).strftime("%a %d %b %H:%M").to_string();
    html! {
        tr {
            th scope="row" { (word) }
            td { (side.attempt) }
            td.nowrap { (began) }
            td.nowrap { (verdict(side.verdict)) }
            td { (code(&side.run)) }
        }
    }
}

fn times(told: &Comparison) -> Markup {
    let spent = told.stages.iter().flat_map(|times| {
        [("work", times.work), ("sanity", times.sanity), ("undo", times.undo)]
            .map(|(word, spent)| (times.stage.as_str(), word, spent))
    });
    let spent: Vec<(&str, &str, Spent)> = spent.filter(|(.., spent)| spent.real_s().is_some()).collect();
    let shown = |seconds: Option<u64>| {
        seconds.map_or_else(
            || "-".to_owned(),
            |seconds| Period(std::time::Duration::from_secs(seconds)).to_string(),
        )
    };
    html! {
        @if !spent.is_empty() {
            (wide("Times", &html! {
                table {
                    caption { "What it took" }
                    thead { tr { @for head in ["stage", "", "planned", "before", "now"] { th scope="col" { (head) } } } }
                    tbody {
                        @for (stage, word, spent) in &spent {
                            tr {
                                th scope="row" { (code(stage)) }
                                td { (word) }
                                td { (shown(spent.planned_s)) }
                                td { (shown(spent.before_s)) }
                                td { (shown(spent.now_s)) }
                            }
                        }
                    }
                }
            }))
        }
    }
}

/// `GREEN TO RED` as `Green to red`.
fn sentence_case(title: &str) -> String {
    let (first, rest) = title.split_at(title.len().min(1));
    format!("{first}{}", rest.to_lowercase())
}
