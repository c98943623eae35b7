//! Changes of several servers: in which order, and by one client at a time.

use crate::host;
use crate::inventory::{Server, ServerRole};
use crate::shell::Script;
use crate::types::ServerName;

pub use crate::host::LOCKED;

/// The script with which a client says that it, `who`, begins a rollout: nobody else does until its
/// session ends. With status [`LOCKED`] the answer is who has begun one.
#[must_use]
pub fn lock(who: &str) -> Script {
    let mut script = host::program();
    script
        .raw(include_str!("rollout.sh"))
        .call("take_rollout", [who]);
    script
}

/// A server that is to be changed.
#[derive(Debug, Clone, Copy)]
pub struct Stop<'a> {
    /// Its name.
    pub name: &'a ServerName,
    /// The server.
    pub server: &'a Server,
    /// Whether it has ever been proven: then somebody is served by it.
    pub serves: bool,
    /// Whether it copies its zones from another one.
    pub copies: bool,
}

/// The order in which servers are changed.
///
/// One that serves nobody yet comes first: when those that serve turn to it, it has to be there.
/// Among new ones the zones are answered first, since an authority that is to issue a certificate
/// asks for names. Among those that serve they change last: a name leads nowhere before what it names
/// is there. Whoever copies zones comes after the one that has them, which has to know of it.
#[must_use]
pub fn order(stops: &[Stop<'_>]) -> Vec<ServerName> {
    let place = |stop: &Stop<'_>| {
        let answers_alone = stop.server.has(ServerRole::Dns) && !stop.server.has(ServerRole::Web);
        let name = stop.name.clone();
        (stop.copies, stop.serves, answers_alone == stop.serves, name)
    };
    let mut all = stops.to_vec();
    all.sort_by_key(place);
    all.into_iter().map(|stop| stop.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::inventory::{self, Inventory};

    fn inventory() -> Inventory {
        let text = "[servers.a]\nipv4 = \"203.0.113.1\"\nroles = [\"dns\"]\n\
                    [servers.b]\nipv4 = \"203.0.113.2\"\nroles = [\"web\", \"app\", \"database\"]\n\
                    [servers.aa]\nipv4 = \"203.0.113.3\"\nroles = [\"dns\"]\n\
                    [site]\ndomain = \"foobar.example\"\n[app]\nenabled = false\n";
        let parsed = inventory::parse(&Source::new("inventory.toml", text));
        parsed.unwrap().inventory
    }

    fn order_of(serving: &[&str]) -> String {
        let inventory = inventory();
        let servers = inventory.servers.iter();
        let stops: Vec<Stop<'_>> = servers
            .map(|(name, server)| Stop {
                name,
                server,
                serves: serving.contains(&name.as_str()),
                copies: inventory.copies_zones(name),
            })
            .collect();
        let names = order(&stops);
        let names: Vec<&str> = names.iter().map(ServerName::as_str).collect();
        names.join(" ")
    }

    #[test]
    fn what_is_new_comes_first_and_names_follow_what_they_name() {
        for (serving, expected) in [
            (&[][..], "a b aa"),
            (&["a", "b"], "b a aa"),
            (&["a"], "b a aa"),
            (&["b"], "a b aa"),
            (&["a", "b", "aa"], "b a aa"),
        ] {
            assert_eq!(order_of(serving), expected, "{serving:?}");
        }
    }

    #[test]
    fn the_lock_is_asked_for_by_name() {
        let script = lock("me@desk (foobar.example)");
        assert!(
            script
                .as_str()
                .ends_with("\ntake_rollout 'me@desk (foobar.example)'\n")
        );
    }
}
