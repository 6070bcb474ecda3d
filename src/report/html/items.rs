//! Checks told one by one: what is not known, what failed with its layers and its cause, what is owed, waived, accepted.

use maud::{Markup, html};

use super::tone::Tone;
use super::words::{Words, code};
use super::{section, wide};
use crate::journal::people::{Accepted, At};
use crate::report::causes;
use crate::report::digest::{Digest, Item, is_unknown, names};
use crate::report::findings::Told;
use crate::report::layers::LayerTable;
use crate::verdict::{Row, WaiverState};

/// Checks told in one section; all of them are in the table of checks.
const MOST: usize = 100;
/// Failures told with their layers.
const FULL: usize = 40;
/// Different messages told of one check.
const MESSAGES: usize = 6;

/// What is not known, before anything else.
pub(super) fn unknown(digest: &Digest<'_>) -> Option<Markup> {
    let items = &digest.unknown;
    (!items.is_empty()).then(|| {
        section(
            "unknown",
            &format!("Not known ({})", items.len()),
            "Nobody can say of these that they work.",
            &list(items, |_, item| {
                html! {
                    (heading(digest, item, Tone::Caution, false))
                    @if item.rows.is_empty() { p.what { (Words(&digest.why_unknown(None))) } }
                    @for (vantages, row) in item.messages().into_iter().take(MESSAGES) {
                        p.what { (seen_from(item, &vantages)) (Words(&digest.why_unknown(Some(row)))) }
                    }
                    (cause(digest, item))
                }
            }),
        )
    })
}

/// What failed, the gravest first.
pub(super) fn failures(digest: &Digest<'_>) -> Option<Markup> {
    let groups = [
        ("blockers", "Blockers", Tone::Bad, &digest.blockers),
        ("majors", "Majors", Tone::Bad, &digest.majors),
        ("issues", "Issues", Tone::Caution, &digest.issues),
        ("noted", "For information, never decides", Tone::Caution, &digest.noted),
    ];
    let total: usize = groups.iter().map(|(.., items)| items.len()).sum();
    (total > 0).then(|| {
        let content = html! {
            @for (id, title, tone, items) in groups.into_iter().filter(|(.., items)| !items.is_empty()) {
                h3.group id=(id) { (title) " (" (items.len()) ")" }
                (list(items, |index, item| failure(digest, index, item, tone)))
            }
        };
        section("failures", &format!("Failures ({total})"), "", &content)
    })
}

fn failure(digest: &Digest<'_>, index: usize, item: &Item<'_>, tone: Tone) -> Markup {
    let all: Vec<&Row<'_>> = item.all.iter().collect();
    let table = LayerTable::of(item.check, &all, |at| digest.clock(at))
        .filter(|_| index < FULL && item.same_as.is_none());
    html! {
        (heading(digest, item, tone, true))
        @for (vantages, row) in item.messages().into_iter().take(MESSAGES) { (message(item, &vantages, row)) }
        (cause(digest, item))
        @if let Some(table) = table { (layers(&item.check.id, &table)) }
        @for suspicion in item.rows.iter().filter_map(|row| row.suspect.as_ref()).take(1) {
            p.suspect { strong { "SUSPECT" } ": " (Words(suspicion.other)) " too is about " (Words(&suspicion.shared)) "." }
        }
        @for accepted in item.rows.iter().filter_map(|row| row.accepted).take(1) { (accepted_by(digest, accepted)) }
    }
}

fn list<'a>(items: &[Item<'a>], tell: impl Fn(usize, &Item<'a>) -> Markup) -> Markup {
    html! {
        @for (index, item) in items.iter().enumerate().take(MOST) {
            article.item id=[(!item.tag.is_empty()).then_some(&item.tag)] { (tell(index, item)) }
            "\n"
        }
        @if items.len() > MOST { p { "and " (items.len() - MOST) " more: see " a href="#checks" { "the checks" } } }
    }
}

/// The check, where it was seen, how grave it is and whose it is; in a group of its section or right in it.
fn heading(digest: &Digest<'_>, item: &Item<'_>, tone: Tone, in_group: bool) -> Markup {
    let check = item.check;
    let name = html! {
        @if !item.tag.is_empty() { span class={ "tag " (tone.name()) } { (tone.shape()) (item.tag) } " " }
        (code(&check.id))
        @if let Some(vantages) = item.vantages() { " " small { "from " (Words(&vantages)) } }
    };
    html! {
        @if in_group { h4 { (name) } } @else { h3 { (name) } }
        p.meta {
            (check.severity.name())
            " \u{b7} "
            @match digest.owner(check) { Some(owner) => { "owner " b { (Words(owner)) } } None => { "no owner" } }
            " \u{b7} " (Words(&check.kind)) " " (code(&check.target))
        }
        @if let Some(title) = &check.title { p.title { (Words(title)) } }
    }
}

