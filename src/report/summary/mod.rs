//! `summary.txt`: the page for three in the morning. 80 columns, ASCII, what is not known before what is fine.

pub(super) mod items;
mod table;

use super::digest::{Digest, Step, count};
use super::page::{Page, Tone};
use super::{EarlyEnd, Options, Rendered, text};
use crate::model::verdict::Verdict;
use crate::verdict::{Assessment, WaiverState};
use crate::window::State;

/// The file's name.
const NAME: &str = "summary.txt";

/// Tell a run as the summary.
#[must_use]
pub fn render(told: &Assessment<'_>, options: &Options) -> Vec<Rendered> {
    let digest = Digest::of(told);
    let mut page = page(options);
    heading(&mut page, told.verdict, &digest.stage(), digest.title(), &digest.moment(told.at));
    say(&mut page, &digest.say());
    clock(&mut page, &digest);

    items::unknown(&mut page, &digest);
    items::failed(&mut page, &digest, "BLOCKERS", Tone::Bad, &digest.blockers);
    items::failed(&mut page, &digest, "MAJORS", Tone::Bad, &digest.majors);
    items::brief(&mut page, &digest, "ISSUES", &digest.issues);
    items::brief(&mut page, &digest, "FOR INFORMATION, NEVER DECIDES", &digest.noted);
    items::waived(&mut page, &digest);
    items::accepted(&mut page, &digest);
    items::flaky(&mut page, &digest);
    items::look_at(&mut page, &digest);
    items::changed(&mut page, &digest);
    totals(&mut page, told);

    for line in digest.history() {
        page.wrapped("", &line, Tone::Caution);
    }
    for line in digest.not_told() {
        page.wrapped("NOT TOLD  ", &text::ascii_words(&line), Tone::Caution);
    }
    steps(&mut page, &digest.next());
    let plan = told.outline.sha256.get(..6).unwrap_or(&told.outline.sha256);
    page.plain(&format!("run {} attempt {} plan {plan}", told.run.id, told.run.attempt));
    if let Some(handed_over) = told.run.people.in_charge() {
        let who = text::ascii_words(told.outline.person(&handed_over.said.to));
        let since = digest.clock(handed_over.at);
        page.wrapped("", &format!("in charge since {since}: {who}"), Tone::Plain);
    }
    vec![Rendered { name: NAME.to_owned(), text: page.finish(options.color) }]
}

/// Tell of a run that died before it could be judged.
#[must_use]
pub fn render_early(end: &EarlyEnd, options: &Options) -> Vec<Rendered> {
    /// Mistakes shown; `gonogo validate` shows them all.
    const MOST: usize = 20;
    let mut page = page(options);
    let when = end.at.strftime("%a %d %b %H:%M UTC").to_string();
    heading(&mut page, Verdict::NoGo, "no stage was begun", None, &when);
    say(
        &mut page,
        &["The run could not begin: this is no-go.".to_owned(), super::digest::as_sentence(&end.reason.text)],
    );
    for diagnostic in end.diagnostics.iter().take(MOST) {
        page.wrapped("  ", &text::ascii_words(diagnostic), Tone::Plain);
    }
    if let Some(more) = end.diagnostics.len().checked_sub(MOST).filter(|&more| more > 0) {
        page.plain(&format!("  and {more} more"));
    }
    page.gap();
    page.wrapped("NEXT  ", &format!("what it means: gonogo explain {}", end.reason.id.name()), Tone::Plain);
    page.plain(&format!("plan {}", text::cut(&text::ascii_words(&end.plan), 60)));
    vec![Rendered { name: NAME.to_owned(), text: page.finish(options.color) }]
}

/// Tell several runs: how each stands, then the summary of each.
#[must_use]
pub(super) fn merged(verdict: Verdict, runs: &[Assessment<'_>], options: &Options) -> Vec<Rendered> {
    let mut page = page(options);
    let latest = runs.iter().max_by_key(|told| told.at);
    let when = latest.map_or_else(String::new, |told| Digest::of(told).moment(told.at));
    heading(&mut page, verdict, &count(runs.len(), "run"), None, &when);
    for told in runs {
        let tone = tone(told.verdict);
        let lead = format!("{:<17}  ", told.verdict.spoken());
        page.wrapped(&lead, &text::ascii_words(&told.outline.name), tone);
        let stage = Digest::of(told).stage();
        let line = format!("run {} attempt {}; {stage}", told.run.id, told.run.attempt);
        page.wrapped(&" ".repeat(lead.len()), &line, Tone::Plain);
    }
    page.gap();
    let mut text = page.finish(options.color);
    let pages = runs.iter().flat_map(|told| render(told, options));
    text.push_str(&pages.map(|rendered| rendered.text).collect::<Vec<_>>().join("\n"));
    vec![Rendered { name: NAME.to_owned(), text }]
}

/// An empty page; a width outside of 60 to 80 is brought within.
fn page(options: &Options) -> Page {
    Page::new(options.width.clamp(60, 80))
}

pub(super) fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Go | Verdict::GoWithIssues => Tone::Good,
        Verdict::ProvisionalGo | Verdict::Hold => Tone::Caution,
        Verdict::NoGo => Tone::Bad,
    }
}

