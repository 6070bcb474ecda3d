//! The wall clock, asked in one place; and set, for a rehearsal.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::sync::OnceLock;

/// The moment it is for this process, when that was set.
static SET: OnceLock<Timestamp> = OnceLock::new();

/// Let it be this moment for as long as this process runs. What is written with such a clock says so. Only the first setting counts.
pub fn set(now: Timestamp) {
    let _ = SET.set(now);
}

/// Whether the clock was set by hand.
#[must_use]
pub fn is_set() -> bool {
    SET.get().is_some()
}

/// The present day in the system's zone.
#[must_use]
pub fn today() -> Date {
    now().to_zoned(TimeZone::system()).date()
}
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

/// Clocks that differ by no more than this agree: those of several machines never do quite.
pub const AGREEMENT: SignedDuration = SignedDuration::from_mins(2);

/// The present instant, cut to milliseconds: what journals and reports write.
#[must_use]
pub fn now() -> Timestamp {
    let now = SET.get().copied().unwrap_or_else(Timestamp::now);
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A time zone by its IANA name. The system's data come first, for they may be newer; else our own, for a small system
/// has none, and Debian 13 keeps names such as `America/Montreal` in a package of their own (tzdata-legacy).
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).or_else(|_| TimeZoneDatabase::bundled().get(name)).ok()
}

/// Every IANA name there is, for suggestions.
#[must_use]
pub fn zone_names() -> Vec<String> {
    TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
}

/// A length of time in milliseconds, with microseconds as decimals: how reports write what a layer took.
#[must_use]
pub fn milliseconds(duration: std::time::Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "nothing here lasts 2^52 microseconds")]
    let microseconds = duration.as_micros() as f64;
    microseconds / 1000.0
}

#[cfg(test)]
mod tests {
    use super::{zone, zone_names};

    #[test]
    fn zones_are_known_without_the_systems_data() {
        assert!(zone("America/Montreal").is_some());
        assert!(zone("America/Montral").is_none());
        assert!(zone_names().len() > 400);
    }
}
