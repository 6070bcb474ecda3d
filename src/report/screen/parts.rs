//! What a screen shows: the head, which stays, and the body below it.

use std::collections::HashSet;

use super::{Line, Shown, beside, columns};
use crate::journal::run::StageState;
use crate::model::outcome::Outcome;
use crate::model::outline::HERE;
use crate::model::verdict::Verdict;
use crate::period::Period;
use crate::report::clock::{Told, Wall};
use crate::report::digest::Digest;
use crate::report::page::{Page, Tone};
use crate::report::summary::{self, items};
use crate::report::text;
use crate::report::timeline::Entry;
use crate::verdict::{Assessment, Row, StageAssessment};
use crate::window::State;

/// Characters of a stage's bar.
const BAR: usize = 12;
/// Lines for the sentences to read aloud.
const SAY_LINES: usize = 3;
/// Lines for the names of what has not answered.
const NAMES_LINES: usize = 3;
/// Events of the timeline in the body.
const EVENTS: usize = 50;

/// The head and the body, of a screen this wide.
pub(super) fn parts(shown: &Shown<'_>, width: usize) -> (Vec<Line>, Vec<Vec<Line>>) {
    let Some(told) = shown.told else { return before_the_first(shown, width) };
    let mut digest = Digest::of(told);
    let silent = silent(told);
    // Whatever has not answered yet is named once, below its stage.
    digest
        .unknown
        .retain(|item| item.rows.is_empty() || item.rows.iter().any(|row| !silent.contains(&key(row))));
    let head = head(shown, &digest, width);
    let (left, right) = columns(width);
    let mut main = Page::new(left);
    clock(&mut main, &digest);
    let Some(right) = right else {
        stages(&mut main, &digest, false);
        unanswered(&mut main, told, &silent);
        findings(&mut main, &digest);
        timeline(&mut main, shown);
        return (head, main.lines().into_iter().map(|line| vec![line]).collect());
    };
    main.gap();
    findings(&mut main, &digest);
    let mut side = Page::new(right);
    stages(&mut side, &digest, true);
    unanswered(&mut side, told, &silent);
    timeline(&mut side, shown);
    (head, beside(main.lines(), side.lines(), left))
}

/// When and what, of one event.
pub(super) fn entry(entry: &Entry) -> (String, String) {
    // `Sun 23 Sep 02:00:00`: the day of the month is that of the head.
    let (day, time) = (entry.local.get(..3), entry.local.rsplit(' ').next());
    let when = format!("{} {}  ", day.unwrap_or_default(), time.unwrap_or_default());
    (when, text::ascii_words(&entry.text).into_owned())
}

fn before_the_first(shown: &Shown<'_>, width: usize) -> (Vec<Line>, Vec<Vec<Line>>) {
    let mut head = Page::new(width);
    let place = text::ascii_exact(shown.place).into_owned();
    let (word, tone) =
        if shown.trouble.is_some() { ("NOT KNOWN", Tone::Bad) } else { ("NO RUN YET", Tone::Caution) };
    let wall = Wall::of_system(shown.now);
    head.pair(word, &wall.to_the_second(shown.now), tone);
    head.wrapped_at_most("journal ", &place, Tone::Plain, 2);
    trouble(&mut head, shown.trouble);
    let mut body = Page::new(columns(width).0);
    let text = match shown.trouble {
        None => {
            "No run is recorded here yet: that is no go. This screen shows it as soon as one begins: gonogo run"
        }
        Some(_) => "Nothing is known of any run: that is no go. This screen goes on looking.",
    };
    body.wrapped("", text, Tone::Plain);
    (head.lines(), body.lines().into_iter().map(|line| vec![line]).collect())
}

/// Verdict, clock, trouble, how far it is, and what to say aloud.
fn head(shown: &Shown<'_>, digest: &Digest<'_>, width: usize) -> Vec<Line> {
    let told = digest.told;
    let mut page = Page::new(width);
    heading(&mut page, shown, digest);
    ticking(&mut page, digest);
    trouble(&mut page, shown.trouble);
    for line in digest.not_told() {
        page.wrapped_at_most("NOT TOLD  ", &text::ascii_words(&line), Tone::Caution, 2);
    }
    if !told.run.finished {
        let brief = Period(shown.now.duration_since(told.run.latest_at).unsigned_abs()).brief();
        let begun = told.run.stages.iter().filter(|stage| is_begun(stage)).map(progress);
        let (answered, total) = begun.fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
        let so_far = if told.is_open() { ", and nothing that decides has failed so far" } else { "" };
        let text = format!(
            "RUNNING, or killed: {answered} of {total} have answered{so_far}; last event {brief} ago"
        );
        page.wrapped("", &text, Tone::Caution);
    }
    // Before everything has answered there is nothing to say aloud, unless something has failed.
    if !told.is_open() || shown.trouble.is_some() {
        let sentences = digest.say().join(" ");
        page.wrapped_at_most("SAY: ", &format!("\"{sentences}\""), Tone::Plain, SAY_LINES);
    }
    page.lines()
}

