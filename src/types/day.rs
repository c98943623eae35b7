//! The day and the minute of a moment, for people.

use jiff::Timestamp;

/// The day in UTC of a moment, which is in seconds since 1970: `2026-01-31`.
#[must_use]
pub fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| seconds.to_string(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}

/// The minute in UTC of a moment, which is in seconds since 1970: `2026-01-31 12:05 UTC`.
#[must_use]
pub fn minute(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| seconds.to_string(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}
