//! The clock in words: absolute local times, and how long that is from now. The same for every report and for
//! `gonogo clock`.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::text;
use crate::model::outline::Outline;
use crate::model::verdict::Verdict;
use crate::period::Period;
use crate::window::{Clock, Next, State, TurnBack, WayBack};

/// The clock on the wall: a zone, and what time it is.
#[derive(Debug, Clone)]
pub struct Wall {
    zone: TimeZone,
    now: Timestamp,
}

impl Wall {
    /// In the plan's zone; in the system's when it has none.
    #[must_use]
    pub fn of(outline: &Outline, now: Timestamp) -> Self {
        let zone = outline.zone.as_deref().and_then(crate::clock::zone);
        Self { zone: zone.unwrap_or_else(TimeZone::system), now }
    }

    /// In the system's zone, while there is no plan.
    #[must_use]
    pub fn of_system(now: Timestamp) -> Self {
        Self { zone: TimeZone::system(), now }
    }

    /// A moment as `Sun 23 Sep 02:00`.
    #[must_use]
    pub fn moment(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%a %d %b %H:%M").to_string()
    }

    /// A moment as `Sun 23 Sep 02:00:00`.
    #[must_use]
    pub fn to_the_second(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%a %d %b %H:%M:%S").to_string()
    }

    /// A moment as `02:00`, with its day when that is another one, and with the zone when clocks are changed in between.
    #[must_use]
    pub fn short(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.zone.clone());
        let now = self.now.to_zoned(self.zone.clone());
        let day = if local.date() == now.date() { "" } else { "%a " };
        let zone = if local.offset() == now.offset() { "" } else { " %Z" };
        local.strftime(&format!("{day}%H:%M{zone}")).to_string()
    }

    /// How far away: `in 2h45`, `12m ago`.
    #[must_use]
    pub fn left(&self, at: Timestamp) -> String {
        let left = at.duration_since(self.now);
        let brief = Period(left.unsigned_abs()).brief();
        if left.is_negative() { format!("{brief} ago") } else { format!("in {brief}") }
    }

    /// Both: `02:00 (in 2h45)`.
    #[must_use]
    pub fn with_left(&self, at: Timestamp) -> String {
        format!("{} ({})", self.short(at), self.left(at))
    }

    /// The sentence that says until when a verdict that is no go has to be acted upon.
    pub(super) fn decide(&self, clock: &Clock, verdict: Verdict) -> Option<String> {
        match verdict {
            Verdict::Go | Verdict::GoWithIssues | Verdict::ProvisionalGo => return None,
            Verdict::Hold | Verdict::NoGo => {}
        }
        let back = clock.turn_back.filter(|_| clock.way_back.is_none())?;
        match clock.state {
            State::Up | State::Overdue => None,
            State::DecideNow => {
                Some(format!("Decide now: {} is the last moment.", self.short(back.decide_by)))
            }
            State::Comfortable | State::Tight => Some(format!("Decide by {}.", self.short(back.decide_by))),
        }
    }
}

/// The words for a clock.
#[derive(Debug)]
pub struct Told<'a> {
    /// The clock.
    pub clock: &'a Clock,
    /// The plan.
    pub outline: &'a Outline,
    /// In which zone, and now.
    pub wall: &'a Wall,
}