/// Whether a stage has begun and has no verdict yet.
fn is_begun(stage: &StageState) -> bool {
    stage.started_at.is_some() && stage.ended_at.is_none()
}

/// How many have answered, of how many.
fn progress(stage: &StageState) -> (usize, usize) {
    (stage.rows.values().filter(|row| row.judgement.is_some()).count(), stage.rows.len())
}

/// The verdict and the time, then which stage of which run.
fn heading(page: &mut Page, shown: &Shown<'_>, digest: &Digest<'_>) {
    let told = digest.told;
    let (word, tone) = if told.is_open() && shown.trouble.is_none() {
        ("RUNNING, NO GO YET", Tone::Caution)
    } else {
        (told.verdict.spoken(), summary::tone(told.verdict))
    };
    let when = digest.wall.to_the_second(shown.now);
    let mut left = format!("{word:<18}  {}", digest.stage());
    if left.len() + 2 + when.len() > page.width() {
        page.pair(word, &when, tone);
        page.wrapped_at_most("", &digest.stage(), Tone::Heading, 1);
    } else {
        let room = page.width() - left.len() - when.len();
        if let Some(title) = digest.title().filter(|_| room > 12) {
            left.push_str("  ");
            left.push_str(&text::cut(&text::ascii_words(title), room - 4));
        }
        page.pair(&left, &when, tone);
    }
    let run = format!("attempt {}, run {}", told.run.attempt, told.run.id);
    let plan = text::ascii_words(&told.outline.name);
    if plan.len() + 2 + run.len() <= page.width() {
        page.pair(&plan, &run, Tone::Plain);
    } else {
        page.wrapped_at_most("", &format!("attempt {}, {plan}", told.run.attempt), Tone::Plain, 1);
    }
}

fn ticking(page: &mut Page, digest: &Digest<'_>) {
    let Some(clock) = &digest.told.clock else { return };
    let told = Told { clock, outline: digest.told.outline, wall: &digest.wall };
    // Once it is up, or on the way back, the lines of the clock say it all.
    if let Some(line) = told.ticking().or_else(|| told.lines().into_iter().next()) {
        page.wrapped_at_most("CLOCK  ", &line, summary::clock_tone(digest), 2);
    }
}

fn trouble(page: &mut Page, trouble: Option<&str>) {
    if let Some(trouble) = trouble {
        let text = format!("WHAT FOLLOWS MAY BE OLD: {}", text::ascii_words(trouble));
        page.wrapped_at_most("!! ", &text, Tone::Bad, 3);
    }
}

/// What the head has not said of the clock.
fn clock(page: &mut Page, digest: &Digest<'_>) {
    let Some(clock) = &digest.told.clock else { return };
    let told = Told { clock, outline: digest.told.outline, wall: &digest.wall };
    let lines = told.lines();
    let is_said = told.ticking().is_none() || matches!(clock.state, State::Tight | State::DecideNow);
    for line in lines.iter().skip(usize::from(is_said)) {
        if line.len() <= page.width() {
            page.plain(line);
        } else {
            page.wrapped("", line, Tone::Plain);
        }
    }
}

/// Each stage with its verdict, or how far it is; one a line where there is room for that.
fn stages(page: &mut Page, digest: &Digest<'_>, one_a_line: bool) {
    const LEAD: &str = "STAGES  ";
    let told: Vec<Line> = digest.told.stages.iter().map(|stage| stage_line(digest, stage)).collect();
    if one_a_line {
        page.toned("STAGES", Tone::Heading);
        for (tone, line) in told {
            page.wrapped_at_most("  ", &line, tone, 2);
        }
        page.gap();
        return;
    }
    let mut line = LEAD.to_owned();
    for (index, (_, stage)) in told.iter().enumerate() {
        if line.len() > LEAD.len() && line.len() + 3 + stage.len() > page.width() {
            page.plain(&line);
            line = " ".repeat(LEAD.len());
        }
        if index > 0 && line.len() > LEAD.len() {
            line.push_str(" | ");
        }
        line.push_str(stage);
    }
    page.plain(&line);
    page.gap();
}

