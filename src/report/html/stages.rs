//! The stages with their verdicts, and the night as a timeline.

use maud::{Markup, html};

use super::words::{Words, code};
use super::{section, verdict, wide};
use crate::report::digest::Digest;
use crate::report::timeline::Timeline;
use crate::verdict::Assessment;

/// Entries of the timeline, the newest; `gonogo log` tells all.
const MOST: usize = 300;

/// Every stage of the plan.
pub(super) fn stages(digest: &Digest<'_>) -> Markup {
    let told = digest.told;
    let content = wide(
        "Stages",
        &html! {
            table {
                thead { tr { @for head in ["stage", "verdict", "when", "owner", "passed", "why"] { th scope="col" { (head) } } } }
                tbody {
                    @for stage in &told.stages {
                        @let passed = stage.rows.iter().filter(|row| !super::items::is_open(row)).count();
                        tr aria-current=[(told.current == Some(stage.index)).then_some("step")] {
                            th scope="row" {
                                (stage.index + 1) " " (code(&stage.stage.id))
                                @if let Some(title) = &stage.stage.title { br; span.sub { (Words(title)) } }
                            }
                            td.nowrap { @match stage.verdict { Some(said) => (verdict(said)), None => "not begun" } }
                            td.nowrap { (stage.ended_at.or(stage.started_at).map_or(String::new(), |at| digest.clock(at))) }
                            td { (Words(stage.stage.owner.as_deref().map_or("", |id| told.outline.person(id)))) }
                            td.nowrap { @if !stage.rows.is_empty() { (passed) " of " (stage.rows.len()) } }
                            td { (Words(stage.reasons.first().map_or("", |reason| &reason.text))) }
                        }
                    }
                }
            }
        },
    );
    section("stages", "Stages", "", &content)
}

/// Who could not be told of the run.
pub(super) fn not_told(digest: &Digest<'_>) -> Option<Markup> {
    let lines = digest.not_told();
    (!lines.is_empty()).then(|| {
        let content = html! { ul { @for line in &lines { li { (Words(line)) } } } };
        section("not-told", "Not told", "It changes nothing of the verdict.", &content)
    })
}

/// What was said and decided, the newest first.
pub(super) fn timeline(told: &Assessment<'_>) -> Option<Markup> {
    let entries = Timeline::of(told.run);
    (!entries.is_empty()).then(|| {
        let content = html! {
            ol.timeline reversed {
                @for entry in entries.iter().rev().take(MOST) {
                    li { time datetime=(entry.at.to_string()) { (entry.local) } " " span { (Words(&entry.text)) } }
                    "\n"
                }
            }
            @if entries.len() > MOST { p { "and " (entries.len() - MOST) " before: " (code("gonogo log")) } }
        };
        section("timeline", "Timeline", "Newest first.", &content)
    })
}
