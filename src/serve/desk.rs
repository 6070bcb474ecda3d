//! The operator's desk: a form for each word that can be said of the run as it stands. It asks the journal itself, so that
//! whoever has just spoken sees their word in it.

use hyper::StatusCode;
use maud::{Markup, html};

use super::Server;
use super::answers::Answer;
use super::say::Wrong;
use crate::clock;
use crate::journal::people::{Decision, Vote};
use crate::model::outline::Severity;
use crate::report::html::words::Words;
use crate::report::timeline::Timeline;
use crate::report::{self, html as page_of};
use crate::verdict::{Assessment, Row, Standing, assess};

/// Words of the timeline shown.
const LATELY: usize = 8;
/// Checks that get a form of their own.
const MOST: usize = 50;

/// The desk, with what came of the last form; `by` is chosen beforehand.
pub(super) async fn desk(server: &Server, by: Option<&str>, wrong: Option<&Wrong>) -> Answer {
    let status = wrong.map_or(StatusCode::OK, Wrong::status);
    let newest = server.feed.store.newest().await;
    let (title, main) = match &newest {
        Ok(Some((run, reading))) => {
            let told = assess(run, clock::now());
            let forms = Desk { told: &told, by: by.unwrap_or_default() }.markup(reading.behind.as_deref());
            (page_of::title(&told), forms)
        }
        Ok(None) => ("gonogo".to_owned(), html! { p { "No run is recorded yet: there is nothing to say." } }),
        Err(error) => {
            let text = error.to_string();
            ("gonogo".to_owned(), html! { p role="alert" { "The journal cannot be read: " (Words(&text)) } })
        }
    };
    let body = html! {
        main.desk {
            p { a href="/" { "Back to the page" } }
            @if let Some(wrong) = wrong {
                p.bad role="alert" {
                    strong { "Nothing was recorded: " (Words(&wrong.message)) } ". " (Words(&wrong.help))
                }
            }
            (main)
        }
    };
    let head = page_of::Head { title: &title, script: None, live: true };
    Answer::html(status, page_of::page(&head, &body))
}

struct Desk<'a> {
    told: &'a Assessment<'a>,
    by: &'a str,
}

