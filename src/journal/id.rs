//! The id of a run: when it began and a few random digits, `20260926-013000-1f0c`. The newest of a folder is the last in
//! the order of their text.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

const MOMENT: &str = "%Y%m%d-%H%M%S";
/// How many characters a moment takes.
const LENGTH: usize = 15;

/// The moment of an id, as ids begin with it.
pub(super) fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime(MOMENT).to_string()
}

/// An id that comes after every other: within one second of another, or once the clock was set back, it is dated a
/// second after the newest.
pub(super) fn after<'a>(others: impl Iterator<Item = &'a String>, now: Timestamp, random: [u8; 2]) -> String {
    let begun = |id: &String| DateTime::strptime(MOMENT, id.get(..LENGTH)?).ok();
    let free = others.filter_map(begun).max().and_then(|newest| newest.checked_add(1.second()).ok());
    let now = now.to_zoned(TimeZone::UTC).datetime();
    let moment = free.map_or(now, |free| free.max(now)).strftime(MOMENT);
    format!("{moment}-{:02x}{:02x}", random[0], random[1])
}
