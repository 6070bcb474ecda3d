//! `summary.md`: the summary for tickets and merge requests. Tables render in cmark-gfm; nothing a server or a plan
//! says becomes markup, a link or a mention.

use std::fmt::Write as _;

use super::digest::{Digest, Item, Step, is_unknown, names};
use super::causes;
use super::findings::{self, Told};
use super::layers::LayerTable;
use super::{EarlyEnd, Options, Rendered, text};
use crate::verdict::{Assessment, Row};

/// The file's name.
const NAME: &str = "summary.md";
/// Checks told in one section.
const MOST: usize = 50;
/// Checks told with their layers.
const TABLES: usize = 10;
/// Findings of a `grants` check told with their repair.
const FINDINGS: usize = 20;
/// Characters of one text.
const LONGEST: usize = 500;

/// Tell a run as Markdown.
#[must_use]
pub fn render(told: &Assessment<'_>, _: &Options) -> Vec<Rendered> {
    let digest = Digest::of(told);
    let mut page = String::new();
    let title = digest.title().map_or(String::new(), |title| format!(" {}", words(title)));
    line(&mut page, &format!("# {}: {}{title}", told.verdict, words(&digest.stage())));
    line(&mut page, &format!("**{}** {}", words(&told.outline.name), digest.moment(told.at)));
    line(&mut page, &format!("> {}", words(&digest.say().join(" "))));
    list(&mut page, digest.clock_lines().iter().map(|told| words(told)));

    section(&mut page, &digest, "Not known", &digest.unknown);
    section(&mut page, &digest, "Blockers", &digest.blockers);
    section(&mut page, &digest, "Majors", &digest.majors);
    let own_cause = |item: &&Item<'_>| item.same_as.is_none();
    for item in digest.blockers.iter().chain(&digest.majors).filter(own_cause).take(TABLES) {
        layer_table(&mut page, &digest, item);
        cause(&mut page, causes::of(told.outline, item));
        findings_table(&mut page, item);
    }
    section(&mut page, &digest, "Issues", &digest.issues);
    digest.issues.iter().take(TABLES).for_each(|item| findings_table(&mut page, item));
    section(&mut page, &digest, "For information, never decides", &digest.noted);
    section(&mut page, &digest, "Waived", &digest.waived);
    section(&mut page, &digest, "Accepted by name", &digest.accepted);
    section(&mut page, &digest, "Flaky, passed after retries", &digest.flaky);
    look_at(&mut page, &digest);
    changed(&mut page, &digest);

    stages(&mut page, &digest);
    let counts = told.counts;
    line(
        &mut page,
        &format!(
            "Passed **{} of {}**. Owed {}, waived {}, accepted {}, silent {}, flaky {}, left out {}.",
            counts.pass,
            counts.total,
            counts.deferred,
            counts.waived,
            counts.accepted,
            counts.no_answer,
            counts.flaky,
            told.left_out.len()
        ),
    );
    list(&mut page, digest.history().iter().map(|told| words(told)));
    list(&mut page, digest.not_told().iter().map(|told| words(told)));
    line(&mut page, "## Next");
    list(&mut page, digest.next().iter().map(step_with_command));
    let plan = told.outline.sha256.get(..6).unwrap_or(&told.outline.sha256);
    line(&mut page, &format!("run {} attempt {} plan {}", code(&told.run.id), told.run.attempt, code(plan)));
    page.pop();
    vec![Rendered { name: NAME.to_owned(), text: page }]
}

/// Tell of a run that died before it could be judged.
#[must_use]
pub fn render_early(end: &EarlyEnd) -> Vec<Rendered> {
    let mut page = String::new();
    line(&mut page, "# NO-GO: the run could not begin");
    line(&mut page, &format!("**{}**: {}", words(&end.plan), words(&end.reason.text)));
    list(&mut page, end.diagnostics.iter().take(MOST).map(|diagnostic| code(diagnostic)));
    if let Some(more) = end.diagnostics.len().checked_sub(MOST).filter(|&more| more > 0) {
        line(&mut page, &format!("and {more} more"));
    }
    page.pop();
    vec![Rendered { name: NAME.to_owned(), text: page }]
}

/// A block, with an empty line after it.
fn line(page: &mut String, block: &str) {
    page.push_str(block);
    page.push_str("\n\n");
}

fn list(page: &mut String, entries: impl Iterator<Item = String>) {
    let before = page.len();
    for entry in entries {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "- {entry}");
    }
    if page.len() > before {
        page.push('\n');
    }
}

