//! Every rule of the permission audit: what it is, how an application meets it (SQLSTATE), what to do.

mod objects;
mod people;

use super::{Explanation, Kind, entry};
use crate::model::finding_id::FindingId;

const fn finding(
    id: FindingId,
    what: &'static str,
    means: &'static str,
    next: &'static [&'static str],
) -> Explanation {
    entry(Kind::Finding, id.name(), what, means, next)
}

/// Grants, roles and ways in.
pub(super) const PEOPLE: &[Explanation] = people::ALL;
/// Objects, copies, and the map.
pub(super) const OBJECTS: &[Explanation] = objects::ALL;
