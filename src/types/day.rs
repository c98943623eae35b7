//! The day of a moment, for people.

use jiff::Timestamp;

/// The day in UTC of a moment, which is in seconds since 1970: `2026-01-31`.
#[must_use]
pub fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| seconds.to_string(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}