fn row(page: &mut String, cells: &[String]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn section(page: &mut String, digest: &Digest<'_>, title: &str, items: &[Item<'_>]) {
    if items.is_empty() {
        return;
    }
    line(page, &format!("## {title} ({})", items.len()));
    page.push_str("| | Check | Severity | Owner | What |\n| --- | --- | --- | --- | --- |\n");
    for item in items.iter().take(MOST) {
        let from = item.vantages().map_or(String::new(), |vantages| format!(" from {}", words(&vantages)));
        let owner = digest.owner(item.check).map_or_else(|| "no owner".to_owned(), words);
        row(
            page,
            &[
                item.tag.clone(),
                format!("{}{from}", cell_code(&item.check.id)),
                item.check.severity.to_string(),
                owner,
                what(digest, item),
            ],
        );
    }
    page.push('\n');
    if items.len() > MOST {
        line(page, &format!("and {} more: see `result.json`", items.len() - MOST));
    }
}

/// Why a check is in its section.
fn what(digest: &Digest<'_>, item: &Item<'_>) -> String {
    let mut parts = Vec::new();
    if item.rows.is_empty() {
        parts.push(words(&digest.why_unknown(None)));
    }
    for (vantages, row) in item.messages().into_iter().take(4) {
        let told = if is_unknown(row) {
            cell_code(&digest.why_unknown(Some(row)))
        } else {
            cell_code(&row.judgement.message)
        };
        parts.push(if vantages.len() < item.rows.len() {
            format!("{}: {told}", words(&names(&vantages)))
        } else {
            told
        });
        if let Some(waiver) = row.waiver {
            let by = digest.told.outline.person(&waiver.by);
            parts.push(words(&format!("waived until {} by {by}: {}", waiver.until, waiver.because)));
        }
        if let Some(suspicion) = &row.suspect {
            parts.push(words(&format!("SUSPECT: {} too is about {}", suspicion.other, suspicion.shared)));
        }
        if let Some(accepted) = row.accepted {
            let by = digest.told.outline.person(&accepted.said.speaker.by);
            parts.push(words(&format!("accepted by {by}: {}", accepted.said.because)));
        }
        if let Some(flaky) = row.flaky {
            parts.push(format!("passed on try {}; at first {}", flaky.attempt, cell_code(&flaky.first)));
        }
    }
    if let Some(tag) = &item.same_as {
        parts.push(format!("same cause as {tag}"));
    }
    parts.join("; ")
}

fn layer_table(page: &mut String, digest: &Digest<'_>, item: &Item<'_>) {
    let all: Vec<&Row<'_>> = item.all.iter().collect();
    let Some(table) = LayerTable::of(item.check, &all, |at| digest.clock(at)) else { return };
    line(page, &format!("{} {} {}", item.tag, code(&item.check.id), code(&item.check.target)));
    let layers = table.layers.iter().map(|layer| layer.name().to_owned());
    let head: Vec<String> =
        ["seen from".to_owned()].into_iter().chain(layers).chain([String::new()]).collect();
    row(page, &head);
    row(page, &vec!["---".to_owned(); head.len()]);
    for seen in &table.rows {
        let cells = seen.cells.iter().map(super::layers::Cell::timed);
        let note = if seen.note.is_empty() { String::new() } else { format!("**{}**", seen.note) };
        let cells: Vec<String> = [words(&seen.name())].into_iter().chain(cells).chain([note]).collect();
        row(page, &cells);
    }
    page.push('\n');
    if table.more > 0 {
        line(page, &format!("and {} more places", table.more));
    }
}

/// What explains it.
fn cause(page: &mut String, lines: Vec<(&'static str, String)>) {
    if lines.is_empty() {
        return;
    }
    for (word, text) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "- **{}** {}", word.to_lowercase(), words(&text));
    }
    page.push('\n');
}

/// What passes now, and shows trouble to come.
fn look_at(page: &mut String, digest: &Digest<'_>) {
    if digest.look_at.is_empty() {
        return;
    }
    line(page, &format!("## Look at, though it passes ({})", digest.look_at.len()));
    for item in digest.look_at.iter().take(TABLES) {
        let from = item.vantages().map_or(String::new(), |vantages| format!(" from {}", words(&vantages)));
        let owner = digest.owner(item.check).map_or_else(|| "no owner".to_owned(), words);
        let same = item.same_as.as_ref().map_or(String::new(), |tag| format!(": same cause as {tag}"));
        line(page, &format!("{} {}{from}, {owner}{same}", item.tag, code(&item.check.id)));
        cause(page, causes::of_a_pass(digest.told.outline, item));
    }
    if digest.look_at.len() > TABLES {
        line(page, &format!("and {} more: see `result.json`", digest.look_at.len() - TABLES));
    }
}

