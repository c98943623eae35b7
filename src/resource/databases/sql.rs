//! SQL text: the two quoting functions, and the shell that brings it to the server.

/// Finds the client and runs it: before the two others.
pub(in crate::resource) const CLIENT: &str = include_str!("client.sh");
/// What a probe asks.
pub(in crate::resource) const PROBE: &str = include_str!("probe.sh");
/// What steps do.
pub(in crate::resource) const STEPS: &str = include_str!("steps.sh");

/// A string literal for MySQL and MariaDB in their default mode.
pub(in crate::resource) fn string(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('\'');
    for c in value.chars() {
        match c {
            '\'' => text.push_str("''"),
            '\\' => text.push_str("\\\\"),
            '\0' => {}
            c => text.push(c),
        }
    }
    text.push('\'');
    text
}

/// An identifier.
pub(in crate::resource) fn name(value: &str) -> String {
    format!("`{}`", value.replace('`', "``").replace('\0', ""))
}

/// The name of a database in a GRANT, where `_` and `%` are wildcards unless escaped.
pub(in crate::resource) fn grant_name(value: &str) -> String {
    name(&escaped(value))
}

/// The same as the server keeps it.
pub(in crate::resource) fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('_', "\\_")
        .replace('%', "\\%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        assert_eq!(string("a'; DROP"), "'a''; DROP'");
        assert_eq!(string("\\'"), "'\\\\'''");
        assert_eq!(name("a`b"), "`a``b`");
        assert_eq!(grant_name("my_db"), "`my\\_db`");
    }
}