fn heading(page: &mut Page, verdict: Verdict, stage: &str, title: Option<&str>, when: &str) {
    let tone = tone(verdict);
    page.rule();
    let mut left = format!("{:<17}  {stage}", verdict.spoken());
    if left.len() + 2 + when.len() > page.width() {
        page.pair(verdict.spoken(), when, tone);
        page.wrapped("", stage, Tone::Heading);
        page.rule();
        return;
    }
    // The id is shown whole before any of the title is.
    let room = page.width().saturating_sub(left.len() + when.len() + 4);
    if let Some(title) = title.filter(|_| room > 8) {
        left.push_str("  ");
        left.push_str(&text::cut(&text::ascii_words(title), room));
    }
    page.pair(&left, when, tone);
    page.rule();
}

fn say(page: &mut Page, sentences: &[String]) {
    page.wrapped("SAY: ", &format!("\"{}\"", sentences.join(" ")), Tone::Plain);
    page.gap();
}

/// Always here, whatever else there is to say.
fn clock(page: &mut Page, digest: &Digest<'_>) {
    const LEAD: &str = "CLOCK  ";
    let tone = clock_tone(digest);
    for (index, line) in digest.clock_lines().iter().enumerate() {
        let lead = if index == 0 { LEAD.to_owned() } else { " ".repeat(LEAD.len()) };
        let tone = if index == 0 { tone } else { Tone::Plain };
        if lead.len() + line.len() <= page.width() {
            page.toned(&format!("{lead}{line}"), tone);
        } else {
            page.wrapped(&lead, line, tone);
        }
    }
    page.gap();
}

/// How the clock stands.
pub(super) fn clock_tone(digest: &Digest<'_>) -> Tone {
    let late = digest.told.clock.as_ref().and_then(|clock| Some(clock.way_back.as_ref()?.late.is_positive()));
    let tone = match digest.told.clock.as_ref().map(|clock| clock.state) {
        Some(State::Overdue | State::DecideNow) => Tone::Bad,
        Some(State::Tight) => Tone::Caution,
        Some(State::Up | State::Comfortable) | None => Tone::Plain,
    };
    match late {
        Some(true) => Tone::Bad,
        Some(false) => Tone::Caution,
        None => tone,
    }
}

pub(super) fn steps(page: &mut Page, steps: &[Step]) {
    const LEAD: &str = "NEXT  ";
    page.gap();
    for (index, step) in steps.iter().enumerate() {
        let lead = if index == 0 { LEAD.to_owned() } else { " ".repeat(LEAD.len()) };
        match &step.command {
            // A command is kept on one line, to be copied.
            Some(command) if LEAD.len() + step.what.len() + 2 + command.len() > page.width() => {
                page.wrapped(&lead, &format!("{}:", step.what), Tone::Plain);
                page.wrapped(&" ".repeat(LEAD.len()), command, Tone::Plain);
            }
            Some(command) => page.wrapped(&lead, &format!("{}: {command}", step.what), Tone::Plain),
            None => page.wrapped(&lead, &step.what, Tone::Plain),
        }
    }
}

fn totals(page: &mut Page, told: &Assessment<'_>) {
    let counts = told.counts;
    let tone = if counts.pass == counts.total && counts.total > 0 { Tone::Good } else { Tone::Plain };
    page.toned(&format!("PASSED {} of {}", counts.pass, counts.total), tone);
    page.plain(&format!(
        "OWED {}   WAIVED {}   ACCEPTED {}   SILENT {}   FLAKY {}   LEFT OUT {}",
        counts.deferred,
        counts.waived,
        counts.accepted,
        counts.no_answer,
        counts.flaky,
        told.left_out.len(),
    ));
    for used in &told.waivers {
        let what = match used.state {
            WaiverState::Covers | WaiverState::Unseen => continue,
            WaiverState::Unneeded => "is not needed: its check passed",
            WaiverState::DoesNotCover => "does not cover what happened",
            WaiverState::Expired => "is out of date and covers nothing",
        };
        let line = format!("WAIVER for {} until {} {what}", used.waiver.check, used.waiver.until);
        page.wrapped("", &line, Tone::Caution);
    }
    if told.run.unknown > 0 {
        let events = count(usize::try_from(told.run.unknown).unwrap_or(usize::MAX), "event");
        page.wrapped("", &format!("{events} of a newer gonogo were passed over"), Tone::Caution);
    }
}
