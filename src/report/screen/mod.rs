//! The newest run as a screen of so many columns and rows, for `gonogo watch`: the verdict, the clock and our own trouble stay
//! at the top, the rest can be scrolled. The words are those of the summary and of the timeline, in ASCII like them, so that
//! every terminal shows the same. What stands in it is in `parts`.

mod parts;

use std::collections::VecDeque;

use jiff::Timestamp;

use super::page::{Page, Tone};
use super::timeline::Entry;
use crate::verdict::Assessment;

/// From so many columns on there are two parts side by side.
const WIDE: usize = 120;
/// The left one of them; wider lines are hard to read.
const LEFT: std::ops::RangeInclusive<usize> = 78..=110;
/// Lines of the timeline kept in sight when there is more than the screen holds.
const LATEST: usize = 2;
/// Rows of a screen on which these have room.
const TALL: usize = 20;

/// What is shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The newest run, judged; none before the first.
    pub told: Option<&'a Assessment<'a>>,
    /// Where runs are looked for.
    pub place: &'a str,
    /// Why what is known may be older than what is recorded.
    pub trouble: Option<&'a str>,
    /// The latest of the timeline, oldest first.
    pub timeline: &'a VecDeque<Entry>,
    /// What time it is.
    pub now: Timestamp,
}

/// How large a screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters of a line.
    pub columns: usize,
    /// Lines.
    pub rows: usize,
}

/// A screen: exactly as many lines as there are rows, none wider than it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// Its lines, each of them parts with what they are about.
    pub lines: Vec<Vec<(Tone, String)>>,
    /// Lines that are scrolled away: never more than there are.
    pub scroll: usize,
    /// Lines that one page scrolls.
    pub page: usize,
}

/// A line of the page: what it is about, and its text.
type Line = (Tone, String);

/// Draw a screen, with so many lines scrolled away.
#[must_use]
pub fn draw(shown: &Shown<'_>, size: Size, scroll: usize) -> Screen {
    let (head, body) = parts::parts(shown, size.columns);
    let mut rest: Vec<Vec<Line>> = body;
    // A low screen pins the first lines only: something has to be left to scroll in.
    let pinned = head.len().min(size.rows / 2);
    let mut head: Vec<Vec<Line>> = head.into_iter().map(|line| vec![line]).collect();
    rest.splice(0..0, head.split_off(pinned));
    head.push(vec![(Tone::Plain, "-".repeat(size.columns))]);

    let room = size.rows.saturating_sub(head.len() + 1);
    let latest = if rest.len() > room && size.rows >= TALL && size.columns < WIDE {
        latest(shown, size.columns)
    } else {
        Vec::new()
    };
    let page = room.saturating_sub(latest.len());
    let scroll = scroll.min(rest.len().saturating_sub(page));
    let more = rest.len().saturating_sub(scroll + page);
    let total = rest.len();

    let mut lines = head;
    lines.extend(rest.into_iter().skip(scroll).take(page));
    lines.resize(size.rows.saturating_sub(latest.len() + 1), Vec::new());
    lines.extend(latest.into_iter().map(|line| vec![line]));
    lines.push(vec![(Tone::Plain, help(size.columns, (scroll, page, total, more)))]);
    lines.truncate(size.rows);
    for line in &mut lines {
        fit(line, size.columns);
    }
    Screen { lines, scroll, page: page.max(1) }
}

/// The two columns of a wide screen; the width of the only one.
fn columns(width: usize) -> (usize, Option<usize>) {
    if width < WIDE {
        return (width, None);
    }
    let left = (width * 11 / 20).clamp(*LEFT.start(), *LEFT.end());
    (left, Some(width - left - 3))
}

/// Two columns side by side.
fn beside(left: Vec<Line>, right: Vec<Line>, width: usize) -> Vec<Vec<Line>> {
    let mut left = left.into_iter();
    let mut right = right.into_iter();
    let mut lines = Vec::new();
    loop {
        let (one, other) = (left.next(), right.next());
        if one.is_none() && other.is_none() {
            return lines;
        }
        let (tone, text) = one.unwrap_or((Tone::Plain, String::new()));
        let padding = " ".repeat(width.saturating_sub(text.len()));
        let mut line = vec![(tone, text), (Tone::Plain, format!("{padding} | "))];
        line.extend(other);
        lines.push(line);
    }
}

/// The last lines of the timeline, one row each, below a rule.
fn latest(shown: &Shown<'_>, width: usize) -> Vec<Line> {
    let mut page = Page::new(width);
    let skipped = shown.timeline.len().saturating_sub(LATEST);
    for entry in shown.timeline.iter().skip(skipped) {
        let (when, what) = parts::entry(entry);
        page.wrapped_at_most(&when, &what, Tone::Plain, 1);
    }
    let mut lines = page.lines();
    if !lines.is_empty() {
        lines.insert(0, (Tone::Plain, "-".repeat(width)));
    }
    lines
}

/// Which keys there are, and what is seen of how much.
fn help(width: usize, (scroll, page, total, more): (usize, usize, usize, usize)) -> String {
    let keys = if width < 60 { "q quit" } else { "q quits, and changes nothing" };
    if total <= page {
        return keys.to_owned();
    }
    let place = if more > 0 { format!("{more} more below") } else { "end".to_owned() };
    let above = if scroll > 0 { format!("{scroll} above, ") } else { String::new() };
    let scrolling = if width < 60 { "arrows" } else { "arrows, j k, PgUp PgDn scroll" };
    let left = format!("{keys}   {scrolling}");
    let right = format!("{above}{place}");
    let room = width.saturating_sub(left.len());
    format!("{left}{right:>room$}")
}

/// Never wider than the screen, however small that is.
fn fit(line: &mut Vec<Line>, width: usize) {
    let mut room = width;
    for (_, text) in line.iter_mut() {
        text.truncate(text.floor_char_boundary(room));
        room -= text.len();
    }
    line.retain(|(_, text)| !text.is_empty());
}
