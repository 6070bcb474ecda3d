//! Reports of nights made up: against what is written in `fixtures/reports`, and read by programs nobody here wrote.

mod golden;
pub(crate) mod page;
mod readers;
pub(crate) mod scenarios;
mod shape;
