//! Durations and sizes: a whole number, or a text with a unit.

use super::raw::Amount;
use crate::types::InvalidValue;
use std::ops::RangeInclusive;

const DURATIONS: &[(&str, u64)] = &[("s", 1), ("m", 60), ("h", 3600), ("d", 86400)];
const SIZES: &[(&str, u64)] = &[
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("t", 1 << 40),
];

/// A duration in seconds.
pub(super) fn seconds(amount: &Amount, range: RangeInclusive<u32>) -> Result<u32, InvalidValue> {
    let hint = "seconds, or a number with a unit: \"90s\", \"5m\", \"1h\", \"1d\"";
    let seconds = number(amount, DURATIONS, "a duration", hint)?;
    match u32::try_from(seconds) {
        Ok(seconds) if range.contains(&seconds) => Ok(seconds),
        Ok(seconds) if seconds < *range.start() => {
            Err(InvalidValue::new(format!("{seconds} seconds are too few")))
        }
        _ => Err(InvalidValue::new(format!("{seconds} seconds are too many"))
            .hint(format!("at most {}", range.end()))),
    }
}

/// A size in bytes, at least one. Units are powers of 1024, in either case.
pub(super) fn bytes(amount: &Amount) -> Result<u64, InvalidValue> {
    let hint = "bytes, or a number with a unit: \"512k\", \"10m\", \"1g\"";
    match number(amount, SIZES, "a size", hint)? {
        0 => Err(InvalidValue::new("0 bytes are too few")),
        // systemd, Nginx and MySQL all keep sizes in signed 64 bits.
        bytes if i64::try_from(bytes).is_ok() => Ok(bytes),
        bytes => Err(InvalidValue::new(format!("{bytes} bytes are too many"))),
    }
}

/// A limit of memory as systemd writes it: `512M`, or `infinity`.
pub(super) fn memory(amount: &Amount) -> Result<String, InvalidValue> {
    if *amount == Amount::Text("infinity".to_owned()) {
        return Ok("infinity".to_owned());
    }
    let bytes = bytes(amount)?;
    let units = SIZES.iter().rev();
    let unit = units
        .clone()
        .find(|(_, factor)| bytes.is_multiple_of(*factor));
    Ok(unit.map_or_else(
        || bytes.to_string(),
        |(name, factor)| format!("{}{}", bytes / factor, name.to_uppercase()),
    ))
}

fn number(
    amount: &Amount,
    units: &[(&str, u64)],
    what: &str,
    hint: &str,
) -> Result<u64, InvalidValue> {
    let text = match amount {
        Amount::Number(number) => return Ok(*number),
        Amount::Text(text) => text,
    };
    let lower = text.to_ascii_lowercase();
    let unit = units.iter().find_map(|(unit, factor)| {
        let digits = lower.strip_suffix(unit)?;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain
            .then_some(digits)?
            .parse::<u64>()
            .ok()?
            .checked_mul(*factor)
    });
    unit.ok_or_else(|| InvalidValue::new(format!("`{text}` is not {what}")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Amount {
        Amount::Text(text.to_owned())
    }

    #[test]
    fn durations() {
        for (written, wanted) in [("90s", 90), ("5m", 300), ("1h", 3600), ("1d", 86400)] {
            assert_eq!(seconds(&text(written), 0..=u32::MAX), Ok(wanted));
        }
        assert_eq!(seconds(&Amount::Number(7), 0..=9), Ok(7));
        assert!(seconds(&Amount::Number(7), 8..=9).is_err());
        for wrong in [
            "",
            "s",
            "5",
            "-5s",
            "1h30m",
            "5 m",
            "1w",
            "99999999999999999999d",
        ] {
            assert!(seconds(&text(wrong), 0..=u32::MAX).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(bytes(&text("10m")), Ok(10 << 20));
        assert_eq!(bytes(&text("1G")), Ok(1 << 30));
        assert!(bytes(&Amount::Number(0)).is_err());
        assert!(bytes(&text("9999999999t")).is_err());
        assert_eq!(memory(&text("1024m")).as_deref(), Ok("1G"));
        assert_eq!(memory(&Amount::Number(1000)).as_deref(), Ok("1000"));
        assert_eq!(memory(&text("infinity")).as_deref(), Ok("infinity"));
    }
}
