//! The sections of the summary: some checks in full, some in a line, the rest as a count.

use crate::journal::people::{Accepted, At};
use crate::model::outcome::Judgement;
use crate::report::causes;
use crate::report::digest::{Digest, Item, names};
use crate::report::findings::{self, Told};
use crate::report::layers::{LayerTable, broken};
use crate::report::page::{Page, Tone};
use crate::report::summary::table;
use crate::report::text;
use crate::verdict::Row;

/// Checks told in full.
const FULL: usize = 5;
/// Checks told at all.
const MOST: usize = 15;
/// Lines for one message: an error page may be long.
const MESSAGE_LINES: usize = 4;
/// Differences of permissions told of one check.
const FINDINGS: usize = 3;
/// The indent under a check's first line.
const UNDER: &str = "     ";

/// What is not known, before anything else.
pub(in crate::report) fn unknown(page: &mut Page, digest: &Digest<'_>) {
    section(page, "NOT KNOWN", Tone::Caution, &digest.unknown, |page, index, item| {
        let what = format!("  {} {:<8} {}", item.tag, item.check.severity.name(), name(item));
        owned(page, digest, item, &what, Tone::Plain);
        let messages = item.messages();
        if messages.is_empty() {
            page.wrapped(UNDER, &digest.why_unknown(None), Tone::Plain);
        }
        let (reasons, lines) = if index < FULL { (messages.len(), 3) } else { (1, 1) };
        for (vantages, row) in messages.into_iter().take(reasons) {
            let why = text::ascii_words(&digest.why_unknown(Some(row))).into_owned();
            page.wrapped_at_most(UNDER, &seen_from(item, &vantages, why), Tone::Plain, lines);
        }
    });
}

/// Checks that failed and decide: in full, with the layers.
pub(in crate::report) fn failed(page: &mut Page, digest: &Digest<'_>, title: &str, tone: Tone, items: &[Item<'_>]) {
    section(page, title, tone, items, |page, index, item| {
        let what = format!("  {} {}", item.tag, name(item));
        if index >= FULL {
            let broken = item.rows.first().and_then(|row| broken(row));
            let same = item.same_as.as_ref().map(|tag| format!("same cause as {tag}"));
            let more: Vec<String> = broken.into_iter().chain(same).collect();
            let what = if more.is_empty() { what } else { format!("{what}  {}", more.join(", ")) };
            owned(page, digest, item, &what, Tone::Plain);
            return;
        }
        if item.same_as.is_some() {
            owned(page, digest, item, &what, Tone::Plain);
            first_message(page, item);
            same_cause(page, item);
            return;
        }
        owned(page, digest, item, &what, Tone::Heading);
        if let Some(title) = &item.check.title {
            page.wrapped_at_most(UNDER, &text::ascii_words(title), Tone::Plain, 1);
        }
        let target = format!("{} {}", item.check.kind, text::ascii_exact(&item.check.target));
        page.wrapped_at_most(UNDER, &target, Tone::Plain, 2);
        for (vantages, row) in item.messages() {
            message(page, item, &vantages, row);
        }
        let all: Vec<&Row<'_>> = item.all.iter().collect();
        if let Some(table) = LayerTable::of(item.check, &all, |at| digest.clock(at)) {
            table::show(page, UNDER, &table);
        }
        cause(page, digest, item);
    });
}

/// Checks that failed and do not decide alone: a line or two each.
pub(in crate::report) fn brief(page: &mut Page, digest: &Digest<'_>, title: &str, items: &[Item<'_>]) {
    section(page, title, Tone::Caution, items, |page, _, item| {
        let lead = if item.tag.is_empty() { "  -".to_owned() } else { format!("  {}", item.tag) };
        owned(page, digest, item, &format!("{lead} {}", name(item)), Tone::Plain);
        first_message(page, item);
        same_cause(page, item);
        if let Some(accepted) = item.rows.iter().find_map(|row| row.accepted) {
            accepted_by(page, digest, accepted);
        }
        if let Some(suspicion) = item.rows.iter().find_map(|row| row.suspect.as_ref()) {
            let told = format!("SUSPECT: {} too is about {}.", suspicion.other, suspicion.shared);
            page.wrapped(UNDER, &text::ascii_words(&told), Tone::Caution);
        }
    });
}