fn stage_line(digest: &Digest<'_>, stage: &StageAssessment<'_>) -> Line {
    let run = digest.told.run;
    let lead = format!("{} {}", stage.index + 1, text::ascii_exact(&stage.stage.id));
    let begun = run.stages.get(stage.index).filter(|known| known.started_at.is_some());
    let Some(begun) = begun else { return (Tone::Plain, format!("{lead} not begun")) };
    if !run.finished && is_begun(begun) {
        let (answered, total) = progress(begun);
        let filled = (answered * BAR).checked_div(total).unwrap_or(BAR);
        let bar = format!("[{}{}]", "#".repeat(filled), "-".repeat(BAR - filled));
        return (Tone::Caution, format!("{lead} {bar} {answered} of {total}"));
    }
    let verdict = stage.verdict.unwrap_or(Verdict::NoGo);
    let since = begun.ended_at.map(|at| format!(" at {}", digest.clock(at))).unwrap_or_default();
    // What is looked at just now has not come due red.
    if !stage.revoked_by.is_empty() && !digest.told.is_open() {
        return (Tone::Bad, format!("{lead} {verdict}{since} REVOKED"));
    }
    let settled = if stage.settled { ", settled" } else { "" };
    (summary::tone(verdict), format!("{lead} {verdict}{since}{settled}"))
}

/// What is looked at just now, or waits for that.
fn unanswered(page: &mut Page, told: &Assessment<'_>, silent: &HashSet<Key<'_>>) {
    if silent.is_empty() {
        return;
    }
    page.toned(&format!("NOT ANSWERED YET ({})", silent.len()), Tone::Heading);
    let open = told.rows.iter().filter(|row| silent.contains(&key(row)));
    let name = |row: &Row<'_>| {
        let only = row.check.from.len() < 2 && row.vantage == HERE;
        if only { row.check.id.to_string() } else { text::ascii_exact(&row.name()).into_owned() }
    };
    let all = open.map(name).collect::<Vec<_>>().join(", ");
    page.wrapped_at_most("  ", &all, Tone::Plain, NAMES_LINES);
    page.gap();
}

/// What failed before what is not known: that is what somebody has to act upon now.
fn findings(page: &mut Page, digest: &Digest<'_>) {
    items::failed(page, digest, "BLOCKERS", Tone::Bad, &digest.blockers);
    items::failed(page, digest, "MAJORS", Tone::Bad, &digest.majors);
    items::unknown(page, digest);
    items::brief(page, digest, "ISSUES", &digest.issues);
    items::waived(page, digest);
    items::accepted(page, digest);
    items::flaky(page, digest);
    items::changed(page, digest);
    let counts = digest.told.counts;
    page.plain(&format!("PASSED {} of {}", counts.pass, counts.total));
    // While it goes on there is nothing to do but to wait.
    if digest.told.run.finished {
        for line in digest.history() {
            page.wrapped("", &line, Tone::Caution);
        }
        summary::steps(page, &digest.next());
    }
    page.gap();
}

/// The latest first.
fn timeline(page: &mut Page, shown: &Shown<'_>) {
    if shown.timeline.is_empty() {
        return;
    }
    page.toned("TIMELINE, the latest first", Tone::Heading);
    for told in shown.timeline.iter().rev().take(EVENTS) {
        let (when, what) = entry(told);
        page.wrapped_at_most(&when, &what, Tone::Plain, 4);
    }
}

/// A row: its stage, its check and its vantage.
type Key<'a> = (usize, &'a str, &'a str);

fn key<'a>(row: &Row<'a>) -> Key<'a> {
    (row.stage, &row.check.id, row.vantage)
}

/// What has not answered in a run that goes on.
fn silent<'a>(told: &Assessment<'a>) -> HashSet<Key<'a>> {
    if told.run.finished {
        return HashSet::new();
    }
    let stages = told.run.stages.iter().enumerate();
    let known =
        stages.flat_map(|(index, stage)| stage.rows.iter().map(move |(item, row)| (index, item, row)));
    let open = known.filter(|(_, _, row)| row.judgement.is_none());
    let open: HashSet<Key<'_>> = open.map(|(stage, item, _)| (stage, &*item.check, &*item.vantage)).collect();
    // What is owed, or waits for a person, has no judgement either.
    let silent = told.rows.iter().filter(|row| row.judgement.outcome == Outcome::NoAnswer);
    silent.map(key).filter(|key| open.contains(key)).collect()
}
