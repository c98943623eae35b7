//! The text of an inventory, for its server on another machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Where the other machine is, and who logs in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Its IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address; there if there is no other.
    pub ipv6: Option<Ipv6Addr>,
    /// The login, if it is not for ssh to decide.
    pub user: Option<String>,
}

impl Place {
    /// `address` or `user@address`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (user, address) = match text.rsplit_once('@') {
            Some((user, address)) => (Some(user.to_owned()), address),
            None => (None, text),
        };
        let mut place = Self {
            user: user.filter(|user| !user.is_empty()),
            ..Self::default()
        };
        match address.parse().ok()? {
            IpAddr::V4(address) => place.ipv4 = Some(address),
            IpAddr::V6(address) => place.ipv6 = Some(address),
        }
        Some(place)
    }

    /// The section `[server]` of an inventory that has nothing else to say of it.
    #[must_use]
    pub fn section(&self) -> String {
        let mut text = "[server]\n".to_owned();
        for (key, value) in self.values() {
            if let Some(value) = value {
                text.push_str(&format!("{key} = {value}\n"));
            }
        }
        text
    }

    /// What an inventory says of it.
    fn values(&self) -> [(&'static str, Option<String>); 3] {
        let quoted = |text: String| toml::Value::String(text).to_string();
        [
            ("ipv4", self.ipv4.map(|address| quoted(address.to_string()))),
            ("ipv6", self.ipv6.map(|address| quoted(address.to_string()))),
            ("user", self.user.clone().map(quoted)),
        ]
    }
}

/// Keys of the way to the machine that there was; on another one they are wrong.
const WAY: [&str; 5] = ["ssh", "port", "identity_file", "ssh_config", "host_key"];

/// The text with its only server at another place: its addresses, wherever they stand, and the
/// login are changed, and what else is said of the way to the machine becomes comments. None if the
/// text is not written so that this can be done: it takes a table of one server with a line a key.
#[must_use]
pub fn relocated(text: &str, place: &Place) -> Option<String> {
    let document = DeTable::parse(text).ok()?;
    let document = document.get_ref();
    let server = match document.get("server") {
        Some(server) => server.get_ref(),
        None => {
            let servers = document.get("servers")?.get_ref().as_table()?;
            let mut servers = servers.values();
            servers.next().filter(|_| servers.len() == 0)?.get_ref()
        }
    };
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut replaced = Vec::new();
    let mut missing = place.values().to_vec();
    for (key, value) in server.as_table()? {
        let name: &str = key.get_ref();
        let whole = key.span().start..value.span().end;
        let wanted = missing.iter().position(|(key, _)| *key == name);
        let wanted = wanted.map(|index| missing.remove(index).1);
        match wanted {
            Some(Some(new)) => {
                if let (DeValue::String(old), "ipv4" | "ipv6") = (value.get_ref(), name) {
                    replaced.push((format!("\"{old}\""), new.clone()));
                }
                edits.push((value.span(), new));
            }
            Some(None) => edits.push((comment(text, &whole)?, "# ".to_owned())),
            None if WAY.contains(&name) => edits.push((comment(text, &whole)?, "# ".to_owned())),
            None => {}
        }
    }
    let lines = server.as_table()?.iter();
    let first = lines.min_by_key(|(key, _)| key.span().start)?;
    let first = first.0.span().start..first.1.span().end;
    for (key, value) in missing {
        if let Some(value) = value {
            edits.push((comment(text, &first)?, format!("{key} = {value}\n")));
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    let mut edited = text.to_owned();
    for (range, new) in edits.into_iter().rev() {
        edited.replace_range(range, &new);
    }
    for (old, new) in replaced {
        edited = edited.replace(&old, &new);
    }
    Some(edited)
}

/// Where a line begins, if it has this key with its value and no more.
fn comment(text: &str, whole: &Range<usize>) -> Option<Range<usize>> {
    let before = text[..whole.start].rfind('\n').map_or(0, |end| end + 1);
    let alone = text[before..whole.start].trim().is_empty();
    let one_line = !text[whole.clone()].contains('\n');
    (alone && one_line).then_some(whole.start..whole.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# The shop.\n[server]\nipv4 = \"203.0.113.10\" # rented\nipv6 = \"2001:db8::10\"\nhost_key = \"ssh-ed25519 AAAA\"\nhostname = \"web1\"\n\n[[dns.records]]\nname = \"old\"\ntype = \"A\"\nvalue = \"203.0.113.10\"\n";

    #[test]
    fn a_server_moves_with_what_is_said_of_it() {
        let place = Place::parse("admin@198.51.100.7").unwrap();
        let moved = relocated(TEXT, &place).unwrap();
        let expected = "# The shop.\n[server]\nuser = \"admin\"\nipv4 = \"198.51.100.7\" # rented\n# ipv6 = \"2001:db8::10\"\n# host_key = \"ssh-ed25519 AAAA\"\nhostname = \"web1\"\n\n[[dns.records]]\nname = \"old\"\ntype = \"A\"\nvalue = \"198.51.100.7\"\n";
        assert_eq!(moved, expected);
        // Once it is there, it is there.
        assert_eq!(relocated(&moved, &place).as_deref(), Some(expected));
    }

    #[test]
    fn the_long_form_moves_too() {
        let text = "[servers.web1]\nipv4 = \"203.0.113.10\"\nport = 2222\n[sites.shop]\ndomain = \"foobar.com\"\n";
        let moved = relocated(text, &Place::parse("198.51.100.7").unwrap()).unwrap();
        assert_eq!(
            moved,
            "[servers.web1]\nipv4 = \"198.51.100.7\"\n# port = 2222\n[sites.shop]\ndomain = \"foobar.com\"\n"
        );
    }

    #[test]
    fn what_cannot_be_done_is_not_half_done() {
        let place = Place::parse("198.51.100.7").unwrap();
        for text in [
            "server = { ipv4 = \"203.0.113.10\", port = 22 }\n",
            "server = { ipv6 = \"2001:db8::10\" }\n",
            "[servers.a]\nipv4 = \"203.0.113.10\"\n[servers.b]\nipv4 = \"203.0.113.11\"\n",
            "[site]\ndomain = \"foobar.com\"\n",
            "no inventory",
        ] {
            assert_eq!(relocated(text, &place), None, "{text}");
        }
    }

    #[test]
    fn a_place_is_an_address_and_perhaps_a_login() {
        let six = Place::parse("root@2001:db8::7").unwrap();
        assert_eq!(
            six.section(),
            "[server]\nipv6 = \"2001:db8::7\"\nuser = \"root\"\n"
        );
        for wrong in ["", "root@", "web1", "198.51.100"] {
            assert_eq!(Place::parse(wrong), None, "{wrong}");
        }
    }
}