/// What waivers cover.
pub(in crate::report) fn waived(page: &mut Page, digest: &Digest<'_>) {
    section(page, "WAIVED", Tone::Caution, &digest.waived, |page, _, item| {
        owned(page, digest, item, &format!("  - {}", name(item)), Tone::Plain);
        first_message(page, item);
        if let Some(waiver) = item.rows.first().and_then(|row| row.waiver) {
            let by = digest.told.outline.person(&waiver.by);
            let why = format!("until {} by {by}: {}", waiver.until, waiver.because);
            page.wrapped_at_most(UNDER, &text::ascii_words(&why), Tone::Plain, 2);
        }
    });
}

/// What somebody took upon themselves.
pub(in crate::report) fn accepted(page: &mut Page, digest: &Digest<'_>) {
    section(page, "ACCEPTED BY NAME", Tone::Caution, &digest.accepted, |page, _, item| {
        owned(page, digest, item, &format!("  - {}", name(item)), Tone::Plain);
        first_message(page, item);
        if let Some(accepted) = item.rows.first().and_then(|row| row.accepted) {
            accepted_by(page, digest, accepted);
        }
    });
}

fn accepted_by(page: &mut Page, digest: &Digest<'_>, accepted: &At<Accepted>) {
    let by = digest.told.outline.person(&accepted.said.speaker.by);
    let why = format!("accepted by {by} at {}: {}", digest.clock(accepted.at), accepted.said.because);
    page.wrapped_at_most(UNDER, &text::ascii_words(&why), Tone::Plain, 2);
}

/// What passed only after retries, with what was seen before.
pub(in crate::report) fn flaky(page: &mut Page, digest: &Digest<'_>) {
    section(page, "FLAKY, PASSED AFTER RETRIES", Tone::Caution, &digest.flaky, |page, _, item| {
        owned(page, digest, item, &format!("  - {}", name(item)), Tone::Plain);
        if let Some(flaky) = item.rows.first().and_then(|row| row.flaky) {
            let told =
                format!("passed on try {}; at first: {}", flaky.attempt, text::ascii_words(&flaky.first));
            page.wrapped_at_most(UNDER, &told, Tone::Plain, 2);
        }
    });
}

/// What passes now, and shows trouble to come: the cause, its proof, what to do.
pub(in crate::report) fn look_at(page: &mut Page, digest: &Digest<'_>) {
    let (title, items) = ("LOOK AT, THOUGH IT PASSES", &digest.look_at);
    section_of(page, title, Tone::Caution, items, FULL, |page, _, item| {
        owned(page, digest, item, &format!("  {} {}", item.tag, name(item)), Tone::Plain);
        same_cause(page, item);
        told(page, causes::of_a_pass(digest.told.outline, item));
    });
}

