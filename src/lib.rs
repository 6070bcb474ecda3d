//! gonogo tells a release team, after each stage of a deployment, whether to go on or to turn back, and why.
//!
//! Data flows one way: YAML is read with its places kept (`yaml`, `file`), names are resolved (`plan`), the runner
//! probes what is due (`runner`, `probe`, `net`) and appends events to the journal (`journal`); the journal is folded
//! into a run, explained (`diagnosis`), judged (`verdict`) and printed (`report`). `run`, `report` and a resumed run are the
//! same fold over the same journal. Probes observe, diagnosis explains, the verdict judges, reports print: nothing flows
//! back. `tests/all/layers.rs` holds this.

pub mod agent;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod demo;
pub mod diagnosis;
pub mod environment;
pub mod explain;
pub mod file;
pub mod grants;
pub mod import;
pub mod journal;
pub mod json;
pub mod matcher;
pub mod model;
pub mod moment;
pub mod net;
pub mod notify;
pub mod people;
pub mod period;
pub mod plan;
pub mod postgres;
pub mod probe;
mod process;
pub mod report;
pub mod runner;
pub mod schema;
pub mod secret;
pub mod serve;
pub mod suggest;
pub mod vantage;
pub mod verdict;
pub mod window;
pub mod yaml;