fn seen_from(item: &Item<'_>, vantages: &[&str]) -> Markup {
    html! { @if vantages.len() < item.rows.len() { b { (Words(&names(vantages))) } ": " } }
}

/// A message, what was expected and what came.
fn message(item: &Item<'_>, vantages: &[&str], row: &Row<'_>) -> Markup {
    if let Some(told) = Told::of(row, 0) {
        return html! {
            p.what { (seen_from(item, vantages)) "permissions differ: " (told.all) ". " a href="#permissions" { "See permissions" } }
        };
    }
    let judgement = &row.judgement;
    html! {
        p.what { (seen_from(item, vantages)) (Words(&judgement.message)) }
        @if judgement.expected.is_some() || judgement.got.is_some() {
            dl.compared {
                @for (word, value) in [("want", &judgement.expected), ("got", &judgement.got)] {
                    @if let Some(value) = value { div { dt { (word) } dd { (code(value)) } } }
                }
            }
        }
    }
}

/// What explains it: the cause, its proof, what changed, what to do.
fn cause(digest: &Digest<'_>, item: &Item<'_>) -> Markup {
    explained(item, &causes::of(digest.told.outline, item))
}

fn explained(item: &Item<'_>, lines: &[(&'static str, String)]) -> Markup {
    html! {
        @if let Some(tag) = &item.same_as {
            p.what { "same cause as " a href={ "#" (tag) } { (tag) } }
        } @else if !lines.is_empty() {
            dl.cause {
                @for (word, told) in lines { div class=(word.to_lowercase()) { dt { (word) } dd { (Words(told)) } } }
            }
        }
    }
}

/// Where it still works, and where it breaks.
fn layers(check: &str, table: &LayerTable<'_>) -> Markup {
    let noted = table.rows.iter().any(|row| !row.note.is_empty());
    wide(
        &format!("Layers of {check}"),
        &html! {
            table.layers {
                caption { "Layer by layer" }
                thead {
                    tr {
                        th scope="col" { "seen from" }
                        @for layer in &table.layers { th scope="col" { (layer.name()) } }
                        @if noted { th scope="col" { "note" } }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr {
                            th scope="row" { (Words(&row.name())) }
                            @for cell in &row.cells {
                                @let broke = cell.word.starts_with(|c: char| c.is_ascii_uppercase());
                                td class=[broke.then_some("broke")] { (Words(&cell.timed())) }
                            }
                            @if noted { td.note { (row.note) } }
                        }
                    }
                }
            }
            @if table.more > 0 { p { "and " (table.more) " more places" } }
        },
    )
}

fn accepted_by(digest: &Digest<'_>, accepted: &At<Accepted>) -> Markup {
    let by = digest.told.outline.person(&accepted.said.speaker.by);
    html! { p.accepted { "accepted by " (Words(by)) " at " (digest.clock(accepted.at)) ": " (Words(&accepted.said.because)) } }
}

/// What is owed at a later stage.
pub(super) fn debts(digest: &Digest<'_>) -> Option<Markup> {
    let debts = &digest.told.debts;
    (!debts.is_empty()).then(|| {
        let content = wide("Debts", &html! {
            table {
                thead { tr { @for head in ["check", "severity", "owner", "due at, no later", "because"] { th scope="col" { (head) } } } }
                tbody {
                    @for debt in debts.iter().take(MOST) {
                        tr {
                            th scope="row" { (code(&debt.check.id)) }
                            td { (debt.check.severity.name()) }
                            td { (Words(digest.owner(debt.check).unwrap_or("no owner"))) }
                            td { (Words(digest.told.outline.stages.get(debt.due).map_or("", |stage| &stage.id))) }
                            td { (Words(debt.because)) }
                        }
                    }
                }
            }
            @if debts.len() > MOST { p { "and " (debts.len() - MOST) " more: see " a href="#checks" { "the checks" } } }
        });
        section("debts", &format!("Debts ({})", debts.len()), "Not tested yet, and owed: a final go has none.", &content)
    })
}