fn section<'a>(
    page: &mut Page,
    title: &str,
    tone: Tone,
    items: &[Item<'a>],
    tell: impl FnMut(&mut Page, usize, &Item<'a>),
) {
    section_of(page, title, tone, items, MOST, tell);
}

fn section_of<'a>(
    page: &mut Page,
    title: &str,
    tone: Tone,
    items: &[Item<'a>],
    most: usize,
    mut tell: impl FnMut(&mut Page, usize, &Item<'a>),
) {
    if items.is_empty() {
        return;
    }
    page.toned(&format!("{title} ({})", items.len()), tone);
    for (index, item) in items.iter().take(most).enumerate() {
        tell(page, index, item);
    }
    if items.len() > most {
        page.plain(&format!("  and {} more: see result.json", items.len() - most));
    }
    page.gap();
}

/// A check's first line, with its owner at the right.
fn owned(page: &mut Page, digest: &Digest<'_>, item: &Item<'_>, left: &str, tone: Tone) {
    let owner = digest.owner(item.check).map_or_else(
        || "no owner".to_owned(),
        |owner| format!("owner {}", text::cut(&text::ascii_words(owner), 30)),
    );
    page.pair(left, &owner, tone);
}

fn name(item: &Item<'_>) -> String {
    match item.vantages() {
        Some(vantages) => format!("{} from {vantages}", item.check.id),
        None => item.check.id.to_string(),
    }
}

fn first_message(page: &mut Page, item: &Item<'_>) {
    if let Some(row) = item.rows.first() {
        page.wrapped_at_most(UNDER, &worded(&row.judgement), Tone::Plain, 2);
    }
}

/// A message, what was expected and what came; the vantages when not all saw the same.
fn message(page: &mut Page, item: &Item<'_>, vantages: &[&str], row: &Row<'_>) {
    let judgement = &row.judgement;
    if let Some(told) = Told::of(row, FINDINGS) {
        page.wrapped_at_most(
            UNDER,
            &seen_from(item, vantages, format!("permissions differ: {}", told.all)),
            Tone::Plain,
            2,
        );
        findings_of(page, &told);
        return;
    }
    let told = seen_from(item, vantages, worded(judgement).into_owned());
    let compared = judgement.expected.is_some();
    page.wrapped_at_most(UNDER, &told, Tone::Plain, if compared { 2 } else { MESSAGE_LINES });
    // A short comparison has said both values already.
    if compared && text::wrap(&told, page.width() - UNDER.len()).len() <= 2 {
        return;
    }
    for (word, value) in [("want", &judgement.expected), ("got ", &judgement.got)] {
        if let Some(value) = value {
            page.wrapped_at_most(&format!("{UNDER}{word} "), &text::ascii_exact(value), Tone::Plain, 3);
        }
    }
}

/// The worst differences of permissions: what, what the application is told, what else goes away with it, what to do.
fn findings_of(page: &mut Page, told: &Told<'_>) {
    const BELOW: &str = "             ";
    for finding in &told.shown {
        let mut detail = |lead: &str, text: &str, most| {
            page.wrapped_at_most(lead, &text::ascii_exact(text), Tone::Plain, most);
        };
        detail(
            &format!("{UNDER}{:<8}", finding.severity.name()),
            &format!("{} [{}]", finding.message, finding.id),
            3,
        );
        if let Some(error) = findings::app_error(finding) {
            detail(BELOW, &format!("error {error}"), 1);
        }
        if let Some(more) = findings::more_consequences(finding, 0) {
            detail(BELOW, &more, 1);
        }
        if let Some(step) = findings::first_step(finding) {
            detail(BELOW, &format!("fix {step}"), 3);
        }
    }
    if let Some(rest) = told.rest() {
        page.wrapped(UNDER, &rest, Tone::Plain);
    }
}

/// What is not as it was, though it passes.
pub(in crate::report) fn changed(page: &mut Page, digest: &Digest<'_>) {
    let changed = digest.changed();
    if changed.is_empty() {
        return;
    }
    page.toned(&format!("CHANGED SINCE THE BASELINE, AND PASSES ({})", changed.len()), Tone::Caution);
    for (change, rows) in changed.iter().take(MOST) {
        let told = format!("  - {}: {}", names(rows), text::ascii_exact(&change.to_string()));
        page.wrapped_at_most("", &told, Tone::Plain, 2);
    }
    if changed.len() > MOST {
        page.plain(&format!("  and {} more: see result.json", changed.len() - MOST));
    }
    page.gap();
}

/// What explains it: the cause, its proof, what changed, what to do.
fn cause(page: &mut Page, digest: &Digest<'_>, item: &Item<'_>) {
    told(page, causes::of(digest.told.outline, item));
}

fn told(page: &mut Page, lines: Vec<(&'static str, String)>) {
    for (word, told) in lines {
        let most = if word == "CAUSE" { 5 } else { 3 };
        page.wrapped_at_most(&format!("{UNDER}{word:<6} "), &text::ascii_words(&told), Tone::Plain, most);
    }
}

/// Who tells the cause of it.
fn same_cause(page: &mut Page, item: &Item<'_>) {
    if let Some(tag) = &item.same_as {
        page.wrapped(UNDER, &format!("same cause as {tag}"), Tone::Plain);
    }
}

/// With the vantages that saw it, when not all did.
fn seen_from(item: &Item<'_>, vantages: &[&str], told: String) -> String {
    if vantages.len() < item.rows.len() {
        format!("{}: {told}", crate::report::digest::names(vantages))
    } else {
        told
    }
}

/// A message in ASCII; exact when it compares values.
fn worded(judgement: &Judgement) -> std::borrow::Cow<'_, str> {
    if judgement.expected.is_some() {
        text::ascii_exact(&judgement.message)
    } else {
        text::ascii_words(&judgement.message)
    }
}
