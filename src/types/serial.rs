//! Serials of zones, which wrap around.

use std::cmp::Ordering;

/// Which of two serials is the later one (RFC 1982, section 3.2): `None` where that is not defined.
#[must_use]
pub fn compare_serials(one: u32, other: u32) -> Option<Ordering> {
    match one.wrapping_sub(other) {
        0 => Some(Ordering::Equal),
        0x8000_0000 => None,
        1..0x8000_0000 => Some(Ordering::Greater),
        _ => Some(Ordering::Less),
    }
}
