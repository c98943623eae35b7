//! Random bits from the system.

/// 128 random bits.
///
/// # Panics
/// When the system has no source of random bits; Linux has one since 3.17 (getrandom(2)).
#[must_use]
pub fn bits() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("Linux has random bits");
    u128::from_ne_bytes(bytes)
}

/// The same as 32 hexadecimal digits.
///
/// # Panics
/// As [`bits`].
#[must_use]
pub fn hex() -> String {
    format!("{:032x}", bits())
}
