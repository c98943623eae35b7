//! System variables of MySQL and MariaDB: their values in a file of settings, and how they are
//! compared with those the server runs with.

use super::sql;
use std::collections::BTreeMap;

/// The section that the server reads.
const SERVER: &str = "mysqld";

/// What a file of settings says. Of equal names the last one counts, as it does for the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Settings(BTreeMap<(String, String), String>);

impl Settings {
    /// Reads the text of a file.
    pub(super) fn parse(text: &str) -> Self {
        let mut all = BTreeMap::new();
        let mut section = String::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                name.trim_end_matches(']').clone_into(&mut section);
                continue;
            }
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            let name = name.trim().replace('-', "_");
            all.insert((section.clone(), name), value_of(value));
        }
        Self(all)
    }

    /// What they say to the server: names and values, by name.
    pub(super) fn of_server(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.0.iter().filter(|((section, _), _)| section == SERVER);
        own.map(|((_, name), value)| (name.as_str(), value.as_str()))
    }

    /// The value of a variable.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(&(SERVER.to_owned(), name.to_owned()));
        value.map(String::as_str)
    }

    /// What of these settings `wanted` does not say any more: what then counts, only a start shows.
    pub(super) fn dropped(&self, wanted: &Self) -> Option<&str> {
        let said = |key: &&(String, String)| !wanted.0.contains_key(*key);
        self.0.keys().find(said).map(|(_, name)| name.as_str())
    }

    /// What `wanted` says that these do not, or not like that.
    pub(super) fn changed<'a>(&self, wanted: &'a Self) -> impl Iterator<Item = &'a str> {
        let other = |(key, value): &(&(String, String), &String)| {
            self.0.get(*key).is_none_or(|before| !same(before, value))
        };
        let changed = wanted.0.iter().filter(other);
        changed.map(|((_, name), _)| name.as_str())
    }
}

/// A value without its quotes and without what follows a `#`.
fn value_of(text: &str) -> String {
    let text = text.trim();
    for quote in ['\'', '"'] {
        let inner = text
            .strip_prefix(quote)
            .and_then(|text| text.split_once(quote));
        if let Some((inner, _)) = inner {
            return inner.to_owned();
        }
    }
    let plain = text.split_once('#').map_or(text, |(before, _)| before);
    plain.trim_end().to_owned()
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
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.to_owned();
    }
    match switch(value) {
        // The word: of a variable with more values than two, 1 is not always `ON`.
        Some(true) => "ON".to_owned(),
        Some(false) => "OFF".to_owned(),
        None => number(value).map_or_else(|| sql::string(value), |number| number.to_string()),
    }
}

fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_uppercase().as_str() {
        "ON" | "TRUE" => Some(true),
        "OFF" | "FALSE" => Some(false),
        _ => None,
    }
}

/// What stands for a number, if it does: with a unit (K, M, G), or a switch.
fn number(value: &str) -> Option<f64> {
    if let Some(on) = switch(value) {
        return Some(if on { 1.0 } else { 0.0 });
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
        for (value, expected) in [
            ("64M", "67108864"),
            ("0.5", "0.5"),
            ("true", "ON"),
            ("18446744073709551615", "18446744073709551615"),
            ("it's", "'it''s'"),
            ("", "''"),
        ] {
            assert_eq!(literal(value), expected);
        }
    }

    #[test]
    fn a_setting_is_found_in_its_section() {
        let text = "[client]\nport = 1\n[mysqld]\n# port = 2\nport = 3\n[other]\nlate = 4\n";
        let settings = Settings::parse(text);
        assert_eq!(settings.get("port"), Some("3"));
        assert_eq!(settings.get("late"), None);
        let text =
            "[mysqld]\nmax-connections=1\nmax_connections = 2 # two\nzone = '+1#' # x\nflag\n";
        let settings = Settings::parse(text);
        let found: Vec<_> = settings.of_server().collect();
        assert_eq!(
            found,
            [("flag", ""), ("max_connections", "2"), ("zone", "+1#")]
        );
    }

    #[test]
    fn settings_differ_in_what_they_say_alone() {
        let old = Settings::parse("[mysqld]\nbig = 64M\nport = 1\nold = 1\n");
        let new = Settings::parse("# new\n[mysqld]\nbig = 67108864\nport = 2\nmore = ON\n");
        assert_eq!(old.dropped(&new), Some("old"));
        assert_eq!(old.changed(&new).collect::<Vec<_>>(), ["more", "port"]);
        assert_eq!(new.changed(&new).count(), 0);
        assert_eq!(new.dropped(&new), None);
        // What another section says is another setting.
        let moved = Settings::parse("[mysqld]\nport = 2\nmore = ON\n[other]\nbig = 64M\n");
        assert_eq!(new.dropped(&moved), Some("big"));
        assert_eq!(new.changed(&moved).collect::<Vec<_>>(), ["big"]);
    }
}
