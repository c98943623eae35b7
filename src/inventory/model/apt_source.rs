//! A foreign source of packages.

use serde::Serialize;

/// A foreign apt source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AptSource {
    /// What its files are called.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// The suite, if the inventory says one.
    pub suite: Option<String>,
    /// The components.
    pub components: Vec<String>,
    /// The file beside the inventory with its public key.
    pub key: String,
    /// What it may give: names, in which `*` stands for anything.
    pub packages: Vec<String>,
}

impl AptSource {
    /// Whether it may give the package.
    #[must_use]
    pub fn gives(&self, package: &str) -> bool {
        self.packages.iter().any(|pattern| fits(pattern, package))
    }
}

/// Whether a name is meant by a pattern in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(tail) = name.strip_prefix(head) else {
        return false;
    };
    let mut ends = tail.char_indices().map(|(at, _)| &tail[at..]);
    ends.any(|end| fits(rest, end)) || fits(rest, "")
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, wanted) in [
            ("nodejs", "nodejs", true),
            ("nodejs", "nodejs-doc", false),
            ("php8.4-*", "php8.4-fpm", true),
            ("php8.4-*", "php8.4-", true),
            ("php8.4-*", "php8.3-fpm", false),
            ("php*-fpm", "php8.4-fpm", true),
            ("php*-fpm", "php8.4-cli", false),
            ("php*", "php", true),
        ] {
            assert_eq!(fits(pattern, name), wanted, "{pattern} {name}");
        }
    }
}
