//! The wall clock, asked in one place.

use jiff::Timestamp;

/// The present instant, cut to milliseconds: what journals and reports write.
#[must_use]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
