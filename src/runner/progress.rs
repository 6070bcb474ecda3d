//! What a stage is given to work with, and what it tells of itself on the way.

use crate::journal::event::{Event, Expected};
use crate::journal::run::Run;
use crate::model::outcome::Judgement;
use crate::model::outline::Check;

/// How many probes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub concurrency: usize,
    /// On one server.
    pub per_target: usize,
}

/// What happens while a stage runs, for the person who watches.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A probe was begun.
    Started(&'a Expected),
    /// A check is settled.
    Settled(&'a Expected, &'a Check, &'a Judgement, bool),
    /// The run as it is known, twice a second: what was settled a while ago is in it. What is added is written to the journal.
    Known(&'a Run, &'a mut Vec<Event>),
}
