//! The vocabulary every other module speaks: layers, facts, faults, traces, outcomes, the outline of a plan. No I/O.

pub mod application;
pub mod cause;
pub mod certificate;
pub mod change;
pub mod database;
pub mod examination;
pub mod fact;
pub mod fault;
pub mod finding_id;
pub mod host;
pub mod layer;
pub mod notification;
pub mod outcome;
pub mod outline;
pub mod permission;
pub mod printed;
pub mod response;
pub mod severity;
pub mod trace;
pub mod verdict;
pub mod window;
