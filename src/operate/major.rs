//! Whether the database server would become one of another series.
//!
//! What a newer series has written, an older one does not read: neither MariaDB nor MySQL can be
//! downgraded in place (MySQL's manual, "Downgrading MySQL"; MariaDB's, "Downgrading between major
//! versions"). The way back is a backup, so that has to be there first, and proven.

use serde::Serialize;
use std::fmt;

/// The packages that bring a database server, and its unit.
const SERVERS: [(&str, &str); 2] = [
    ("mariadb-server", "mariadb.service"),
    ("mysql-server", "mysql.service"),
];

/// A newer version of the database server, of another series than the one that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MajorUpgrade {
    /// The package.
    pub package: String,
    /// The series that is installed, such as `10.11`.
    pub installed: String,
    /// The series that it would become.
    pub series: String,
}

/// The unit of a package that is a database server.
pub(super) fn unit_of(package: &str) -> Option<&'static str> {
    let server = SERVERS.iter().find(|(name, _)| *name == package);
    server.map(|(_, unit)| *unit)
}

impl MajorUpgrade {
    /// From one version of a package to another, if that is one.
    pub(super) fn between(package: &str, installed: &str, version: &str) -> Option<Self> {
        let (installed, series) = (series(installed)?, series(version)?);
        (installed != series).then(|| Self {
            package: package.to_owned(),
            installed,
            series,
        })
    }
}

/// `11.8` of `1:11.8.9+ds-0+deb13u1`: an epoch, the upstream version, Debian's revision
/// (deb-version(7)). Both engines call the first two numbers a series.
fn series(version: &str) -> Option<String> {
    let upstream = version
        .split_once(':')
        .map_or(version, |(_, upstream)| upstream);
    let mut numbers = upstream.split('.');
    let mut number = || {
        let digits = numbers.next()?;
        let end = digits.find(|c: char| !c.is_ascii_digit());
        let digits = &digits[..end.unwrap_or(digits.len())];
        (!digits.is_empty()).then_some(digits)
    };
    Some(format!("{}.{}", number()?, number()?))
}

impl fmt::Display for MajorUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            package,
            installed,
            series,
        } = self;
        write!(
            f,
            "a major upgrade of the database is pending: {package} {installed} → {series}; it cannot be \
             undone but by a backup, so first run `foobar-stack backup now` and `foobar-stack backup \
             drill`"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_two_numbers() {
        for (from, to, expected) in [
            (
                "1:10.11.14-0+deb12u2",
                "1:11.8.9+ds-0+deb13u1",
                Some("10.11 → 11.8"),
            ),
            ("1:11.8.8+ds-0", "1:11.8.9+ds-0+deb13u1", None),
            (
                "8.0.45-0ubuntu0.24.04.1",
                "8.4.8-0ubuntu0.25.10.1",
                Some("8.0 → 8.4"),
            ),
            ("9.6~rc1-1", "9.7.0-1", Some("9.6 → 9.7")),
            ("(none)", "9.7.0-1", None),
        ] {
            let upgrade = MajorUpgrade::between("x", from, to);
            let said = upgrade.map(|upgrade| format!("{} → {}", upgrade.installed, upgrade.series));
            assert_eq!(said.as_deref(), expected, "{from} {to}");
        }
    }
}
