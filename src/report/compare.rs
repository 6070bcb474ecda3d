//! Two runs side by side, as text: what turned red first, then what turned green, and what stages really took.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::text;
use crate::compare::{Comparison, Move, Permission, Side, Spent, Turned};
use crate::period::Period;

/// How checks moved, in the order they are told: what turned red first.
pub(super) const SECTIONS: [(Move, &str); 6] = [
    (Move::GreenToRed, "GREEN TO RED"),
    (Move::NewAndRed, "NEW, AND RED"),
    (Move::OtherwiseRed, "STILL RED, IN ANOTHER WAY"),
    (Move::Gone, "GONE, OR NOT LOOKED AT YET"),
    (Move::RedToGreen, "RED TO GREEN"),
    (Move::NewAndGreen, "NEW, AND GREEN"),
];
/// Lines of one section.
const MOST: usize = 40;

/// Tell a comparison, with times in this zone.
#[must_use]
pub fn render(told: &Comparison, zone: &TimeZone) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "before  {}", side(&told.before, zone));
    let _ = writeln!(out, "now     {}", side(&told.now, zone));
    for (moved, title) in SECTIONS {
        let turned = told.checks.iter().filter(|turned| turned.moved == moved).map(check);
        section(&mut out, title, &turned.collect::<Vec<_>>());
    }
    for (repaired, title) in [(false, "PERMISSIONS THAT DIFFER NOW"), (true, "PERMISSIONS REPAIRED SINCE")] {
        let some = told.permissions.iter().filter(|one| one.repaired == repaired).map(permission);
        section(&mut out, title, &some.collect::<Vec<_>>());
    }
    let _ = writeln!(out, "AS BEFORE {}", told.same);
    times(&mut out, told);
    out
}

/// An attempt in a line.
pub(super) fn side(side: &Side, zone: &TimeZone) -> String {
    let began = side.started_at.to_zoned(zone.clone()).strftime("%a %d %b %H:%M").to_string();
    format!("attempt {}, {began}: {} (run {})", side.attempt, side.verdict, side.run)
}

fn section(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "{title} ({})", lines.len());
    for line in lines.iter().take(MOST) {
        let _ = writeln!(out, "  {line}");
    }
    if lines.len() > MOST {
        let _ = writeln!(out, "  and {} more: --format json has all", lines.len() - MOST);
    }
}

fn check(turned: &Turned) -> String {
    let shown = turned.now.as_ref().or(turned.before.as_ref());
    let message = shown.map_or(String::new(), |seen| format!(": {}", text::ascii_words(&seen.message)));
    let message = if matches!(turned.moved, Move::RedToGreen | Move::NewAndGreen) { "" } else { &message };
    format!("{:<8} {} from {}{message}", turned.severity.name(), turned.check, turned.vantage)
}

fn permission(permission: &Permission) -> String {
    let Permission { check, id, subject, grantee, privilege, .. } = permission;
    let what = [privilege.as_deref(), grantee.as_deref()];
    let what: Vec<&str> = what.into_iter().flatten().collect();
    let line = format!("{check}: {id} {subject} {}", what.join(" for "));
    text::ascii_words(line.trim_end()).into_owned()
}

fn times(out: &mut String, told: &Comparison) {
    if told.stages.is_empty() {
        return;
    }
    let _ = writeln!(out, "TIMES                      planned   before      now");
    let mut corrected = Vec::new();
    for times in &told.stages {
        for (word, key, spent) in [
            ("work", "duration", times.work),
            ("sanity", "sanity", times.sanity),
            ("undo", "undo", times.undo),
        ] {
            let Some(real_s) = spent.real_s() else { continue };
            let name = format!("{} {word}", text::cut(&text::ascii_words(&times.stage), 16));
            let _ = writeln!(out, "  {name:<22} {}", row(spent));
            if spent.planned_s.is_some_and(|planned_s| planned_s < real_s) {
                // In whole minutes, as people plan.
                let minutes = Period(Duration::from_mins(real_s.div_ceil(60)));
                corrected.push(format!("stage {}: {key}: {minutes}", times.stage));
            }
        }
    }
    section(out, "TOOK LONGER THAN PLANNED; IN THE PLAN, WRITE", &corrected);
}

fn row(spent: Spent) -> String {
    let shown = |seconds: Option<u64>| {
        seconds.map_or_else(|| "-".to_owned(), |seconds| Period(Duration::from_secs(seconds)).to_string())
    };
    format!("{:>9}{:>9}{:>9}", shown(spent.planned_s), shown(spent.before_s), shown(spent.now_s))
}