/// What is not as it was, though it passes.
fn changed(page: &mut String, digest: &Digest<'_>) {
    let changed = digest.changed();
    if changed.is_empty() {
        return;
    }
    line(page, &format!("## Changed since the baseline, and passes ({})", changed.len()));
    page.push_str("| What | Was | Is | Seen by |\n| --- | --- | --- | --- |\n");
    for (change, rows) in changed.iter().take(MOST) {
        row(page, &[words(&change.what), cell_code(&change.before), cell_code(&change.now), words(&names(rows))]);
    }
    page.push('\n');
    if changed.len() > MOST {
        line(page, &format!("and {} more: see `result.json`", changed.len() - MOST));
    }
}

/// What a `grants` check found, with the repair of each.
fn findings_table(page: &mut String, item: &Item<'_>) {
    for (vantages, row) in item.messages().into_iter().take(4) {
        let Some(told) = Told::of(row, FINDINGS) else { continue };
        let from = if vantages.len() < item.rows.len() {
            format!(" from {}", words(&names(&vantages)))
        } else {
            String::new()
        };
        line(page, &format!("{} {}{from}: {}", item.tag, code(&item.check.id), told.all));
        page.push_str("| Severity | Finding | What | The application is told | Repair |\n");
        page.push_str("| --- | --- | --- | --- | --- |\n");
        for finding in &told.shown {
            let mut what = cell_code(&finding.message);
            if let Some(more) = findings::more_consequences(finding, 0) {
                what = format!("{what}; {}", words(&more));
            }
            let cells = [
                finding.severity.to_string(),
                cell_code(&findings::heading(finding)),
                what,
                findings::app_error(finding).map(|error| cell_code(&error)).unwrap_or_default(),
                findings::first_step(finding).map(|step| cell_code(&step)).unwrap_or_default(),
            ];
            self::row(page, &cells);
        }
        page.push('\n');
        if told.rest().is_some() {
            line(page, &format!("and {} more ({}): see `result.json`", told.more.total(), told.more));
        }
    }
}

fn stages(page: &mut String, digest: &Digest<'_>) {
    if digest.told.stages.len() < 2 {
        return;
    }
    line(page, "## Stages");
    page.push_str("| Stage | Verdict | When | Owner |\n| --- | --- | --- | --- |\n");
    for stage in &digest.told.stages {
        let when = stage.ended_at.or(stage.started_at).map_or(String::new(), |at| digest.clock(at));
        let verdict = stage.verdict.map_or("not begun", crate::model::verdict::Verdict::spoken);
        let title = stage.stage.title.as_deref().map_or(String::new(), |title| format!(" {}", words(title)));
        let owner = stage.stage.owner.as_deref().map_or("", |id| digest.told.outline.person(id));
        row(page, &[format!("{}{title}", cell_code(&stage.stage.id)), verdict.to_owned(), when, words(owner)]);
    }
    page.push('\n');
}

/// A step, its command as code.
fn step_with_command(step: &Step) -> String {
    match &step.command {
        Some(command) => format!("{}: {}", words(&step.what), code(command)),
        None => words(&step.what),
    }
}

/// Text of our own or of the plan: nothing in it is markup (`CommonMark` section 2.4), a mention or a link.
fn words(text: &str) -> String {
    let text = text::line(text);
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text::cut(&text, LONGEST).chars() {
        match c {
            // A browser shows an entity as the character, but no filter for mentions or links sees one.
            '@' => safe.push_str("&#64;\u{2060}"),
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' | '!' | '>' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    // Autolinks (GFM section 6.9) begin with a scheme or `www.`.
    for (link, broken) in [("://", ":\u{2060}//"), ("www.", "www\u{2060}.")] {
        if safe.contains(link) {
            safe = safe.replace(link, broken);
        }
    }
    safe
}

/// Text of a server as a code span (`CommonMark` section 6.1): everything in it is literal.
fn code(text: &str) -> String {
    let text = text::line(text);
    let text = text::cut(text.trim(), LONGEST);
    if text.is_empty() {
        return String::new();
    }
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A code span in a table, where a pipe ends a cell even in code (GFM section 4.10). After a backslash a pipe cannot
/// be escaped in a way all renderers agree on: there it is shown broken.
fn cell_code(text: &str) -> String {
    code(text).replace("\\|", "\\\u{a6}").replace('|', "\\|")
}
