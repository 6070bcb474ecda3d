//! Moments as plans and commands write them: `2007-09-23 07:00`, in the plan's zone or with one of its own.

use std::borrow::Cow;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::{Pieces, TimeZoneAnnotation, TimeZoneAnnotationKind};
use jiff::tz::{AmbiguousOffset, TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A moment as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// With an offset, `Z` or a zone (RFC 9557): one instant.
    Instant(Timestamp),
    /// What a clock on the wall shows; which instant that is depends on where it hangs.
    Local(DateTime),
}

/// Why a local time is not one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Moment {
    /// The instant, with local times read in this zone. A time that a change of clocks leaves out, or brings twice, is
    /// not guessed at.
    ///
    /// # Errors
    /// When it is not one instant.
    pub fn at(self, zone: Option<&TimeZone>) -> Result<Timestamp, Unclear> {
        match (self, zone) {
            (Self::Instant(at), _) => Ok(at),
            (Self::Local(local), Some(zone)) => one_instant(local, zone),
            (Self::Local(local), None) => Err(Unclear {
                message: "this moment has no zone".to_owned(),
                help: format!(
                    "give the plan one, such as `zone: America/Montreal`, or write the offset: `{}Z`",
                    minutes(local)
                ),
            }),
        }
    }
}

fn minutes(local: DateTime) -> String {
    local.strftime("%Y-%m-%d %H:%M").to_string()
}

fn one_instant(local: DateTime, zone: &TimeZone) -> Result<Timestamp, Unclear> {
    let (message, help) = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => match offset.to_timestamp(local) {
            Ok(at) => return Ok(at),
            Err(_) => ("this moment is too far away".to_owned(), "look at its year".to_owned()),
        },
        AmbiguousOffset::Gap { before, after } => {
            let shown = before.to_timestamp(local).map_or(local, |at| after.to_datetime(at));
            (
                format!("clocks never show {} on that day: they are put forward", local.strftime("%H:%M")),
                format!("write what they show then, such as `{}`", minutes(shown)),
            )
        }
        AmbiguousOffset::Fold { before, after } => (
            format!("clocks show {} twice on that day: they are put back", local.strftime("%H:%M")),
            format!(
                "write which is meant: `{local}{before}` is the first, `{local}{after}` the second",
                local = minutes(local)
            ),
        ),
    };
    let zone = zone.iana_name().map_or(String::new(), |name| format!(" in {name}"));
    Err(Unclear { message: format!("{message}{zone}"), help })
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let short: String = text.chars().take(60).collect();
        let wrong =
            || format!("`{short}` is not a moment, such as `2007-09-23 07:00` or `2007-09-23 07:00-04:00`");
        let pieces = Pieces::parse(text).map_err(|_| wrong())?;
        // Stricter than the library, which also takes a day or an hour for a moment.
        let time = pieces.time().filter(|_| text.contains(':')).ok_or_else(wrong)?;
        let local = pieces.date().to_datetime(time);
        let zone = match pieces.time_zone_annotation().map(TimeZoneAnnotation::kind) {
            None => None,
            Some(TimeZoneAnnotationKind::Named(name)) => Some(
                crate::clock::zone(name.as_str())
                    .ok_or_else(|| format!("`{}` is not a time zone", name.as_str()))?,
            ),
            // An offset in brackets says nothing that one without does not.
            Some(_) => return Err(wrong()),
        };
        match (pieces.to_numeric_offset(), zone) {
            (None, None) => Ok(Self::Local(local)),
            (None, Some(zone)) => one_instant(local, &zone)
                .map(Self::Instant)
                .map_err(|unclear| format!("{}; {}", unclear.message, unclear.help)),
            (Some(offset), zone) => {
                let at = offset.to_timestamp(local).map_err(|_| wrong())?;
                match zone.map(|zone| zone.to_offset(at)).filter(|there| *there != offset) {
                    Some(there) => Err(format!("`{short}` contradicts itself: the offset there is {there}")),
                    None => Ok(Self::Instant(at)),
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MomentVisitor;
        impl serde::de::Visitor<'_> for MomentVisitor {
            type Value = Moment;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a moment, such as `2007-09-23 07:00`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Moment, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(MomentVisitor)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A moment, such as `2007-09-23 07:00`; in the plan's zone unless it carries an offset or a zone.", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}" })
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    fn at(text: &str, zone: &str) -> Result<String, String> {
        let zone = crate::clock::zone(zone);
        let moment: Moment = text.parse()?;
        let at =
            moment.at(zone.as_ref()).map_err(|unclear| format!("{}; {}", unclear.message, unclear.help))?;
        Ok(at.to_string())
    }

    #[test]
    fn a_moment_is_one_instant() {
        let montreal = |text| at(text, "America/Montreal").expect("an instant");
        for text in ["2007-09-23 07:00", "2007-09-23T07:00:00", "2007-09-23 07:00-04:00", "2007-09-23 11:00Z"]
        {
            assert_eq!(montreal(text), "2007-09-23T11:00:00Z", "{text}");
        }
        for text in ["2007-09-23 13:00[Europe/Berlin]", "2007-09-23 13:00+02:00[Europe/Berlin]"] {
            assert_eq!(montreal(text), "2007-09-23T11:00:00Z", "{text}");
        }
    }

    #[test]
    fn what_is_not_one_is_told() {
        let told = |text: &str, zone: &str, words: &str| {
            let told = at(text, zone).expect_err(text);
            assert!(told.contains(words), "{told}");
        };
        for text in
            ["2007-09-23", "07:00", "2007-09-23 07", "2007-09-31 07:00", "soon", "", "2007-09-23 25:00"]
        {
            told(text, "UTC", "is not a moment");
        }
        told("2007-09-23 07:00", "nowhere", "has no zone");
        told("2007-09-23 07:00[Europe/Berln]", "UTC", "is not a time zone");
        told("2007-09-23 07:00+05:00[Europe/Berlin]", "UTC", "contradicts itself: the offset there is +02");
        // Clocks are put forward and back; elsewhere they go by half an hour.
        told(
            "2007-03-11 02:30",
            "America/Montreal",
            "never show 02:30 on that day: they are put forward in America/Montreal; write what they show then, such as `2007-03-11 03:30`",
        );
        told(
            "2007-11-04 01:30",
            "America/Montreal",
            "`2007-11-04 01:30-04` is the first, `2007-11-04 01:30-05` the second",
        );
        told("2007-10-28 02:15[Europe/Berlin]", "UTC", "clocks show 02:15 twice");
        told("2027-04-04 01:45", "Australia/Lord_Howe", "clocks show 01:45 twice");
        assert_eq!(at("2007-11-04 01:30-05", "America/Montreal").expect("one"), "2007-11-04T06:30:00Z");
    }
}
