//! A judged run sorted for people: what is not known, what failed, what passed, what to do. The summary and the
//! Markdown tell the same digest.

use indexmap::IndexMap;
use jiff::Timestamp;

use super::clock::{Told, Wall};
use super::text;
use crate::model::cause::Change;
use crate::model::notification::{Delivery, Notified};
use crate::model::outcome::Outcome;
use crate::model::outline::{Check, Severity};
use crate::model::verdict::Verdict;
use crate::verdict::{Assessment, Row, Standing};

mod next;
mod say;
mod shared;

pub(super) use next::Step;
pub(super) use say::as_sentence;
pub(super) use shared::Telling;

/// A run sorted for people.
#[derive(Debug)]
pub(super) struct Digest<'a> {
    /// The run.
    pub(super) told: &'a Assessment<'a>,
    /// What is not known: owed, not looked at, silent, left out.
    pub(super) unknown: Vec<Item<'a>>,
    /// Blockers that failed.
    pub(super) blockers: Vec<Item<'a>>,
    /// Majors that failed.
    pub(super) majors: Vec<Item<'a>>,
    /// Minors that failed.
    pub(super) issues: Vec<Item<'a>>,
    /// Failures that never decide.
    pub(super) noted: Vec<Item<'a>>,
    /// What a waiver covers.
    pub(super) waived: Vec<Item<'a>>,
    /// What somebody took upon themselves.
    pub(super) accepted: Vec<Item<'a>>,
    /// What passed only after retries.
    pub(super) flaky: Vec<Item<'a>>,
    /// What passed, and shows trouble to come.
    pub(super) look_at: Vec<Item<'a>>,
    /// The clock on the wall.
    pub(super) wall: Wall,
}

/// A section, and which rows belong there.
type Section<'s, 'a> = (&'s mut Vec<Item<'a>>, fn(&Row<'_>) -> bool);

/// One check in one section, with the rows that put it there.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    /// What it is called aloud, such as `B1`.
    pub(super) tag: String,
    /// The check.
    pub(super) check: &'a Check,
    /// Its rows of this section; none when it was left out by hand.
    pub(super) rows: Vec<&'a Row<'a>>,
    /// All its rows.
    pub(super) all: &'a [Row<'a>],
    /// The causes it tells.
    pub(super) tells: Vec<Telling<'a>>,
    /// What the one is called that tells its cause; none when it tells a cause itself, or has none.
    pub(super) same_as: Option<String>,
    /// The check that tells the cause of some of its rows.
    teller: Option<&'a str>,
}

