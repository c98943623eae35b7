//! What a person has to do for a key rollover of a signed zone.

use super::text::visible;
use crate::operate::status::Rollover;

/// What to do about a key that another one has replaced.
pub(super) fn rollover_lines(rollover: &Rollover) -> [String; 4] {
    let Rollover { zone, old, new } = rollover;
    let zone = visible(zone);
    let tell = |key: &u16, what: &str| format!("  rndc dnssec -checkds -key {key} {what} {zone}");
    [
        format!(
            "the key {new} takes the place of {old}, which stays until BIND is told that it may go."
        ),
        "When `verify --public` finds this record and no other, tell it on the server:".to_owned(),
        tell(new, "published"),
        tell(old, "withdrawn"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_waits_to_go_is_told_with_the_commands() {
        let rollover = Rollover {
            zone: "foobar.com".to_owned(),
            old: 123,
            new: 19_767,
        };
        assert_eq!(
            rollover_lines(&rollover)[2..],
            [
                "  rndc dnssec -checkds -key 19767 published foobar.com",
                "  rndc dnssec -checkds -key 123 withdrawn foobar.com"
            ]
        );
    }
}
