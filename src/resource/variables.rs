//! System variables of MySQL and MariaDB: their values in a file of settings, and how they are
//! compared with those the server runs with.

use super::sql;

/// The value that the section `[mysqld]` of a file of settings gives a variable.
pub(super) fn setting<'a>(settings: &'a str, name: &str) -> Option<&'a str> {
    settings
        .lines()
        .skip_while(|line| line.trim() != "[mysqld]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(before, _)| before.trim() == name)
        .map(|(_, value)| value.trim())
}

/// Whether a value of a file and a value of the server are the same: `64M` is 67108864, `ON`
/// is 1, 1 is 1.000000.
pub(super) fn same(file: &str, server: &str) -> bool {
    match (number(file), number(server)) {
        // Both are decimal text of the same number or they are not; nothing was computed.
        (Some(file), Some(server)) => file.total_cmp(&server).is_eq(),
        _ => file == server,
    }
}

/// The value as SQL.
pub(super) fn literal(value: &str) -> String {
    number(value).map_or_else(|| sql::string(value), |number| number.to_string())
}

/// What stands for a number, if it does: with a unit (K, M, G), or a switch.
fn number(value: &str) -> Option<f64> {
    match value.to_ascii_uppercase().as_str() {
        "ON" | "TRUE" => return Some(1.0),
        "OFF" | "FALSE" => return Some(0.0),
        _ => {}
    }
    let (digits, unit) = match value.chars().last()?.to_ascii_uppercase() {
        'K' => (&value[..value.len() - 1], 1024.0),
        'M' => (&value[..value.len() - 1], 1024.0 * 1024.0),
        'G' => (&value[..value.len() - 1], 1024.0 * 1024.0 * 1024.0),
        _ => (value, 1.0),
    };
    let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let number: f64 = digits.parse().ok().filter(|_| plain)?;
    Some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_compare_whatever_their_form() {
        for (file, server, expected) in [
            ("64M", "67108864", true),
            ("64M", "67108865", false),
            ("2g", "2147483648", true),
            ("ON", "1", true),
            ("OFF", "OFF", true),
            ("OFF", "1", false),
            ("1", "1.000000", true),
            ("0.5", "0.500000", true),
            ("utf8mb4", "utf8mb4", true),
            ("utf8mb4", "latin1", false),
            ("inf", "nan", false),
        ] {
            assert_eq!(same(file, server), expected, "{file} {server}");
        }
        assert_eq!(literal("64M"), "67108864");
        assert_eq!(literal("0.5"), "0.5");
        assert_eq!(literal("it's"), "'it''s'");
    }

    #[test]
    fn a_setting_is_found_in_its_section() {
        let text = "[client]\nport = 1\n[mysqld]\n# port = 2\nport = 3\n[other]\nlate = 4\n";
        assert_eq!(setting(text, "port"), Some("3"));
        assert_eq!(setting(text, "late"), None);
    }
}
