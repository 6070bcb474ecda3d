//! Connections that are left idle and used again, as the pools of applications do.

use std::time::Duration;

use super::Problem;
use crate::period::Period;

/// The longest a connection is left idle.
const LONGEST: Duration = Duration::from_hours(1);

/// What is wrong with a `reuse_after`.
pub(super) fn problem(reuse_after: Option<Period>) -> Option<Problem> {
    let Period(idle) = reuse_after?;
    (idle.is_zero() || idle > LONGEST).then(|| {
        Problem::at("reuse_after", "a connection is left idle for more than nothing and for an hour at most")
            .help("as long as the application's pool keeps one, such as `60s`")
    })
}