impl<'a> Item<'a> {
    fn of(check: &'a Check, rows: Vec<&'a Row<'a>>, all: &'a [Row<'a>]) -> Self {
        Self { tag: String::new(), check, rows, all, tells: Vec::new(), same_as: None, teller: None }
    }

    /// Where it was looked at from, such as `app1-a, app1-b`; nothing to say of a check with one place that is here.
    pub(super) fn vantages(&self) -> Option<String> {
        /// Characters of names; with more, the places are counted, and the layer table names them.
        const MOST: usize = 32;
        let names: Vec<&str> = self.rows.iter().map(|row| row.vantage).collect();
        if names.is_empty() || (self.all.len() == 1 && names == [crate::model::outline::HERE]) {
            return None;
        }
        let length: usize = names.iter().map(|name| name.len() + 2).sum();
        Some(if length <= MOST || names.len() == 1 {
            names.join(", ")
        } else if names.len() == self.all.len() {
            format!("all {} places", names.len())
        } else {
            format!("{} of {} places", names.len(), self.all.len())
        })
    }

    /// Each different message, with the vantages that saw it.
    pub(super) fn messages(&self) -> Vec<(Vec<&str>, &Row<'_>)> {
        let mut messages: Vec<(Vec<&str>, &Row<'_>)> = Vec::new();
        for row in &self.rows {
            match messages.iter_mut().find(|(_, other)| other.judgement == row.judgement) {
                Some((vantages, _)) => vantages.push(row.vantage),
                None => messages.push((vec![row.vantage], row)),
            }
        }
        messages
    }
}

impl<'a> Digest<'a> {
    /// Sort a run.
    pub(super) fn of(told: &'a Assessment<'a>) -> Self {
        let mut digest = Self {
            told,
            unknown: Vec::new(),
            blockers: Vec::new(),
            majors: Vec::new(),
            issues: Vec::new(),
            noted: Vec::new(),
            waived: Vec::new(),
            accepted: Vec::new(),
            flaky: Vec::new(),
            look_at: Vec::new(),
            wall: Wall::of(told.outline, told.at),
        };
        for rows in told.rows.chunk_by(|one, other| one.check.id == other.check.id) {
            digest.sort(rows);
        }
        for &check in &told.left_out {
            digest.unknown.push(Item::of(check, Vec::new(), &[]));
        }
        digest.unknown.sort_by_key(|item| std::cmp::Reverse(item.check.severity));
        shared::settle(&mut digest);
        digest.number();
        shared::name(&mut digest);
        digest
    }

    fn sort(&mut self, rows: &'a [Row<'a>]) {
        let sections: [Section<'_, 'a>; 9] = [
            (&mut self.unknown, is_unknown),
            (&mut self.blockers, |row| is_failure(row, Severity::Blocker)),
            (&mut self.majors, |row| is_failure(row, Severity::Major)),
            (&mut self.issues, |row| is_failure(row, Severity::Minor)),
            (&mut self.noted, |row| is_failure(row, Severity::Info)),
            (&mut self.waived, |row| row.standing == Standing::Waived),
            (&mut self.accepted, |row| row.standing == Standing::Accepted),
            (&mut self.flaky, |row| row.flaky.is_some()),
            (&mut self.look_at, |row| row.standing == Standing::Passed && !row.diagnoses.is_empty()),
        ];
        for (section, belongs) in sections {
            let wanted: Vec<&'a Row<'a>> = rows.iter().filter(|row| belongs(row)).collect();
            if let Some(first) = wanted.first() {
                section.push(Item::of(first.check, wanted, rows));
            }
        }
    }

    fn number(&mut self) {
        for (letter, section) in [
            ('N', &mut self.unknown),
            ('B', &mut self.blockers),
            ('M', &mut self.majors),
            ('I', &mut self.issues),
        ] {
            for (index, item) in section.iter_mut().enumerate() {
                item.tag = format!("{letter}{}", index + 1);
            }
        }
    }

    /// The stage this is about: `stage 2 of 4: app2`.
    pub(super) fn stage(&self) -> String {
        match self.told.current {
            Some(index) => {
                let stages = &self.told.outline.stages;
                format!("stage {} of {}: {}", index + 1, stages.len(), stages[index].id)
            }
            None => "no stage was begun".to_owned(),
        }
    }

    /// The title of that stage.
    pub(super) fn title(&self) -> Option<&'a str> {
        self.told.outline.stages[self.told.current?].title.as_deref()
    }

    /// The sentences to read aloud.
    pub(super) fn say(&self) -> Vec<String> {
        say::sentences(self)
    }

    /// What to do now.
    pub(super) fn next(&self) -> Vec<Step> {
        next::steps(self)
    }

    /// What earlier stages have left: not run, not a go, a provisional go revoked or settled.
    pub(super) fn history(&self) -> Vec<String> {
        let earlier = self.told.stages.iter().take(self.told.current.unwrap_or(0));
        let told = earlier.filter_map(|stage| {
            let number = stage.index + 1;
            let said = stage.ended_at.map_or(String::new(), |at| format!(" of {}", self.clock(at)));
            if !stage.revoked_by.is_empty() {
                let debts = names(&stage.revoked_by);
                Some(format!(
                    "STAGE {number}: provisional go{said} is REVOKED ({debts} came due and did not pass)"
                ))
            } else if stage.settled {
                Some(format!("STAGE {number}: provisional go{said} is settled, every debt is paid"))
            } else {
                let id = &stage.stage.id;
                match stage.verdict {
                    None => Some(format!("STAGE {number}: {id} was not run in this attempt")),
                    Some(verdict @ (Verdict::Hold | Verdict::NoGo)) => {
                        Some(format!("STAGE {number}: {id} is {verdict}"))
                    }
                    Some(Verdict::Go | Verdict::GoWithIssues | Verdict::ProvisionalGo) => None,
                }
            }
        });
        told.collect()
    }