impl Desk<'_> {
    fn markup(&self, behind: Option<&str>) -> Markup {
        let told = self.told;
        let lately = Timeline::of(told.run);
        html! {
            h1 { (page_of::verdict(told.verdict)) }
            p { (Words(&report::sentence(told))) }
            @if let Some(behind) = behind { p role="status" { (Words(behind)) } }
            @if !told.run.finished { p role="status" { "A run goes on, or was killed." } }
            section #said aria-labelledby="said-title" {
                h2 #said-title { "Said and done lately" }
                ul { @for entry in lately.iter().rev().take(LATELY) { li { (Words(&entry.local)) "  " (Words(&entry.text)) } } }
            }
            (self.manual())
            (self.failing())
            (self.votes())
            (self.decision())
            (self.back())
            (self.rest())
        }
    }

    /// Checks that a person answers.
    fn manual(&self) -> Markup {
        let awaited = self.rows(|row| row.check.manual && row.standing == Standing::Awaiting);
        html! {
            @if !awaited.is_empty() { h2 { "To be recorded" } }
            @for row in awaited {
                (self.form("record", &row.check.id, &html! {
                    p { strong { (Words(&row.check.id)) } " " (Words(row.check.title.as_deref().unwrap_or_default())) }
                    (hidden("check", &row.check.id))
                    (field("evidence", "What was seen", false))
                }, &html! {
                    button name="answer" value="pass" { "Pass" }
                    button name="answer" value="fail" { "Fail" }
                }))
            }
        }
    }

    /// What does not pass and could be taken upon oneself, or waived.
    fn failing(&self) -> Markup {
        let failing =
            self.rows(|row| matches!(row.standing, Standing::Counts(severity) if severity != Severity::Info));
        html! {
            @if !failing.is_empty() { h2 { "Does not pass" } }
            @for row in failing {
                p { strong { (Words(&row.check.id)) } ", " (row.check.severity.name()) ": " (Words(&row.judgement.message)) }
                @if row.check.severity != Severity::Blocker {
                    (self.form("accept", &row.check.id, &html! {
                        (hidden("check", &row.check.id))
                        (field("because", "Why it may stay as it is", true))
                    }, &html! { button { "Accept" } }))
                }
                (self.form("waive", &row.check.id, &html! {
                    (hidden("check", &row.check.id))
                    label { "Last day it holds " input type="date" name="until" required; }
                    (field("because", "Why", true))
                }, &html! { button { "Waive" } }))
            }
        }
    }

    /// The roll call of the stage that was begun last.
    fn votes(&self) -> Markup {
        let stage = self.told.current.map(|index| &self.told.outline.stages[index]);
        let Some(stage) = stage.filter(|stage| !stage.votes.is_empty()) else { return html! {} };
        html! {
            h2 { "Roll call of " (Words(&stage.id)) }
            ul {
                @for voter in &stage.votes {
                    li {
                        (Words(self.told.outline.person(voter))) ": "
                        @match self.told.run.people.vote(&stage.id, voter) {
                            Some(vote) if vote.said.vote == Vote::Go => { "go" }
                            Some(_) => { "no go" }
                            None => { "not heard" }
                        }
                    }
                }
            }
            (self.form("vote", &stage.id, &html! {
                (hidden("stage", &stage.id))
                label { "Whose vote " select name="for" {
                    option value="" { "their own" }
                    @for voter in &stage.votes { option value=(voter) { (Words(self.told.outline.person(voter))) } }
                } }
                (field("because", "Why", false))
            }, &html! {
                button name="vote" value="go" { "Go" }
                button name="vote" value="no-go" { "No go" }
            }))
        }
    }

    fn decision(&self) -> Markup {
        html! {
            h2 { "Decide for the release" }
            (self.form("decide", "release", &field("because", "Why", false), &html! {
                button name="decision" value="go" { "Go on" }
                button name="decision" value="rollback" { "Roll back" }
            }))
        }
    }

    /// The way back, once somebody has decided it.
    fn back(&self) -> Markup {
        let run = self.told.run;
        let decided =
            run.people.decision().is_some_and(|decided| decided.said.decision == Decision::Rollback);
        html! {
            @match &run.rollback {
                None if decided => {
                    h2 { "The way back" }
                    (self.form("rollback-start", "release", &html! {}, &html! { button { "It begins" } }))
                }
                Some(rollback) if rollback.done_at.is_none() => {
                    h2 { "The way back" }
                    @for stage in self.told.stages.iter().rev().filter(|stage| {
                        stage.started_at.is_some() && rollback.undone.iter().all(|&(known, _)| known != stage.index)
                    }) {
                        (self.form("rollback-undone", &stage.stage.id, &hidden("stage", &stage.stage.id), &html! {
                            button { "Stage " (Words(&stage.stage.id)) " is undone" }
                        }))
                    }
                    (self.form("rollback-done", "release", &html! {}, &html! { button { "Everything is undone" } }))
                }
                Some(_) | None => {}
            }
        }
    }

    fn rest(&self) -> Markup {
        html! {
            @if self.told.outline.window.is_some() {
                h2 { "More time" }
                form method="post" action="/say" aria-label="More time" {
                    (hidden("word", "extend"))
                    (field("until", "Until, such as 2026-11-29 08:00", true))
                    (self.who("granted_by", "Granted by"))
                    (field("because", "Why", false))
                    button { "Grant" }
                }
            }
            h2 { "Hand over" }
            (self.form("handover", "night", &html! {
                (self.who("to", "Who is in charge from now on"))
                (field("because", "What they have to know", false))
            }, &html! { button { "Hand over" } }))
            h2 { "Remark" }
            (self.form("note", "timeline", &field("text", "For the timeline", true), &html! { button { "Note" } }))
        }
    }

    fn rows(&self, wanted: impl Fn(&&Row<'_>) -> bool) -> Vec<&Row<'_>> {
        // A word is about a check, from wherever it was looked at.
        let mut seen = std::collections::HashSet::new();
        self.told.rows.iter().filter(wanted).filter(|row| seen.insert(&row.check.id)).take(MOST).collect()
    }

    /// One word about something, said by one of the plan's people.
    fn form(&self, word: &str, about: &str, fields: &Markup, buttons: &Markup) -> Markup {
        html! {
            form method="post" action="/say" aria-label={ (word) " " (Words(about)) } {
                (hidden("word", word))
                (fields)
                (self.who("by", "Who says so"))
                (buttons)
            }
        }
    }

    fn who(&self, name: &str, label: &str) -> Markup {
        let people = &self.told.outline.people;
        html! {
            label { (label) " "
                @if people.is_empty() {
                    input name=(name) value=[(name == "by").then_some(self.by)] required maxlength="200";
                } @else {
                    select name=(name) required {
                        option value="" { "choose" }
                        @for (id, person) in people {
                            option value=(id) selected[name == "by" && (id == self.by || person.name == self.by)] {
                                (Words(&person.name))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

fn field(name: &str, label: &str, required: bool) -> Markup {
    html! { label { (label) " " input name=(name) required[required] maxlength="2000"; } }
}
