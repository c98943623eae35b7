//! What `SHOW GRANTS` says, as data.

use std::collections::{BTreeMap, BTreeSet};

/// What is granted: on which object, which privileges.
pub(super) type Grants = BTreeMap<String, BTreeSet<String>>;

/// Reads the lines of `SHOW GRANTS` that speak of `account` (as in `` `u`@`localhost` ``).
/// `USAGE` is no privilege.
pub(super) fn parse(reply: &str, account: &str) -> Grants {
    let mut grants = Grants::new();
    for line in reply.lines() {
        let Some((privileges, rest)) = line
            .strip_prefix("GRANT ")
            .and_then(|line| line.split_once(" ON "))
        else {
            continue;
        };
        let Some((object, grantee)) = rest.split_once(" TO ") else {
            continue;
        };
        if !grantee.starts_with(account) {
            continue;
        }
        let of_object = grants.entry(object.to_owned()).or_default();
        of_object.extend(
            split(privileges)
                .filter(|privilege| *privilege != "USAGE")
                .map(str::to_owned),
        );
        if grantee.ends_with("WITH GRANT OPTION") {
            of_object.insert("GRANT OPTION".to_owned());
        }
    }
    grants.retain(|_, privileges| !privileges.is_empty());
    grants
}

/// Splits at commas outside parentheses: `SELECT (a, b), INSERT`.
fn split(privileges: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    privileges
        .split(move |c| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        })
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_of_both_servers() {
        let reply = "GRANT USAGE ON *.* TO `u`@`localhost` IDENTIFIED VIA unix_socket\n\
                     GRANT ALL PRIVILEGES ON `u`.* TO `u`@`localhost`\n\
                     GRANT SELECT (a, b), INSERT ON `x`.`t` TO `u`@`localhost` WITH GRANT OPTION\n\
                     GRANT SELECT ON `x`.* TO `other`@`localhost`\n";
        let grants = parse(reply, "`u`@`localhost`");
        assert_eq!(grants.len(), 2);
        assert_eq!(grants["`u`.*"], ["ALL PRIVILEGES".to_owned()].into());
        let table = ["SELECT (a, b)", "INSERT", "GRANT OPTION"].map(str::to_owned);
        assert_eq!(grants["`x`.`t`"], table.into());
    }
}
