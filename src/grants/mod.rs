//! Permissions of a database as data: a snapshot is read once, everything after that is pure.
//!
//! `expected = transform(before, map, target)` and `findings = diff(expected, actual)`: a split, a copy, "test against
//! production" and "declared against actual" are the same comparison.

pub mod acl;

pub mod change;
pub mod comparison;
pub mod declared;
pub mod diff;
pub mod effective;
pub mod expect;
pub mod fix;
pub mod map;
mod neighbours;
pub mod paths;
pub mod postgres;
pub mod privilege;
pub mod quote;
pub mod reader;
pub mod replay;
pub mod snapshot;

pub use crate::model::permission as finding;