    /// Who could not be told of the run: for each the latest thing they did not hear. Not cleaned.
    pub(super) fn not_told(&self) -> Vec<String> {
        let mut failed: IndexMap<&str, (usize, &Notified, &str)> = IndexMap::new();
        let known = &self.told.run.notified;
        for (_, notified) in &known.ended {
            if let Delivery::Failed(reason) = &notified.outcome
                && !known.was_told(&notified.key, &notified.to)
            {
                let (times, latest, why) = failed.entry(&notified.to).or_insert((0, notified, reason));
                (*times, *latest, *why) = (*times + 1, notified, reason);
            }
        }
        let lines = failed.into_iter().map(|(to, (times, notified, why))| {
            let before = if times > 1 { format!(", and {} before", times - 1) } else { String::new() };
            format!("{to} could not be told: {}: {why} (tries: {}{before})", notified.of, notified.tries)
        });
        lines.collect()
    }

    /// A moment in the plan's zone, as `Sun 23 Sep 02:00`.
    pub(super) fn moment(&self, at: Timestamp) -> String {
        self.wall.moment(at)
    }

    /// A moment as `02:00`, with its day when that is another one.
    pub(super) fn clock(&self, at: Timestamp) -> String {
        self.wall.short(at)
    }

    /// Why a row is in `unknown`; without a row the check was left out. Without a full stop, not cleaned.
    pub(super) fn why_unknown(&self, row: Option<&Row<'_>>) -> String {
        let Some(row) = row else { return "left out by hand".to_owned() };
        let message = &row.judgement.message;
        match row.standing {
            Standing::Owed => {
                let due = row.deferred_until.map_or("", |until| &self.told.outline.stages[until].id);
                let because = row.check.defer.as_ref().map_or("", |defer| &defer.because);
                format!("due at {due}, no later: {because}")
            }
            Standing::Awaiting => match &row.check.title {
                Some(title) => format!("a person has to record it: {title}"),
                None => "a person has to record it".to_owned(),
            },
            Standing::Passed | Standing::Waived | Standing::Accepted | Standing::Counts(_) => {
                match row.judgement.outcome {
                    Outcome::Error => format!("we could not look: {message}"),
                    Outcome::NoAnswer => message.clone(),
                    Outcome::NotRun | Outcome::Pass | Outcome::Fail => format!("not run: {message}"),
                }
            }
        }
    }

    /// What is not as it was in rows that pass, each change once, with the checks that show it.
    pub(super) fn changed(&self) -> IndexMap<Change, Vec<String>> {
        let mut changed: IndexMap<Change, Vec<String>> = IndexMap::new();
        for row in self.told.rows.iter().filter(|row| row.standing == Standing::Passed) {
            for change in row.changed() {
                changed.entry(change).or_default().push(row.name());
            }
        }
        changed
    }

    /// The lines of the clock; none without a window.
    pub(super) fn clock_lines(&self) -> Vec<String> {
        let clock = self.told.clock.as_ref();
        clock.map_or_else(Vec::new, |clock| {
            Told { clock, outline: self.told.outline, wall: &self.wall }.lines()
        })
    }

    /// Who owns a check, by name.
    pub(super) fn owner(&self, check: &'a Check) -> Option<&'a str> {
        check.owner.as_deref().map(|id| self.told.outline.person(id))
    }
}

/// Neither passed nor failed: owed, awaited, or never answered.
pub(super) fn is_unknown(row: &Row<'_>) -> bool {
    match row.standing {
        Standing::Owed | Standing::Awaiting => true,
        Standing::Passed | Standing::Waived | Standing::Accepted => false,
        Standing::Counts(_) => row.judgement.outcome != Outcome::Fail,
    }
}

fn is_failure(row: &Row<'_>, severity: Severity) -> bool {
    row.standing == Standing::Counts(severity) && row.judgement.outcome == Outcome::Fail
}

/// Some names, the rest counted: `a, b, c and 4 more`.
pub(super) fn names<S: AsRef<str>>(all: &[S]) -> String {
    /// Names told.
    const MOST: usize = 3;
    let shown = all.iter().take(MOST).map(|name| text::ascii_exact(name.as_ref()).into_owned());
    let shown = shown.collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// `1 check`, `2 checks`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
