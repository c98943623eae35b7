//! The two slots of a deployment: their names, where they listen, and their files.

use crate::types::{AbsolutePath, InvalidValue};
use std::fmt::Display;

/// One of the two places in which the app can run. One serves; the other is for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// The first; even distances from the app's port.
    Blue,
    /// The second; odd distances.
    Green,
}

impl Slot {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Blue, Self::Green];

    /// The word in the names of units.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }

    /// The one that is not this.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }

    /// What its instances are called by: their ports, which interleave with the other slot's, so
    /// that another number of instances takes no port of the slot that serves. Without a first
    /// port they listen on Unix sockets, and are just counted.
    #[must_use]
    pub fn instances(self, first: Option<u16>, number: u16) -> Vec<u16> {
        let Some(first) = first else {
            return (1..=number).collect();
        };
        let odd = u16::from(self == Self::Green);
        (0..number)
            .map(|instance| first.saturating_add(2 * instance + odd))
            .collect()
    }
}

/// What one slot is made of, rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    /// The unit that starts and stops all instances.
    pub(super) target: String,
    /// The unit of an instance; systemd puts its number into it.
    pub(super) unit: String,
    /// What leads Nginx to it.
    pub(super) upstream: String,
    /// What asks it before it serves, if it does not speak HTTP itself.
    pub(super) ask: Option<String>,
}

/// The first line of an upstream file: it says which slot serves.
pub(super) fn mark(slot: Slot) -> String {
    format!("# Slot: {}\n", slot.as_str())
}

/// The slot that an upstream file leads to.
pub(super) fn marked(upstream: &str) -> Option<Slot> {
    Slot::BOTH
        .into_iter()
        .find(|slot| upstream.starts_with(&mark(*slot)))
}

/// The names of a slot's units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// `foobar-app-blue`.
    pub(super) stem: String,
}

impl Names {
    pub(super) fn new(deployment: &str, slot: Slot) -> Self {
        Self {
            stem: format!("{deployment}-{}", slot.as_str()),
        }
    }

    pub(super) fn target(&self) -> String {
        format!("{}.target", self.stem)
    }

    pub(super) fn instance(&self, number: u16) -> String {
        format!("{}@{number}.service", self.stem)
    }

    /// The folder for the socket of an instance, which is a number, or `%i` in a unit. It is
    /// below `/run`, so that a boot begins without any.
    pub(super) fn folder(&self, instance: impl Display) -> String {
        format!("/run/{}-{instance}", self.stem)
    }

    /// The socket of an instance; `socket_of` in `steps.sh` is the same.
    pub(super) fn socket(&self, instance: impl Display) -> String {
        format!("{}/app.sock", self.folder(instance))
    }

    /// Where an instance listens, as Nginx has it.
    pub(super) fn address(&self, first: Option<u16>, number: u16) -> String {
        match first {
            Some(_) => format!("127.0.0.1:{number}"),
            None => format!("unix:{}", self.socket(number)),
        }
    }

    /// The folder of what asks the instances before they serve.
    pub(super) fn asked(&self) -> String {
        format!("/run/{}-asked", self.stem)
    }

    /// Every instance, for systemctl(1).
    pub(super) fn instances(&self) -> String {
        format!("{}@*.service", self.stem)
    }

    /// Where the two units stand: the target's file and the instances'.
    pub(super) fn paths(&self) -> Result<[AbsolutePath; 2], InvalidValue> {
        let path = |name: &str| AbsolutePath::new(&format!("/etc/systemd/system/{name}"));
        Ok([
            path(&self.target())?,
            path(&format!("{}@.service", self.stem))?,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_never_share_a_port() {
        let ports = |slot: Slot, number| slot.instances(Some(8000), number);
        assert_eq!(ports(Slot::Blue, 3), [8000, 8002, 8004]);
        assert_eq!(ports(Slot::Green, 1), [8001]);
        let (blue, green) = (ports(Slot::Blue, 9), ports(Slot::Green, 4));
        assert!(green.iter().all(|port| !blue.contains(port)));
    }

    #[test]
    fn slots_never_share_a_socket() {
        let sockets = |slot: Slot| {
            let names = Names::new("foobar-app", slot);
            let instances = slot.instances(None, 2).into_iter();
            instances.map(|one| names.socket(one)).collect::<Vec<_>>()
        };
        assert_eq!(
            sockets(Slot::Blue),
            [
                "/run/foobar-app-blue-1/app.sock",
                "/run/foobar-app-blue-2/app.sock"
            ]
        );
        assert_eq!(sockets(Slot::Green)[0], "/run/foobar-app-green-1/app.sock");
        // The kernel takes 107 bytes.
        let long = Names::new(&"x".repeat(36), Slot::Green).socket(64);
        assert!(long.len() < 80, "{long}");
    }

    #[test]
    fn an_upstream_file_says_its_slot() {
        for slot in Slot::BOTH {
            let text = format!("{}upstream x {{}}\n", mark(slot));
            assert_eq!(marked(&text), Some(slot));
        }
        assert_eq!(marked("upstream x {}\n"), None);
    }
}
