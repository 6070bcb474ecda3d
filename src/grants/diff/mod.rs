//! What differs between a database as it should be and as it is, and what that means: `diff` finds, `judge` judges.

mod access;
mod acls;
mod effects;
mod exception;
mod judge;
mod objects;
mod people;
mod rest;
mod roles;
#[cfg(test)]
mod tests;

pub use judge::{Context, judge};

use super::change::Change;
use super::snapshot::{Facts, Values};
use objects::is_the_servers;
use people::People;
use rest::kind as rest_kind;

/// Every direct difference, by names: what is granted, owned, set and there. What that does to what a role may do in
/// the end is `judge`'s to say. What only the two servers' versions make different is no difference.
#[must_use]
pub fn diff(expected: &Facts, values: &Values, actual: &Facts, actual_values: &Values) -> Vec<Change> {
    let people = People::new(expected, actual);
    let mut changes = Vec::new();
    roles::compare(&people, &mut changes);
    objects::compare(&people, &mut changes);
    rest::settings(&people, &mut changes);
    rest::default_privileges(&people, &mut changes);
    rest::values(&people, values, actual_values, &mut changes);
    access::compare(&people, &mut changes);
    rest::coverage(&people, &mut changes);
    changes
}
