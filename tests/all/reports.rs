//! Reports of nights made up: against what is written in `fixtures/reports`, and read by programs nobody here wrote.

mod causes;
mod gitlab;
mod golden;
mod merged;
pub(crate) mod page;
mod prometheus;
mod readers;
pub(crate) mod scenarios;
mod screen;
mod shape;
mod tap;