/// Waivers and what became of them, and what somebody took upon themselves.
pub(super) fn waivers(digest: &Digest<'_>) -> Option<Markup> {
    let (told, waivers) = (digest.told, &digest.told.waivers);
    (!waivers.is_empty() || !digest.accepted.is_empty()).then(|| {
        let content = html! {
            @if !waivers.is_empty() {
                (wide("Waivers", &html! {
                    table {
                        thead { tr { @for head in ["check", "until", "by", "because", "state"] { th scope="col" { (head) } } } }
                        tbody {
                            @for used in waivers.iter().take(MOST) {
                                @let (tone, state) = state(used.state);
                                tr {
                                    th scope="row" { (code(&used.waiver.check)) }
                                    td.nowrap { (used.waiver.until) }
                                    td { (Words(told.outline.person(&used.waiver.by))) }
                                    td { (Words(&used.waiver.because)) }
                                    td { span class={ "mark " (tone.name()) } { (tone.shape()) (state) } }
                                }
                            }
                        }
                    }
                    @if waivers.len() > MOST { p { "and " (waivers.len() - MOST) " more" } }
                }))
            }
            @for (title, items) in [("Waived", &digest.waived), ("Accepted by name", &digest.accepted)] {
                @if !items.is_empty() {
                    h3.group { (title) " (" (items.len()) ")" }
                    (list(items, |_, item| html! {
                        (heading(digest, item, Tone::Caution, true))
                        @for (vantages, row) in item.messages().into_iter().take(MESSAGES) { (message(item, &vantages, row)) }
                        @for accepted in item.rows.iter().filter_map(|row| row.accepted).take(1) { (accepted_by(digest, accepted)) }
                    }))
                }
            }
        };
        section("waivers", "Waivers", "", &content)
    })
}

const fn state(state: WaiverState) -> (Tone, &'static str) {
    match state {
        WaiverState::Covers => (Tone::Caution, "covers a failure"),
        WaiverState::Unneeded => (Tone::Good, "is not needed: its check passed"),
        WaiverState::DoesNotCover => (Tone::Bad, "does not cover what happened"),
        WaiverState::Expired => (Tone::Bad, "is out of date and covers nothing"),
        WaiverState::Unseen => (Tone::Idle, "its check was not looked at"),
    }
}

/// What passed only after retries, with what was seen before.
pub(super) fn flaky(digest: &Digest<'_>) -> Option<Markup> {
    let items = &digest.flaky;
    (!items.is_empty()).then(|| {
        let content = list(items, |_, item| {
            html! {
                (heading(digest, item, Tone::Caution, false))
                @for flaky in item.rows.iter().filter_map(|row| row.flaky).take(1) {
                    p.what { "passed on try " (flaky.attempt) "; at first: " (Words(&flaky.first)) }
                }
            }
        });
        section("flaky", &format!("Flaky, passed after retries ({})", items.len()), "", &content)
    })
}

/// What passes now, and shows trouble to come.
pub(super) fn look_at(digest: &Digest<'_>) -> Option<Markup> {
    let items = &digest.look_at;
    (!items.is_empty()).then(|| {
        let content = list(items, |_, item| {
            html! {
                (heading(digest, item, Tone::Caution, false))
                (explained(item, &causes::of_a_pass(digest.told.outline, item)))
            }
        });
        let title = format!("Look at, though it passes ({})", items.len());
        section("look-at", &title, "Nothing of this decides: it shows trouble to come.", &content)
    })
}

/// What is not as it was, though it passes.
pub(super) fn changed(digest: &Digest<'_>) -> Option<Markup> {
    let changed = digest.changed();
    (!changed.is_empty()).then(|| {
        let content = wide("Changed since the baseline", &html! {
            table {
                thead { tr { @for head in ["what", "was", "is", "seen by"] { th scope="col" { (head) } } } }
                tbody {
                    @for (change, rows) in changed.iter().take(MOST) {
                        tr {
                            th scope="row" { (Words(&change.what)) }
                            td { (code(&change.before)) }
                            td { (code(&change.now)) }
                            td { (Words(&names(rows))) }
                        }
                    }
                }
            }
            @if changed.len() > MOST { p { "and " (changed.len() - MOST) " more: see " (code("result.json")) } }
        });
        section("changed", &format!("Changed since the baseline, and passes ({})", changed.len()), "", &content)
    })
}

/// Whether a row belongs to the checks that are not as they should be.
pub(super) fn is_open(row: &Row<'_>) -> bool {
    is_unknown(row) || row.judgement.outcome != crate::model::outcome::Outcome::Pass
}
