//! A plan and a stage in, events out: what is due (`due.rs`), in which order (`schedule.rs`), one look (`look.rs`).

mod due;
mod examine;
mod look;
mod needs;
mod progress;
mod questions;
mod schedule;
mod session;
#[cfg(test)]
mod tests;

pub use due::{Due, due};
pub use examine::examine;
pub use look::{Look, look};
pub use progress::{Limits, Progress};
pub use schedule::Runner;
pub use session::{Beginning, Opening, Round, Session, Wish};
