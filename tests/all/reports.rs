//! Reports of nights made up: against what is written in `fixtures/reports`, and read by programs nobody here wrote.

mod gitlab;
mod golden;
mod merged;
mod prometheus;
mod readers;
mod scenarios;
mod shape;
mod tap;