impl Told<'_> {
    /// What a wall screen or a prompt shows: one line in ASCII.
    #[must_use]
    pub fn line(&self) -> String {
        if let Some(back) = &self.clock.way_back {
            return self.way_back(back).join("; ");
        }
        let mut parts = vec![self.clock.state.spoken().to_owned()];
        if self.clock.up_at.is_none() {
            parts.extend(
                self.clock.turn_back.map(|back| format!("decide by {}", self.wall.with_left(back.decide_by))),
            );
            parts.extend(self.start());
            parts.extend(self.no_way_back());
        }
        parts.push(self.deadline());
        parts.extend(self.asked());
        parts.join("; ")
    }

    /// What a screen counts down, to the second; nothing once it is up, or on the way back.
    pub(super) fn ticking(&self) -> Option<String> {
        if self.clock.up_at.is_some() || self.clock.way_back.is_some() {
            return None;
        }
        let what = match (&self.clock.turn_back, &self.clock.next, self.clock.no_way_back) {
            (Some(_), ..) => "decide by",
            (None, Some(_), None) => "begin by",
            (None, _, Some(_)) | (None, None, None) => "must be up",
        };
        let left = self.clock.by.duration_since(self.wall.now);
        let seconds = left.unsigned_abs().as_secs();
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let time = format!("{hours}:{minutes:02}:{seconds:02}");
        let (word, by) = (self.clock.state.spoken(), self.wall.short(self.clock.by));
        Some(if left.is_negative() {
            format!("{word} by {time}: {what} {by}")
        } else {
            format!("{word}: {time} left, {what} {by}")
        })
    }

    /// The lines of a report, the worst first.
    pub(super) fn lines(&self) -> Vec<String> {
        if let Some(back) = &self.clock.way_back {
            return self.way_back(back);
        }
        let mut lines: Vec<String> = self.alarm().into_iter().collect();
        let deadline = self.deadline();
        let back = self.clock.turn_back.as_ref().filter(|_| self.clock.up_at.is_none());
        lines.push(match back {
            Some(back) => format!("{deadline:<30}  if we turn back now: {}", parts(back)),
            None => deadline,
        });
        lines.extend(self.asked());
        if self.clock.up_at.is_none() {
            lines.extend(back.map(|back| self.decide(back)));
            lines.extend(self.no_way_back());
            lines.extend(self.start());
        }
        lines
    }

    /// How the way back goes: since when, how far, until when.
    fn way_back(&self, back: &WayBack) -> Vec<String> {
        let brief = |time: jiff::SignedDuration| Period(time.unsigned_abs()).brief();
        let late = if back.late.is_positive() {
            format!("{} late", brief(back.late))
        } else {
            format!("{} to spare", brief(back.late))
        };
        let since = self.wall.short(back.started_at);
        let must = format!("must be up {}", self.wall.short(self.clock.deadline));
        let ends = if let Some(done_at) = back.done_at {
            let took = brief(done_at.duration_since(back.started_at));
            format!("ROLLED BACK at {}, {late}; it took {took}", self.wall.short(done_at))
        } else {
            let (undone, stages) = (back.undone, back.stages);
            let ends = self.wall.with_left(back.ends_at);
            format!("ROLLING BACK since {since}, {undone} of {stages} stages undone; ends {ends}, {late}")
        };
        vec![ends, must]
    }

    /// The first line when time runs out.
    fn alarm(&self) -> Option<String> {
        let word = self.clock.state.spoken();
        match self.clock.state {
            State::Up | State::Comfortable => None,
            State::Tight | State::DecideNow => {
                let left = self.clock.by.duration_since(self.clock.at);
                Some(format!("{word}: {} left", Period(left.unsigned_abs()).brief()))
            }
            State::Overdue if self.clock.up_at.is_some() => Some(word.to_owned()),
            State::Overdue => Some(match &self.clock.turn_back {
                Some(back) => {
                    let ends_at = back.ends_at(self.clock.at);
                    let late = ends_at.duration_since(self.clock.deadline);
                    let brief = Period(late.unsigned_abs()).brief();
                    let late = if late.is_positive() {
                        format!("{brief} late")
                    } else {
                        format!("{brief} to spare")
                    };
                    format!("{word}: turning back now would end at {}, {late}", self.wall.short(ends_at))
                }
                None => format!("{word}: {}", self.wall.left(self.clock.by)),
            }),
        }
    }

    fn deadline(&self) -> String {
        let must = self.wall.short(self.clock.deadline);
        if let Some(up_at) = self.clock.up_at {
            let spare = self.clock.deadline.duration_since(up_at);
            let brief = Period(spare.unsigned_abs()).brief();
            let side = if spare.is_negative() { "after" } else { "before" };
            return format!("up at {}, {brief} {side} {must}", self.wall.short(up_at));
        }
        let extended = if self.clock.extended { ", as extended" } else { "" };
        format!("must be up {must}{extended} ({})", self.wall.left(self.clock.deadline))
    }

    fn asked(&self) -> Option<String> {
        let until = self.wall.short(self.clock.asked?);
        Some(format!("asked for until {until}, not granted: it does not count"))
    }

    fn decide(&self, back: &TurnBack) -> String {
        let by = format!("decide by {}", self.wall.with_left(back.decide_by));
        let Some(next) = &self.clock.next else { return by };
        let id = self.id(next.stage);
        match &next.then {
            None => format!("{by} for what is done; no way back once {id} is touched"),
            Some(then) if then.decide_by == back.decide_by => by,
            Some(then) => {
                format!("{by} for what is done; {} once {id} is touched", self.wall.short(then.decide_by))
            }
        }
    }

    fn start(&self) -> Option<String> {
        let next = self.clock.next.as_ref()?;
        let when = if next.start_by < self.clock.at || self.clock.turn_back.is_none() {
            self.wall.with_left(next.start_by)
        } else {
            self.wall.short(next.start_by)
        };
        let to_do = self.to_do(next);
        let to_do = if to_do.is_empty() { String::new() } else { format!(" ({to_do})") };
        Some(format!("start stage {} no later than {when}{to_do}", next.stage + 1))
    }

    /// What is still to do: the next stage's own times, then each of the others as a whole.
    fn to_do(&self, next: &Next) -> String {
        let mut parts = Vec::new();
        for (position, &stage) in next.to_do.iter().enumerate() {
            let planned = &self.outline.stages[stage];
            let seconds = |seconds: Option<u64>| Duration::from_secs(seconds.unwrap_or(0));
            let (work, wait) = (seconds(planned.duration_s), seconds(planned.wait_s));
            let sanity = seconds(planned.sanity_s);
            if position == 0 && stage == next.stage {
                let own = [(work, ""), (wait, " to settle"), (sanity, " sanity")];
                let told = own.iter().filter(|(time, _)| !time.is_zero());
                parts.extend(told.map(|(time, what)| format!("{}{what}", Period(*time).brief())));
            } else if !(work + wait + sanity).is_zero() {
                parts.push(format!("{} {}", Period(work + wait + sanity).brief(), self.id(stage)));
            }
        }
        parts.join(" + ")
    }

    fn no_way_back(&self) -> Option<String> {
        let stage = self.clock.no_way_back?;
        Some(format!("no way back since {} was begun", self.id(stage)))
    }

    fn id(&self, stage: usize) -> String {
        text::ascii_exact(&self.outline.stages[stage].id).into_owned()
    }
}

/// `40m + 10m margin + 5m checks`.
fn parts(back: &TurnBack) -> String {
    let verify = if back.verify.is_zero() {
        String::new()
    } else {
        format!(" + {} checks", Period(back.verify).brief())
    };
    format!("{} + {} margin{verify}", Period(back.rollback).brief(), Period(back.margin).brief())
}
